"""Deduplication from end to end against other programs: from compressed documents to what is left.

Each program reads the same files and writes what it keeps; this tool marks and then mixes, in two
processes. They do not find quite the same: only this tool compares candidates before it joins them.
What each removed stands beside its speed. A program that cannot be installed or fails is reported
with its reason, and the suite goes on.
"""

import os
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import configs
from environments import DATATROVE, RENSA, TEXT_DEDUP, environment
from measure import BenchError, Cost, Output, read_output, timed
from report import MEGABYTE, Section, megabytes, table
from suite import Context
from tools import Bench, Tool, run_tool

SCRIPTS = Path(__file__).with_name("peers")


@dataclass(frozen=True, kw_only=True)
class Done:
    """One run: its cost, the documents that are left and their text in bytes, if that is known."""

    cost: Cost
    documents: int
    text_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Contest:
    """A peer and the nearest that this tool does. `single` peers know one process only."""

    name: str
    title: str
    target: float | None
    peer: Callable[[Context, Path, int], Done]
    own: tuple[configs.Config, str]
    single: bool = False
    less_memory: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Both sides of a contest with a number of workers; `reason` is why the peer has no numbers."""

    title: str
    workers: int
    target: float | None
    own: Done
    peer: Done | None
    reason: str
    remarks: tuple[str, ...]

    @property
    def ratio(self) -> float | None:
        return self.peer.cost.seconds / self.own.cost.seconds if self.peer else None


def _peer(context: Context, folder: Path, command: list[str], **variables: str) -> Cost:
    """Runs a peer's command on the documents below `folder`."""
    return timed(
        command,
        folder.with_name(f"{folder.name}.log"),
        os.environ | {"PYTHONHASHSEED": "0", **variables},
        context.bench.limit,
        disk=folder,
    )


def _left(cost: Cost, kept: Output) -> Done:
    return Done(cost=cost, documents=kept.rows, text_bytes=kept.text_bytes)


def _datatrove(method: str) -> Callable[[Context, Path, int], Done]:
    def run(context: Context, folder: Path, workers: int) -> Done:
        python = context.datatrove or environment(context.cache, "datatrove", *DATATROVE)
        script = [str(python), str(SCRIPTS / "datatrove_dedupe.py"), method]
        where = [str(folder / "documents"), str(folder / "left"), str(workers)]
        return _left(_peer(context, folder, [*script, *where]), read_output(folder / "left"))

    return run


def _rensa(context: Context, folder: Path, workers: int) -> Done:
    python = environment(context.cache, "rensa", RENSA)
    where = [str(folder / "documents"), str(folder / "left")]
    cost = _peer(context, folder, [str(python), str(SCRIPTS / "rensa_minhash.py"), *where])
    return _left(cost, read_output(folder / "left"))


def _text_dedup(context: Context, folder: Path, workers: int) -> Done:
    python = environment(context.cache, "text-dedup", TEXT_DEDUP)
    options = {
        "path": "json",
        "data_files": f"{folder}/documents/*",
        "split": "train",
        "cache_dir": f"{folder}/cache",
        "output": f"{folder}/left",
        "column": "text",
        "ngram": 5,
        "min_length": 0,
        "num_perm": 14 * 8,
        "b": 14,
        "r": 8,
        "threshold": 0.75,
        "hash_func": "xxh3",
        "num_proc": workers,
    }
    given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [str(python), "-m", "text_dedup.minhash", *given]
    # Wide enough for its log to keep a line in one piece.
    cost = _peer(context, folder, command, COLUMNS="200", HF_HUB_OFFLINE="1", HF_HOME=f"{folder}/hf")
    log = folder.with_name(f"{folder.name}.log").read_text(encoding="utf-8")
    kept = re.search(r"After\s*:\s*(\d+)", log)
    if kept is None:
        raise BenchError("text-dedup does not say what it kept")
    return Done(cost=cost, documents=int(kept[1]), text_bytes=None)


LIKENESS = (configs.by_likeness("datatrove"), "documents")
LINES = (configs.BY_LINE, "spans")

CONTESTS = (
    Contest(
        name="datatrove-minhash",
        title="MinHash 14 x 8, datatrove",
        target=50,
        peer=_datatrove("minhash"),
        own=LIKENESS,
        less_memory=True,
    ),
    Contest(
        name="datatrove-exact",
        title="exact documents, datatrove",
        target=None,
        peer=_datatrove("exact"),
        own=(configs.BY_TEXT, "documents"),
    ),
    Contest(
        name="datatrove-lines",
        title="lines, datatrove; exact paragraphs",
        target=None,
        peer=_datatrove("lines"),
        own=LINES,
    ),
    Contest(
        name="datatrove-sentences",
        title="three sentences in a row, datatrove; exact paragraphs",
        target=None,
        peer=_datatrove("sentences"),
        own=LINES,
    ),
    Contest(
        name="rensa",
        title="MinHash 14 x 8, rensa",
        target=None,
        peer=_rensa,
        own=LIKENESS,
        single=True,
    ),
    Contest(
        name="text-dedup",
        title="MinHash 14 x 8, text-dedup",
        target=None,
        peer=_text_dedup,
        own=LIKENESS,
    ),
)


