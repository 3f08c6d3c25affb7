"""`dolma run`: the sections of one recipe in order, checked before the first one starts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dolma import recipes
from dolma.cli import main
from dolma.commands import recipe
from dolma.config.recipe import RecipeConfig
from dolma.errors import DolmaConfigError, DolmaError, DolmaInputError, DolmaShardError

TEXTS = ("one\ntwo\n", "three four five\n", "one\ntwo\n", "two\nsix\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "documents").mkdir()
    with gzip.open(tmp_path / "documents/a.jsonl.gz", "wt") as file:
        for number, text in enumerate(TEXTS):
            file.write(json.dumps({"id": f"d{number}", "text": text, "source": "s"}) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tag(**options: Any) -> dict[str, Any]:
    return {"documents": ["documents/*"], "taggers": ["char_length_v1"], "experiment": "e", **options}


def dedupe(unit: str = "documents", **options: Any) -> dict[str, Any]:
    bloom = {"file": f"{unit}.bin", "read_only": False, "size_in_bytes": 4096, "estimated_doc_count": 100}
    return {
        "documents": ["documents/*"],
        "dedupe": {unit: {"attribute_name": f"known_{unit}"}},
        "bloom_filter": bloom,
        **options,
    }


def mix(*rules: str, attributes: tuple[str, ...] = ("e",), **options: Any) -> dict[str, Any]:
    stream: dict[str, Any] = {
        "name": "all",
        "documents": ["documents/*"],
        "attributes": list(attributes),
        "output": {"path": "out"},
        **options,
    }
    if rules:
        stream["filter"] = {"exclude": list(rules)}
    return {"streams": [stream]}


def run(**sections: Any) -> Any:
    return recipe.run(recipes.load(RecipeConfig, sections, "r.yaml"))


def written() -> list[str]:
    with gzip.open("out/all-0000.jsonl.gz", "rt") as file:
        return [json.loads(line)["id"] for line in file]


def test_sections_run_in_order_whatever_their_order_in_the_file(folder: Path) -> None:
    known = ("known_documents", "known_paragraphs")
    reports = run(
        mix=mix(
            "$.attributes[?(@.known_documents[0][2] >= 1)]",
            "$.attributes[?(@.e__char_length_v1__length[0][2] > 12)]",
            attributes=("e", *known),
            span_replacement=[{"span": "$.attributes.known_paragraphs", "min_score": 1}],
        ),
        dedupe=[dedupe(), dedupe("paragraphs")],
        tag=tag(),
    )
    assert list(reports) == ["tag", "dedupe[0]", "dedupe[1]", "mix"]
    assert written() == ["d0", "d3"]
    stream = reports["mix"]["details"]["streams"]["all"]
    assert (stream["documents_in"], stream["documents_out"]) == (4, 2)
    assert stream["edited"]["documents"] == 1


def test_one_deduplication_needs_no_list(folder: Path) -> None:
    assert list(run(dedupe=dedupe())) == ["dedupe"]


def test_the_funnel_is_the_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tag=tag(), mix=mix("$.attributes[?(@.e__char_length_v1__length[0][2] > 12)]"))
    out, err = capsys.readouterr()
    rows = [" ".join(line.split()) for line in out.splitlines()]
    with gzip.open(folder / "documents/a.jsonl.gz") as file:
        size = len(file.read())
    assert rows[0] == "all documents bytes"
    assert rows[1] == f"read 4 {size}"
    assert rows[2].startswith("dropped by exclude[0]")
    assert rows[-1].startswith("written 3 ")
    assert "tag: done" in err
    assert "dropped by" not in err  # Once is enough.


def test_running_again_does_nothing_and_says_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sections = {"tag": tag(), "dedupe": dedupe(), "mix": mix(attributes=("e", "known_documents"))}
    run(**sections)
    first = capsys.readouterr()
    run(**sections)
    second = capsys.readouterr()
    assert second.out == first.out
    assert second.err.count("0 shards to do, 1 done before") == 3


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({}, "the recipe has none of the sections"),
        ({"tag": {"documents": ["x"]}}, "tag.taggers: name at least one"),
        ({"tag": tag(documents=[])}, "tag.documents: name at least one path"),
        ({"tag": tag(tagers=[])}, "r.yaml: unknown key 'tag.tagers'; did you mean 'taggers'?"),
        ({"tag": tag(processes=0)}, "r.yaml: tag.processes: expected `int` >= 1"),
        ({"dedup": dedupe()}, "r.yaml: unknown key 'dedup'; did you mean 'dedupe'?"),
        ({"dedupe": [dedupe(), dedupe(force=[])]}, r"r.yaml: dedupe\[1\].force: expected `bool`"),
        ({"dedupe": dedupe(documents=[])}, "dedupe.documents: name at least one path"),
        ({"mix": {"streams": []}}, "mix.streams: the recipe has none"),
        ({"mix": mix("$.a[")}, r"mix.streams\[0\].filter.exclude\[0\]: cannot use the JSONPath"),
    ],
)
def test_errors_name_the_section_and_the_key(folder: Path, sections: dict[str, Any], message: str) -> None:
    with pytest.raises(DolmaConfigError, match=message):
        run(**sections)


def test_a_wrong_rule_is_found_before_anything_starts(folder: Path) -> None:
    with pytest.raises(DolmaConfigError, match=r"mix.streams\[0\]"):
        run(tag=tag(), mix=mix("$.a["))
    assert not (folder / "attributes").exists()


def test_the_first_failure_stops_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "documents/b.jsonl").write_text('{"id": "x", "text": null}\n')
    with pytest.raises(DolmaShardError, match=r"tag: 1 of 2 shards failed(.|\n)*b\.jsonl:1: "):
        run(tag=tag(), dedupe=dedupe(), mix=mix())
    assert "run: stopped at tag; not started: dedupe, mix" in capsys.readouterr().err
    assert not (folder / "documents.bin").exists()


def test_errors_keep_their_kind_and_exit_code(folder: Path) -> None:
    with pytest.raises(DolmaInputError, match=r"^mix: ") as caught:
        run(mix=mix(attributes=("absent",)))
    assert caught.value.exit_code == DolmaInputError.exit_code
    assert isinstance(caught.value.__cause__, DolmaError)


def test_a_dry_run_starts_nothing_and_prints_a_recipe(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tag=tag(), mix=mix(), dryrun=True) is None
    (folder / "printed.yaml").write_text(capsys.readouterr().out)
    assert recipes.load(RecipeConfig, recipes.read_file("printed.yaml")).tag is not None
    assert run(tag=tag(dryrun=True), mix=mix()) is None
    assert not (folder / "attributes").exists()


def test_flags_reach_into_the_sections(folder: Path) -> None:
    (folder / "r.yaml").write_text(json.dumps({"tag": tag(), "mix": mix()}))
    assert main(["run", "-c", "r.yaml", "--tag.experiment", "f", "--mix.count_words"]) == 3  # `mix` wants e.
    assert (folder / "attributes/f").is_dir()
    assert main(["run", "-c", "r.yaml"]) == 0


def test_the_quickstart_recipe_is_valid() -> None:
    path = Path(__file__).parent.parent / "configs/quickstart.yaml"
    config = recipes.load(RecipeConfig, recipes.read_file(str(path)), str(path))
    assert config.mix is not None
    assert config.mix.count_words
