"""Storage on local disks and the web: what names and patterns mean, and what is read in place or staged."""

from __future__ import annotations

import glob
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command import environment
from dolma import storage
from dolma.errors import DolmaInputError, DolmaRetryableFailure, DolmaStorageError
from folders import everything


def put(root: Path, *names: str, data: bytes = b"x") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def listing(root: Path, *patterns: str) -> list[str]:
    """What the patterns give, all below `root`."""
    files = storage.expand([f"{root}/{pattern}" for pattern in patterns])
    return [os.path.relpath(file.path, root) for file in files]


# Names


@pytest.mark.parametrize(
    ("path", "scheme", "remote"),
    [
        ("a/b", "", False),
        ("/a", "", False),
        ("file:///a", "", False),
        ("C:/a", "", False),
        ("s3://b/k", "s3", True),
        ("S3A://b/k", "s3a", True),
        ("https://h/p", "https", True),
        ("a/s3://b", "", False),
    ],
)
def test_schemes(path: str, scheme: str, remote: bool) -> None:
    assert (storage.scheme(path), storage.is_remote(path)) == (scheme, remote)


@pytest.mark.parametrize(
    ("root", "relative", "whole"),
    [
        ("s3://b", "k/x", "s3://b/k/x"),
        ("s3://b/p/", "x", "s3://b/p/x"),
        ("a", "/x", "a/x"),
        ("/", "x", "/x"),
        ("", "x", "x"),
        ("a", "", "a"),
    ],
)
def test_join(root: str, relative: str, whole: str) -> None:
    assert storage.join(root, relative) == whole


def test_a_temporary_file_is_hidden_beside_its_destination_and_ends_like_it(tmp_path: Path) -> None:
    destination = str(tmp_path / "new" / "x.jsonl.gz")
    made = storage.temporary(destination, "/nowhere")
    assert made == storage.temporary(destination, "/nowhere")
    assert os.path.dirname(made) == str(tmp_path / "new")
    assert os.path.basename(made).startswith(".")
    assert made.endswith(".jsonl.gz")
    assert storage.is_temporary(made)
    assert not storage.is_temporary(destination)
    Path(made).write_bytes(b"half")
    with pytest.raises(DolmaInputError):
        storage.expand([f"{tmp_path}/**"])


def test_a_temporary_file_for_a_remote_destination_lies_in_the_work_directory(
    tmp_path: Path,
) -> None:
    work = str(tmp_path / "work")
    one, other = (storage.temporary(f"s3://b/{d}/x.npy", work) for d in ("one", "other"))
    assert one != other
    assert {os.path.dirname(one), os.path.dirname(other)} == {work}
    assert storage.is_temporary(one)
    assert one.endswith("x.npy")


def test_what_is_no_regular_file_is_neither_read_nor_replaced(tmp_path: Path) -> None:
    pipe = str(tmp_path / "pipe.jsonl")
    os.mkfifo(pipe)
    with pytest.raises(DolmaInputError, match=r"pipe\.jsonl: not a regular file"):
        storage.expand([pipe])
    made = tmp_path / "made"
    made.write_text("x")
    with pytest.raises(DolmaStorageError, match=r"pipe\.jsonl: not a regular file"):
        storage.publish(str(made), pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        storage.write_bytes(pipe, b"a report")
        assert os.read(reader, 100) == b"a report"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)
    link = os.readlink("/dev/stdout") if os.path.islink("/dev/stdout") else None
    code = "from dolma import storage; storage.write_bytes('/dev/stdout', b'a report')"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=True)
    assert done.stdout == b"a report"
    assert link is None or os.readlink("/dev/stdout") == link


@pytest.mark.parametrize("name", ["n" * 246 + ".jsonl.gz", "é" * 123 + ".jsonl.gz"])
def test_the_longest_names_can_be_made_and_published(tmp_path: Path, name: str) -> None:
    destination = str(tmp_path / name)
    made = storage.temporary(destination, "")
    assert made.endswith(".jsonl.gz")
    Path(made).write_bytes(b"x")
    storage.publish(made, destination)
    storage.write_bytes(destination, b"y")
    assert everything(tmp_path) == [name]


# Listing


