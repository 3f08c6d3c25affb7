"""Objects in S3 and in whatever speaks its protocol, through boto3.

Configuration is the standard one of AWS (profiles, SSO, `AWS_ENDPOINT_URL`, region, retries)
because boto3 reads it; `REGION`, which the published tool read, counts where no AWS region is set.
Every request is retried by the client; a transfer whose body was cut is tried again as a whole. A
download names the ETag it expects in every ranged request, so that it never mixes two versions.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from dolma.errors import DolmaConfigError, DolmaRetryableFailure, DolmaStorageError

from . import failures, glob
from .names import File

PART_SIZE = 16 * 1024 * 1024
"""Bytes per part, both ways. S3 takes 10,000 parts: boto3 enlarges them for objects over 160 GB."""

THREADS = 8
"""Requests in flight for one object."""

TIMEOUT = 60
"""Seconds to wait for a connection or for the next bytes."""

MAX_ATTEMPTS = 8
"""Tries per request unless AWS_MAX_ATTEMPTS or the profile says otherwise."""

# Connections kept for all transfers of a process together; more would queue, not fail.
_POOL = 64

_lock = threading.Lock()
_client: tuple[int, Any] | None = None


def client() -> Any:
    """The S3 client of this process; boto3's clients may be shared by threads, not by forks."""
    global _client
    with _lock:
        if _client is None or _client[0] != os.getpid():
            _client = (os.getpid(), _connect())
        return _client[1]


def forget_client() -> None:
    """Lets the next call read the configuration again."""
    global _client
    with _lock:
        _client = None


