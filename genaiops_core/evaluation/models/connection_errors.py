"""Why a server did not answer, in words: many errors of connections carry no message of their own."""

from __future__ import annotations

import errno
from collections.abc import Iterator

_REASONS = {
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ECONNABORTED: "connection reset",
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the network",
    errno.ETIMEDOUT: "timed out",
}
# Names of classes of httpx: matched by name, because the SDK of OpenAI may use a copy of that library.
_KINDS = {
    "RemoteProtocolError": "connection closed before the answer was complete",
    "ReadError": "connection closed",
    "WriteError": "connection closed",
    "CloseError": "connection closed",
    "ConnectTimeout": "timed out while connecting",
    "PoolTimeout": "timed out while waiting for a connection",
    "ConnectError": "no connection",
}


def describe_connection_error(error: BaseException) -> str:
    """The reason of a failed connection: by the number of the operating system, else the message, else the kind."""
    chain = list(_iterate_causes(error))
    for cause in chain:
        if isinstance(cause, OSError) and cause.errno in _REASONS:
            return _REASONS[cause.errno]
    kind = next((_KINDS[name] for cause in chain if (name := type(cause).__name__) in _KINDS), "")
    if any("Timeout" in type(cause).__name__ for cause in chain):
        return kind or "timed out"
    message = next((text for cause in reversed(chain) if (text := str(cause).strip().rstrip("."))), "")
    return ": ".join(part for part in (kind, message) if part) or type(error).__name__


def _iterate_causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, the outermost first; groups of errors by their first."""
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            current = current.exceptions[0]
        else:
            current = current.__cause__ or current.__context__