def test_a_listing_gives_size_and_time_sorted_by_bytes(tmp_path: Path) -> None:
    put(tmp_path, "b.gz", "B.gz", "é.gz", "a/z.gz", data=b"123")
    files = storage.expand([str(tmp_path), f"{tmp_path}/*.gz"])
    names = ["B.gz", "a/z.gz", "b.gz", "é.gz"]
    assert [os.path.relpath(file.path, tmp_path) for file in files] == names
    for file in files:
        assert (file.size, file.tag) == (3, str(os.stat(file.path).st_mtime_ns))
        assert file == storage.stat(file.path)


def test_paths_stay_as_written_but_for_empty_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "d/x.gz")
    monkeypatch.chdir(tmp_path)
    for pattern in ("d", "d/", "./d", "d//x.gz", "**/*.gz", ".", "*/x.gz", "./d/./*"):
        assert [file.path for file in storage.expand([pattern])] == ["d/x.gz"], pattern
    assert [file.path for file in storage.expand(["d/../d/*"])] == ["d/../d/x.gz"]
    assert [file.path for file in storage.expand([f"file://{tmp_path}/d"])] == [f"{tmp_path}/d/x.gz"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("d/*", ["d/1.gz", "d/2.zst"]),
        ("d/*.gz", ["d/1.gz"]),
        ("d/?.gz", ["d/1.gz"]),
        ("d/[0-1].*", ["d/1.gz"]),
        ("d/[!1].*", ["d/2.zst"]),
        ("d/**", ["d/1.gz", "d/2.zst", "d/deep/er/3.gz", "d/deep/er/documents/4.gz"]),
        ("**/*.gz", ["d/1.gz", "d/deep/er/3.gz", "d/deep/er/documents/4.gz", "e/documents/5.gz"]),
        ("d/**/3.gz", ["d/deep/er/3.gz"]),
        ("**/er/**/*.gz", ["d/deep/er/3.gz", "d/deep/er/documents/4.gz"]),
        ("*/documents", ["e/documents/5.gz"]),
        ("**/documents", ["d/deep/er/documents/4.gz", "e/documents/5.gz"]),
        ("e/*/", ["e/documents/5.gz"]),
        ("e/**.gz", None),
        ("e/*", None),
        ("d/1.gz/", None),
        ("d/1.gz/*", None),
        ("nothing", None),
    ],
)
def test_what_patterns_mean(tmp_path: Path, pattern: str, names: list[str] | None) -> None:
    put(tmp_path, "d/1.gz", "d/2.zst", "d/deep/er/3.gz", "d/deep/er/documents/4.gz")
    put(tmp_path, "e/documents/5.gz", "e/.hidden.gz", "e/.dolma/record.gz")
    if names is None:
        with pytest.raises(DolmaInputError, match="matches no file"):
            listing(tmp_path, pattern)
    else:
        assert listing(tmp_path, pattern) == names


def test_hidden_names_are_matched_when_spelled_out(tmp_path: Path) -> None:
    put(tmp_path, "d/.dolma/r.json", "d/.dolma/.x/s.json", "d/.h.gz", "d/x.gz")
    assert listing(tmp_path, "**") == listing(tmp_path, "d/*") == ["d/x.gz"]
    assert listing(tmp_path, "d/.dolma/*") == listing(tmp_path, "d/.dolma") == ["d/.dolma/r.json"]
    assert listing(tmp_path, "*/.*.gz") == ["d/.h.gz"]


def test_names_that_look_like_patterns_are_themselves(tmp_path: Path) -> None:
    put(tmp_path, "data[1]/x[2].gz", "data1/x2.gz", "data1/*.gz", "data1/[half.gz")
    assert listing(tmp_path, "data[1]/x[2].gz") == ["data[1]/x[2].gz"]
    assert listing(tmp_path, "data[1]") == ["data[1]/x[2].gz"]
    assert listing(tmp_path, "data[[]1]/*") == ["data[1]/x[2].gz"]
    assert listing(tmp_path, "data[1-2]/x*") == ["data1/x2.gz"]
    assert listing(tmp_path, "data1/[half.gz") == ["data1/[half.gz"]
    # A stray file named like a pattern does not hide what the pattern means.
    assert listing(tmp_path, "data1/*.gz") == ["data1/*.gz", "data1/[half.gz", "data1/x2.gz"]


