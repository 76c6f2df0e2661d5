"""References to secrets of targets: a document names an environment variable, which is read at the time of a call."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from genaiops_core.errors import BadInput, Misconfigured

PREFIX = "GENAIOPS_TARGET_"
"""Prefix of the variables that may be referenced: a user who may launch an evaluation must not be able to send other
variables, such as credentials of the database or of AWS, to a host of their own."""

_REFERENCE = re.compile(
    rf"(?P<scheme>[A-Za-z][A-Za-z0-9-]{{0,19}} )?\$\{{(?P<name>{PREFIX}[A-Z0-9_]+)\}}", re.ASCII
)


def require_reference(value: object, field: str) -> None:
    """Require that a value is a reference.

    Raises:
        BadInput: it is not; the message omits the value, which may be a secret.
    """
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        raise BadInput(
            f"{field} must be a reference such as ${{{PREFIX}TOKEN}} or Bearer ${{{PREFIX}TOKEN}}, so that "
            "no secret is stored; set the variable in the worker's environment."
        )


def resolve_secret(reference: str, environment: Mapping[str, str] | None = None) -> str:
    """Resolve a reference to its secret.

    Raises:
        Misconfigured: the variable is not set, or is not a valid header value.
    """
    match = _REFERENCE.fullmatch(reference)
    assert match is not None, "validated when the document was parsed"
    name = match["name"]
    value = (os.environ if environment is None else environment).get(name, "")
    if not value:
        raise Misconfigured(f"The environment variable {name}, which the target refers to, is not set.")
    # A line break in a header value would allow header injection.
    if not value.isascii() or not value.isprintable():
        raise Misconfigured(
            f"The environment variable {name} contains characters that are invalid in a header."
        )
    return (match["scheme"] or "") + value
