"""MinHash against brute force: which pairs are found, that none is made up, and hostile corpora."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import alike
from alike import components, dedupe, edited, jaccard, rows, shingles, similar, text
from dolma import _core
from dolma.config.dedupe import MINHASH_PRESETS, MinhashConfig
from folders import visible
from shards import documents, texts, write


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("near")
    return root, alike.corpus(root)


@pytest.mark.parametrize(("preset", "threads", "memory"), [("dolma3", 2, "1MiB"), ("datatrove", 1, "1GiB")])
def test_pairs_are_found_as_the_curve_says_and_none_is_made_up(
    corpus: tuple[Path, list[str]], preset: str, threads: int, memory: str
) -> None:
    root, bodies = corpus
    numbers = MINHASH_PRESETS[preset]
    dedupe(root, {"preset": preset}, processes=threads, memory=memory, force=True)
    found = rows(root)
    sets = [shingles(body) for body in bodies]
    pairs = similar(bodies)
    truth = components([(i, j) for i, j, found in pairs if found >= numbers.threshold], len(bodies))
    place = {row["id"]: at for at, row in enumerate(found)}
    joined = list(range(len(bodies)))
    for at, row in enumerate(found):
        told = row.get("duplicate_of")
        if told is None:
            assert row["attributes"] == {}
            continue
        kept = place[told["id"]]
        # Precision: whatever is joined is connected by pairs above the threshold.
        assert truth[kept] == truth[at]
        assert told["similarity"] == pytest.approx(jaccard(sets[kept], sets[at]), abs=1e-5)
        assert row["attributes"] == {"near": [[0, len(bodies[at]), told["similarity"]]]}
        joined[at] = kept
    # Recall, by steps of similarity: no worse than the curve, less three standard deviations.
    for low in (0.8, 0.85, 0.9, 0.95):
        step = [p for p in pairs if low <= p[2] < low + 0.05 or (low == 0.95 and p[2] == 1)]
        expected = sum(_core.Clusters.probability(numbers.bands, numbers.rows, p[2]) for p in step)
        caught = sum(joined[i] == joined[j] for i, j, _ in step)
        spread = (expected * (1 - expected / len(step))) ** 0.5 if step else 0
        assert caught >= expected - 3 * spread - 0.5, (low, caught, expected, len(step))
    same = [(i, j) for i, j, similarity in pairs if bodies[i] == bodies[j]]
    assert len(same) > 50
    assert all(joined[i] == joined[j] for i, j in same)


def test_the_same_bytes_for_any_threads_and_memory(corpus: tuple[Path, list[str]]) -> None:
    root, _ = corpus
    outcomes = []
    for threads, memory in ((1, "1GiB"), (2, "1MiB"), (8, "2MiB")):
        report = dedupe(root, {}, processes=threads, memory=memory, force=True)
        details = report["details"]["clusters"]
        assert (details.pop("spilled_bytes") > 0) == (memory != "1GiB")
        outcomes.append((visible(root / "attributes"), details))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    dedupe(root, {"seed": 2}, force=True)
    assert len(rows(root)) == len(corpus[1])


def test_how_documents_are_spread_over_files_does_not_matter(
    corpus: tuple[Path, list[str]], tmp_path: Path
) -> None:
    _, bodies = corpus
    kept = []
    for parts in (1, 2, 7):
        root, size = tmp_path / str(parts), -(-len(bodies) // parts)
        for part in range(parts):
            chosen = [{"id": str(n), "text": bodies[n]} for n in range(len(bodies))][part * size :][:size]
            write(root / f"documents/{part}.jsonl", chosen)
        dedupe(root, {})
        told = [row.get("duplicate_of") for row in rows(root)]
        kept.append([(one["id"], one["cluster"], one["similarity"]) if one else None for one in told])
    assert kept[0] == kept[1] == kept[2]


def test_one_document_that_is_larger_than_the_memory(tmp_path: Path) -> None:
    draw = random.Random(4)
    words = text(draw, 1_000_000)
    huge, other = " ".join(words), " ".join(edited(draw, words, 0.01))
    documents(tmp_path, {"a.jsonl": texts(huge, "short", other)})
    report = dedupe(tmp_path, {}, memory="1MiB", processes=2)
    found = rows(tmp_path)
    assert [bool(row["attributes"]) for row in found] == [False, False, True]
    assert found[2]["duplicate_of"]["similarity"] == pytest.approx(0.905, abs=0.01)
    assert report["details"]["clusters"]["duplicates"] == 1


def test_case_punctuation_and_order_of_words(tmp_path: Path) -> None:
    draw = random.Random(2)
    words = text(draw, 80)
    other = list(reversed(words))
    documents(
        tmp_path,
        {"a.jsonl": texts(" ".join(words), ", ".join(words).upper(), " ".join(other), " ".join(words[:70]))},
    )
    dedupe(tmp_path, {})
    found = rows(tmp_path)
    assert [bool(row["attributes"]) for row in found] == [False, True, False, True]
    assert found[1]["duplicate_of"]["similarity"] == 1.0
    assert found[3]["duplicate_of"]["similarity"] == pytest.approx(66 / 76, abs=1e-5)
    dedupe(tmp_path, {"threshold": 0.9}, force=True)
    assert [bool(row["attributes"]) for row in rows(tmp_path)] == [False, True, False, False]


def test_characters_find_what_words_do_not(tmp_path: Path) -> None:
    draw = random.Random(2)
    one = "".join(draw.choice("abcdefghijklmnop") for _ in range(600))
    documents(tmp_path, {"a.jsonl": texts(one, f"{one[:300]}x{one[300:]}")})
    dedupe(tmp_path, {})
    assert [row["attributes"] for row in rows(tmp_path)] == [{}, {}]
    dedupe(tmp_path, {"shingles": "characters", "ngram": 8}, force=True)
    assert rows(tmp_path)[1]["attributes"]["near"][0][2] > 0.9


def test_short_documents_are_compared_as_a_whole_or_left(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": texts("", "two words", "Two words", "two words", "", "!?", "?!")})
    dedupe(tmp_path, {})
    assert [bool(row["attributes"]) for row in rows(tmp_path)] == [
        False,
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    dedupe(tmp_path, {"short": "skip"}, force=True)
    assert all(row["attributes"] == {"near": []} for row in rows(tmp_path))
    dedupe(tmp_path, {}, dedupe={"skip_empty": True}, force=True)
    assert [row["attributes"].get("near") for row in rows(tmp_path)][::4] == [[], []]


def test_the_policy_keeps_the_longest_of_those_that_are_alike(tmp_path: Path) -> None:
    draw = random.Random(5)
    words = text(draw, 200)
    longer = [*words, *text(draw, 8)]
    documents(tmp_path, {"a.jsonl": texts(" ".join(words), " ".join(longer), " ".join(words))})
    dedupe(tmp_path, {}, dedupe={"keep": {"policy": "longest"}})
    found = rows(tmp_path)
    assert [bool(row["attributes"]) for row in found] == [True, False, True]
    assert {row["duplicate_of"]["id"] for row in found if "duplicate_of" in row} == {"d1"}
    assert len({row["duplicate_of"]["cluster"] for row in found if "duplicate_of" in row}) == 1


def test_against_another_corpus(tmp_path: Path) -> None:
    draw = random.Random(6)
    words, fresh = text(draw, 300), text(draw, 300)
    write(tmp_path / "old/x.jsonl", texts(" ".join(words)))
    documents(
        tmp_path, {"a.jsonl": texts(" ".join(edited(draw, words, 0.005)), " ".join(fresh), " ".join(words))}
    )
    report = dedupe(tmp_path, {}, dedupe={"against": [f"{tmp_path}/old/*"]})
    found = rows(tmp_path)
    assert [bool(row["attributes"]) for row in found] == [True, False, True]
    assert {row["duplicate_of"]["path"] for row in found if "duplicate_of" in row} == {
        f"{tmp_path}/old/x.jsonl"
    }
    assert report["details"]["clusters"]["kept_elsewhere"] == 1


def test_a_template_does_not_make_one_of_different_documents(tmp_path: Path) -> None:
    draw = random.Random(8)
    template = " ".join(text(draw, 60))
    bodies = [f"{template} {' '.join(text(draw, 40))}" for _ in range(4000)]
    copies = [" ".join([*body.split()[:-1], "changed"]) for body in bodies[:200]]
    documents(tmp_path, {"a.jsonl.gz": texts(*bodies, *copies)})
    report = dedupe(tmp_path, {"preset": "datatrove"})
    clusters = report["details"]["clusters"]
    assert clusters["largest"][0]["members"] == 2
    # One word of a hundred: a Jaccard similarity of 0.98, all but certain to share a band.
    assert clusters["duplicates"] >= 195


def test_the_curve_is_told_before_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documents(tmp_path, {"a.jsonl": texts("x")})
    dedupe(tmp_path, {"preset": "dolma3"}, dryrun=False)
    said = capsys.readouterr().err
    assert "MinHash of 5 words, 26 bands of 11 rows" in said
    assert "0.090 at 0.60" in said
    assert "0.903 at 0.80" in said
    assert round(_core.Clusters.probability(14, 8, 0.75), 3) == 0.772


def test_numbers_of_a_recipe_win_over_the_preset() -> None:
    config = MinhashConfig(attribute_name="x", preset="datatrove", rows=5)
    assert config.numbers().rows == 5
    assert config.numbers().bands == 14
