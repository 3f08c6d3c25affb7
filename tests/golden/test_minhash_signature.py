"""Similarities that are estimated from what one reading keeps, against the true ones."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import alike
from alike import components, dedupe, edited, jaccard, rows, shingles, similar, text
from dolma import _core
from dolma.errors import DolmaError
from folders import visible
from shards import documents, texts, write


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("signature")
    return root, alike.corpus(root)


def told(found: list[Any]) -> list[tuple[str, float] | None]:
    """For each document, the kept copy and the similarity to it."""
    marks = [row.get("duplicate_of") for row in found]
    return [(mark["id"], mark["similarity"]) if mark else None for mark in marks]


def test_estimates_are_as_exact_as_the_announced_error(corpus: tuple[Path, list[str]]) -> None:
    root, bodies = corpus
    dedupe(root, {"preset": "datatrove", "verify": "signature", "threshold": 0.6}, force=True)
    found = rows(root)
    sets = {row["id"]: shingles(body) for row, body in zip(found, bodies, strict=True)}
    errors = []
    for row, mark in zip(found, told(found), strict=True):
        if mark is not None:
            true = jaccard(sets[row["id"]], sets[mark[0]])
            expected, _ = _core.Clusters.estimate(true)
            if true == 1:
                assert mark[1] == 1
            else:
                errors.append((mark[1] - true) / expected)
    assert len(errors) > 400
    assert max(map(abs, errors)) < 4.5
    assert sum(error**2 for error in errors) / len(errors) < 1.1
    assert abs(sum(errors) / len(errors)) < 4 / len(errors) ** 0.5, "biased"


def test_verdicts_differ_from_the_true_ones_near_the_threshold_alone(corpus: tuple[Path, list[str]]) -> None:
    root, bodies = corpus
    threshold = 0.8
    error, _ = _core.Clusters.estimate(threshold)
    pairs = similar(bodies)

    def joined(verify: str) -> list[int]:
        dedupe(root, {"verify": verify}, force=True)
        found = rows(root)
        place = {row["id"]: at for at, row in enumerate(found)}
        return [place[mark[0]] if mark else at for at, mark in enumerate(told(found))]

    truly, by_signature = joined("jaccard"), joined("signature")
    assert truly != by_signature, "the options would be the same"
    possible = components([(i, j) for i, j, found in pairs if found >= threshold - 4.5 * error], len(bodies))
    assert all(possible[at] == possible[kept] for at, kept in enumerate(by_signature))
    clear = [(i, j) for i, j, found in pairs if found >= threshold + 4.5 * error and truly[i] == truly[j]]
    assert len(clear) > 200
    assert all(by_signature[i] == by_signature[j] for i, j in clear)


def test_the_same_bytes_for_any_threads_and_memory(corpus: tuple[Path, list[str]]) -> None:
    root, _ = corpus
    outcomes = []
    for threads, memory in ((1, "1GiB"), (2, "1MiB"), (8, "2MiB")):
        report = dedupe(root, {"verify": "signature"}, processes=threads, memory=memory, force=True)
        details = report["details"]["clusters"]
        assert (details.pop("spilled_bytes") > 0) == (memory != "1GiB")
        outcomes.append((visible(root / "attributes"), details))
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.parametrize("verify", ["signature", "jaccard"])
def test_documents_are_read_once(tmp_path: Path, verify: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(1)
    words = text(draw, 300)
    documents(tmp_path, {"a.jsonl": texts(" ".join(words), " ".join(edited(draw, words, 0.01)))})
    real = _core.Clusters

    class Removing:
        """Removes the documents once they are read."""

        check, probability, estimate = real.check, real.probability, real.estimate

        def __init__(self, **options: Any) -> None:
            self.real = real(**options)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

        def candidates(self, gauge: Any) -> Any:
            (tmp_path / "documents/a.jsonl").unlink()
            return self.real.candidates(gauge)

    monkeypatch.setattr(_core, "Clusters", Removing)
    if verify == "jaccard":
        with pytest.raises(DolmaError, match=r"a\.jsonl"):
            dedupe(tmp_path, {"verify": verify})
        return
    dedupe(tmp_path, {"verify": verify})
    assert [bool(row["attributes"]) for row in rows(tmp_path)] == [False, True]


def test_the_error_is_told_before_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documents(tmp_path, {"a.jsonl": texts("x")})
    dedupe(tmp_path, {"verify": "signature"})
    said = capsys.readouterr().err
    assert (
        "joined from an estimated Jaccard similarity (standard error 0.018, from 256 B for each document)"
        in said
    )


def test_a_template_does_not_make_one_of_different_documents(tmp_path: Path) -> None:
    draw = random.Random(8)
    template = " ".join(text(draw, 60))
    bodies = [f"{template} {' '.join(text(draw, 40))}" for _ in range(4000)]
    copies = [" ".join([*body.split()[:-1], "changed"]) for body in bodies[:200]]
    documents(tmp_path, {"a.jsonl.gz": texts(*bodies, *copies)})
    report = dedupe(tmp_path, {"preset": "datatrove", "verify": "signature"}, memory="1MiB")
    clusters = report["details"]["clusters"]
    assert clusters["largest"][0]["members"] == 2
    assert 195 <= clusters["duplicates"] <= 200


def test_short_documents_and_other_corpora(tmp_path: Path) -> None:
    draw = random.Random(6)
    words = text(draw, 300)
    write(tmp_path / "old/x.jsonl", texts(" ".join(words), "short"))
    near = " ".join(edited(draw, words, 0.005))
    documents(tmp_path, {"a.jsonl": texts(near, "short", "", "", " ".join(words))})
    dedupe(tmp_path, {"verify": "signature"}, dedupe={"against": [f"{tmp_path}/old/*"]})
    found = told(rows(tmp_path))
    assert [bool(mark) for mark in found] == [True, True, False, True, True]
    assert found[0] is not None
    assert found[0][1] == pytest.approx(jaccard(shingles(near), shingles(" ".join(words))), abs=0.03)
    assert [mark and mark[1] for mark in found[1:]] == [1, None, 1, 1]
