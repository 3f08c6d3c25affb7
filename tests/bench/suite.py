"""What every suite of measurements is given."""

from dataclasses import dataclass
from pathlib import Path

from tools import Bench, Tool


@dataclass(frozen=True, kw_only=True)
class Context:
    """The input, the tools, and what the command line asked for."""

    bench: Bench
    own: Tool
    published: Tool
    cache: Path
    jobs: tuple[str, ...] | None
    workers: tuple[int, ...]
    runs: int
    times: tuple[str, ...]
    entries: int
    datatrove: Path | None
    suffix_arrays: Path | None
    scan: Path | None
    injected: Path | None

    def wanted(self, name: str) -> bool:
        """Whether a job was asked for: all are unless some are named."""
        return self.jobs is None or name in self.jobs
