"""Gives the published taggers of addresses lists of the benchmark's own, in place of downloads.

A module of taggers for `dolma tag` that defines none: it only changes where the published ones look,
by the variable `BENCH_LISTS`, a JSON object of taggers to paths.
"""

import json
import os

from dolma.core.registry import TaggerRegistry

for name, paths in json.loads(os.environ["BENCH_LISTS"]).items():
    TaggerRegistry.get(name).BLOCKLIST_PATHS = paths
