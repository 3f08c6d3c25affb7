"""What a report is made of: its head, sections of tables, and the file of numbers beside it."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from measure import Corpus

MEGABYTE = 1_000_000

Machine = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Section:
    """One suite's measurements: text for readers, rows for programs, and whether targets are met."""

    title: str
    lines: list[str]
    rows: list[dict[str, Any]]
    met: bool


def machine() -> Machine:
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
    text, stored = corpus.text_bytes / MEGABYTE, corpus.stored_bytes / MEGABYTE
    return [
        f"- Input: {len(corpus.files)} files, {corpus.documents} documents, {text:.1f} MB of text "
        f"({stored:.1f} MB stored).",
        f"- Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, load {machine['load']} before the start.",
        f"- Repeat with: `{command}`",
        "",
    ]


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return [*("| " + " | ".join(cells) + " |" for cells in lines), ""]


def megabytes(size: float, digits: int = 0) -> str:
    return f"{size / MEGABYTE:.{digits}f}"


def verdict(reached: float, target: float | None) -> str:
    """Whether a ratio reaches its target; a dash where there is none."""
    if target is None:
        return "-"
    return "met" if reached >= target else "missed"


def write(out: Path, markdown: str, sections: list[Section], corpus: Corpus, machine: Machine) -> None:
    """Writes the report beside itself as `.md` and `.json`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".md").write_text(markdown, encoding="utf-8")
    counted = {name: value for name, value in asdict(corpus).items() if name != "files"}
    rows = {section.title: section.rows for section in sections}
    data = {"machine": machine, "corpus": counted, "sections": rows}
    out.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
