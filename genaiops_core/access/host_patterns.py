"""Lists of hosts in settings: `host`, `host:port`, `*.domain`, comma-separated; and the hosts of a URL and a header."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from genaiops_core.errors import Misconfigured


class Host(NamedTuple):
    """A host in lower case without a final dot, and its port; None when it is not stated."""

    name: str
    port: int | None


def parse_patterns(setting: str, name: str) -> tuple[str, ...]:
    """Parse the list of hosts of the setting `name`.

    Raises:
        Misconfigured: an entry is invalid.
    """
    entries = split_entries(setting)
    for entry in entries:
        if parse_host(entry) is None:
            raise Misconfigured(f"{name}: '{entry}' is not a host; write host, host:port or *.domain.")
    return entries


def split_entries(setting: str) -> tuple[str, ...]:
    """The entries of a comma-separated list, in lower case without a final dot."""
    return tuple(part.strip().lower().rstrip(".") for part in setting.split(",") if part.strip())


def parse_host(text: str) -> Host | None:
    """Parse `host` or `host:port`, as the Host header has it; None when the text is anything else."""
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or port == 0 or parts.netloc != text or "@" in text:
        return None
    return Host(parts.hostname.rstrip("."), port)


def matches_any(host: Host, patterns: Sequence[str]) -> bool:
    """Whether a list names the host; a pattern without a port matches every port, `*.domain` only subdomains."""
    return any(_matches(host, pattern) for pattern in patterns)


def is_loopback(name: str) -> bool:
    """Whether a host means this machine by its name alone; any other name may resolve to another address tomorrow."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _matches(host: Host, pattern: str) -> bool:
    allowed = parse_host(pattern)
    if allowed is None or allowed.port not in (None, host.port):
        return False
    return (
        host.name.endswith(allowed.name[1:]) if allowed.name.startswith("*.") else host.name == allowed.name
    )
