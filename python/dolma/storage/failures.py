"""Where the errors of disks, boto3 and smart_open become errors of dolma.

Each message names the path, what was being done, the cause as it was reported and what to do about
it. A failure that may pass by itself becomes a `DolmaRetryableFailure`, and `persistently` is
how a transfer that met one is tried again.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from dolma.errors import DolmaError, DolmaInputError, DolmaRetryableFailure, DolmaStorageError

from .names import is_s3

Result = TypeVar("Result")

ATTEMPTS = 4
"""How often a whole transfer is tried; each try has the client's own retries inside."""

FIRST_PAUSE = 1.0
"""Seconds before the second try; every further pause is twice as long, up to `LONGEST_PAUSE`."""

LONGEST_PAUSE = 30.0

_CREDENTIALS = (
    "check AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in again (`aws sso login`)"
)
_REGION = "the bucket lives in another region: set AWS_REGION to it, or check AWS_ENDPOINT_URL"
_NETWORK = "check the network and the proxy settings, then run again"
_ENDPOINT = "check the network, the proxy settings, AWS_ENDPOINT_URL and AWS_REGION"
_CHECKSUM = (
    "an S3-compatible store that is behind on checksums wants AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
)

# Codes as S3 sends them in the body; a HEAD has no body, so botocore gives the number instead.
_MISSING = {
    "NoSuchBucket": "create the bucket or correct its name",
    "NoSuchKey": "correct the path, or list the inputs again if it was deleted",
    "NoSuchUpload": "something else aborted the upload (a lifecycle rule?); run again",
    "404": "correct the path, or list the inputs again if it was deleted",
    "NotFound": "correct the path, or list the inputs again if it was deleted",
    "InvalidBucketName": "correct the name of the bucket",
}
_CHANGED = frozenset({"PreconditionFailed", "412"})
_PASSING = frozenset(
    {
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "InternalError",
        "OperationAborted",
        "408",
        "429",
        "500",
        "502",
        "503",
        "504",
    }
)
_REFUSED = {
    "AccessDenied": "ask for the right to do this (s3:GetObject, s3:PutObject or s3:ListBucket)",
    "403": (
        "ask for s3:GetObject and s3:ListBucket; without the latter a missing object "
        "is reported like this too"
    ),
    "Forbidden": "ask for the right to do this (s3:GetObject, s3:PutObject or s3:ListBucket)",
    "ExpiredToken": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "InvalidAccessKeyId": _CREDENTIALS,
    "InvalidToken": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "RequestTimeTooSkewed": "set the clock of this machine",
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "301": _REGION,
    "400": f"either the credentials ({_CREDENTIALS}) or the region: {_REGION}",
    "InvalidObjectState": "the object is archived: restore it first",
    "QuotaExceeded": "free space in the store or have its quota raised",
    "EntityTooLarge": "the store takes no object of this size: write smaller shards",
    "NotImplemented": _CHECKSUM,
    "XAmzContentSHA256Mismatch": _CHECKSUM,
}
# Exceptions of botocore, requests and urllib3 by name: looking at one imports none of them.
_BY_CLASS = {
    "NoCredentialsError": _CREDENTIALS,
    "PartialCredentialsError": _CREDENTIALS,
    "CredentialRetrievalError": _CREDENTIALS,
    "TokenRetrievalError": _CREDENTIALS,
    "NoAuthTokenError": _CREDENTIALS,
    "SSOError": _CREDENTIALS,
    "LoginError": _CREDENTIALS,
    "ProfileNotFound": "correct AWS_PROFILE or add the profile to ~/.aws/config",
    "ConfigParseError": "correct ~/.aws/config",
    "NoRegionError": "set AWS_REGION",
    "InvalidRegionError": "correct AWS_REGION",
    "SSLError": "check the certificate of the endpoint, or set AWS_CA_BUNDLE",
    "ParamValidationError": "correct the name of the bucket or the object",
}
_PASSING_CLASSES = {
    "HTTPClientError": _ENDPOINT,
    "ConnectionError": _ENDPOINT,
    "IncompleteReadError": _ENDPOINT,
    "ProtocolError": _ENDPOINT,
    "ChunkedEncodingError": _ENDPOINT,
    "Timeout": _ENDPOINT,
    "RetriesExceededError": _ENDPOINT,
    "FlexibleChecksumError": "the bytes were damaged on their way; try again",
}

