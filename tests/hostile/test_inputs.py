"""Documents that are damaged, mean or odd, under every command.

A damaged file fails alone, with file, line and cause; what is well beside it is finished and
published; nothing that looks like a result of the damaged one is left. What is only odd (a NUL, a
byte order mark, Windows line ends) is read as what it is.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
import zstandard

from commands import COMMANDS, check_failed, output, run
from folders import everything, listed, reports
from shards import decode, line, numbered, put, read, write_raw


@pytest.fixture(params=COMMANDS)
def name(request: pytest.FixtureRequest) -> str:
    """One command after the other."""
    return str(request.param)


def alongside(root: Path, name: str, data: bytes) -> None:
    """A document file of these bytes beside one that is well."""
    put(root / "documents" / "good.jsonl.gz", "good one", "good two")
    write_raw(root / "documents" / name, data)


# Compressed files

_LINES = b"".join(one + b"\n" for one in numbered(f"text number {n} {n * n}" for n in range(2000)))
GZ = gzip.compress(_LINES, mtime=0)
ZST = zstandard.ZstdCompressor(write_checksum=True).compress(_LINES)
SIZE = len(_LINES)


def flipped(data: bytes, at: int) -> bytes:
    """`data` with one bit changed."""
    changed = bytearray(data)
    changed[at] ^= 0x10
    return bytes(changed)


CUT = "gzip stream ends in the middle of a member: the file is truncated"
ZCUT = "zstd stream ends in the middle of a frame: the file is truncated"
DAMAGED = {
    "cut in the header": ("bad.jsonl.gz", GZ[:5], f"{CUT} (0 bytes decompressed so far)"),
    "cut in the trailer": ("bad.jsonl.gz", GZ[:-3], f"{CUT} ({SIZE} bytes decompressed so far)"),
    "cut in the second member": ("bad.jsonl.gz", GZ + GZ[:7], f"{CUT} ({SIZE} bytes decompressed so far)"),
    "not gzip": ("bad.jsonl.gz", _LINES, "not a gzip stream: it does not start with 1f 8b"),
    "gzip with something behind": (
        "bad.jsonl.gz",
        GZ + b"xyz",
        f"bytes that are not gzip follow the last gzip member ({SIZE} bytes decompressed so far)",
    ),
    "no byte of gzip": ("bad.jsonl.gz", b"", "the file is empty: it is not even an empty gzip stream"),
    "wrong size in the trailer": (
        "bad.jsonl.gz",
        flipped(GZ, -3),
        f"the gzip stream is damaged: a member of {SIZE} bytes says that it has {SIZE ^ 0x1000}"
        " (modulo 2^32)",
    ),
    "no byte of zstd": ("bad.jsonl.zst", b"", "the file is empty: it is not even an empty zstd stream"),
    "cut zstd": ("bad.jsonl.zst", ZST[:200], f"{ZCUT} (0 bytes decompressed so far)"),
    "cut checksum of zstd": ("bad.jsonl.zst", ZST[:-2], f"{ZCUT} ({SIZE} bytes decompressed so far)"),
    "not zstd": (
        "bad.jsonl.zst",
        _LINES,
        "the zstd stream is damaged: Unknown frame descriptor (0 bytes decompressed so far)",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_compression(tmp_path: Path, name: str, case: str) -> None:
    file, data, message = DAMAGED[case]
    alongside(tmp_path, file, data)
    check_failed(name, tmp_path, run(name, tmp_path), f"documents/{file}: {message}")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_gzip_that_is_cut_anywhere(tmp_path: Path, name: str, share: float) -> None:
    alongside(tmp_path, "bad.jsonl.gz", GZ[: int(len(GZ) * share)])
    result = run(name, tmp_path)
    assert (result.code, len(result.failures)) == (4, 1)
    assert result.failures[0].startswith(f"documents/bad.jsonl.gz: {CUT} (")
    assert listed(output(name, tmp_path)) == ["good.jsonl.gz"]


@pytest.mark.parametrize(("file", "data"), [("bad.jsonl.gz", GZ), ("bad.jsonl.zst", ZST)])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.97])
def test_a_flipped_bit_never_passes(tmp_path: Path, name: str, file: str, data: bytes, share: float) -> None:
    alongside(tmp_path, file, flipped(data, int(len(data) * share)))
    result = run(name, tmp_path)
    assert (result.code, len(result.failures)) == (4, 1)
    # Where the bit makes nonsense of a line before the checksum is reached, that is said.
    assert result.failures[0].startswith((f"documents/{file}: the ", f"documents/{file}:"))
    assert listed(output(name, tmp_path)) == ["good.jsonl.gz"]


def test_truncation_at_the_end_of_a_line_is_found(tmp_path: Path, name: str) -> None:
    """The most treacherous one: every line that can be read is whole."""
    half = gzip.compress(_LINES, mtime=0)
    while True:
        half = half[:-1]
        try:
            gzip.decompress(half)
        except EOFError:
            break
    alongside(tmp_path, "bad.jsonl.gz", half)
    check_failed(
        name,
        tmp_path,
        run(name, tmp_path),
        f"documents/bad.jsonl.gz: {CUT} ({SIZE} bytes decompressed so far)",
    )


# Lines

DEEP = 100_000
BAD_LINES = {
    "not JSON": (b'{"id":"x","text":', "invalid JSON at byte 17: expected a value"),
    "not an object": (b'["x"]', "invalid JSON at byte 0: expected an object"),
    "two objects": (
        b'{"id":"x","text":"a"} {}',
        "invalid JSON at byte 22: expected the end of the line",
    ),
    "single quotes": (
        b"{'id':'x','text':'a'}",
        "invalid JSON at byte 1: expected a key in double quotes",
    ),
    "NaN": (b'{"id":"x","text":"a","n":NaN}', "invalid JSON at byte 25: expected a value"),
    "blank": (b"", "empty line where a JSON object was expected"),
    "spaces": (b" \t ", "empty line where a JSON object was expected"),
    "text null": (b'{"id":"x","text":null}', 'field "text" must be a string, got null'),
    "text a number": (b'{"id":"x","text":5}', 'field "text" must be a string, got 5'),
    "text a list": (b'{"id":"x","text":["a"]}', 'field "text" must be a string, got ["a"]'),
    "text missing": (b'{"id":"x"}', 'the document has no field "text"'),
    "id missing": (b'{"text":"a"}', 'the document has no field "id"'),
    "id null": (b'{"id":null,"text":"a"}', 'field "id" must be a string, got null'),
    "raw NUL": (
        b'{"id":"x","text":"a\x00b"}',
        "invalid JSON at byte 19: expected no unescaped control character inside a string",
    ),
    "invalid UTF-8": (b'{"id":"x","text":"a\xffb"}', "invalid UTF-8 at byte 19"),
    "Latin-1": ('{"id":"x","text":"Straße"}'.encode("latin-1"), "invalid UTF-8 at byte 22"),
    "encoded surrogate": (b'{"id":"x","text":"\xed\xa0\x80"}', "invalid UTF-8 at byte 18"),
    "deep lists": (
        b'{"id":"x","text":"a","m":' + b"[" * DEEP + b"]" * DEEP + b"}",
        "invalid JSON at byte 537: expected nesting of at most 512 levels",
    ),
    "deep objects": (
        b'{"id":"x","text":"a","m":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
        "invalid JSON at byte 2585: expected nesting of at most 512 levels",
    ),
    "deep lists without end": (
        b'{"id":"x","text":"a","m":' + b"[" * DEEP,
        "invalid JSON at byte 537: expected nesting of at most 512 levels",
    ),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_bad_lines(tmp_path: Path, name: str, case: str) -> None:
    bad, message = BAD_LINES[case]
    put(tmp_path / "documents" / "good.jsonl.gz", "good one", "good two")
    put(tmp_path / "documents" / "bad.jsonl", "first", bad, "last")
    check_failed(name, tmp_path, run(name, tmp_path), f"documents/bad.jsonl:2: {message}")


@pytest.mark.parametrize("number", [1, 2, 7_001, 30_000])
def test_the_number_of_the_line_is_right_in_every_block(tmp_path: Path, name: str, number: int) -> None:
    lines = numbered("x" * (n % 300) for n in range(30_000))
    lines[number - 1] = b"?"
    put(tmp_path / "documents" / "bad.jsonl.gz", *lines)
    result = run(name, tmp_path, "--processes", 2)
    assert result.failures == [f"documents/bad.jsonl.gz:{number}: invalid JSON at byte 0: expected an object"]


def test_the_first_of_many_bad_lines_is_named(tmp_path: Path, name: str) -> None:
    lines = numbered("x" * 100 for n in range(30_000))
    for number in (4_000, 9_000, 20_000):
        lines[number - 1] = b"?"
    put(tmp_path / "documents" / "bad.jsonl", *lines)
    for _ in range(3):
        result = run(name, tmp_path, "--processes", 3)
        assert result.failures == ["documents/bad.jsonl:4000: invalid JSON at byte 0: expected an object"]


@pytest.mark.parametrize("escape", [r"\ud800", r"\udc00", r"\ud800\ud800", r"\udbff "])
@pytest.mark.parametrize("command", ["tag", "tag in Python", "dedupe"])
def test_half_of_a_surrogate_pair_in_the_text(tmp_path: Path, command: str, escape: str) -> None:
    put(tmp_path / "documents" / "good.jsonl.gz", "good one", "good two")
    bad = f'{{"id":"x","text":"äb{escape}"}}'.encode()
    put(tmp_path / "documents" / "bad.jsonl", "first", bad)
    message = "a lone surrogate, at byte 3 of a string, has no UTF-8 form"
    check_failed(command, tmp_path, run(command, tmp_path), f"documents/bad.jsonl:2: {message}")


def test_a_mix_carries_what_it_does_not_look_at(tmp_path: Path) -> None:
    odd = rb'{"id":"x","text":"a\ud800b","n":1.10,"big":9007199254740993,"\udfff":[1e999]}'
    put(tmp_path / "documents" / "odd.jsonl", odd)
    assert run("mix", tmp_path).code == 0
    assert decode(tmp_path / "mixed" / "documents" / "odd.jsonl").startswith(odd[:-1])


# Odd, but right


def lengths(path: Path) -> list[float]:
    """The scores of the tagger `characters`."""
    return [row["attributes"]["e__characters__count"][0][2] for row in read(path)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\xef\xbb\xbf", []),
        (b'\xef\xbb\xbf{"id":"1","text":"abc"}\n{"id":"2","text":"d"}\n', [3, 1]),
        (b'{"id":"1","text":"abc"}\r\n{"id":"2","text":"d"}\r\n', [3, 1]),
        (b'{"id":"1","text":"abc"}\n{"id":"2","text":"d"}', [3, 1]),
        (rb'{"id":"1","text":"a\u0000b"}', [3]),
        (b'  { "text" : "ab" , "id" : "1" }  \n', [2]),
        (b'{"id":"1","text":"' + "a\u2028\u0085b\x7f".encode() + b'"}\n', [5]),
        (rb'{"id":"1","text":"\ud83d\ude00"}', [1]),
        (b'{"id":1,"text":"a"}\n{"id":-1.5e3,"text":"ab"}\n', [1, 2]),
        (b'{"id":"1","text":"a","m":' + b"[" * 500 + b"]" * 500 + b"}\n", [1]),
        (b'{"id":"","text":""}\n', [0]),
        (b'{"id":"1","text":"long","text":"b"}\n', [1]),
        (rb'{"id":"1","text":"long","t\u0065xt":"bc"}', [2]),
        (b'{"id":"1","text":"a","source":null,"metadata":[1],"attributes":7}\n', [1]),
    ],
)
def test_odd_files_are_read(tmp_path: Path, name: str, data: bytes, expected: list[float]) -> None:
    write_raw(tmp_path / "documents" / "odd.jsonl", data)
    result = run(name, tmp_path)
    assert result.code == 0, result.err
    file = output(name, tmp_path) / "odd.jsonl"
    if name == "tag in Python":
        assert lengths(file) == expected
    else:
        assert len(read(file)) == len(expected)
    (report,) = reports(output(name, tmp_path))
    assert report["counts"] == {"read": len(expected), "written": len(expected), "dropped": 0, "bad": 0}


def test_of_two_equal_keys_the_last_counts_and_no_other_is_written(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "twice.jsonl", b'{"id":"1","text":"secret","text":"b","id":"2"}')
    for command in ("tag", "dedupe", "mix"):
        assert run(command, tmp_path).code == 0
        (row,) = read(output(command, tmp_path) / "twice.jsonl")
        assert row["id"] == "2"
        assert row.get("text", "b") == "b"
        assert b"secret" not in decode(output(command, tmp_path) / "twice.jsonl")
        for stale in everything(tmp_path / "attributes") if command == "tag" else []:
            (tmp_path / "attributes" / stale).unlink()


def test_windows_line_ends_and_marks_are_not_part_of_a_mix(tmp_path: Path) -> None:
    write_raw(
        tmp_path / "documents" / "w.jsonl", b'\xef\xbb\xbf{"id":"1","text":"a"}\r\n{"id":"2","text":"b"}\r\n'
    )
    assert run("mix", tmp_path).code == 0
    data = decode(tmp_path / "mixed" / "documents" / "w.jsonl")
    assert data.startswith(b'{"id":"1"')
    assert b"\r" not in data


@pytest.mark.slow
def test_a_line_of_fifty_megabytes(tmp_path: Path, name: str) -> None:
    text = "the quick brown fox says é\n" * 1_900_000
    put(tmp_path / "documents" / "long.jsonl.gz", "short", line("long", text), "short")
    result = run(name, tmp_path)
    assert result.code == 0, result.err
    found = read(output(name, tmp_path) / "long.jsonl.gz")
    assert [row["id"] for row in found] == ["long-0", "long", "long-2"]
    if name == "tag in Python":
        assert lengths(output(name, tmp_path) / "long.jsonl.gz")[1] == len(text)


# Files that are not there, or not for us


@pytest.mark.parametrize(
    ("pattern", "nearest"),
    [("nowhere/*.gz", ""), ("documents/none", "/documents"), ("documents/empty", "/documents/empty")],
)
def test_missing_inputs(tmp_path: Path, name: str, pattern: str, nearest: str) -> None:
    (tmp_path / "documents" / "empty").mkdir(parents=True)
    result = run(name, tmp_path, documents=pattern)
    assert (result.code, result.message) == (
        3,
        f"{pattern}: matches no file; the nearest existing parent is {tmp_path}{nearest} "
        "(`*` stays within one directory, `**` does not; hidden names must be spelled out)",
    )
    assert not output(name, tmp_path).exists()


@pytest.mark.parametrize("suffix", [".bz2", ".xz", ".lz4", ".parquet", ".zip"])
def test_formats_that_are_not_read_are_refused_at_once(tmp_path: Path, name: str, suffix: str) -> None:
    alongside(tmp_path, f"a.jsonl{suffix}", b"anything")
    result = run(name, tmp_path)
    assert (result.code, result.message) == (
        2,
        f"documents/a.jsonl{suffix}: {suffix} files are not read; documents are JSON lines, "
        "plain, .gz or .zst (convert them first)",
    )
    assert not output(name, tmp_path).exists()


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs a file whose reading fails")
def test_a_file_whose_reading_fails(tmp_path: Path, name: str) -> None:
    put(tmp_path / "documents" / "good.jsonl.gz", "good one", "good two")
    (tmp_path / "documents" / "bad.jsonl").symlink_to("/proc/self/mem")
    check_failed(name, tmp_path, run(name, tmp_path), "documents/bad.jsonl: Input/output error (os error 5)")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path, name: str) -> None:
    alongside(tmp_path, "bad.jsonl", b'{"id":"x","text":""}\n')
    (tmp_path / "documents" / "bad.jsonl").chmod(0)
    check_failed(name, tmp_path, run(name, tmp_path), "documents/bad.jsonl: Permission denied (os error 13)")


def test_a_link_to_nowhere(tmp_path: Path, name: str) -> None:
    put(tmp_path / "documents" / "good.jsonl.gz", "good one", "good two")
    (tmp_path / "documents" / "bad.jsonl").symlink_to("gone")
    result = run(name, tmp_path)
    assert (result.code, result.message) == (
        3,
        "documents/bad.jsonl: a symbolic link to gone, which does not exist; "
        "restore its target or remove the link",
    )
