"""Builds clients at the edge; everything else takes them as arguments.

Credentials, region, profile and endpoint come from the environment as the AWS SDK reads it, and from nowhere else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from genaiops_core.errors import GenAIOpsError, Misconfigured, Unavailable

_ATTEMPTS = 5
_TIMEOUT_S = 30


@lru_cache(maxsize=8)
def client(service: str) -> Any:
    """A client of `service` with standard retries.

    Raises:
        Misconfigured: the environment names no region, or is not understood.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        retries={"mode": "standard", "max_attempts": _ATTEMPTS},
        connect_timeout=_TIMEOUT_S,
        read_timeout=_TIMEOUT_S,
    )
    try:
        return boto3.session.Session().client(service, config=config)
    except (BotoCoreError, ValueError) as error:
        raise Misconfigured(
            f"AWS cannot be reached: {error}. Set AWS_REGION and credentials in the environment."
        ) from error


def as_expected(error: Exception, doing: str) -> GenAIOpsError:
    """What an error of the SDK means for an operator; `doing` is a phrase such as `reading s3://logs`.

    Errors that no retry mends are `Misconfigured`; the others are `Unavailable`.
    """
    from botocore.exceptions import (
        ClientError,
        NoCredentialsError,
        ParamValidationError,
        PartialCredentialsError,
    )

    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Misconfigured(f"{doing} needs AWS credentials in the environment: {error}.")
    if isinstance(error, ParamValidationError):
        return Misconfigured(f"{doing} is refused: {error}")
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _NOT_MENDED_BY_WAITING:
            return Misconfigured(f"{doing} is refused: {error}.")
    return Unavailable(f"{doing} failed and is tried again: {error}", retry_after_s=30)


_NOT_MENDED_BY_WAITING = frozenset(
    (
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "NoSuchBucket",
        "ResourceNotFoundException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    )
)
