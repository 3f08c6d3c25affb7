"""Anything else that smart_open can read (https, gs, azure, hdfs …): read only, one file at a time.

There is no listing and no publishing here. A server that gives a length is held to it; one that
gives none is believed when it closes the connection, as browsers do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dolma.errors import DolmaRetryableFailure, DolmaStorageError
from dolma.messages import message_of

from . import failures
from .names import File, scheme

TIMEOUT = 60
"""Seconds to wait for a web server."""


def stat(path: str) -> File | None:
    """What the server tells about a file, or None if it has none of this name."""
    return failures.persistently(lambda: _stat(path))


def download(file: File, partial: str) -> None:
    """Brings a file to the local path `partial`."""
    failures.persistently(lambda: _download(file, partial))


def read_bytes(path: str) -> bytes | None:
    """The content of a small file, or None if it is missing."""

    def read() -> bytes | None:
        with _opened(path) as stream:
            return None if stream is None else bytes(stream.read())

    return failures.persistently(read)


def refuse_to_write(path: str) -> DolmaStorageError:
    """The error for a destination of such a scheme."""
    return DolmaStorageError(f"{path}: {scheme(path)}:// can only be read; write to a local path or to s3://")


def _stat(path: str) -> File | None:
    with _opened(path) as stream:
        return None if stream is None else _describe(path, stream)


def _download(file: File, partial: str) -> None:
    import shutil

    with _opened(file.path) as stream:
        if stream is None:
            raise failures.missing(file.path)
        if file.tag and _describe(file.path, stream).tag != file.tag:
            raise failures.changed(file.path)
        with open(partial, "wb") as target:
            shutil.copyfileobj(stream, target, 1024 * 1024)
    size = os.path.getsize(partial)
    if file.size >= 0 and size != file.size:
        raise DolmaRetryableFailure(f"{file.path}: {size:,} of {file.size:,} bytes arrived; try again later")


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    """The stored bytes of `path` as a stream, or None if it is missing."""
    import smart_open

    with failures.explained("read", path):
        parameters = {"timeout": TIMEOUT} if _is_web(path) else {}
        try:
            stream = smart_open.open(path, "rb", compression="disable", transport_params=parameters)
        except (ImportError, NotImplementedError) as error:
            raise DolmaStorageError(
                f"{path}: nothing installed here reads {scheme(path)}://; "
                f"try `pip install 'smart_open[all]'` ({message_of(error)})"
            ) from error
        except FileNotFoundError:
            stream = None
        except Exception as error:
            if not _says_missing(path, error):
                raise
            stream = None
        try:
            yield stream
        finally:
            if stream is not None:
                stream.close()


def _says_missing(path: str, error: Exception) -> bool:
    """Sorts the answers of a web server by their status: missing, passing, or final."""
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if status in (404, 410):
        return True
    if status in (408, 429) or status >= 500:
        raise DolmaRetryableFailure(
            f"{path}: cannot read: the server answers {status}; try again later"
        ) from error
    if status:
        raise DolmaStorageError(
            f"{path}: cannot read: the server answers {status}; check the address and your access"
        ) from error
    return False


def _describe(path: str, stream: Any) -> File:
    if not _is_web(path):
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        return File(path, size, "")
    response = getattr(stream, "response", None) or getattr(stream.raw, "response", None)
    headers = getattr(response, "headers", {})
    length = str(headers.get("Content-Length", ""))
    tag = headers.get("ETag") or headers.get("Last-Modified") or ""
    return File(path, int(length) if length.isdigit() else -1, str(tag).strip('"'))


def _is_web(path: str) -> bool:
    return scheme(path) in ("http", "https")
