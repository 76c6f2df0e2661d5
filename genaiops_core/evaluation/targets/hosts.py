"""Checks the addresses of targets: what they may contain, and which hosts the operator allows.

Which network addresses a host may resolve to is checked at each call (`models.checked_transport`).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from genaiops_core.access.host_patterns import Host, matches_any, parse_patterns
from genaiops_core.errors import BadInput


def parse_allowed_hosts(setting: str) -> tuple[str, ...]:
    """Parse `GENAIOPS_TARGET_HOSTS`: comma-separated `host`, `host:port` or `*.domain`; empty allows any host.

    Raises:
        Misconfigured: an entry is invalid.
    """
    return parse_patterns(setting, "GENAIOPS_TARGET_HOSTS")


def validate_url(url: str, field: str) -> str:
    """Validate a URL that is called and stored.

    Raises:
        BadInput: the URL is not an http(s) address, or contains a secret.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadInput(f"{field}: '{text}' is not a valid address: {error}.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadInput(
            f"{field}: '{text}' must be an http or https address, for example https://my.app/answer."
        )
    if parts.username is not None or parts.password is not None:
        raise BadInput(
            f"{field}: an address must not contain a password; use headers with a ${{GENAIOPS_TARGET_...}} reference."
        )
    if any(_is_secret_name(pair.partition("=")[0]) for pair in parts.query.split("&")):
        raise BadInput(
            f"{field}: the address contains a key in its query, which would be stored with the evaluation; "
            "send it as a header with a ${GENAIOPS_TARGET_...} reference."
        )
    return text


def require_allowed(url: str, allowed: Sequence[str], field: str, *, has_secret: bool = False) -> None:
    """Require that the operator allows the host of a URL, and names it when a secret is sent to it.

    Raises:
        BadInput: the host is not in the list.
    """
    host = _find_host(url)
    if matches_any(host, allowed):
        return
    if allowed:
        raise BadInput(
            f"{field}: {host.name}:{host.port} is not among the hosts that GENAIOPS_TARGET_HOSTS allows "
            f"({', '.join(allowed)})."
        )
    if has_secret:
        raise BadInput(
            f"{field}: the target refers to a secret, which is sent only to hosts that the operator names; add "
            f"{host.name}:{host.port} to GENAIOPS_TARGET_HOSTS of the worker."
        )


def _find_host(url: str) -> Host:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Host((parts.hostname or "").lower().rstrip("."), port)


_SECRET_NAMES = ("key", "token", "secret", "password", "signature", "sig", "credential")


def _is_secret_name(name: str) -> bool:
    words = name.lower().replace("-", "_").split("_")
    return any(word.endswith(secret) for word in words for secret in _SECRET_NAMES)
