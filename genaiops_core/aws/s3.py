"""Amazon S3: list, read and write objects."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from genaiops_core.aws.clients import as_expected


class ObjectKey(NamedTuple):
    """Key and size of one listed object."""

    key: str
    size_bytes: int


def keys(client: Any, *, bucket: str, prefix: str = "", after: str = "") -> Iterator[ObjectKey]:
    """Objects below `prefix` in the order of their keys (UTF-8 binary order), from the first after the key `after`.

    Raises:
        Misconfigured: the bucket does not exist or may not be read.
        Unavailable: AWS does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    arguments = {"Bucket": bucket, "Prefix": prefix}
    if after:
        arguments["StartAfter"] = after
    try:
        for page in client.get_paginator("list_objects_v2").paginate(**arguments):
            for entry in page.get("Contents", ()):
                yield ObjectKey(entry["Key"], entry["Size"])
    except (BotoCoreError, ClientError) as error:
        raise as_expected(error, f"Listing s3://{bucket}/{prefix}") from error


@contextmanager
def reading(client: Any, *, bucket: str, key: str) -> Iterator[io.RawIOBase]:
    """The content of one object as a stream.

    Raises:
        Misconfigured: it may not be read.
        Unavailable: AWS does not respond, the connection is lost, or the object no longer exists.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        # The body as a context manager would return the raw stream, which verifies neither length nor checksum.
        with closing(client.get_object(Bucket=bucket, Key=key)["Body"]) as body:
            yield body
    except (BotoCoreError, ClientError) as error:
        raise as_expected(error, f"Reading s3://{bucket}/{key}") from error


def write(client: Any, *, bucket: str, key: str, content: bytes, kind: str) -> None:
    """Write one object of the content type `kind`, replacing an existing one.

    Raises:
        Misconfigured: it may not be written.
        Unavailable: AWS does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=kind)
    except (BotoCoreError, ClientError) as error:
        raise as_expected(error, f"Writing s3://{bucket}/{key}") from error