def test_a_pattern_without_a_match_names_the_nearest_parent(tmp_path: Path) -> None:
    put(tmp_path, "docs/a.gz")
    with pytest.raises(DolmaInputError) as caught:
        storage.expand([f"{tmp_path}/docs", f"{tmp_path}/docs/deep/er/*.zst"])
    assert f"{tmp_path}/docs/deep/er/*.zst: matches no file" in str(caught.value)
    assert f"nearest existing parent is {tmp_path}/docs " in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "path", "below"),
    [
        ("d", "d/e/a.gz", "e/a.gz"),
        ("./d//", "d/e/a.gz", "e/a.gz"),
        ("d/**/*.gz", "d/e/a.gz", "e/a.gz"),
        ("d/*/a.gz", "d/e/a.gz", "e/a.gz"),
        ("d/e/?.gz", "d/e/a.gz", "a.gz"),
        ("d/e/a.gz", "d/e/a.gz", "a.gz"),
        ("*/a.gz", "d/a.gz", "d/a.gz"),
        ("/d[1]/*.gz", "/d[1]/a.gz", "d[1]/a.gz"),
        ("file:///d", "/d/a.gz", "a.gz"),
        ("s3://b/d/", "s3://b/d/e/a.gz", "e/a.gz"),
        ("s3://b/d/*/*.gz", "s3://b/d/e/a.gz", "e/a.gz"),
        ("s3://b/d/a.gz", "s3://b/d/a.gz", "a.gz"),
        ("https://h/d/a.gz", "https://h/d/a.gz", "a.gz"),
    ],
)
def test_what_is_below_a_pattern(pattern: str, path: str, below: str) -> None:
    assert storage.below(pattern, path) == below


def test_what_is_not_there_can_be_asked_for(tmp_path: Path) -> None:
    put(tmp_path, "a/b", "a/c/d")
    assert storage.find(f"{tmp_path}/nowhere/*") == []
    assert sorted(file.path for file in storage.find(f"{tmp_path}/a")) == [
        f"{tmp_path}/a/b",
        f"{tmp_path}/a/c/d",
    ]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    put(tmp_path, "far/x.gz", "d/sub/y.gz")
    (tmp_path / "d/far").symlink_to(tmp_path / "far")
    (tmp_path / "d/sub/up").symlink_to(tmp_path / "d")
    (tmp_path / "d/z.gz").symlink_to("sub/y.gz")
    assert listing(tmp_path, "d/**") == ["d/far/x.gz", "d/sub/y.gz", "d/z.gz"]


def test_a_broken_link_is_an_error_and_not_a_gap(tmp_path: Path) -> None:
    put(tmp_path, "d/x.gz")
    (tmp_path / "d/y.gz").symlink_to("gone")
    for pattern in ("d/*.gz", "d", "d/y.gz"):
        with pytest.raises(DolmaInputError, match=r"y\.gz: a symbolic link to gone"):
            listing(tmp_path, pattern)
    assert listing(tmp_path, "d/x*") == ["d/x.gz"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_directory_is_an_error_and_not_a_gap(tmp_path: Path) -> None:
    put(tmp_path, "d/x.gz", "d/locked/y.gz")
    (tmp_path / "d/locked").chmod(0)
    try:
        with pytest.raises(DolmaStorageError, match=r"cannot list: Permission denied.*locked"):
            listing(tmp_path, "d/**")
    finally:
        (tmp_path / "d/locked").chmod(stat.S_IRWXU)


NAMES = st.sampled_from(["a", "b", "ab", "a.gz", "b.gz", ".h", ".h.gz", "é", "A", "a b"])
PARTS = st.sampled_from(["*", "**", "?", "a", "a*", "*.gz", "[ab]", "[!a]*", ".*", ".h", "ab", "??"])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(NAMES, min_size=1, max_size=4).map("/".join), min_size=1, max_size=8),
    st.lists(PARTS, min_size=1, max_size=4),
)
def test_patterns_mean_what_the_standard_library_says(
    tmp_path_factory: pytest.TempPathFactory, files: list[str], parts: list[str]
) -> None:
    root = tmp_path_factory.mktemp("glob")
    for name in files:
        try:
            put(root, name)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
    if not any(char in parts[-1] for char in "*?["):
        parts = [*parts, "*"]  # A directory as the last name stands for its files only here.
    pattern = f"{root}/{'/'.join(parts)}"
    expected = {path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)}
    try:
        found = [file.path for file in storage.expand([pattern])]
    except DolmaInputError:
        found = []
    assert found == sorted(expected, key=os.fsencode)