def remove(bench: Bench, tool: Tool, how: tuple[configs.Config, str], folder: Path, workers: int) -> Done:
    """Marks duplicates with this tool, and mixes without them."""
    method, what = how
    setting = bench.setting(bench.fresh(folder), tool, workers)
    marking = configs.dedupe(method, configs.documents, exact=True)(setting)
    cost = run_tool(bench, tool, "dedupe", marking, folder)
    cost = cost.then(run_tool(bench, tool, "mix", configs.remove(what)(setting), folder))
    return _left(cost, read_output(folder / "mixed"))


def _median(done: list[Done]) -> Done:
    """The run of median time."""
    return sorted(done, key=lambda run: run.cost.seconds)[len(done) // 2]


def _meet(context: Context, contest: Contest, workers: int) -> Outcome:
    """A contest with a number of workers, the sides in turn."""
    folder = context.bench.work / "peers"
    mine: list[Done] = []
    theirs: list[Done] = []
    reason = "one process only" if contest.single and workers > 1 else ""
    for number in range(context.runs):
        print(f"{contest.name}, {workers} workers, round {number}", file=sys.stderr)
        mine.append(remove(context.bench, context.own, contest.own, folder / "own", workers))
        if not reason:
            place = context.bench.fresh(folder / contest.name)
            try:
                theirs.append(contest.peer(context, place, workers))
            except BenchError as error:
                reason = str(error)
    own, peer = _median(mine), _median(theirs) if theirs and not reason else None
    remarks = []
    if peer and contest.target and peer.cost.seconds / own.cost.seconds < contest.target:
        remarks.append("missed")
    if peer and contest.less_memory and own.cost.peak_memory >= peer.cost.peak_memory:
        remarks.append("more memory")
    if contest.target and not peer:
        remarks.append("not measured")
    return Outcome(
        title=contest.title,
        workers=workers,
        target=contest.target,
        own=own,
        peer=peer,
        reason=reason,
        remarks=tuple(remarks),
    )


def _removed(bench: Bench, done: Done) -> str:
    documents = f"{bench.corpus.documents - done.documents}"
    if done.text_bytes is None:
        return documents
    return f"{documents}, {1 - done.text_bytes / bench.corpus.text_bytes:.1%}"


def _cells(bench: Bench, row: Outcome) -> list[str]:
    def pair(say: Callable[[Done], str]) -> str:
        return f"{say(row.peer) if row.peer else '-'} / {say(row.own)}"

    verdict = "; ".join(row.remarks) or ("met" if row.target else "-")
    return [
        row.title,
        str(row.workers),
        pair(lambda done: f"{done.cost.seconds:.2f}"),
        pair(lambda done: f"{done.cost.cpu_seconds:.2f}"),
        pair(lambda done: f"{bench.corpus.text_bytes / MEGABYTE / done.cost.seconds:.1f}"),
        f"**{row.ratio:.1f}**" if row.ratio else "-",
        f"{row.target:g}" if row.target else "-",
        pair(lambda done: megabytes(done.cost.peak_memory)),
        pair(lambda done: megabytes(done.cost.peak_disk)),
        pair(lambda done: _removed(bench, done)),
        f"{verdict} ({row.reason})" if row.reason else verdict,
    ]


def contend(context: Context) -> Section:
    """The suite: every contest with every number of workers."""
    contests = [contest for contest in CONTESTS if context.wanted(contest.name)]
    rows = [_meet(context, contest, workers) for contest in contests for workers in context.workers]
    columns = (
        "what, against which",
        "workers",
        "seconds",
        "CPU s",
        "MB/s",
        "ratio",
        "target",
        "peak MB",
        "disk MB",
        "removed: documents, text",
        "verdict",
    )
    intro = (
        f"Each pair is the peer / this tool, whole processes, documents in and what is left out. {DATATROVE[0]} "
        f"runs its stages with their defaults; {RENSA} in a script of thirty lines; {TEXT_DEDUP} as its own command."
    )
    return Section(
        title="Deduplication against other programs",
        lines=[intro, "", *table(columns, [_cells(context.bench, row) for row in rows])],
        rows=[asdict(row) for row in rows],
        met=not any(row.remarks for row in rows),
    )
