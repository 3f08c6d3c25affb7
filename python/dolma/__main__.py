"""The program `dolma`, and `python -m dolma`: a process around the command line.

A command makes no rubbish to speak of: what the imports and the config leave behind stays to the end.
Looking through it at every step of the start, and taking the interpreter down piece by piece when all is
done, would take longer than the rest of both.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

# Not from `typing`, for the same reason as `signal` below.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["main", "program"]

#: Objects that are made before the collector looks at the youngest, instead of 700.
COLLECT_AFTER = 100_000
#: The exit code after Ctrl-C.
STOPPED = 130


def main() -> int:
    """Runs the command line of this process; returns its exit code."""
    gc.set_threshold(COLLECT_AFTER)
    _open_streams()
    # Only now: what it takes along is the first that the collector would look through.
    import signal

    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        # Nothing is begun yet, and a trace of imports says nothing to whoever thought better of it.
        signal.signal(signal.SIGINT, lambda *_: os._exit(STOPPED))
    _import_msgspec()
    from .cli import main as run

    try:
        if interruptible:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run()
    except KeyboardInterrupt:
        code = STOPPED
    except SystemExit as end:
        # The help, or the version; a tagger may end with a word of its own.
        if end.code:
            raise
        code = 0
    return code


def program() -> NoReturn:
    """Runs the command line of this process, and ends the process."""
    code = main()
    threading = sys.modules.get("threading")
    if threading is not None and any(not thread.daemon for thread in threading.enumerate()[1:]):
        # Of a tagger; it is waited for.
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        # A tagger may take one away.
        if stream is not None:
            stream.flush()
    os._exit(code)


def _open_streams() -> None:
    """Has standard streams that were closed before the start lead nowhere: the first files to be opened
    would get their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _import_msgspec() -> None:
    """Imports msgspec without two modules that it takes along, and that take as long to load as itself.

    typing_extensions, where that happens to be installed: what it needs of it is in `typing` since 3.11.
    And platform, of which uuid, before 3.12, asks for nothing but the name of the system.
    """
    from types import SimpleNamespace

    instead: dict[str, Any] = {"platform": SimpleNamespace(system=lambda: os.uname().sysname)}
    if sys.version_info >= (3, 11):
        instead["typing_extensions"] = None
    instead = {name: module for name, module in instead.items() if name not in sys.modules}
    sys.modules.update(instead)
    import msgspec  # noqa: F401

    for name in instead:
        del sys.modules[name]


if __name__ == "__main__":
    program()
