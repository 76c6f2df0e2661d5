"""Secrets of targets: a document names the variable that holds one, and the value is read when a call is made."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from genaiops_core.errors import BadInput, Misconfigured

PREFIX = "GENAIOPS_TARGET_"
"""Only variables of these names may be referred to: whoever may launch a run must not read the rest of the
environment, credentials of the database and of AWS among it, by sending it to a host of theirs."""

_REFERENCE = re.compile(
    rf"(?P<scheme>[A-Za-z][A-Za-z0-9-]{{0,19}} )?\$\{{(?P<name>{PREFIX}[A-Z0-9_]+)\}}", re.ASCII
)


def require_reference(value: object, field: str) -> None:
    """Refuse anything that is no reference.

    Raises:
        BadInput: without the value, which may be the secret.
    """
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        raise BadInput(
            f"{field} must be a reference such as ${{{PREFIX}TOKEN}} or Bearer ${{{PREFIX}TOKEN}}, so that "
            "no secret is stored; set that variable where the worker runs."
        )


def resolve_secret(reference: str, environment: Mapping[str, str] | None = None) -> str:
    """The value that a reference stands for, read at the time of the call.

    Raises:
        Misconfigured: the environment does not have it.
    """
    match = _REFERENCE.fullmatch(reference)
    assert match is not None, "checked when the document was read"
    name = match["name"]
    value = (os.environ if environment is None else environment).get(name, "")
    if not value:
        raise Misconfigured(f"The environment variable {name}, which the target refers to, is not set.")
    if not value.isascii() or not value.isprintable():
        raise Misconfigured(f"The environment variable {name} holds characters that no header takes.")
    return (match["scheme"] or "") + value
