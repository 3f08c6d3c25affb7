"""What a run says of its taggers: in the report, while it goes on, and as a table."""

from __future__ import annotations

import json
import pstats
import random
import re
from pathlib import Path
from typing import Any

import pytest

from command import dolma, succeed
from shards import attributes_of, halve, prose, put

MODULE = '''
from dolma import BaseTagger, add_tagger
from dolma.document import DocResult, Document, Span


@add_tagger("words_v1")
class Words(BaseTagger):
    """Words of more than three letters, scored by where they start."""

    def predict(self, doc: Document) -> DocResult:
        spans, at = [], 0
        for word in doc.text.split(" "):
            if len(word) > 3:
                spans.append(Span(at, at + len(word), "long-one", (at - 40) / 7))
            at += len(word) + 1
        return DocResult(doc, spans)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "words.py").write_text(MODULE)
    draw = random.Random(4)
    for name in "abc":
        texts = [
            " ".join(draw.choices(["a", "be", "tree", "forest"], k=draw.randrange(9))) for _ in range(400)
        ]
        put(tmp_path / f"documents/{name}.jsonl.gz", *texts)
    return tmp_path


def tag(folder: Path, *more: object) -> Any:
    return succeed(
        *("tag", "--documents", "documents", "--experiment", "e", "--force", "--report", "report.json"),
        *("--tagger_modules", "words.py", *more),
        cwd=folder,
    )


def sections(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())["taggers"]
    return found


def timeless(section: dict[str, Any]) -> dict[str, Any]:
    clocks = ("seconds", "documents_per_second", "share_of_time")
    return {name: {key: of[key] for key in of if key not in clocks} for name, of in section.items()}


@pytest.mark.parametrize("taggers", [["words_v1", "char_length_v1"], ["char_length_v1", "gopher_v2"]])
def test_the_report_describes_the_scores_that_were_written(folder: Path, taggers: list[str]) -> None:
    tag(folder, "--taggers", *taggers)
    found = [row for name in "abc" for row in attributes_of(folder / f"attributes/e/{name}.jsonl.gz")]
    told = sections(folder)
    assert list(told) == taggers
    for tagger in taggers:
        scores: dict[str, list[float]] = {}
        silent = 0
        for row in found:
            spans = {key: value for key, value in row.items() if key.split("__")[1] == tagger}
            silent += not any(spans.values())
            for key, value in spans.items():
                scores.setdefault(key.split("__", 2)[2], []).extend(span[2] for span in value)
        of = told[tagger]
        assert (of["documents"], of["documents_without_span"]) == (1200, silent)
        assert of["spans"] == sum(map(len, scores.values()))
        assert set(of["scores"]) == set(scores)
        for kind, values in scores.items():
            check(of["scores"][kind], sorted(values))
        assert 0 < of["share_of_time"] < 1
        assert of["documents_per_second"] == pytest.approx(1200 / of["seconds"], rel=0.2)


def check(told: dict[str, float], values: list[float]) -> None:
    """Compares what is told of scores with the sorted scores themselves."""
    assert (told["count"], told["min"], told["max"]) == (len(values), values[0], values[-1])
    assert told["mean"] == pytest.approx(sum(values) / len(values), abs=1e-5)
    for share in (1, 10, 25, 50, 75, 90, 99):
        exact = values[round(share / 100 * (len(values) - 1))]
        near = told[f"p{share:02d}"]
        assert min(abs(near - value) for value in (exact, *nearby(values, share))) <= abs(exact) / 32 + 2e-5


def nearby(values: list[float], share: int) -> list[float]:
    """The neighbours of a quantile: a rank that lies between two may be rounded to either."""
    rank = share / 100 * (len(values) - 1)
    return [values[int(rank)], values[min(int(rank) + 1, len(values) - 1)]]


@pytest.mark.parametrize("taggers", [["words_v1", "char_length_v1"], ["char_length_v1", "gopher_v2"]])
def test_any_number_of_processes_tells_the_same(folder: Path, taggers: list[str]) -> None:
    tag(folder, "--taggers", *taggers)
    one = timeless(sections(folder))
    tag(folder, "--taggers", *taggers, "--processes", 3)
    assert timeless(sections(folder)) == one


@pytest.mark.parametrize("tagger", ["words_v1", "char_length_v1"])
@pytest.mark.parametrize("processes", [1, 2])
def test_what_was_read_of_a_file_that_fails_is_not_counted(folder: Path, tagger: str, processes: int) -> None:
    cut = put(folder / "documents/cut.jsonl.gz", *(prose(seed, 200) for seed in range(6000)))
    halve(cut)
    result = dolma(
        *("tag", "--documents", "documents", "--experiment", "e", "--report", "report.json"),
        *("--tagger_modules", "words.py", "--taggers", tagger, "--processes", processes),
        cwd=folder,
    )
    assert result.code == 4
    assert "cut.jsonl.gz" in result.err
    of = sections(folder)[tagger]
    assert of["documents"] == 1200
    assert sum(scores["count"] for scores in of["scores"].values()) == of["spans"]


def test_events_tell_what_takes_the_time(folder: Path) -> None:
    result = tag(folder, "--taggers", "gopher_v2", "words_v1", "--progress", "json")
    events = [json.loads(line) for line in result.err.splitlines() if line.startswith("{")]
    shares = events[-1]["taggers"]
    assert list(shares) == ["gopher_v2", "words_v1"]
    assert 0 < sum(of["share"] for of in shares.values()) <= 1
    assert shares["words_v1"]["spans"] == sections(folder)["words_v1"]["spans"]


def test_a_profile_of_kernels_is_a_table(folder: Path) -> None:
    printed = tag(folder, "--taggers", "gopher_v2", "char_length_v1", "--profile").out
    assert re.search(r"^tagger +documents/s +time +documents +spans +no span +failed$", printed, re.MULTILINE)
    assert re.search(r"^char_length_v1 +[\d,]+ +[\d.]+% +1,200 +1,200 +0 +0$", printed, re.MULTILINE)
    assert re.search(r"^\(reading and writing\) +[\d.]+%$", printed, re.MULTILINE)
    assert re.search(r"^gopher_v2__word_count +1,200( +[\d.]+){6}$", printed, re.MULTILINE)
    assert "function calls" not in printed


def test_a_profile_of_python_taggers_has_both(folder: Path) -> None:
    printed = tag(folder, "--taggers", "words_v1", "--profile.enable", "--profile.lines", 5).out
    assert "function calls" in printed
    assert re.search(r"^words_v1 +[\d,]+ +[\d.]+% +1,200 ", printed, re.MULTILINE)
    assert "words_v1__long_one" in printed


def test_a_profile_of_python_taggers_goes_into_a_file(folder: Path) -> None:
    where = ("--profile", "--profile.output", "new/place.prof")
    printed = tag(folder, "--taggers", "words_v1", *where).out
    assert "function calls" not in printed
    assert pstats.Stats(str(folder / "new/place.prof")).get_stats_profile().total_tt > 0
    told = tag(folder, "--taggers", "gopher_v2", *where[:2], "other.prof")
    assert "warning: profile.output: no tagger is Python code" in told.err
    assert "gopher_v2__word_count" in told.out
    assert not (folder / "other.prof").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("sort_key", "totime"), "profile.sort_key: 'totime' is no key of pstats.*did you mean 'tottime'"),
        (("output", "documents"), "profile.output: .*documents is a folder; name a file"),
        (("output", "words.py/x"), "profile.output: .*x cannot be written: .*words.py is no folder"),
    ],
)
def test_a_profile_that_could_not_be_made_is_refused_before_any_work(
    folder: Path, option: tuple[str, str], message: str
) -> None:
    done = dolma(
        *("tag", "--documents", "documents", "--tagger_modules", "words.py", "--taggers", "words_v1"),
        *("--profile", f"--profile.{option[0]}", option[1]),
        cwd=folder,
    )
    assert done.code == 2
    assert re.search(message, done.message)
    assert not (folder / "attributes").exists()


def test_a_profile_agrees_with_the_report_and_names_large_numbers_in_full(folder: Path) -> None:
    put(folder / "documents/long.jsonl.gz", "tree " * 24690)
    printed = tag(folder, "--taggers", "words_v1", "char_length_v1", "gopher_v2", "--profile").out
    told = sections(folder)
    shares = 0.0
    for name, of in told.items():
        (line,) = re.findall(rf"^{name} +(.*)$", printed, re.MULTILINE)
        speed, time, *counts = line.replace(",", "").split()
        assert float(speed) == pytest.approx(of["documents_per_second"], abs=1)
        assert float(time[:-1]) == pytest.approx(100 * of["share_of_time"], abs=0.051)
        assert counts == [str(of[key]) for key in ("documents", "spans", "documents_without_span", "errors")]
        shares += float(time[:-1])
    (rest,) = re.findall(r"^\(reading and writing\) +([\d.]+)%$", printed, re.MULTILINE)
    assert shares + float(rest) == pytest.approx(100, abs=0.3)
    scores = told["char_length_v1"]["scores"]["length"]
    (line,) = re.findall(r"^char_length_v1__length +(.*)$", printed, re.MULTILINE)
    assert line.split()[0] == "1,201"
    assert line.split()[5] == "123,450" == f"{scores['max']:,.0f}"
