"""Ctrl-C before anything is begun: the program ends at once, with its exit code and without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command import environment
from shards import put


@pytest.mark.parametrize(
    "module", ["msgspec", "dolma.recipes", "dolma.config.common", "dolma.commands.session"]
)
def test_ctrl_c_while_modules_are_imported_shows_no_trace(tmp_path: Path, module: str) -> None:
    documents = put(tmp_path / "documents/d.jsonl.gz", "text")
    # Each module is told of when it is there.
    command = [sys.executable, "-X", "importtime", "-m", "dolma", "tag", "--taggers", "char_length_v1"]
    process = subprocess.Popen(
        [*command, "--documents", str(documents)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background ignores it, and would have it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.rstrip().endswith(f" {module}"):
            break
    process.send_signal(signal.SIGINT)
    said = [line for line in process.communicate(timeout=60)[1].splitlines() if "import time:" not in line]
    assert process.returncode == 130
    assert not any("Traceback" in line or line.startswith("error") for line in said), said


def test_a_program_that_is_not_to_be_interrupted_is_not(tmp_path: Path) -> None:
    documents = put(tmp_path / "documents/d.jsonl.gz", "text")
    code = (
        "import os, signal, sys\nfrom dolma.__main__ import main\n"
        f"sys.argv[1:] = ['tag', '--taggers', 'char_length_v1', '--documents', {str(documents)!r}, '--dryrun']\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\nassert main() == 0\n"
        "assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN\n"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=True)


TAGGER = """
from dolma import BaseTagger, add_tagger
from dolma.document import DocResult, Document

@add_tagger("nothing")
class Nothing(BaseTagger):
    def predict(self, doc: Document) -> DocResult:
        return DocResult(doc=doc, spans=[])
"""

# Of the interpreter, before anything of a worker process is its own.
SLOW = """
import pathlib, sys, time
if "--multiprocessing-fork" in sys.orig_argv:
    pathlib.Path("coming-up").touch()
    time.sleep(1)
"""


def test_ctrl_c_while_worker_processes_come_up_shows_no_trace(tmp_path: Path) -> None:
    documents = put(tmp_path / "documents/d.jsonl.gz", "text")
    (tmp_path / "tagger.py").write_text(TAGGER)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(SLOW)
    known = environment()
    known["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "site"), known["PYTHONPATH"]])
    taggers = ["--taggers", "nothing", "--tagger_modules", "tagger.py", "--processes", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "dolma", "tag", *taggers, "--documents", str(documents)],
        cwd=tmp_path,
        env=known,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    until = time.monotonic() + 60
    while not (tmp_path / "coming-up").exists() and time.monotonic() < until:
        time.sleep(0.01)
    # As a terminal does it: to all processes of the command.
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "Traceback" not in said
