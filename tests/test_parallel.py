"""`BaseParallelProcessor` as its users know it: files in, files out, and markers of what is done."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from command import environment
from dolma.core.parallel import AllPathsTuple, BaseParallelProcessor
from dolma.errors import DolmaConfigError, DolmaFatalError, DolmaInputError, DolmaShardError
from dolma.parallel.tally import Tally
from folders import everything
from processors import Flaky, Trouble, Undocumented, Upper

TESTS = Path(__file__).resolve().parent
EITHER = pytest.mark.parametrize("debug", [True, False], ids=["here", "processes"])


def write(folder: Path, **texts: str) -> Path:
    """Files called by their keys, `__` for a slash."""
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def made(folder: Path) -> dict[str, str]:
    """The content of every file by its path."""
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.txt"))}


def run(
    tmp_path: Path,
    source: str | list[str],
    kind: type[BaseParallelProcessor] = Upper,
    call: dict[str, Any] | None = None,
    **options: Any,
) -> None:
    given: dict[str, Any] = {
        "source_prefix": source,
        "destination_prefix": str(tmp_path / "out"),
        "metadata_prefix": str(tmp_path / "meta"),
        "debug": True,
        **options,
    }
    kind(**given)(**(call or {}))


def logged(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def order(path: Path) -> list[str]:
    return [Path(told["source"]).stem for told in logged(path)]


# What is done


@EITHER
def test_every_file_is_done_and_marked_and_counted(
    tmp_path: Path, debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", a="one\ntwo\n", b="three\n", sub__deep__c="four\n")
    run(tmp_path, str(source), debug=debug, num_processes=2)
    assert made(tmp_path / "out") == {"a.txt": "ONE\nTWO\n", "b.txt": "THREE\n", "sub/deep/c.txt": "FOUR\n"}
    assert everything(tmp_path / "meta") == ["a.txt.done.txt", "b.txt.done.txt", "sub/deep/c.txt.done.txt"]
    first, last = capsys.readouterr().err.splitlines()
    assert first == "Upper: 3 files to do, 0 done before"
    assert re.fullmatch(r"Upper: done in \d+s: 3 of 3 files done, 3 files, 4 lines", last)


def test_files_are_done_in_as_many_processes_as_asked_for_and_in_none_of_them_with_debug(
    tmp_path: Path,
) -> None:
    source = write(tmp_path / "in", **{f"f{number}": "sleepy\n" for number in range(6)})
    run(tmp_path, str(source), call={"log": str(tmp_path / "here")})
    assert {told["process"] for told in logged(tmp_path / "here")} == {os.getpid()}
    run(
        tmp_path,
        str(source),
        call={"log": str(tmp_path / "log")},
        debug=False,
        num_processes=2,
        ignore_existing=True,
    )
    processes = {told["process"] for told in logged(tmp_path / "log")}
    assert 1 <= len(processes) <= 2
    assert os.getpid() not in processes


@EITHER
def test_a_processor_may_count_as_the_published_documentation_says(
    tmp_path: Path, debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, str(write(tmp_path / "in", a="", b="")), Undocumented, debug=debug)
    assert capsys.readouterr().err.splitlines()[-1].endswith("2 of 2 files done, 6 renamed")


def test_a_count_may_be_put_from_several_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    board = [0.0] * 4
    tally = Tally(board, 1, 2)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: tally.put((1, 2)), range(10_000)))
    tally.put(None)
    assert (tally.values(), board) == ([10_000, 20_000], [0, 10_000, 20_000, 0])
    tally.clear()
    assert board == [0] * 4


# Paths


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("in", ["sub/deep/a.txt"]),
        ("in/", ["sub/deep/a.txt"]),
        ("in/**/*.txt", ["sub/deep/a.txt"]),
        ("in/*/deep/a.txt", ["sub/deep/a.txt"]),
        ("in/sub/*/a.*", ["deep/a.txt"]),
        ("in/sub/deep/a.txt", ["a.txt"]),
        ("./in//sub", ["deep/a.txt"]),
    ],
)
def test_t1_what_is_below_the_fixed_part_of_a_path_is_kept_for_a_single_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, expected: list[str]
) -> None:
    write(tmp_path / "in", sub__deep__a="x")
    monkeypatch.chdir(tmp_path)
    run(tmp_path, pattern)
    assert list(made(tmp_path / "out")) == expected
    run(tmp_path, pattern, destination_prefix="out2", metadata_prefix="meta2")
    assert list(made(tmp_path / "out2")) == expected
    assert everything(tmp_path / "meta2") == [f"{name}.done.txt" for name in expected]


def test_lists_of_prefixes_go_together_with_arguments_of_their_own(tmp_path: Path) -> None:
    write(tmp_path / "x", a="x")
    write(tmp_path / "y", a="y", b="y")
    log = str(tmp_path / "log")
    run(
        tmp_path,
        [str(tmp_path / "x"), str(tmp_path / "y/*.txt")],
        destination_prefix=[str(tmp_path / "ox"), str(tmp_path / "oy")],
        metadata_prefix=[str(tmp_path / "mx"), str(tmp_path / "my")],
        process_single_kwargs=[{"of": "x", "log": log}, {"of": "y", "also": 1, "log": log}],
        call={"also": 2},
    )
    assert (made(tmp_path / "ox"), made(tmp_path / "oy")) == ({"a.txt": "X"}, {"a.txt": "Y", "b.txt": "Y"})
    told = sorted((Path(one["source"]).parent.name, one["of"], one["also"]) for one in logged(Path(log)))
    assert told == [("x", "x", 2), ("y", "y", 2), ("y", "y", 2)]


@EITHER
def test_one_dict_of_arguments_goes_to_all(tmp_path: Path, debug: bool) -> None:
    log = tmp_path / "log"
    source = write(tmp_path / "in", a="", b="")
    run(tmp_path, str(source), process_single_kwargs={"log": str(log), "k": 1}, debug=debug)
    assert [told["k"] for told in logged(log)] == [1, 1]
    assert all("retries_on_error" not in told for told in logged(log))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source_prefix": []}, "source_prefix is empty"),
        ({"source_prefix": ["a", "b"]}, "source_prefix lists 2 and destination_prefix 1: give one for each"),
        ({"destination_prefix": ["a", "b"]}, "source_prefix lists 1 and destination_prefix 2"),
        ({"metadata_prefix": ["a", "b"]}, "source_prefix lists 1 and metadata_prefix 2"),
        ({"process_single_kwargs": [{}, {}]}, "source_prefix lists 1 and process_single_kwargs 2"),
        ({"destination_prefix": "out/*"}, r"out/\*: a place to write to has no wildcards"),
        ({"metadata_prefix": "meta/*"}, r"meta/\*: a place to write to has no wildcards"),
        ({"num_processes": 0}, "num_processes is 0"),
    ],
)
def test_what_does_not_go_together_is_a_value_error(options: dict[str, Any], message: str) -> None:
    given = {"source_prefix": "in", "destination_prefix": "out", "metadata_prefix": "meta"}
    with pytest.raises(ValueError, match=message):
        Upper(**{**given, **options})


def test_two_files_for_one_place_are_refused_before_any_work(tmp_path: Path) -> None:
    sources = [str(write(tmp_path / name, a=name)) for name in ("x", "y")]
    out, meta = [str(tmp_path / "ox"), str(tmp_path / "oy")], [str(tmp_path / "mx"), str(tmp_path / "my")]
    with pytest.raises(
        DolmaConfigError, match=r"/a\.txt and .*/a\.txt have the same destination, .*ox/a.txt; "
    ):
        run(tmp_path, sources, destination_prefix=out[:1] * 2, metadata_prefix=meta)
    with pytest.raises(
        DolmaConfigError, match=r"have the same metadata, .*mx/a.txt.done.txt; .* metadata_prefix"
    ):
        run(tmp_path, sources, destination_prefix=out, metadata_prefix=meta[:1] * 2)
    assert not any((tmp_path / name).exists() for name in ("ox", "oy", "mx", "my"))


@pytest.mark.parametrize(
    ("options", "below"),
    [
        ({"destination_prefix": "in/out"}, "in/out/a.txt, which is below in/out"),
        ({"metadata_prefix": "in/meta"}, "in/meta/a.txt.done.txt, which is below in/meta"),
        ({"metadata_prefix": "./in"}, "in/a.txt.done.txt, which is below ./in"),
    ],
)
def test_a_source_does_not_take_in_what_was_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], below: str
) -> None:
    write(tmp_path / "in", a="x")
    monkeypatch.chdir(tmp_path)
    run(tmp_path, "in", **options)
    with pytest.raises(DolmaConfigError, match=f"^in takes in {re.escape(below)}: write elsewhere"):
        run(tmp_path, "in", **options)
    run(tmp_path, "in/?.txt", **options)


def test_files_may_be_written_over(tmp_path: Path) -> None:
    source = write(tmp_path / "in", sub__a="x")
    for _ in range(2):
        run(tmp_path, str(source), Undocumented, destination_prefix=str(source), ignore_existing=True)
    assert everything(tmp_path / "meta") == ["sub/a.txt.done.txt"]


def test_a_source_that_names_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DolmaInputError, match="matches no file"):
        run(tmp_path, str(tmp_path / "nowhere/*.gz"))


# Choosing


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"include_paths": ["a.txt", "sub/c.txt"]}, ["a.txt", "sub/c.txt"]),
        ({"include_paths": ["{folder}/b.txt"]}, ["b.txt"]),
        ({"exclude_paths": ["a.txt", "{folder}/sub/c.txt"]}, ["b.txt"]),
        ({"files_regex_pattern": "^sub/|b"}, ["b.txt", "sub/c.txt"]),
        ({"files_regex_pattern": "^in"}, []),
        ({"include_paths": ["a.txt", "b.txt"], "exclude_paths": ["a.txt"]}, ["b.txt"]),
        ({"include_paths": ["a.txt"], "files_regex_pattern": "b"}, []),
        ({"include_paths": []}, []),
    ],
)
def test_files_are_chosen_by_their_paths(
    tmp_path: Path, options: dict[str, Any], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", a="", b="", sub__c="")
    options = {
        key: [path.format(folder=source) for path in value] if isinstance(value, list) else value
        for key, value in options.items()
    }
    if expected:
        run(tmp_path, str(source), **options)
    else:
        with pytest.raises(DolmaConfigError, match=r"leave no file; .* such as a.txt, or whole ones"):
            run(tmp_path, str(source), **options)
    assert list(made(tmp_path / "out")) == expected
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["include_paths", "exclude_paths"])
def test_a_chosen_path_that_is_nowhere_is_told_of(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, str(write(tmp_path / "in", a="", b="")), **{option: ["a.txt", "c.txt"]})
    warning = f"warning: Upper: 1 of {option} are nowhere, such as c.txt"
    assert capsys.readouterr().err.splitlines()[0] == warning


def test_the_seed_decides_the_order_and_nothing_else(tmp_path: Path) -> None:
    source = write(tmp_path / "in", **{f"f{number}": f"{number}" for number in range(20)})
    for seed, name in ((1, "1"), (1, "1 again"), (2, "2")):
        log = str(tmp_path / name)
        run(tmp_path, str(source), seed=seed, ignore_existing=True, call={"log": log})
    assert order(tmp_path / "1") == order(tmp_path / "1 again") != order(tmp_path / "2")
    assert sorted(order(tmp_path / "1")) == sorted(order(tmp_path / "2"))
    assert len(made(tmp_path / "out")) == 20


def test_what_is_to_be_done_may_be_chosen_by_a_subclass(tmp_path: Path) -> None:
    class Fewer(Upper):
        def _get_all_paths(self) -> AllPathsTuple:
            return AllPathsTuple(*(listed[:1] for listed in super()._get_all_paths()))

    run(tmp_path, str(write(tmp_path / "in", a="", b="")), Fewer)
    assert len(made(tmp_path / "out")) == 1
    assert AllPathsTuple.empty() == ([], [], [], [])


# Again


@EITHER
def test_t3_what_is_done_is_not_done_again_in_nested_folders_either(
    tmp_path: Path, debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", a="a", sub__deep__b="b")
    run(tmp_path, str(source), debug=debug)
    write(source, sub__c="c")
    log = tmp_path / "log"
    run(tmp_path, str(source), call={"log": str(log)}, debug=debug)
    assert order(log) == ["c"]
    run(tmp_path, str(source), call={"log": str(log)}, debug=debug)
    assert order(log) == ["c"]
    assert "Upper: 0 files to do, 3 done before" in capsys.readouterr().err


def test_what_is_done_is_done_again_where_that_is_asked_for(tmp_path: Path) -> None:
    source = write(tmp_path / "in", a="a")
    run(tmp_path, str(source))
    write(source, a="b")
    run(tmp_path, str(source))
    assert made(tmp_path / "out") == {"a.txt": "A"}
    run(tmp_path, str(source), ignore_existing=True)
    assert made(tmp_path / "out") == {"a.txt": "B"}


def test_a_file_that_fails_when_it_is_done_again_is_no_longer_marked(tmp_path: Path) -> None:
    source = write(tmp_path / "in", a="a")
    run(tmp_path, str(source))
    write(source, a="fail\n")
    with pytest.raises(DolmaShardError):
        run(tmp_path, str(source), Trouble, ignore_existing=True)
    assert everything(tmp_path / "meta") == []


def test_an_empty_marker_marks_nothing(tmp_path: Path) -> None:
    source = write(tmp_path / "in", a="a")
    write(tmp_path / "meta")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/a.txt.done.txt").touch()
    run(tmp_path, str(source))
    assert made(tmp_path / "out") == {"a.txt": "A"}


# What fails


@EITHER
def test_a_file_that_fails_stops_no_other_and_is_named(
    tmp_path: Path, debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", a="a\n", b="fail\n", c="exit\n", d="d\n")
    with pytest.raises(DolmaShardError) as failed:
        run(tmp_path, str(source), Trouble, debug=debug, num_processes=2)
    head, *failures = str(failed.value).split("\n  ")
    assert head == "Trouble: 2 of 4 files failed; the others are done and will be skipped:"
    assert failures[0].startswith(f"{source}/b.txt: ValueError: no good (processors.py:")
    assert failures[1].startswith(f"{source}/c.txt: SystemExit: 3 (processors.py:")
    assert isinstance(failed.value.__cause__, (ValueError, SystemExit)) == debug
    assert everything(tmp_path / "meta") == ["a.txt.done.txt", "d.txt.done.txt"]
    said = capsys.readouterr().err.splitlines()[-1]
    assert re.fullmatch(r"Trouble: FAILED in \d+s: 2 of 4 files done, 2 files, 2 lines", said)
    write(source, b="b\n", c="c\n")
    run(tmp_path, str(source), Trouble, debug=debug)
    assert [*made(tmp_path / "out")] == ["a.txt", "b.txt", "c.txt", "d.txt"]


def test_twenty_failures_are_named_and_the_others_counted(tmp_path: Path) -> None:
    source = write(tmp_path / "in", **{f"f{number}": "fail\n" for number in range(23)})
    with pytest.raises(DolmaShardError) as failed:
        run(tmp_path, str(source), Trouble)
    assert str(failed.value).startswith("Trouble: 23 of 23 files failed:\n  ")
    assert str(failed.value).count("ValueError") == 20
    assert str(failed.value).endswith("\n  … and 3 more")


@EITHER
def test_a_file_is_tried_again_as_often_as_asked_for_and_counts_once(
    tmp_path: Path, debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", a="a\n")
    left = write(tmp_path / "left", x="", y="")
    arguments = {"left": str(left)}
    with pytest.raises(DolmaShardError, match="OSError: not yet"):
        run(tmp_path, str(source), Flaky, arguments, retries_on_error=1, debug=debug)
    assert everything(tmp_path / "meta") == []
    write(left, x="", y="")
    run(tmp_path, str(source), Flaky, {**arguments, "retries_on_error": 2}, debug=debug)
    assert capsys.readouterr().err.splitlines()[-1].endswith("1 of 1 files done, 1 files, 1 lines")


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("die", r"its process was killed by SIGKILL \(out of memory, .*\)"),
        ("child", "its process ended with exit code 9"),
    ],
)
def test_a_worker_that_dies_is_the_failure_of_its_file_alone(tmp_path: Path, what: str, why: str) -> None:
    source = write(tmp_path / "in", a="a\n", b=f"{what}\n", c="c\n", d=f"{what}\n", e="e\n")
    begin = time.monotonic()
    with pytest.raises(DolmaShardError, match=rf"2 of 5 files failed(.|\n)*/b.txt: {why}\n.*/d.txt: {why}$"):
        run(tmp_path, str(source), Trouble, debug=False, num_processes=1)
    assert time.monotonic() - begin < 15
    assert everything(tmp_path / "meta") == ["a.txt.done.txt", "c.txt.done.txt", "e.txt.done.txt"]


def test_what_cannot_go_to_another_process_is_refused(tmp_path: Path) -> None:
    class Local(Upper):
        pass

    source = str(write(tmp_path / "in", a=""))
    with pytest.raises(DolmaConfigError, match="Local: the class cannot be sent to another process"):
        run(tmp_path, source, Local, debug=False)
    with pytest.raises(DolmaConfigError, match="Upper: what process_single gets cannot be sent"):
        run(tmp_path, source, call={"f": lambda: 0}, debug=False)
    run(tmp_path, source, Local, {"f": lambda: 0})


# As a program


def program(tmp_path: Path, body: str) -> subprocess.Popen[str]:
    """A program of the user's in a process group of its own, as a terminal has it."""
    (tmp_path / "program.py").write_text(body)
    return subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")],
        env=environment(PYTHONPATH=f"{TESTS}:{TESTS.parent / 'python'}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def sleeper(tmp_path: Path, **texts: str) -> subprocess.Popen[str]:
    """One that does `texts` in two processes, and whose first file has been begun."""
    write(tmp_path / "in", a="sleep\n", **texts)
    process = program(
        tmp_path,
        "from processors import Trouble\n"
        "if __name__ == '__main__':\n"
        f"    folder = {str(tmp_path)!r}\n"
        "    Trouble(f'{folder}/in', f'{folder}/out', f'{folder}/meta', num_processes=2)()\n",
    )
    until = time.monotonic() + 60
    wanted = {"out/a.txt.begun", *(f"meta/{name}.txt.done.txt" for name in texts)}
    while not all((tmp_path / name).exists() for name in wanted):
        assert time.monotonic() < until
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    return process


def ends(process: subprocess.Popen[str]) -> bool:
    """Whether all processes of a program that is gone are soon gone too."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_ctrl_c_stops_all_within_two_seconds(tmp_path: Path) -> None:
    process = sleeper(tmp_path, b="b\n")
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begin < 2
    assert process.returncode != 0
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert err.count("Traceback") == 1
    assert ends(process)
    assert everything(tmp_path / "meta") == ["b.txt.done.txt"]


def test_a_run_that_is_killed_takes_its_workers_along_and_goes_on_where_it_was(tmp_path: Path) -> None:
    process = sleeper(tmp_path, b="b\n")
    process.kill()
    process.communicate(timeout=30)
    assert ends(process)
    write(tmp_path / "in", a="a\n")
    run(tmp_path, str(tmp_path / "in"), call={"log": str(tmp_path / "log")})
    assert order(tmp_path / "log") == ["a"]
    assert made(tmp_path / "out") == {"a.txt": "A\n", "b.txt": "B\n"}


def test_a_program_without_a_guard_is_told_so_and_does_not_hang(tmp_path: Path) -> None:
    write(tmp_path / "in", a="a\n")
    process = program(
        tmp_path,
        "from processors import Upper\n"
        f"folder = {str(tmp_path)!r}\n"
        "Upper(f'{folder}/in', f'{folder}/out', f'{folder}/meta')()\n",
    )
    _, err = process.communicate(timeout=60)
    assert f"{DolmaFatalError.__name__}: worker processes cannot start; a program" in err.splitlines()[-1]
    assert process.returncode != 0
    assert not (tmp_path / "out").exists()


def test_on_a_terminal_a_line_is_redrawn_with_all_counts(tmp_path: Path) -> None:
    import pty

    write(tmp_path / "in", **{f"f{number}": "x\n" * 10 for number in range(3)})
    (tmp_path / "program.py").write_text(
        "from processors import Upper\n"
        "if __name__ == '__main__':\n"
        f"    folder = {str(tmp_path)!r}\n"
        "    for name, pause in (('1', 0.001), ('2', 60)):\n"
        "        upper = Upper(f'{folder}/in', f'{folder}/out{name}', f'{folder}/meta{name}', debug=True,\n"
        "                      pbar_timeout=pause)\n"
        "        upper(seconds=0.15)\n"
    )
    mine, its = pty.openpty()
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")],
        env=environment(PYTHONPATH=f"{TESTS}:{TESTS.parent / 'python'}"),
        stderr=its,
    ) as process:
        os.close(its)
        said = b""
        while True:
            try:
                part = os.read(mine, 4096)
            except OSError:
                break
            said += part
            if not part:
                break
    os.close(mine)
    assert process.returncode == 0
    first, second = said.decode().split("Upper: 3 files to do, 0 done before")[1:]
    assert "\r\x1b[KUpper ████████████████████████ 100%  3/3 files  3 files  30 lines" in first
    # After each file, and at the end; a run that is over before its pause is has none.
    assert (first.count("\r\x1b[K"), second.count("\r\x1b[K")) == (4, 0)