_DISK = {
    errno.ENOSPC: "free space on that disk, or point work_dir and outputs to another one",
    errno.EDQUOT: "free space within your quota, or point work_dir and outputs elsewhere",
    errno.EACCES: "give this user the right to do so",
    errno.EPERM: "give this user the right to do so",
    errno.EROFS: "the file system is read-only: choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOTDIR: "a part of the path is a file, not a directory",
    errno.EEXIST: "a file is in the way of a directory",
    errno.EISDIR: "a directory is in the way",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`) or use fewer processes",
    errno.EIO: "the disk reports an error: check the system log",
    errno.ESTALE: "the network file system lost its server: mount it again",
}


@contextmanager
def explained(doing: str, path: str) -> Iterator[None]:
    """Turns what goes wrong inside into a `DolmaError` that says we were `doing` this to `path`."""
    try:
        yield
    except DolmaError:
        raise
    except Exception as error:
        if _is_ours(error):
            raise
        raise explain(error, doing, path) from error


def explain(error: Exception, doing: str, path: str) -> DolmaError:
    """The `DolmaError` that `error` amounts to."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ClientError" in names:
        return _explain_refusal(error, doing, path)
    if "S3DownloadFailedError" in names:
        return changed(path)
    # Some classes of botocore are an OSError as well, so the more telling name goes first.
    for table, kind in ((_BY_CLASS, DolmaStorageError), (_PASSING_CLASSES, DolmaRetryableFailure)):
        for name, advice in table.items():
            if name in names:
                if advice == _ENDPOINT and not is_s3(path):
                    advice = _NETWORK
                return kind(_message(path, doing, _cause(error), advice))
    if isinstance(error, OSError):
        return _explain_disk(error, doing, path)
    return DolmaStorageError(_message(path, doing, _cause(error), "see the cause above"))


def changed(path: str) -> DolmaInputError:
    """The error for an input that is not the one that was listed."""
    return DolmaInputError(
        f"{path}: changed since it was listed; let whatever writes it finish, then run again"
    )


def missing(path: str, advice: str = "correct the path") -> DolmaInputError:
    """The error for an input that is not there."""
    return DolmaInputError(f"{path}: no such file; {advice}")


def persistently(action: Callable[[], Result]) -> Result:
    """What `action` returns, trying again with growing pauses after failures that may pass."""
    for attempt in range(1, ATTEMPTS):
        try:
            return action()
        except DolmaRetryableFailure:
            pause = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
            # Half of it by chance, so that many workers refused together do not return together.
            import random

            time.sleep(pause * random.uniform(0.5, 1.0))
    return action()


def error_code(error: Exception) -> str:
    """The code of a refusal by an S3 server, or an empty string for any other error."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return ""
    return str(response.get("Error", {}).get("Code", ""))


def _explain_refusal(error: Exception, doing: str, path: str) -> DolmaError:
    code = error_code(error)
    response = getattr(error, "response", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = str(response.get("Error", {}).get("Message", "")).strip()
    cause = f"{code} ({said})" if said and said != code else code
    if code in _CHANGED:
        return changed(path)
    if code in _MISSING:
        return DolmaInputError(_message(path, doing, cause, _MISSING[code]))
    if code in _PASSING or status >= 500:
        advice = "the store is overloaded or failing: try again later, or with fewer processes"
        return DolmaRetryableFailure(_message(path, doing, cause, advice))
    advice = _REFUSED.get(code, "the message of the store says what it wants")
    return DolmaStorageError(_message(path, doing, cause, advice))


def _explain_disk(error: OSError, doing: str, path: str) -> DolmaError:
    cause = error.strerror or _cause(error)
    if error.filename and str(error.filename) != path:
        cause = f"{cause} ({error.filename})"
    if isinstance(error, FileNotFoundError):
        return DolmaInputError(_message(path, doing, cause, "correct the path"))
    if isinstance(error, ConnectionError | TimeoutError):
        return DolmaRetryableFailure(_message(path, doing, cause, _NETWORK))
    advice = _DISK.get(error.errno or 0, "see the cause above")
    return DolmaStorageError(_message(path, doing, cause, advice))


def _is_ours(error: Exception) -> bool:
    """Whether `error` is a bug on this side: no disk and no library of others raised it."""
    return type(error).__module__ == "builtins" and not isinstance(error, OSError)


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _message(path: str, doing: str, cause: str, advice: str) -> str:
    return f"{path}: cannot {doing}: {cause.rstrip('. ')}; {advice}"
