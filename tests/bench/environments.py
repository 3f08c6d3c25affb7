"""Virtual environments for the tools that are compared with, made once below the cache."""

import shutil
import subprocess
import sys
from pathlib import Path

from measure import BenchError

DATATROVE = ("datatrove[processing,io]==0.10.1", "spacy==3.8.18", "nltk==3.10.4", "orjson", "isal")
"""With what makes it fast where it does not come with it: `isal` inflates, `orjson` parses."""

RENSA = "rensa==0.5.0"
TEXT_DEDUP = "text-dedup==0.4.0"


def environment(cache: Path, name: str, *requirements: str) -> Path:
    """The Python of an environment `name` with these packages, installed unless it is there already."""
    home = cache / name
    python = home / "bin" / "python"
    complete = home / "complete"
    if not complete.exists() or complete.read_text(encoding="utf-8").split() != list(requirements):
        print(f"installing {requirements[0]} into {home}", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # The pip that Python 3.11.7 brings had not found versions of what dolma 1.2.1 needs that go together
        # after twelve minutes; today's does in two.
        for wanted in (["--upgrade", "pip"], requirements):
            done = subprocess.run([*pip, *wanted], stderr=subprocess.PIPE, text=True)
            if done.returncode != 0:
                shutil.rmtree(home, ignore_errors=True)
                reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
                raise BenchError(f"{requirements[0]} does not install with {sys.executable}: {reason}")
        complete.write_text("\n".join(requirements), encoding="utf-8")
    return python
