"""Names of actors, and the addresses to listen on: without authentication only this machine."""

from __future__ import annotations

from genaiops_core.access.host_patterns import is_loopback
from genaiops_core.errors import BadInput, Misconfigured

MAX_ACTOR_LENGTH = 200


def actor_name(text: str) -> str:
    """Validate the name of an actor.

    Raises:
        BadInput: the name is empty, too long or has control characters.
    """
    name = text.strip()
    if not name:
        raise BadInput("The name of the actor is empty; use the name of the user.")
    if len(name) > MAX_ACTOR_LENGTH or not name.isprintable():
        raise BadInput(f"The name of the actor must be at most {MAX_ACTOR_LENGTH} printable characters.")
    return name


def require_safe_address(host: str) -> None:
    """Check that only this machine can reach `host`.

    Raises:
        Misconfigured: other machines can reach it, and callers are not authenticated.
    """
    if not is_loopback(host):
        raise Misconfigured(
            f"Refusing to listen on {host}: no authentication is configured, so anyone who can reach it could "
            "move traffic. Listen on 127.0.0.1 and put an authenticating proxy on the same machine in front."
        )
