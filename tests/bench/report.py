"""The report of a benchmark: one row for each job and number of workers, as Markdown and JSON."""

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

from measure import Corpus
from tools import PUBLISHED, Run

_MEGABYTE = 1_000_000

Machine = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The runs of one tool on one job: medians, and the output of the first run."""

    seconds: float
    megabytes_per_second: float
    cpu_seconds: float
    peak_rss: int
    rows: int
    spans: int
    stored_bytes: int
    all_seconds: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """Both tools on one job. `remarks` say what keeps the row from being trusted or met."""

    job: str
    title: str
    workers: int
    target: float
    ratio: float
    published: Summary
    dolma: Summary
    remarks: tuple[str, ...]

    @property
    def met(self) -> bool:
        return not self.remarks


def summarise(runs: list[Run], corpus: Corpus) -> Summary:
    seconds = statistics.median(run.cost.seconds for run in runs)
    output = runs[0].output
    return Summary(
        seconds=seconds,
        megabytes_per_second=corpus.text_bytes / _MEGABYTE / seconds,
        cpu_seconds=statistics.median(run.cost.cpu_seconds for run in runs),
        peak_rss=int(statistics.median(run.cost.peak_rss for run in runs)),
        rows=output.rows,
        spans=output.spans,
        stored_bytes=output.stored_bytes,
        all_seconds=tuple(round(run.cost.seconds, 3) for run in runs),
    )


def environment() -> Machine:
    """The machine a report is true of."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def head(corpus: Corpus, machine: Machine, command: str) -> list[str]:
    """What every report begins with: the input, the machine, the command."""
    text, stored = corpus.text_bytes / _MEGABYTE, corpus.stored_bytes / _MEGABYTE
    return [
        f"- Input: {len(corpus.files)} files, {corpus.documents} documents, {text:.1f} MB of text "
        f"({stored:.1f} MB stored).",
        f"- Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, load {machine['load']} before the start.",
        f"- Repeat with: `{command}`",
        "",
    ]


def table(header: str, rows: list[str]) -> list[str]:
    """A table of rows that are written already."""
    return [header, "|" + "---|" * (header.count("|") - 1), *rows, ""]


def _pair(published: float, dolma: float, digits: int = 1) -> str:
    return f"{published:.{digits}f} / {dolma:.{digits}f}"


def comparison(rows: list[Row], corpus: Corpus, machine: Machine, command: str) -> str:
    """The comparison in Markdown."""
    written = []
    for row in rows:
        old, new = row.published, row.dolma
        cells = (
            row.title,
            str(row.workers),
            _pair(old.seconds, new.seconds, 2),
            _pair(old.megabytes_per_second, new.megabytes_per_second),
            f"**{row.ratio:.1f}**",
            f"{row.target:g}",
            _pair(old.peak_rss / _MEGABYTE, new.peak_rss / _MEGABYTE, 0),
            _pair(old.stored_bytes / _MEGABYTE, new.stored_bytes / _MEGABYTE, 2),
            f"{old.rows} / {new.rows}",
            "; ".join(row.remarks) or "met",
        )
        written.append("| " + " | ".join(cells) + " |")
    header = "| job | workers | seconds | MB/s | ratio | target | peak MB | output MB | rows | verdict |"
    intro = f"Each pair is {PUBLISHED} / this tool; medians of runs that alternate between them."
    lines = [*head(corpus, machine, command), intro, "", *table(header, written)]
    return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """One run of the scaling series."""

    job: str
    copies: int
    files: int
    workers: int
    seconds: float
    megabytes_per_second: float
    peak_rss: int
    gain: float
    growth: float


def scaling(rows: list[Scaled], corpus: Corpus, machine: Machine, command: str) -> str:
    """The scaling series in Markdown."""
    written = []
    for row in rows:
        cells = (
            row.job,
            f"{row.copies}x",
            str(row.files),
            str(row.workers),
            f"{row.seconds:.2f}",
            f"{row.megabytes_per_second:.1f}",
            f"{row.gain:.2f}",
            f"{row.peak_rss / _MEGABYTE:.0f}",
            f"{row.growth:.2f}",
        )
        written.append("| " + " | ".join(cells) + " |")
    header = "| job | input | files | workers | seconds | MB/s | speed-up | peak MB | growth |"
    intro = (
        "Speed-up is against the fewest workers, growth of peak memory against the smallest input, "
        "other things equal."
    )
    return "\n".join([*head(corpus, machine, command), intro, "", *table(header, written)])


def write(out: Path, markdown: str, rows: list[dict[str, object]], corpus: Corpus, machine: Machine) -> None:
    """Writes the report beside itself as `.md` and `.json`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".md").write_text(markdown, encoding="utf-8")
    counted = {name: value for name, value in asdict(corpus).items() if name != "files"}
    data = {"machine": machine, "corpus": counted, "rows": rows}
    out.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
