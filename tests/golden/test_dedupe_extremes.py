"""Corpora that are all one thing: copies of one document, one endless document, nothing but white space."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import dolma as package
from alike import edited, jaccard, shingles, text
from dolma import _core
from shards import documents, read, texts, write

METHODS = {
    "exact": {"documents": {"attribute_name": "dup"}},
    "minhash": {"minhash": {"attribute_name": "dup"}},
    "signature": {"minhash": {"attribute_name": "dup", "verify": "signature"}},
}


def dedupe(root: Path, section: dict[str, Any], **more: Any) -> dict[str, Any]:
    report = package.deduper({"documents": [f"{root}/documents/**/*"], "dedupe": section, **more})
    assert report is not None
    return dict(report["details"]["clusters"])


def rows(root: Path, file: str = "a.jsonl.gz", name: str = "dup") -> list[Any]:
    return read(root / "attributes" / name / file)


@pytest.mark.parametrize("method", list(METHODS))
def test_a_hundred_thousand_identical_documents(tmp_path: Path, method: str) -> None:
    body = " ".join(text(random.Random(7), 30))
    documents(tmp_path, {"a.jsonl.gz": texts(*[body] * 100_000)})
    found = dedupe(tmp_path, METHODS[method], memory="1MiB", processes=2)
    assert (found["clusters"], found["singletons"], found["duplicates"]) == (1, 0, 99_999)
    assert found["largest"][0]["members"] == 100_000
    made = rows(tmp_path)
    assert made[0]["attributes"] == {}
    assert {row["duplicate_of"]["id"] for row in made[1:]} == {"d0"}


@pytest.mark.parametrize("method", list(METHODS))
def test_texts_of_nothing_and_of_white_space(tmp_path: Path, method: str) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("", " ", "\n\u2003", "", " ", "x", "\u200b")})
    assert dedupe(tmp_path, METHODS[method])["duplicates"] == 2
    # Equal is what is equal as it stands; an empty text has an empty span.
    spans = [row["attributes"].get("dup") for row in rows(tmp_path)]
    assert spans == [None, None, None, [[0, 0, 1]], [[0, 1, 1]], None, None]
    dedupe(tmp_path, {**METHODS[method], "skip_empty": True}, force=True)
    spans = [row["attributes"].get("dup") for row in rows(tmp_path)]
    assert spans == [[], [], [], [], [], None, None]


def test_one_document_that_is_much_larger_than_the_memory(tmp_path: Path) -> None:
    draw = random.Random(4)
    lines = [" ".join(text(draw, 8)) for _ in range(120_000)]
    huge = "\n".join(lines)
    documents(tmp_path, {"a.jsonl.gz": texts(huge, "short", huge + "\n" + huge)})
    for threads in (1, 2):
        found = dedupe(tmp_path, METHODS["exact"], memory="1MiB", processes=threads, force=True)
        assert (found["compared"], found["duplicates"]) == (3, 0)
        paragraphs = {"paragraphs": {"attribute_name": "lines"}}
        found = dedupe(tmp_path, paragraphs, memory="1MiB", processes=threads, force=True)
        assert found["spilled_bytes"] > 1 << 20
        assert found["duplicates"] == found["compared"] - len({*lines, "short"})
        made = rows(tmp_path, name="lines")
        assert [len(row["attributes"]["lines"]) for row in made] == [
            len(lines) - len(set(lines)),
            0,
            2 * len(lines),
        ]


@pytest.fixture(scope="module")
def injected(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, str], list[tuple[str, str, float]]]:
    """A corpus with copies put in, exact ones and ones of which a share of words is edited: texts by id, and
    for each copy its original and that share."""
    draw = random.Random(21)
    root = tmp_path_factory.mktemp("injected")
    bodies = {f"o{n}": text(draw, draw.randrange(80, 500)) for n in range(1500)}
    copies = []
    for share in (0.0, 0.01, 0.02, 0.05):
        for original in draw.sample(sorted(bodies), 150):
            name = f"c{len(copies)}"
            copies.append((name, original, share))
    for name, original, share in copies:
        bodies[name] = edited(draw, bodies[original], share) if share else list(bodies[original])
    order = sorted(bodies)
    draw.shuffle(order)
    contents = {name: " ".join(bodies[name]) for name in order}
    for part in range(4):
        write(
            root / f"documents/{part}.jsonl.gz",
            [{"id": name, "text": contents[name], "source": f"s{part}"} for name in order[part::4]],
        )
    return root, contents, copies


def clusters(root: Path, name: str) -> dict[str, str]:
    """For each document, the one that is kept of its cluster."""
    found = {}
    for part in range(4):
        for row in rows(root, f"{part}.jsonl.gz", name):
            found[row["id"]] = row["duplicate_of"]["id"] if row["attributes"].get(name) else row["id"]
    return found


def test_injected_copies_are_found_as_the_curve_says_and_nothing_else(
    injected: tuple[Path, dict[str, str], list[tuple[str, str, float]]],
) -> None:
    root, contents, copies = injected
    dedupe(root, {"documents": {"attribute_name": "same"}})
    exact = clusters(root, "same")
    assert all(exact[copy] == exact[original] for copy, original, share in copies if share == 0)
    assert all(contents[name] == contents[kept] for name, kept in exact.items())
    dedupe(root, {"minhash": {"attribute_name": "near"}}, memory="2MiB")
    near = clusters(root, "near")
    sets = {name: shingles(content) for name, content in contents.items()}
    for share in (0.0, 0.01, 0.02, 0.05):
        pairs = [(copy, original) for copy, original, edits in copies if edits == share]
        similar = [(a, b) for a, b in pairs if jaccard(sets[a], sets[b]) >= 0.8]
        expected = [_core.Clusters.probability(26, 11, jaccard(sets[a], sets[b])) for a, b in similar]
        caught = sum(near[a] == near[b] for a, b in similar)
        spread = sum(one * (1 - one) for one in expected) ** 0.5
        assert caught >= sum(expected) - 3 * spread - 1e-9, (share, caught, sum(expected))
        assert share or caught == len(pairs) == 150
        if share == 0.01:
            assert len(similar) > 140
    # Originals have nothing in common: whatever is joined are copies of one, and none is below the threshold alone.
    families = {name: name for name in contents}
    families.update({copy: original for copy, original, _ in copies})
    assert all(families[name] == families[kept] for name, kept in near.items())
    members: dict[str, list[str]] = {}
    for name, kept in near.items():
        members.setdefault(kept, []).append(name)
    for group in members.values():
        for name in group:
            others = [other for other in group if other != name]
            assert not others or max(jaccard(sets[name], sets[other]) for other in others) >= 0.8


@pytest.mark.parametrize("method", ["minhash", "signature"])
def test_a_template_that_most_documents_share(tmp_path: Path, method: str) -> None:
    draw = random.Random(8)
    template = " ".join(f"t{n}" for n in range(20))
    bodies = [f"{template} {' '.join(f'w{draw.randrange(10**6)}' for _ in range(4))}" for _ in range(21_000)]
    documents(tmp_path, {"a.jsonl.gz": texts(*bodies, *(f"{body} more" for body in bodies[:100]))})
    # Every band is shared by five documents of six: too many to compare in pairs, or to keep in memory.
    section = {**METHODS[method]["minhash"], "ngram": 1, "bands": 3, "rows": 1, "threshold": 0.93}
    found = dedupe(tmp_path, {"minhash": section}, memory="2MiB", processes=2)
    assert found["largest"][0]["members"] == 2
    assert 95 <= found["duplicates"] <= 100
