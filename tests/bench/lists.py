"""The taggers of addresses and of source code, against the published classes and the published tool.

Classes are called on documents in memory, and held against the engine's own time in the run report:
what the tagger costs. Whole runs of both tools follow, with reading and writing. The lists are small
ones that are made here, of every format: how long a list is does not matter to either.
"""

import json
import statistics
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import comparison
from configs import GOPHER, Config, Setting
from jobs import JOBS, Job
from measure import opened, timed
from report import Section, table, verdict
from suite import Context
from tools import Bench, Tool, run_tool

SCRIPTS = Path(__file__).with_name("peers")

TARGET = 20

LISTS = {
    "blocklist_firebog_ads_v1": "hosts",
    "oisd_big_abp_v1": "names",
    "brave_core_abp_v1": "rules",
    "allowlist_wikidata_v1": "sites",
}
"""Taggers of addresses, and the format of their lists."""

CODE = ("code_redpajama_taggers_v1", "code_copyright_comments_v1")


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """One tagger: microseconds for a document of the published class and here; or why there are none."""

    tagger: str
    target: float | None
    published: float | None
    dolma: float
    reason: str

    @property
    def ratio(self) -> float | None:
        return self.published / self.dolma if self.published else None


def _hosts(bench: Bench, entries: int) -> list[str]:
    """Every third host of the corpus, and `entries` made-up ones."""
    found: dict[str, None] = {}
    for path in bench.corpus.files:
        with opened(path) as lines:
            for line in lines:
                url = (json.loads(line).get("metadata") or {}).get("url") or ""
                if host := urlsplit(url).hostname:
                    found[host] = None
    return [*list(found)[::3], *(f"ads{n}.site{n % 97}.example" for n in range(entries))]


def _write_lists(bench: Bench, entries: int) -> dict[str, list[str]]:
    """A list of each format; returns the paths for each tagger."""
    hosts = _hosts(bench, entries)
    forms = ("{}", "0.0.0.0 {}", "127.0.0.1 {}")
    rules = ("||{}^", "||{}^$third-party", "||{}/banner/*$script", "-ad-{}.", "@@||{}/allowed^")
    written = {
        "hosts": "\n".join(forms[n % 3].format(host) for n, host in enumerate(hosts)),
        "names": "\n".join(f"||{host}^" for host in hosts),
        "rules": "\n".join(rules[n % 5].format(host) for n, host in enumerate(hosts)),
        "sites": json.dumps([{"url": f"https://{host}/"} for host in hosts]),
    }
    folder = bench.work / "lists"
    folder.mkdir(parents=True, exist_ok=True)
    for form, text in written.items():
        (folder / form).write_text(text + "\n", encoding="utf-8")
    return {tagger: [str(folder / form)] for tagger, form in LISTS.items()}


def _config(setting: Setting, tagger: str, lists: dict[str, list[str]]) -> Config:
    config: Config = {
        "documents": setting.inputs,
        "experiment": GOPHER,
        "taggers": [tagger],
        "processes": setting.workers,
    }
    if setting.published:
        config["tagger_modules"] = [str(SCRIPTS / "published_lists.py")]
    elif tagger in lists:
        config["tagger_options"] = {tagger: {"paths": lists[tagger]}}
    return config


def _here(context: Context, tagger: str, lists: dict[str, list[str]]) -> float:
    """Seconds of the tagger by the clock of the engine, in one thread."""
    taken = []
    for _ in range(context.runs):
        folder = context.bench.fresh(context.bench.work / "runs" / f"clock-{tagger}")
        report = folder / "report.json"
        config = _config(context.bench.setting(folder, context.own, 1), tagger, lists)
        run_tool(context.bench, context.own, "tag", config | {"report": str(report)}, folder)
        timings = json.loads(report.read_text(encoding="utf-8"))["timings"]
        taken.append(float(timings["taggers"][tagger]["seconds"]))
    return statistics.median(taken)


def _classes(context: Context, published: Tool, taggers: list[str]) -> dict[str, float | str]:
    """Seconds of the published classes."""
    print(f"published classes: {', '.join(taggers)}", file=sys.stderr)
    python = published.path.with_name("python")
    paths = [str(path) for path in context.bench.corpus.files]
    command = [str(python), str(SCRIPTS / "published_taggers.py"), ",".join(taggers), *paths]
    log = context.bench.work / "classes.log"
    timed(command, log, published.environment, context.bench.limit)
    taken: dict[str, float | str] = json.loads(log.read_text(encoding="utf-8").strip().split("\n")[-1])
    return taken


def _lookups(context: Context, published: Tool, lists: dict[str, list[str]]) -> list[Lookup]:
    taggers = [name for name in (*LISTS, *CODE) if context.wanted(name)]
    theirs = _classes(context, published, taggers)
    rows = []
    for tagger in taggers:
        taken = theirs[tagger]
        each = 1e6 / context.bench.corpus.documents
        rows.append(
            Lookup(
                tagger=tagger,
                target=TARGET if tagger in LISTS else None,
                published=taken * each if isinstance(taken, float) else None,
                dolma=_here(context, tagger, lists) * each,
                reason=taken if isinstance(taken, str) else "",
            )
        )
    return rows


def _cells(row: Lookup) -> list[str]:
    return [
        f"`{row.tagger}`",
        f"{row.published:.1f}" if row.published else "-",
        f"{row.dolma:.2f}",
        f"**{row.ratio:.0f}**" if row.ratio else "-",
        f"{row.target:g}" if row.target else "-",
        verdict(row.ratio, row.target) if row.ratio else f"not measured ({row.reason})",
    ]


def look_up(context: Context) -> Section:
    """The suite: classes in memory, and then whole runs."""
    lists = _write_lists(context.bench, context.entries)
    environment = context.published.environment | {"BENCH_LISTS": json.dumps(lists)}
    published = replace(context.published, environment=environment)
    rows = _lookups(context, published, lists)
    whole: list[Job] = []
    for row in rows:
        if row.published is None:
            continue

        def config(setting: Setting, tagger: str = row.tagger) -> Config:
            return _config(setting, tagger, lists)

        whole.append(
            replace(
                JOBS[0],
                name=row.tagger,
                title=f"tag, `{row.tagger}`",
                target=row.target,
                config=config,
            )
        )
    runs = comparison.compare(replace(context, published=published), whole)
    columns = ("tagger", "published class, µs", "here, µs", "ratio", "target", "verdict")
    intro = "Microseconds for a document in memory, one process each, by the clock of the engine here."
    return Section(
        title="Taggers of addresses and of source code",
        lines=[intro, "", *table(columns, [_cells(row) for row in rows]), *runs.lines],
        rows=[*(asdict(row) for row in rows), *runs.rows],
        met=runs.met and all(not row.target or (row.ratio or 0) >= row.target for row in rows),
    )
