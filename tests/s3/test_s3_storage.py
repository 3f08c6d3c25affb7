"""Listing, staging and publishing against a real S3 server that is throttled, cut and broken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bucket import Bucket
from faults import FOREVER, Faults
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dolma import storage
from dolma.errors import (
    DolmaConfigError,
    DolmaInputError,
    DolmaRetryableFailure,
    DolmaStorageError,
)
from dolma.storage import local

MIB = 1024 * 1024
PART = 5 * MIB  # The least that S3 takes for a part that is not the last.


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.s3, "PART_SIZE", PART)


def noise(size: int) -> bytes:
    return os.urandom(size)


def listing(*patterns: str) -> list[str]:
    return [file.path for file in storage.expand(patterns)]


def inside(directory: Path) -> list[str]:
    return sorted(os.listdir(directory)) if directory.exists() else []


# Listing


def test_a_listing_gives_size_and_etag_sorted_by_bytes(s3: Bucket) -> None:
    for key in ("d/b.gz", "d/B.gz", "d/é.gz", "d/a/z.gz"):
        s3.put(key, key.encode())
    files = storage.expand([s3.path("d"), s3.path("d/*.gz")])
    assert [file.path for file in files] == [
        s3.path(key) for key in ("d/B.gz", "d/a/z.gz", "d/b.gz", "d/é.gz")
    ]
    assert [file.size for file in files] == [6, 8, 6, 7]
    head = s3.client.head_object(Bucket=s3.name, Key="d/b.gz")
    assert files[2].tag == head["ETag"].strip('"')
    assert files[2] == storage.stat(s3.path("d/b.gz"))


def test_a_listing_goes_on_past_the_first_page(s3: Bucket) -> None:
    keys = [f"many/{number:04d}.gz" for number in range(2003)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(s3.put, keys))
    assert listing(s3.path("many/*.gz")) == [s3.path(key) for key in keys]


def test_keys_come_as_they_are_written(s3: Bucket) -> None:
    keys = ["a b+c%20&=.gz", "data[1]/x*y?.gz", "q/日本語.gz"]
    for key in keys:
        s3.put(key)
    for key in keys:
        assert listing(s3.path(key)) == [s3.path(key)]
    s3.put("data1/other.gz")
    assert listing(s3.path("data[1]/*.gz")) == [s3.path("data[1]/x*y?.gz")]
    assert listing(s3.path("data[0-9]/*.gz")) == [s3.path("data1/other.gz")]


def test_folder_markers_and_hidden_objects_are_not_listed(s3: Bucket) -> None:
    for key in ("d/.dolma/record.json", "d/.hidden.gz", "d/sub/x.gz"):
        s3.put(key)
    s3.put("d/", b"")
    s3.put("d/sub/", b"")
    assert listing(s3.path("d")) == [s3.path("d/sub/x.gz")]
    assert listing(s3.path("d/**")) == [s3.path("d/sub/x.gz")]
    assert listing(s3.url) == [s3.path("d/sub/x.gz")]
    assert listing(s3.path("d/.dolma/*.json")) == [s3.path("d/.dolma/record.json")]


def test_a_prefix_ends_at_a_slash(s3: Bucket) -> None:
    s3.put("docs/a.gz")
    s3.put("docs2/b.gz")
    assert listing(s3.path("docs")) == listing(s3.path("docs/")) == [s3.path("docs/a.gz")]


def test_an_object_goes_before_the_prefix_of_the_same_name(s3: Bucket) -> None:
    s3.put("d")
    s3.put("d/below.gz")
    assert listing(s3.path("d")) == [s3.path("d")]
    assert listing(s3.path("d/")) == [s3.path("d/below.gz")]


def test_a_pattern_without_a_match_names_the_nearest_parent(s3: Bucket) -> None:
    s3.put("docs/a.gz")
    with pytest.raises(DolmaInputError) as caught:
        storage.expand([s3.path("docs/deep/er/*.zst")])
    assert s3.path("docs/deep/er/*.zst") in str(caught.value)
    assert f"nearest existing parent is {s3.path('docs/')} " in str(caught.value)


def test_a_missing_bucket_is_named(s3: Bucket, tmp_path: Path) -> None:
    missing = "s3://no-such-bucket-here/documents/a.gz"
    for fails in (
        lambda: storage.expand(["s3://no-such-bucket-here/documents/*.gz"]),
        lambda: storage.expand([missing]),
        lambda: storage.stage(missing, str(tmp_path)),
        lambda: storage.read_bytes(missing),
        lambda: storage.write_bytes(missing, b"x"),
    ):
        with pytest.raises(DolmaInputError, match=r"s3://no-such-bucket-here.*NoSuchBucket"):
            fails()


def test_a_bucket_cannot_be_a_pattern() -> None:
    with pytest.raises(DolmaConfigError, match="name the bucket in full"):
        storage.expand(["s3://data-*/x"])


NAMES = st.sampled_from(["a", "b", "ab", "a.gz", "b.gz", ".h", ".h.gz", "é", "[ab]", "a*", "a[1]"])
PARTS = st.sampled_from(
    ["*", "**", "?", "a", "a*", "*.gz", "[ab]", "[!a]*", ".*", ".h", "ab", "a[1]", "a[[]1]", ""]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.lists(st.lists(NAMES, min_size=1, max_size=4).map("/".join), min_size=1, max_size=8),
    parts=st.lists(PARTS.filter(bool), min_size=0, max_size=3),
    last=PARTS,
)
def test_a_pattern_means_the_same_on_a_disk(
    s3: Bucket,
    tmp_path_factory: pytest.TempPathFactory,
    keys: list[str],
    parts: list[str],
    last: str,
) -> None:
    root = tmp_path_factory.mktemp("same")
    for key in keys:
        path = root / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue  # A store can have an object and a prefix of one name; a disk cannot.
        s3.put(f"{root.name}/{key}")
    pattern = "/".join([*parts, last])
    assert below(f"{s3.url}/{root.name}", pattern) == below(str(root), pattern)


def below(root: str, pattern: str) -> list[str]:
    try:
        return [path.removeprefix(root) for path in listing(f"{root}/{pattern}")]
    except DolmaInputError as error:
        if "matches no file" not in str(error):
            raise
        return []


# Staging


def test_a_small_object_is_staged_whole(s3: Bucket, tmp_path: Path) -> None:
    path = s3.put("d/x.jsonl.gz", b"data")
    staged = storage.stage(path, str(tmp_path / "new"))
    assert Path(staged).read_bytes() == b"data"
    assert staged.endswith("-x.jsonl.gz")
    assert storage.stage(path, str(tmp_path / "new")) != staged
    assert len(inside(tmp_path / "new")) == 2


def test_an_empty_object_is_staged(s3: Bucket, tmp_path: Path) -> None:
    assert Path(storage.stage(s3.put("x", b""), str(tmp_path))).read_bytes() == b""


def test_a_large_object_is_staged_in_parts(s3: Bucket, s3_faults: Faults, tmp_path: Path) -> None:
    data = noise(3 * PART + 12345)
    path = s3.put("big.gz", data)
    assert Path(storage.stage(path, str(tmp_path))).read_bytes() == data
    assert s3_faults.count("GET", "big.gz") == 4


@pytest.mark.parametrize("size", [1 * MIB, 2 * PART + 7])
def test_staging_survives_throttling_and_cut_connections(
    s3: Bucket, s3_faults: Faults, tmp_path: Path, size: int
) -> None:
    data = noise(size)
    path = s3.put("x.gz", data)
    s3_faults.refuse(1, method="HEAD")
    s3_faults.refuse(3, method="GET")
    s3_faults.cut_response(2, after=300_000)
    s3_faults.delay(1, 0.2)
    staged = storage.stage(path, str(tmp_path))
    assert Path(staged).read_bytes() == data
    assert inside(tmp_path) == [os.path.basename(staged)]


@pytest.mark.parametrize("size", [100_000, 2 * PART])
def test_staging_that_keeps_failing_leaves_nothing(
    s3: Bucket, s3_faults: Faults, tmp_path: Path, size: int
) -> None:
    path = s3.put("x.gz", noise(size))
    s3_faults.cut_response(FOREVER, after=50_000)
    with pytest.raises(DolmaRetryableFailure, match=rf"{path}: cannot download"):
        storage.stage(path, str(tmp_path))
    s3_faults.clear()
    s3_faults.refuse(FOREVER, method="GET")
    with pytest.raises(DolmaRetryableFailure, match="SlowDown"):
        storage.stage(path, str(tmp_path))
    assert inside(tmp_path) == []


@pytest.mark.parametrize("size", [4, 2 * PART])
def test_an_object_that_changed_since_it_was_listed_is_an_error(
    s3: Bucket, tmp_path: Path, size: int
) -> None:
    path = s3.put("x.gz", noise(size))
    (listed,) = storage.expand([path])
    s3.put("x.gz", noise(size))
    with pytest.raises(DolmaInputError, match="changed since it was listed"):
        storage.stage(listed, str(tmp_path))
    assert inside(tmp_path) == []


def test_a_missing_object_is_an_error(s3: Bucket, tmp_path: Path) -> None:
    s3.put("d/here.gz")
    with pytest.raises(DolmaInputError, match=r"d/gone\.gz: no such file.*parent is .*/d/"):
        storage.stage(s3.path("d/gone.gz"), str(tmp_path))
    assert inside(tmp_path) == []


def test_a_full_disk_is_noticed_before_the_download(
    s3: Bucket, s3_faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = s3.put("x.gz", noise(1000))
    monkeypatch.setattr(local, "free_space", lambda _: 999)
    with pytest.raises(DolmaStorageError, match=r"x\.gz needs 1,000 bytes and 999 are free"):
        storage.stage(path, str(tmp_path))
    assert s3_faults.count("GET") == 0


def test_many_threads_share_the_client(s3: Bucket, tmp_path: Path) -> None:
    contents = {s3.put(f"{i}.gz", noise(10_000)): i for i in range(40)}
    staged: dict[str, str] = {}

    def work(paths: list[str]) -> None:
        for path in paths:
            staged[path] = storage.stage(path, str(tmp_path))

    paths = list(contents)
    threads = [threading.Thread(target=work, args=(paths[i::8],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for path, i in contents.items():
        assert Path(staged[path]).read_bytes() == s3.get(f"{i}.gz")


# Publishing


def made(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "made.gz"
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("size", [0, 100, 3 * PART + 1])
def test_a_file_is_published_whole_and_moved(
    s3: Bucket, s3_faults: Faults, tmp_path: Path, size: int
) -> None:
    data = noise(size)
    file = storage.publish(made(tmp_path, data), s3.path("out/x.gz"))
    assert s3.get("out/x.gz") == data
    assert file == storage.stat(s3.path("out/x.gz"))
    assert inside(tmp_path) == []
    assert s3_faults.count("PUT") == (4 if size > PART else 1)


@pytest.mark.parametrize("size", [MIB, 2 * PART + 7])
def test_publishing_survives_throttling_and_cut_connections(
    s3: Bucket, s3_faults: Faults, tmp_path: Path, size: int
) -> None:
    data = noise(size)
    s3_faults.refuse(2, method="PUT")
    s3_faults.cut_request(2, after=400_000)
    s3_faults.refuse(1, method="POST", status=500, code="InternalError")
    storage.publish(made(tmp_path, data), s3.path("x.gz"))
    assert s3.get("x.gz") == data
    assert s3.unfinished_uploads() == []


@pytest.mark.parametrize("size", [100_000, 2 * PART])
def test_publishing_that_keeps_failing_leaves_what_was_there(
    s3: Bucket, s3_faults: Faults, tmp_path: Path, size: int
) -> None:
    s3.put("old.gz", b"old")
    for cut in (True, False):
        s3_faults.clear()
        if cut:
            s3_faults.cut_request(FOREVER, after=50_000)
        else:
            s3_faults.refuse(FOREVER, method="PUT")
        path = made(tmp_path, noise(size))
        for key in ("new.gz", "old.gz"):
            with pytest.raises(DolmaRetryableFailure, match=rf"{key}: cannot upload"):
                storage.publish(path, s3.path(key))
        assert os.path.getsize(path) == size
    assert s3.keys() == ["old.gz"]
    assert s3.get("old.gz") == b"old"
    assert s3.unfinished_uploads() == []


def test_an_upload_that_cannot_be_completed_is_aborted(s3: Bucket, s3_faults: Faults, tmp_path: Path) -> None:
    s3_faults.refuse(FOREVER, method="POST", target="uploadId=", status=403, code="AccessDenied")
    with pytest.raises(DolmaStorageError, match=r"AccessDenied.*s3:PutObject"):
        storage.publish(made(tmp_path, noise(2 * PART)), s3.path("x.gz"))
    assert s3.keys() == []
    assert s3.unfinished_uploads() == []


def test_killing_a_process_that_uploads_leaves_nothing_to_be_seen(
    s3: Bucket, s3_faults: Faults, tmp_path: Path
) -> None:
    s3_faults.delay(FOREVER, 3, method="POST", target="uploadId=")
    path = made(tmp_path, noise(17 * MIB))
    package = os.path.dirname(os.path.dirname(os.path.dirname(storage.__file__)))
    program = "import sys; from dolma import storage; storage.publish(*sys.argv[1:])"
    child = subprocess.Popen(
        [sys.executable, "-c", program, path, s3.path("x.gz")],
        env={**os.environ, "PYTHONPATH": package},
    )
    while child.poll() is None and s3_faults.count("PUT", "partNumber=2") == 0:
        time.sleep(0.01)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    assert s3.keys() == []
    assert os.path.getsize(path) == 17 * MIB


# Records


def test_records_are_written_read_and_deleted(s3: Bucket) -> None:
    path = s3.path("out/.dolma/x.json")
    assert storage.find_bytes(path) is None
    storage.write_bytes(path, b"{}")
    assert storage.read_bytes(path) == storage.find_bytes(path) == b"{}"
    storage.delete(path)
    storage.delete(path)
    assert storage.stat(path) is None
    with pytest.raises(DolmaInputError, match="no such file"):
        storage.read_bytes(path)


def test_a_prefix_is_cleared_of_all_that_is_below_it_and_of_nothing_else(s3: Bucket) -> None:
    for name in (
        "out/.dolma/readings/a.x",
        "out/.dolma/readings/.hidden/b",
        "out/.dolma/readings.x",
        "out/a",
    ):
        s3.put(name)
    storage.clear(s3.path("out/.dolma/readings"))
    storage.clear(s3.path("out/.dolma/readings"))
    assert sorted(s3.keys()) == ["out/.dolma/readings.x", "out/a"]


def test_reading_a_record_survives_a_cut_connection(s3: Bucket, s3_faults: Faults) -> None:
    path = s3.put("x.json", noise(10_000))
    s3_faults.cut_response(2, after=100)
    assert storage.read_bytes(path) == s3.get("x.json")


# Configuration and refusals


@pytest.mark.parametrize(
    ("status", "code", "kind", "advice"),
    [
        (403, "AccessDenied", DolmaStorageError, "s3:GetObject"),
        (403, "InvalidAccessKeyId", DolmaStorageError, "AWS_PROFILE"),
        (400, "ExpiredToken", DolmaStorageError, "aws sso login"),
        (400, "AuthorizationHeaderMalformed", DolmaStorageError, "AWS_REGION"),
        (404, "NoSuchBucket", DolmaInputError, "create the bucket"),
        (500, "InternalError", DolmaRetryableFailure, "try again later"),
        (503, "SlowDown", DolmaRetryableFailure, "fewer processes"),
        (418, "Teapot", DolmaStorageError, "the store says"),
    ],
)
def test_a_refusal_says_what_to_do(
    s3: Bucket, s3_faults: Faults, status: int, code: str, kind: type, advice: str
) -> None:
    s3_faults.refuse(FOREVER, status=status, code=code, method="GET")
    with pytest.raises(kind) as caught:
        storage.expand([s3.path("d/*.gz")])
    assert type(caught.value) is kind
    for part in (s3.path("d/*.gz"), "cannot list", code, advice):
        assert part in str(caught.value)


def test_missing_credentials_are_named(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(DolmaStorageError, match=r"NoCredentialsError.*AWS_PROFILE"):
        storage.expand([s3.path("d/*.gz")])


def test_a_missing_profile_is_named(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(DolmaStorageError, match=r"nobody.*AWS_PROFILE"):
        storage.stat(s3.path("x"))


def test_an_endpoint_that_nobody_serves_is_named(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(DolmaRetryableFailure, match=r"127\.0\.0\.1:9.*AWS_ENDPOINT_URL"):
        storage.stat(s3.path("x"))


def test_a_malformed_endpoint_is_named(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not a url")
    with pytest.raises(DolmaConfigError, match="correct AWS_ENDPOINT_URL"):
        storage.stat(s3.path("x"))


def test_a_host_name_as_endpoint_is_addressed_by_path(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = os.environ["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    storage.write_bytes(s3.path("x"), b"1")
    assert s3.get("x") == b"1"


def test_the_region_comes_from_aws_and_then_from_the_old_variable(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGION", "eu-west-3")
    assert storage.s3.client().meta.region_name == "us-east-1"
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    storage.s3.forget_client()
    assert storage.s3.client().meta.region_name == "eu-west-3"


def test_retries_come_from_the_environment_if_it_has_them(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    retries = storage.s3.client().meta.config.retries
    assert (retries["mode"], retries["total_max_attempts"]) == ("adaptive", 8)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    storage.s3.forget_client()
    retries = storage.s3.client().meta.config.retries
    assert (retries["mode"], retries["total_max_attempts"]) == ("standard", 3)
