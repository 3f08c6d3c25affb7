"""The taggers of fastText models against the package called for each document or paragraph.

What counts is the time that the package spends on cleaning texts and predicting, and the time that
the run report gives for the tagger, its spans written; reading is in neither. Both work on a sample
of the documents, one process each, in turn, and the best of the runs counts: these times are short.

Besides the language model that comes with this tool, models of the usual shapes are trained from the
sample: how many words, rows and labels they have matters to the time, what they predict does not.
"""

import gzip
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from configs import Config
from floor import ROOT
from measure import opened, timed
from report import Section, table, verdict
from suite import Context
from tools import run_tool

SCRIPTS = Path(__file__).with_name("peers")

DOCUMENTS = 1024
"""Documents of the sample at most, taken evenly from the whole input."""

TARGET = 4.0

LANGUAGES = "lid.176.ftz"

TRAINED: dict[str, dict[str, Any]] = {
    "bigrams": {"labels": 2, "dim": 16, "wordNgrams": 2, "bucket": 20_000},
    "bigrams-large": {"labels": 2, "dim": 100, "wordNgrams": 2, "bucket": 2_000_000},
    "characters": {"labels": 176, "dim": 16, "minn": 2, "maxn": 4, "bucket": 2_000_000, "loss": "hs"},
}
"""Models by how many labels they have and the arguments they are trained with."""

MODELS = (LANGUAGES, *TRAINED)
"""Names of models; each is a job."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A tagger with its model, and what the published one does to a text before it predicts."""

    tagger: str
    model: str
    paragraphs: bool = False
    lowercase: bool = False
    by_option: bool = False

    @property
    def unit(self) -> str:
        return "paragraph" if self.paragraphs else "document"

    def options(self, model: Path) -> Config:
        """The options of the tagger; the unit is one of them where its name does not tell."""
        return {"model": str(model)} | ({"unit": self.unit} if self.by_option else {})


CASES = (
    Case(tagger="ft_lang_id_en_doc_v2", model=LANGUAGES, lowercase=True),
    Case(tagger="ft_lang_id_en_paragraph_v2", model=LANGUAGES, paragraphs=True, lowercase=True),
    Case(tagger="ft_lang_id_en_doc_v2", model="characters", lowercase=True),
    Case(tagger="ft_lang_id_en_paragraph_v2", model="characters", paragraphs=True, lowercase=True),
    Case(tagger="jigsaw_hatespeech_document_v2", model="bigrams"),
    Case(tagger="quality_fasttext_v1", model="bigrams", paragraphs=True, by_option=True),
    Case(tagger="quality_fasttext_v1", model="bigrams-large", by_option=True),
    Case(tagger="quality_fasttext_v1", model="bigrams-large", paragraphs=True, by_option=True),
)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Seconds of the package and of the tagger for the sample."""

    tagger: str
    model: str
    unit: str
    package: float
    dolma: float

    @property
    def ratio(self) -> float:
        return self.package / self.dolma


def _take_sample(context: Context, path: Path) -> None:
    step = max(context.bench.corpus.documents / DOCUMENTS, 1.0)
    at = taken = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb", compresslevel=1) as out:
        for source in context.bench.corpus.files:
            with opened(source) as lines:
                for line in lines:
                    if at >= taken * step:
                        out.write(line.rstrip(b"\n") + b"\n")
                        taken += 1
                    at += 1


def _peer(context: Context, script: str, *arguments: str) -> str:
    """Runs a script with the package that the published tool has; returns what it printed last."""
    python = context.published.path.with_name("python")
    log = context.bench.work / f"{script}.log"
    command = [str(python), str(SCRIPTS / script), *arguments]
    timed(command, log, context.published.environment, context.bench.limit)
    return log.read_text(encoding="utf-8").rstrip().rpartition("\n")[2]


def _train(context: Context, sample: Path) -> dict[str, Path]:
    """The models by name; those that are trained lie beside the sample."""
    wanted = {name: arguments for name, arguments in TRAINED.items() if context.wanted(name)}
    print(f"training {', '.join(wanted) or 'nothing'}", file=sys.stderr)
    _peer(context, "fasttext_train.py", str(sample), str(sample.parent), json.dumps(wanted))
    trained = {name: sample.with_name(f"{name}.bin") for name in wanted}
    return {LANGUAGES: ROOT / "python" / "dolma" / "data" / LANGUAGES} | trained


def _package(context: Context, sample: Path, case: Case, model: Path) -> float:
    """Seconds of the package."""
    letters = "lower" if case.lowercase else "kept"
    return float(_peer(context, "fasttext_predict.py", str(sample), str(model), case.unit, letters))


def _here(context: Context, sample: Path, case: Case, model: Path) -> float:
    """Seconds of the tagger by the clock of the engine, in one thread."""
    folder = sample.with_name("run")
    folder.mkdir(exist_ok=True)
    report = folder / "report.json"
    config: Config = {
        "documents": [str(sample)],
        "destination": str(folder / "attributes"),
        "experiment": "bench",
        "taggers": [case.tagger],
        "tagger_options": {case.tagger: case.options(model)},
        "processes": 1,
        "ignore_existing": True,
        "report": str(report),
    }
    run_tool(context.bench, context.own, "tag", config, folder)
    timings = json.loads(report.read_text(encoding="utf-8"))["timings"]
    return float(timings["taggers"][case.tagger]["seconds"])


def _measure(context: Context, sample: Path, case: Case, model: Path) -> Speed:
    """Both in turn."""
    package, dolma = [], []
    for number in range(context.runs):
        print(f"{case.tagger}, {case.model}, round {number}", file=sys.stderr)
        package.append(_package(context, sample, case, model))
        dolma.append(_here(context, sample, case, model))
    return Speed(tagger=case.tagger, model=case.model, unit=case.unit, package=min(package), dolma=min(dolma))


def _cells(row: Speed) -> list[str]:
    return [
        f"`{row.tagger}`",
        row.unit,
        row.model,
        f"{row.package:.3f} / {row.dolma:.3f}",
        f"**{row.ratio:.1f}**",
        f"{TARGET:g}",
        verdict(row.ratio, TARGET),
    ]


def classify(context: Context) -> Section:
    """The suite: fastText models over documents and paragraphs."""
    sample = context.bench.work / "fasttext" / "sample.jsonl.gz"
    _take_sample(context, sample)
    models = _train(context, sample)
    cases = [case for case in CASES if context.wanted(case.model)]
    rows = [_measure(context, sample, case, models[case.model]) for case in cases]
    intro = (
        f"{DOCUMENTS} documents at most. Each pair is the package / this tool, the best of {context.runs} "
        "runs in turn."
    )
    columns = ("tagger", "unit", "model", "seconds", "ratio", "target", "verdict")
    return Section(
        title="Taggers of fastText models",
        lines=[intro, "", *table(columns, [_cells(row) for row in rows])],
        rows=[asdict(row) for row in rows],
        met=all(row.ratio >= TARGET for row in rows),
    )
