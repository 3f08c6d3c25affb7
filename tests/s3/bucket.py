"""A bucket as a test sees it, reached directly: never through `dolma.storage` or a proxy."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import FlexibleChecksumError


@dataclass
class Bucket:
    """An empty bucket and short ways to fill it and to look inside."""

    name: str
    client: Any

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def path(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def put(self, key: str, data: bytes = b"x") -> str:
        self.client.put_object(Bucket=self.name, Key=key, Body=data)
        return self.path(key)

    def get(self, key: str) -> bytes:
        for _ in range(50):
            # The server shows an object that it is just taking in with its checksum and without its bytes.
            with suppress(FlexibleChecksumError):
                return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())
            time.sleep(0.1)
        raise AssertionError(f"{key}: its checksum stays wrong")

    def keys(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def unfinished_uploads(self) -> list[str]:
        uploads = self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", ())
        return [upload["Key"] for upload in uploads]