def split(path: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    bucket, _, key = path.partition("://")[2].partition("/")
    if not bucket or glob.is_magic(bucket):
        raise DolmaConfigError(f"{path}: name the bucket in full, as in s3://bucket/key")
    return bucket, key


def expand(pattern: str) -> list[File]:
    """The objects that `pattern` names; an empty list when there are none."""
    bucket, key = split(pattern)
    parts = key.split("/")
    if parts[-1] == "":
        parts[-1] = glob.EVERYTHING
    count = glob.literal_head(parts)
    if count == len(parts):
        file = stat(pattern)
        if file is not None:
            return [file]
        prefix = key + "/"
    else:
        # The head of the first pattern counts too: `part-0*` need not list `part-1…`.
        start = parts[count].replace("?", "*").replace("[", "*").partition("*")[0]
        prefix = "/".join([*parts[:count], start])
    root = _Prefix()
    for found, file in _list(pattern, bucket, prefix):
        root.add(file, found.split("/"))
    return list(glob.select(_Listing(), root, parts))


def stat(path: str) -> File | None:
    """What is known about an object, or None if there is none of this name."""
    bucket, key = split(path)
    if not key:
        return None
    with failures.explained("look at", path):
        try:
            head = client().head_object(Bucket=bucket, Key=key)
        except Exception as error:
            if failures.error_code(error) in ("404", "NoSuchKey", "NotFound"):
                return None
            raise
        return File(path, head["ContentLength"], head["ETag"].strip('"'))


def nearest(pattern: str) -> str:
    """The deepest prefix on the way to `pattern` that holds anything."""
    bucket, key = split(pattern)
    root = pattern[: len(pattern) - len(key)].rstrip("/") + "/"
    while key:
        key = key.rstrip("/").rpartition("/")[0]
        prefix = key + "/" if key else ""
        with failures.explained("list", root + prefix):
            page = client().list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        if page.get("KeyCount", 0):
            return root + prefix
    return root


def download(file: File, partial: str) -> None:
    """Brings the listed version of an object to the local path `partial`."""
    failures.persistently(lambda: _download(file, partial))


def upload(local_file: str, path: str) -> File:
    """Sends a local file; the object appears when the last byte has arrived, or never."""
    return failures.persistently(lambda: _upload(local_file, path))


def read_bytes(path: str) -> bytes | None:
    """The content of a small object, or None if there is none of this name."""
    return failures.persistently(lambda: _read_bytes(path))


def write_bytes(path: str, data: bytes) -> None:
    """Writes a small object in one request."""
    bucket, key = split(path)
    with failures.explained("write", path):
        client().put_object(Bucket=bucket, Key=key, Body=data)


def delete(path: str) -> None:
    """Deletes an object; a missing one is fine."""
    bucket, key = split(path)
    with failures.explained("delete", path):
        client().delete_object(Bucket=bucket, Key=key)


def clear(folder: str) -> None:
    """Deletes all objects below a prefix."""
    bucket, key = split(folder)
    for _, file in _list(folder, bucket, f"{key.rstrip('/')}/"):
        delete(file.path)


class _Prefix:
    """One level of the listed keys; a name may be an object and a prefix at once."""

    __slots__ = ("below", "objects")

    def __init__(self) -> None:
        self.objects: dict[str, File] = {}
        self.below: dict[str, _Prefix] = {}

    def add(self, file: File, parts: list[str]) -> None:
        here = self
        for part in parts[:-1]:
            here = here.below.setdefault(part, _Prefix())
        here.objects[parts[-1]] = file


class _Listing:
    """The listed keys as a tree."""

    def file(self, directory: _Prefix, name: str) -> File | None:
        return directory.objects.get(name)

    def directory(self, directory: _Prefix, name: str) -> _Prefix | None:
        return directory.below.get(name)

    def files(self, directory: _Prefix) -> Iterable[str]:
        return directory.objects

    def directories(self, directory: _Prefix) -> Iterable[str]:
        return directory.below


def _connect() -> Any:
    import boto3
    from botocore.config import Config

    with failures.explained("read the AWS configuration", "s3"):
        session = boto3.session.Session()
        profile = session._session.get_scoped_config()
        # What is passed to Config beats the environment, so only what nobody has set is passed.
        retries: dict[str, Any] = {}
        if "AWS_RETRY_MODE" not in os.environ and "retry_mode" not in profile:
            retries["mode"] = "adaptive"
        if "AWS_MAX_ATTEMPTS" not in os.environ and "max_attempts" not in profile:
            retries["total_max_attempts"] = MAX_ATTEMPTS
        config = Config(
            retries=retries or None,
            connect_timeout=TIMEOUT,
            read_timeout=TIMEOUT,
            max_pool_connections=_POOL,
            tcp_keepalive=True,
        )
        region = session.region_name or os.environ.get("REGION") or None
        try:
            return session.client("s3", region_name=region, config=config)
        except ValueError as error:
            raise DolmaConfigError(f"s3: {error}; correct AWS_ENDPOINT_URL or AWS_REGION") from error


def _list(pattern: str, bucket: str, prefix: str) -> Iterator[tuple[str, File]]:
    """Every key that starts with `prefix`, and what is known about its object."""
    root = pattern.partition("://")[0] + "://" + bucket + "/"
    with failures.explained("list", pattern):
        pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for found in page.get("Contents", ()):
                key, size = found["Key"], found["Size"]
                # The web console makes empty objects that stand for folders.
                if size or not key.endswith("/"):
                    yield key, File(root + key, size, found["ETag"].strip('"'))


def _download(file: File, partial: str) -> None:
    from s3transfer.subscribers import BaseSubscriber

    class Known(BaseSubscriber):  # type: ignore[misc]
        """Tells the transfer what is known already, which saves it a request."""

        def on_queued(self, future: Any, **_: Any) -> None:
            future.meta.provide_transfer_size(file.size)
            if hasattr(future.meta, "provide_object_etag"):
                future.meta.provide_object_etag(f'"{file.tag}"')

    bucket, key = split(file.path)
    with failures.explained(f"download it to {os.path.dirname(partial)}", file.path):
        with _transfers() as manager:
            # Not among the arguments a download takes by default, though GetObject knows it.
            manager.ALLOWED_DOWNLOAD_ARGS = [*manager.ALLOWED_DOWNLOAD_ARGS, "IfMatch"]
            condition = {"IfMatch": f'"{file.tag}"'}
            manager.download(bucket, key, partial, condition, [Known()]).result()
        size = os.path.getsize(partial)
    if size != file.size:
        raise DolmaRetryableFailure(f"{file.path}: {size:,} of {file.size:,} bytes arrived; try again later")


def _upload(local_file: str, path: str) -> File:
    bucket, key = split(path)
    with failures.explained("upload to it", path):
        size = os.path.getsize(local_file)
        with _transfers() as manager:
            manager.upload(local_file, bucket, key).result()
    sent = stat(path)
    if sent is None or sent.size != size:
        delete(path)
        there = "nothing" if sent is None else f"{sent.size:,} bytes"
        raise DolmaStorageError(
            f"{path}: {there} is there after uploading {size:,} bytes, so it was deleted; "
            "something else writes to this path, or the store is broken"
        )
    return sent


def _transfers() -> Any:
    from boto3.s3.transfer import (
        TransferConfig,
        create_transfer_manager,
    )

    # "classic": the alternative depends on the machine and reads none of the client's settings.
    config = TransferConfig(
        multipart_threshold=PART_SIZE,
        multipart_chunksize=PART_SIZE,
        max_concurrency=THREADS,
        preferred_transfer_client="classic",
    )
    return create_transfer_manager(client(), config)


def _read_bytes(path: str) -> bytes | None:
    bucket, key = split(path)
    with failures.explained("read", path):
        try:
            return bytes(client().get_object(Bucket=bucket, Key=key)["Body"].read())
        except Exception as error:
            if failures.error_code(error) in ("404", "NoSuchKey"):
                return None
            raise
