"""An S3 server of its own process on loopback, for every test in this folder.

`s3` is a fresh bucket on it, with the environment set so that any code, and any command started as
a process, finds it the standard way. `s3_faults` puts a proxy in between that fails on command.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from bucket import Bucket
from faults import Faults

STARTS_WITHIN = 60
"""Seconds in which the server must answer."""


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Host and port of the server."""
    pytest.importorskip("moto.server", reason="needs `pip install 'moto[server]'`")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("s3") / "server.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/moto-api/", process, log)
        yield "127.0.0.1", port
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def s3(s3_server: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A fresh bucket; the environment leads boto3 to it."""
    boto3 = pytest.importorskip("boto3")
    endpoint = f"http://{s3_server[0]}:{s3_server[1]}"
    for name in [name for name in os.environ if name.startswith("AWS_")] + ["REGION"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=endpoint)
    bucket = Bucket(f"test-{uuid.uuid4().hex[:12]}", client)
    client.create_bucket(Bucket=bucket.name)
    _forget_client()
    yield bucket
    _forget_client()


@pytest.fixture
def s3_faults(s3: Bucket, s3_server: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """The proxy, with the environment pointing at it; the methods of `s3` go past it.

    Two tries per request and short pauses keep a failure that lasts from lasting long.
    """
    from dolma.storage import failures

    proxy = Faults(s3_server)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    monkeypatch.setattr(failures, "FIRST_PAUSE", 0.01)
    _forget_client()
    yield proxy
    proxy.close()


def _forget_client() -> None:
    from dolma.storage import s3

    s3.forget_client()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the S3 server did not start: {log.read_text()[-2000:]}")