# Staging


def test_a_local_file_is_staged_in_place(tmp_path: Path) -> None:
    put(tmp_path, "x.gz")
    path = str(tmp_path / "x.gz")
    assert storage.stage(path, "/nowhere") == path
    assert storage.stage(f"file://{path}", "/nowhere") == path


def test_a_local_file_that_changed_since_it_was_listed_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, "x.gz")
    (listed,) = storage.expand([str(tmp_path)])
    assert storage.stage(listed, "/nowhere") == listed.path
    put(tmp_path, "x.gz", data=b"longer")
    with pytest.raises(DolmaInputError, match="changed since it was listed"):
        storage.stage(listed, "/nowhere")


class _Web(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self.path.startswith("/cut"):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
        elif self.path.startswith("/busy"):
            self.send_error(503)
        elif self.path.startswith("/closed"):
            self.send_error(401)
        else:
            super().do_GET()


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    pytest.importorskip("smart_open")
    pytest.importorskip("requests")
    monkeypatch.setattr(storage.failures, "FIRST_PAUSE", 0.01)
    (tmp_path / "web").mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Web, directory=str(tmp_path / "web")))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_file_on_the_web_is_staged_as_stored(web: str, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    put(tmp_path / "web", "x.jsonl.gz", data=data)
    url = f"{web}/x.jsonl.gz?version=1"
    (file,) = storage.expand([url])
    assert (file.path, file.size) == (url, len(data))
    staged = storage.stage(file, str(tmp_path / "work"))
    assert staged.endswith("-x.jsonl.gz")
    assert Path(staged).read_bytes() == storage.read_bytes(url) == data


def test_a_web_server_that_fails_is_an_error_and_leaves_nothing(web: str, tmp_path: Path) -> None:
    for page, kind, says in (
        ("gone.gz", DolmaInputError, "no such file"),
        ("cut.gz", DolmaRetryableFailure, "10 of 1,000 bytes|IncompleteRead"),
        ("busy.gz", DolmaRetryableFailure, "answers 503"),
        ("closed.gz", DolmaStorageError, "answers 401"),
    ):
        with pytest.raises(kind, match=says) as caught:
            storage.stage(f"{web}/{page}", str(tmp_path / "work"))
        assert f"{web}/{page}: " in str(caught.value)
    assert not (tmp_path / "work").exists() or everything(tmp_path / "work") == []
    with pytest.raises(DolmaInputError, match="name each file"):
        storage.expand([f"{web}/*.gz"])


def test_the_web_is_read_only(web: str, tmp_path: Path) -> None:
    put(tmp_path, "made")
    for write in (
        lambda: storage.publish(str(tmp_path / "made"), f"{web}/x"),
        lambda: storage.write_bytes(f"{web}/x", b""),
        lambda: storage.delete(f"{web}/x"),
        lambda: storage.clear(f"{web}/x"),
        lambda: storage.temporary(f"{web}/x", str(tmp_path)),
    ):
        with pytest.raises(DolmaStorageError, match="can only be read"):
            write()


# The house


def test_importing_brings_in_nothing_heavy() -> None:
    program = (
        "import sys, dolma.storage\n"
        "heavy = {'boto3', 'botocore', 's3transfer', 'smart_open', 'requests', 'urllib3'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    package = os.path.dirname(os.path.dirname(os.path.dirname(storage.__file__)))
    output = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=True,
    )
    assert output.stdout == "[]\n"


def test_the_public_names_are_these() -> None:
    assert storage.__all__ == sorted(storage.__all__, key=lambda name: (name.islower(), name))
    assert all(getattr(storage, name).__doc__ for name in storage.__all__)
