"""Builds AWS clients; all other code receives them as arguments.

Credentials, region, profile and endpoint come only from the environment, as the AWS SDK reads it.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from genaiops_core.errors import GenAIOpsError, Misconfigured, Unavailable

_ATTEMPTS = 6
_TIMEOUT_S = 30


@lru_cache(maxsize=32)
def client(
    service: str,
    *,
    region: str = "",
    profile: str = "",
    attempts: int = _ATTEMPTS,
    read_timeout_s: float = _TIMEOUT_S,
    connections: int = 10,
) -> Any:
    """A client of `service` with standard retries; safe to share among threads.

    Args:
        service: name in the SDK, for example `bedrock-runtime`.
        region: '' for that of the environment: AWS_REGION, AWS_DEFAULT_REGION, then the profile.
        profile: of the shared configuration; '' for that of the environment.
        attempts: maximum number of attempts of a call.
        read_timeout_s: seconds to wait for a response.
        connections: maximum size of the pool; a caller with more threads opens additional connections.

    Raises:
        Misconfigured: there is no region or no such profile, or the configuration is invalid.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        # A model may need minutes for an answer, but never for a connection.
        connect_timeout=min(_TIMEOUT_S, read_timeout_s),
        read_timeout=read_timeout_s,
        max_pool_connections=connections,
    )
    try:
        session = boto3.session.Session(profile_name=profile or None)
        return session.client(service, region_name=region or _region_of_environment(), config=config)
    except (BotoCoreError, ValueError) as error:
        raise Misconfigured(
            f"AWS cannot be reached: {str(error).rstrip('.')}. Set AWS_REGION and credentials in the environment."
        ) from error


def _region_of_environment() -> str | None:
    """AWS_REGION, which other SDKs read; botocore reads only AWS_DEFAULT_REGION."""
    return os.environ.get("AWS_REGION") or None


def as_expected(error: Exception, doing: str) -> GenAIOpsError:
    """Convert an error of the SDK; `doing` is a phrase such as `reading s3://logs`.

    Errors that a retry cannot fix become `Misconfigured`; the others become `Unavailable`.
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
