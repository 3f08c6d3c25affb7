"""Exact deduplication against dictionaries of whole keys: verdicts, explanations, policies, reports."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dolma as package
from dolma.errors import DolmaConfigError, DolmaInputError, DolmaShardError
from folders import visible
from shards import Row, attributes, documents, halve, lines, read, texts, write

BY_TEXT = {"documents": {"attribute_name": "dup"}}
BY_LINE = {"paragraphs": {"attribute_name": "dup"}}


def dedupe(root: Path, method: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    report = package.deduper({"documents": [f"{root}/documents/**/*"], "dedupe": dict(method), **more})
    assert report is not None
    return dict(report)


def rows(root: Path, name: str = "dup") -> dict[str, list[Any]]:
    folder = root / "attributes" / name
    return {file: read(folder / file) for file in sorted(visible(folder))}


def marked(root: Path, name: str = "dup") -> set[str]:
    return {row["id"] for found in rows(root, name).values() for row in found if row["attributes"].get(name)}


def test_rows_mark_and_explain(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": texts("Café", "x", "Café"), "b.jsonl.gz": texts("x", "", "")})
    dedupe(tmp_path, {**BY_TEXT, "skip_empty": True})
    assert lines(tmp_path / "attributes/dup/a.jsonl")[:2] == [
        '{"attributes":{},"id":"d0"}',
        '{"attributes":{},"id":"d1"}',
    ]
    found = rows(tmp_path)
    third = found["a.jsonl"][2]
    assert third["attributes"] == {"dup": [[0, 4, 1]]}
    first = str(tmp_path / "documents/a.jsonl")
    cluster = third["duplicate_of"].pop("cluster")
    assert len(cluster) == 16
    assert third["duplicate_of"] == {"id": "d0", "path": first, "line": 1, "similarity": 1.0}
    other = found["b.jsonl.gz"][0]["duplicate_of"]
    assert (other["id"], other["line"]) == ("d1", 2)
    assert other["cluster"] != cluster
    assert [row["attributes"] for row in found["b.jsonl.gz"][1:]] == [{"dup": []}, {"dup": []}]


def test_the_verdicts_are_those_of_the_streaming_method(tmp_path: Path) -> None:
    draw = random.Random(3)
    files = {f"{n}.jsonl.gz": texts(*(str(draw.randrange(300)) for _ in range(200))) for n in range(5)}
    documents(tmp_path, files)
    dedupe(tmp_path, {**BY_TEXT, "name": "exact"})
    bloom = {
        "file": str(tmp_path / "f.bin"),
        "read_only": False,
        "estimated_doc_count": 1000,
        "desired_false_positive_rate": 1e-9,
    }
    dedupe(tmp_path, {**BY_TEXT, "name": "bloom"}, bloom_filter=bloom)
    streamed = rows(tmp_path, "bloom")
    for file, found in rows(tmp_path, "exact").items():
        assert [(row["id"], row["attributes"]) for row in found] == [
            (row["id"], row["attributes"]) for row in streamed[file]
        ]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.lists(st.text("ab\né", max_size=4), max_size=6), min_size=1, max_size=4),
    st.booleans(),
)
def test_against_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[str]], skip: bool
) -> None:
    root = tmp_path_factory.mktemp("run")
    documents(root, {f"{n}.jsonl": texts(*content) for n, content in enumerate(files)})
    for unit in (BY_TEXT, BY_LINE):
        name = "docs" if unit is BY_TEXT else "lines"
        dedupe(root, {**unit, "name": name, "skip_empty": skip})
        seen: dict[str, tuple[int, int, int]] = {}
        for number, content in enumerate(files):
            found = read(root / "attributes" / name / f"{number}.jsonl")
            for line, (text, row) in enumerate(zip(content, found, strict=True), 1):
                spans, start = [], 0
                pieces = [text] if unit is BY_TEXT else text.splitlines(keepends=True)
                if unit is BY_LINE:
                    bare = text.split("\n") if text else []
                    pieces = [piece + "\n" for piece in bare[:-1]] + bare[-1:]
                for piece in pieces:
                    key = piece if unit is BY_TEXT else piece.removesuffix("\n")
                    if not (skip and not key.strip()):
                        if key in seen:
                            spans.append([start, start + len(piece), 1])
                            kept = seen[key]
                            told = row["duplicate_of"]
                            told = told[len(spans) - 1] if unit is BY_LINE else told
                            assert told["line"] == kept[1]
                            assert told["path"].endswith(f"/{kept[0]}.jsonl")
                            if unit is BY_LINE:
                                assert told["span"][0] == kept[2]
                        else:
                            seen[key] = (number, line, start)
                    start += len(piece)
                if unit is BY_LINE:
                    assert row["attributes"] == ({"dup": spans} if text else {})
                elif skip and not text.strip():
                    assert row["attributes"] == {"dup": []}
                else:
                    assert row["attributes"] == ({"dup": spans} if spans else {})


@pytest.mark.parametrize("method", [BY_TEXT, BY_LINE])
def test_the_same_bytes_for_any_threads_and_memory(tmp_path: Path, method: dict[str, Any]) -> None:
    draw = random.Random(9)
    bodies = ["\n".join(str(draw.randrange(900)) for _ in range(6)) for _ in range(4000)]
    for n in range(4):
        write(tmp_path / f"documents/{n}.jsonl", texts(*(draw.choice(bodies) for _ in range(6000))))
    spilled, outcomes = [], []
    for threads, memory in ((1, "2GiB"), (2, "1MiB"), (8, "3MiB")):
        report = dedupe(tmp_path, method, processes=threads, memory=memory, force=True)
        spilled.append(report["details"]["clusters"]["spilled_bytes"])
        outcomes.append((visible(tmp_path / "attributes"), {**report["details"]}))
        assert not list((tmp_path / "attributes/dup/.dolma").glob("dolma-dedupe-*"))
    assert spilled[0] == 0
    assert spilled[1] > 0
    for found, details in outcomes:
        details["clusters"].pop("spilled_bytes")
        assert found == outcomes[0][0]
        assert details == outcomes[0][1]


def dated(*contents: tuple[str, str | None, str]) -> list[Row]:
    return [
        {"id": str(n), "text": text, "source": source, "metadata": {"date": date} if date else {}}
        for n, (text, date, source) in enumerate(contents)
    ]


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ({}, "0"),
        ({"policy": "newest", "field": "$.metadata.date"}, "2"),
        ({"policy": "oldest", "field": "$.metadata.date"}, "1"),
        ({"policy": "source", "sources": ["wiki", "web"]}, "3"),
        ({"policy": "highest", "attribute_set": "q", "attribute": "q__score"}, "1"),
        ({"policy": "longest"}, "0"),
    ],
)
def test_the_policy_says_which_copy_is_kept(tmp_path: Path, keep: dict[str, Any], kept: str) -> None:
    rows = dated(
        ("same", None, "web"),
        ("same", "2001-05-01", "books"),
        ("same", "2020-01-01T00:00:00Z", "web"),
        ("same", "2019", "wiki"),
    )
    documents(tmp_path, {"a.jsonl": rows})
    scores = [0.5, 0.9, 0.9, 0.1]
    attributes(tmp_path, "q", "a.jsonl", [(str(n), {"q__score": [[0, 4, s]]}) for n, s in enumerate(scores)])
    dedupe(tmp_path, {**BY_TEXT, "keep": keep})
    assert {"0", "1", "2", "3"} - marked(tmp_path) == {kept}
    told = {
        row["duplicate_of"]["id"]
        for row in read(tmp_path / "attributes/dup/a.jsonl")
        if "duplicate_of" in row
    }
    assert told == {kept}


def test_longest_is_about_the_text_whatever_is_compared(tmp_path: Path) -> None:
    rows = [{"id": str(n), "text": "é" * n, "url": "u"} for n in (3, 9, 9, 5)]
    documents(tmp_path, {"a.jsonl": rows})
    by_url = {"documents": {"attribute_name": "dup", "key": "$.url"}}
    dedupe(tmp_path, {**by_url, "keep": {"policy": "longest"}})
    found = read(tmp_path / "attributes/dup/a.jsonl")
    assert [bool(row["attributes"]) for row in found] == [True, False, True, True]


def test_against_other_files(tmp_path: Path) -> None:
    write(tmp_path / "old/blocklist.jsonl", texts("bad", "worse", "bad"))
    documents(tmp_path, {"a.jsonl": texts("good", "bad", "good"), "b.jsonl": texts("bad")})
    report = dedupe(tmp_path, {**BY_TEXT, "against": [f"{tmp_path}/old/*"]})
    found = rows(tmp_path)
    assert [row["attributes"] for row in found["a.jsonl"]] == [{}, {"dup": [[0, 3, 1]]}, {"dup": [[0, 4, 1]]}]
    assert found["a.jsonl"][1]["duplicate_of"]["path"] == f"{tmp_path}/old/blocklist.jsonl"
    assert found["b.jsonl"][0]["duplicate_of"]["line"] == 1
    clusters = report["details"]["clusters"]
    assert (clusters["clusters"], clusters["kept_elsewhere"], clusters["duplicates"]) == (2, 1, 3)
    assert report["counts"]["read"] == 4
    with pytest.raises(DolmaConfigError, match="duplicate of itself"):
        dedupe(tmp_path, {**BY_TEXT, "against": [f"{tmp_path}/documents/a.jsonl"]})


def test_what_earlier_stages_marked_is_not_compared(tmp_path: Path) -> None:
    rows = [
        {"id": str(n), "text": text, "url": url}
        for n, (text, url) in enumerate([("a", "u"), ("b", "u"), ("b", "v"), ("a", "w")])
    ]
    documents(tmp_path, {"a.jsonl": rows})
    by_url = {"documents": {"attribute_name": "url", "key": "$.url"}}
    stage = {"documents": [f"{tmp_path}/documents/*"]}
    from dolma import recipes
    from dolma.commands import recipe
    from dolma.config.recipe import RecipeConfig

    config = recipes.load(
        RecipeConfig, {"dedupe": [{**stage, "dedupe": by_url}, {**stage, "dedupe": BY_TEXT}]}
    )
    reports = recipe.run(config)
    assert reports is not None
    assert marked(tmp_path, "url") == {"1"}
    # Document 1 would make a duplicate of document 2, had it been compared.
    assert marked(tmp_path) == {"3"}
    assert read(tmp_path / "attributes/dup/a.jsonl")[1]["attributes"] == {"dup": []}
    assert reports["dedupe[1]"]["details"]["marked_before"] == 1  # type: ignore[index]
    dedupe(tmp_path, {**BY_TEXT, "skip_marked": []}, force=True)
    assert marked(tmp_path) == {"2", "3"}
    with pytest.raises(DolmaInputError, match=r"attributes/nothing/a\.jsonl does not exist"):
        dedupe(tmp_path, {**BY_TEXT, "skip_marked": ["nothing"]})


def test_the_report_shows_sizes_samples_and_who_copied_whom(tmp_path: Path) -> None:
    web = [{"id": f"w{n}", "text": f"t{n % 3}", "source": "web"} for n in range(9)]
    books = [{"id": f"b{n}", "text": f"t{n}", "source": "books"} for n in range(5)]
    documents(tmp_path, {"1.jsonl": web, "2.jsonl": books})
    report = dedupe(tmp_path, {**BY_TEXT, "alarm": {"source_share": 0.5, "cluster_size": 3}})
    found = report["details"]["clusters"]
    assert found["sizes"] == {"4-7": 3}
    assert [(one["members"], one["samples"][0]["id"]) for one in found["largest"]] == [
        (4, "w0"),
        (4, "w1"),
        (4, "w2"),
    ]
    assert found["copies"] == {"web": {"books": 3, "web": 6}}
    assert found["sources"]["web"] == {"compared": 9, "marked": 6, "share": 0.6667}
    assert (found["clusters"], found["singletons"], found["duplicates"]) == (3, 2, 9)
    assert len(found["alarms"]) == 5
    assert any("67% of the source 'web'" in warning for warning in report["warnings"])
    with pytest.raises(DolmaShardError, match=r"alarm: .*67% of the source 'web'.*nothing was written"):
        dedupe(tmp_path, {**BY_TEXT, "name": "strict", "alarm": {"fail": True}})
    assert not visible(tmp_path / "attributes").keys() & {"strict/1.jsonl", "strict/2.jsonl"}


def test_nothing_is_done_twice_and_new_files_are_compared(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": texts("x", "y")})
    dedupe(tmp_path, BY_TEXT)
    before = visible(tmp_path / "attributes")
    again = dedupe(tmp_path, BY_TEXT)
    assert again["shards"]["skipped"] == 1
    assert again["details"]["compared"] == 2
    documents(tmp_path, {"b.jsonl": texts("y")})
    dedupe(tmp_path, BY_TEXT)
    after = visible(tmp_path / "attributes")
    assert after["dup/a.jsonl"] == before["dup/a.jsonl"]
    assert rows(tmp_path)["b.jsonl"][0]["duplicate_of"]["id"] == "d1"


@pytest.mark.parametrize("explain", [True, False])
def test_a_mix_removes_what_is_marked(tmp_path: Path, explain: bool) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "y", "x")})
    dedupe(tmp_path, {**BY_TEXT, "explain": explain})
    assert ("duplicate_of" in read(tmp_path / "attributes/dup/a.jsonl.gz")[2]) == explain
    stream = {
        "name": "s",
        "documents": [f"{tmp_path}/documents/*"],
        "attributes": ["dup"],
        "output": {"path": f"{tmp_path}/mix"},
        "filter": {"exclude": ["$.attributes[?(@.dup && @.dup[0])]"], "on_missing": "keep"},
    }
    stream["filter"] = {"include": [".attributes.dup == null or .attributes.dup == []"], "syntax": "jq"}
    package.mixer({"streams": [stream]})
    kept = read(next((tmp_path / "mix").glob("*.gz")))
    assert [row["id"] for row in kept] == ["d0", "d1"]
    assert not any("duplicate_of" in row for row in kept)


def test_a_damaged_input_fails_the_run_and_nothing_is_written(tmp_path: Path) -> None:
    draw = random.Random(1)
    documents(tmp_path, {"a.jsonl.gz": texts(*(f"{draw.getrandbits(400):x}" for _ in range(3000)))})
    documents(tmp_path, {"b.jsonl.gz": texts("x")})
    halve(tmp_path / "documents/a.jsonl.gz")
    with pytest.raises(DolmaShardError, match=r"documents/a.jsonl.gz"):
        dedupe(tmp_path, BY_TEXT)
    assert visible(tmp_path / "attributes") == {}
    assert not list((tmp_path / "attributes/dup/.dolma").glob("dolma-dedupe-*"))


def test_bad_lines_are_put_aside_or_fail_with_their_place(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": [*texts("x"), '{"id": "bad"', *texts("x")]})
    with pytest.raises(DolmaShardError, match=r"a.jsonl:2: invalid JSON"):
        dedupe(tmp_path, BY_TEXT)
    report = dedupe(tmp_path, BY_TEXT, max_bad_records=1)
    assert report["counts"] == {"read": 3, "written": 2, "dropped": 0, "bad": 1}
    found = read(tmp_path / "attributes/dup/a.jsonl")
    assert [row["id"] for row in found] == ["d0", None, "d0"]
    assert found[2]["duplicate_of"]["line"] == 1
    assert len(read(tmp_path / "attributes/dup/.dolma/bad/a.jsonl.jsonl")) == 1


@pytest.mark.parametrize(
    ("method", "more", "message"),
    [
        ({**BY_TEXT}, {"memory": "4KB"}, "memory: 4KB is too little"),
        ({**BY_TEXT}, {"memory": "a lot"}, "memory"),
        ({**BY_TEXT, "keep": {"policy": "newest"}}, {}, "keep.field: the policy newest needs it"),
        ({**BY_TEXT, "keep": {"sources": ["a"]}}, {}, "keep.sources: the policy first has no use"),
        ({**BY_TEXT, "keep": {"policy": "best"}}, {}, "keep.policy.*'first'"),
        ({"documents": {"attribute_name": "d", "key": "text"}}, {}, r"did you mean .*\$\.text"),
        (
            {"paragraphs": {"attribute_name": "d", "by_ngram": {"ngram_length": 3}}},
            {},
            "by_ngram: .*Bloom filter",
        ),
        (
            {**BY_TEXT, "keep": {"policy": "longest"}},
            {"bloom_filter": {"file": "f", "read_only": False, "size_in_bytes": 100}},
            "dedupe.keep: a Bloom filter does not know",
        ),
    ],
)
def test_recipes_that_cannot_be_meant_are_refused(
    tmp_path: Path, method: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    documents(tmp_path, {"a.jsonl": texts("x")})
    with pytest.raises(DolmaConfigError, match=message):
        dedupe(tmp_path, method, **more)
    assert not (tmp_path / "attributes").exists()


def test_a_dry_run_says_what_it_will_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documents(tmp_path, {"a.jsonl": texts(*map(str, range(1000)))})
    assert (
        package.deduper({"documents": [f"{tmp_path}/documents/*"], "dedupe": BY_TEXT, "dryrun": True}) is None
    )
    said = capsys.readouterr().err
    assert "exact, by $.text; about 1,000 keys, 149.7 KB of intermediates, in memory" in said
    assert "of memory" in said
    assert not (tmp_path / "attributes").exists()


def test_rows_of_the_score_file_must_fit(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": texts("x", "y")})
    keep = {"policy": "highest", "attribute_set": "q", "attribute": "q"}
    write(tmp_path / "attributes/q/a.jsonl", [json.dumps({"id": "d0", "attributes": {"q": [[0, 1, 0.5]]}})])
    with pytest.raises(DolmaShardError, match=r"attributes/q/a.jsonl: ends after 1 rows"):
        dedupe(tmp_path, {**BY_TEXT, "keep": keep})
    attributes(tmp_path, "q", "a.jsonl", [("d0", {"q": []}), ("other", {})])
    with pytest.raises(DolmaShardError, match=r'a.jsonl:2: attribute row of "other"'):
        dedupe(tmp_path, {**BY_TEXT, "keep": keep})


def test_scores_that_no_row_has_are_refused_with_those_that_are_there(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": texts("x", "x"), "b.jsonl": texts("x")})
    attributes(tmp_path, "q", "a.jsonl", [("d0", {"q__score": [[0, 1, 0.5]]}), ("d1", {"q__score": []})])
    attributes(tmp_path, "q", "b.jsonl", [("d0", {"q__rank": [[0, 1, 0.7]]})])
    keep = {"policy": "highest", "attribute_set": "q", "attribute": "q__scores"}
    message = (
        r"^dedupe.keep.attribute: no row of q has the attribute q__scores; the nearest are q__score, q__rank. To keep "
        "the first of each cluster, choose the policy first$"
    )
    with pytest.raises(DolmaConfigError, match=message):
        dedupe(tmp_path, {**BY_TEXT, "keep": keep})
    assert not (tmp_path / "attributes/dup").exists()
    # One row that has it is enough; the others come last.
    dedupe(tmp_path, {**BY_TEXT, "keep": {**keep, "attribute": "q__rank"}})
    assert read(tmp_path / "attributes/dup/a.jsonl")[0]["duplicate_of"]["path"].endswith("b.jsonl")


@pytest.mark.parametrize("method", [BY_TEXT, {"substring": {"attribute_name": "dup", "min_length": 20}}])
def test_of_very_many_sources_the_largest_are_named_for_any_threads(
    tmp_path: Path, method: dict[str, Any]
) -> None:
    draw = random.Random(3)
    for n in range(4):
        rows = [
            {"id": f"{n}-{i}", "text": f"a text of its own {draw.randrange(400):030}", "source": f"s{i:04}"}
            for i in range(1200)
            for _ in range(2 if i >= 300 else 1)
        ]
        draw.shuffle(rows)
        write(tmp_path / f"documents/{n}.jsonl", rows)
    outcomes = []
    for threads in (1, 4):
        details = dedupe(tmp_path, method, processes=threads, force=True)["details"]
        outcomes.append(details["substring" if "substring" in method else "clusters"])
    assert outcomes[0] == outcomes[1]
    sources = outcomes[0]["sources"]
    # 900 with eight documents, then the first of those with four.
    named = [f"s{i:04}" for i in (*range(100), *range(300, 1200))]
    assert list(sources) == ["(others)", *named]
    count = "documents" if "substring" in method else "compared"
    assert sources["(others)"][count] == 200 * 4
    assert sum(one[count] for one in sources.values()) == 4 * 2100
