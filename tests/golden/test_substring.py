"""Repeated substrings: rows, explanations, reports, limits, and what a run leaves behind."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

import dolma as package
from dolma import recipes
from dolma.commands import recipe
from dolma.config.recipe import RecipeConfig
from dolma.errors import DolmaConfigError, DolmaInputError, DolmaShardError
from folders import visible
from shards import documents, lines, prose, read, texts, write

CITY = "The city of Bern lies on the Aare, which flows around the old town in a wide loop."


def dedupe(root: Path, section: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    method = {"substring": {"attribute_name": "rep", "min_length": 40, **(section or {})}}
    method.update(more.pop("method", {}))
    report = package.deduper({"documents": [f"{root}/documents/*"], "dedupe": method, **more})
    assert report is not None
    return dict(report)


def rows(root: Path) -> dict[str, list[Any]]:
    folder = root / "attributes/rep"
    return {file: read(folder / file) for file in sorted(visible(folder))}


def test_rows_mark_and_explain(tmp_path: Path) -> None:
    first = f"Über Städte. {CITY} Ende."
    second = f"Something else. {CITY} And more."
    documents(tmp_path, {"a.jsonl": texts(first, "", "short"), "b.jsonl": texts(second)})
    report = dedupe(tmp_path)
    assert lines(tmp_path / "attributes/rep/a.jsonl") == [
        '{"attributes":{"rep":[]},"id":"d0"}',
        '{"attributes":{},"id":"d1"}',
        '{"attributes":{"rep":[]},"id":"d2"}',
    ]
    [row] = rows(tmp_path)["b.jsonl"]
    [[start, end, score]] = row["attributes"]["rep"]
    # What stands around the sentence in both is common, too.
    assert second[start:end] == f"e. {CITY} "
    assert score == 1
    [kept] = row["duplicate_of"]
    assert (kept["id"], kept["line"]) == ("d0", 1)
    assert kept["path"] == str(tmp_path / "documents/a.jsonl")
    assert kept["matched"] == [start, end]
    assert first[slice(*kept["span"])] == second[start:end]
    found = report["details"]["substring"]
    assert report["details"]["duplicate_chars"] == end - start
    assert found["largest"][0]["chars"] == end - start
    assert found["largest"][0]["sample"] == f"e. {CITY}"[:40]
    assert sum(source["duplicate_chars"] for source in found["sources"].values()) == end - start


def test_units_and_merge_distance_change_what_is_marked(tmp_path: Path) -> None:
    spaced = CITY.replace(" ", "\n\n")
    torn = CITY[:45] + "???" + CITY[45:]
    documents(tmp_path, {"a.jsonl": texts(CITY, spaced, torn)})

    def marked(**section: Any) -> list[list[list[int]]]:
        dedupe(tmp_path, section, force=True)
        return [[span[:2] for span in row["attributes"]["rep"]] for row in rows(tmp_path)["a.jsonl"]]

    assert marked() == [[], [], [[0, 45]]]
    assert marked(min_length=30) == [[], [], [[0, 45], [48, 85]]]
    assert marked(min_length=30, merge_distance=3) == [[], [], [[0, 85]]]
    assert marked(min_length=30, merge_distance=2) == [[], [], [[0, 45], [48, 85]]]
    assert marked(min_length=8, unit="words")[1] == [[0, len(spaced)]]
    assert marked(min_length=30, unit="characters") == marked(min_length=30)


def test_nothing_depends_on_threads_or_memory(tmp_path: Path) -> None:
    corpus(tmp_path)
    results = []
    for processes, memory in ((1, "1GiB"), (2, "1GiB"), (3, "1MiB")):
        report = dedupe(tmp_path, processes=processes, memory=memory, force=True)
        assert (report["details"]["substring"]["spilled_bytes"] > 0) == (memory == "1MiB")
        results.append(visible(tmp_path / "attributes"))
    assert results[0] == results[1] == results[2]


def corpus(root: Path) -> None:
    draw = random.Random(7)
    bodies = [prose(seed, 80) for seed in range(60)]
    for number in range(4):
        several = [
            {"id": f"{number}-{n}", "text": " ".join(draw.choices(bodies, k=3)), "source": f"s{n % 2}"}
            for n in range(200)
        ]
        write(root / f"documents/{number}.jsonl.gz", several)


def test_running_again_does_nothing_and_a_later_file_leaves_earlier_ones_alone(tmp_path: Path) -> None:
    corpus(tmp_path)
    dedupe(tmp_path)
    before = visible(tmp_path / "attributes")
    assert dedupe(tmp_path)["shards"]["skipped"] == 4
    write(tmp_path / "documents/5.jsonl.gz", [{"id": "x", "text": prose(3, 80)}])
    report = dedupe(tmp_path)
    assert report["shards"]["skipped"] == 4
    after = visible(tmp_path / "attributes")
    assert {name: after[name] for name in before} == before
    write(tmp_path / "documents/0a.jsonl.gz", [{"id": "y", "text": prose(3, 80)}])
    assert dedupe(tmp_path)["shards"]["skipped"] == 1


def test_what_earlier_stages_marked_is_neither_marked_nor_a_source(tmp_path: Path) -> None:
    """By URL, then by text, then by likeness, then by pieces, as Dolma 3 was made."""
    page, other = prose(1, 60), prose(2, 60)
    found = [
        ("u", page),  # 0 stays
        ("u", other),  # 1 has its URL; must not be the source of 4
        ("v", page),  # 2 is its copy
        ("w", page + " more"),  # 3 is like it
        ("x", other),  # 4 stays whole
        ("y", f"{prose(3, 40)} {other[:100]}"),  # 5 has a piece of 4
        ("z", ""),
    ]
    rows = [{"id": str(n), "text": text, "url": url} for n, (url, text) in enumerate(found)]
    documents(tmp_path, {"a.jsonl": rows[:4], "b.jsonl": rows[4:]})
    methods: list[dict[str, Any]] = [
        {"documents": {"attribute_name": "url", "key": "$.url"}},
        {"documents": {"attribute_name": "text"}},
        {"minhash": {"attribute_name": "like", "threshold": 0.7}},
        {"substring": {"attribute_name": "rep", "min_length": 40}},
    ]
    stage = {"documents": [f"{tmp_path}/documents/*"]}
    run = {"dedupe": [{**stage, "dedupe": method} for method in methods]}
    reports = recipe.run(recipes.load(RecipeConfig, run))
    assert reports is not None
    marked = {
        name: {
            row["id"]
            for file in ("a", "b")
            for row in read(tmp_path / f"attributes/{name}/{file}.jsonl")
            if row["attributes"].get(name)
        }
        for name in ("url", "text", "like", "rep")
    }
    assert marked == {"url": {"1"}, "text": {"2"}, "like": {"3"}, "rep": {"5"}}
    written = read(tmp_path / "attributes/rep/a.jsonl") + read(tmp_path / "attributes/rep/b.jsonl")
    assert [row["attributes"] for row in written[:5]] == [{"rep": []}] * 5
    assert written[5]["duplicate_of"][0]["id"] == "4"
    assert written[6]["attributes"] == {}
    details: Any = reports["dedupe[3]"]["details"]
    assert (details["marked_before"], details["compared"]) == (3, 4)
    assert sum(one["chars"] for one in details["substring"]["sources"].values()) == details["chars"]
    assert details["chars"] == sum(len(found[n][1]) for n in (0, 4, 5))
    dedupe(tmp_path, method={"skip_marked": []}, force=True)
    assert [bool(row["attributes"].get("rep")) for row in read(tmp_path / "attributes/rep/b.jsonl")] == [
        True,
        True,
        False,
    ]


def test_other_marks_make_a_file_be_done_again_and_those_after_it(tmp_path: Path) -> None:
    documents(tmp_path, {f"{name}.jsonl": texts(CITY) for name in "abc"})

    def mark(name: str, spans: list[Any]) -> None:
        write(tmp_path / f"attributes/old/{name}.jsonl", [{"id": "d0", "attributes": {"old": spans}}])

    for name in "abc":
        mark(name, [])
    method = {"skip_marked": ["old"]}
    with pytest.raises(DolmaInputError, match=r"attributes/nothing/a\.jsonl does not exist"):
        dedupe(tmp_path, method={"skip_marked": ["old", "nothing"]})
    dedupe(tmp_path, method=method)
    assert dedupe(tmp_path, method=method)["shards"]["skipped"] == 3
    mark("b", [[0, 5, 1]])
    assert dedupe(tmp_path, method=method)["shards"]["skipped"] == 1
    whole = [[0, len(CITY), 1]]
    assert [row[0]["attributes"]["rep"] for row in rows(tmp_path).values()] == [[], [], whole]
    write(tmp_path / "attributes/old/c.jsonl", [{"id": "other", "attributes": {}}])
    with pytest.raises(DolmaShardError, match=r'old/c\.jsonl:1: attribute row of "other"'):
        dedupe(tmp_path, method=method)


def test_other_files_come_first_and_get_no_rows(tmp_path: Path) -> None:
    write(tmp_path / "late/documents/z.jsonl", texts(prose(1, 20), CITY, CITY))
    documents(tmp_path, {"a.jsonl": texts("One. " + CITY), "b.jsonl": texts(prose(2, 30), prose(2, 30))})
    method = {"against": [f"{tmp_path}/late/documents/*"]}
    report = dedupe(tmp_path, method=method)
    assert visible(tmp_path / "late").keys() == {"documents/z.jsonl"}
    found = rows(tmp_path)
    assert found["a.jsonl"][0]["attributes"]["rep"] == [[5, 5 + len(CITY), 1]]
    kept = found["a.jsonl"][0]["duplicate_of"][0]
    assert (kept["path"], kept["line"]) == (f"{tmp_path}/late/documents/z.jsonl", 2)
    assert [len(row["attributes"]["rep"]) for row in found["b.jsonl"]] == [0, 1]
    assert report["counts"]["read"] == report["details"]["compared"] == 3
    # Without them, and with others, everything is done again.
    dedupe(tmp_path)
    assert rows(tmp_path)["a.jsonl"][0]["attributes"]["rep"] == []
    assert rows(tmp_path)["b.jsonl"] == found["b.jsonl"]
    dedupe(tmp_path, method=method)
    assert rows(tmp_path) == found
    write(tmp_path / "late/documents/z.jsonl", texts(prose(1, 20)))
    assert dedupe(tmp_path, method=method)["shards"]["skipped"] == 0
    with pytest.raises(DolmaConfigError, match="duplicate of itself"):
        dedupe(tmp_path, method={"against": [f"{tmp_path}/documents/b.jsonl"]})


def test_a_hundred_thousand_identical_documents(tmp_path: Path) -> None:
    text = prose(1, 60)
    write(tmp_path / "documents/a.jsonl.gz", [{"id": str(n), "text": text} for n in range(100_000)])
    dedupe(tmp_path, processes=2)
    found = rows(tmp_path)["a.jsonl.gz"]
    assert found[0]["attributes"]["rep"] == []
    whole = {"rep": [[0, len(text), 1]]}
    assert all(row["attributes"] == whole for row in found[1:])
    assert all(row["duplicate_of"][0]["id"] == "0" for row in found[1:])


def test_one_long_document_of_one_letter(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": texts("é" * 10_000_000)})
    dedupe(tmp_path, {"unit": "characters"})
    assert rows(tmp_path)["a.jsonl"][0]["attributes"]["rep"] == [[40, 10_000_000, 1]]
    dedupe(tmp_path, {"unit": "bytes"}, force=True)
    assert rows(tmp_path)["a.jsonl"][0]["attributes"]["rep"] == [[20, 10_000_000, 1]]


def test_bad_lines_are_counted_and_put_aside(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": texts(CITY, CITY)})
    path = tmp_path / "documents/a.jsonl"
    path.write_text('{"id": 1, "text": null}\n' + path.read_text())
    with pytest.raises(DolmaShardError, match=r"a\.jsonl:1: field \"text\" must be a string"):
        dedupe(tmp_path)
    assert visible(tmp_path / "attributes") == {}
    report = dedupe(tmp_path, max_bad_records=1)
    assert report["counts"] == {"read": 3, "written": 2, "dropped": 0, "bad": 1}
    found = rows(tmp_path)["a.jsonl"]
    assert found[0] == {"attributes": {}, "id": None}
    assert found[2]["duplicate_of"][0]["line"] == 2


def test_an_alarm_names_the_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copies = [{"id": str(n), "text": CITY, "source": "web"} for n in range(4)]
    write(tmp_path / "documents/a.jsonl", copies)
    report = dedupe(tmp_path)
    assert "75% of the source 'web'" in report["details"]["substring"]["alarms"][0]
    assert "alarm: 75% of the source 'web'" in capsys.readouterr().err
    report = dedupe(tmp_path, force=True, method={"alarm": {"source_share": 0.8}})
    assert report["details"]["substring"]["alarms"] == []


def test_explanations_can_be_left_out(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": texts(CITY, CITY)})
    dedupe(tmp_path, method={"explain": False})
    assert all("duplicate_of" not in row for row in rows(tmp_path)["a.jsonl"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"method": {"skip_empty": True}}, "dedupe.skip_empty: dedupe.substring has no use for it"),
        ({"method": {"keep": {"policy": "longest"}}}, "dedupe.keep: dedupe.substring has no use for it"),
        (
            {"method": {"alarm": {"cluster_size": 20}}},
            "dedupe.alarm.cluster_size: dedupe.substring has no use",
        ),
        ({"method": {"skip_marked": ["rep"]}}, "skip_marked: rep is the attribute set that this run writes"),
        ({"bloom_filter": {"file": "x", "read_only": False}}, "bloom_filter: dedupe.substring has no use"),
    ],
)
def test_options_without_effect_are_refused(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    documents(tmp_path, {"a.jsonl": texts(CITY)})
    with pytest.raises(DolmaConfigError) as error:
        dedupe(tmp_path, **more)
    assert said in str(error.value)


def test_a_mix_cuts_the_spans(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": texts(f"One. {CITY}", f"Two. {CITY}", f"Three? {CITY}")})
    dedupe(tmp_path)
    package.mixer(
        {
            "streams": [
                {
                    "name": "x",
                    "documents": [f"{tmp_path}/documents/*"],
                    "attributes": ["rep"],
                    "output": {"path": f"{tmp_path}/mixed"},
                    "span_replacement": [{"span": "$.attributes.rep", "replacement": "", "min_score": 0.5}],
                }
            ]
        }
    )
    mixed = [json.loads(row)["text"] for row in lines(next((tmp_path / "mixed").glob("x-*")))]
    assert mixed == [f"One. {CITY}", "Two", "Three?"]
