"""The expected errors of the product, by what the caller can do next.

    GenAIOpsError
    |-- BadInput        correct the input
    |-- NotFound        name something that exists
    |-- Conflict        read the current state, then decide again
    |-- NotAllowed      let someone with permission act
    |-- Misconfigured   correct a setting, then start again
    `-- Unavailable     wait, then send the same request again

The message says what is wrong, where, and how to correct it. The command line prints it and exits with 2, the API answers
with `http_status`, and screens show it in place.
"""

from __future__ import annotations


class GenAIOpsError(Exception):
    """Base of all expected errors; `str(error)` is a message for users."""

    http_status = 500


class BadInput(GenAIOpsError):
    """The input is invalid; the message names the field and the correction."""

    http_status = 400


class NotFound(GenAIOpsError):
    """The named object does not exist."""

    http_status = 404


class Conflict(GenAIOpsError):
    """The object exists, but its state does not allow the action."""

    http_status = 409


class NotAllowed(GenAIOpsError):
    """The actor has no permission, for example to approve their own release."""

    http_status = 403


class Misconfigured(GenAIOpsError):
    """A setting is missing or contradicts another."""

    http_status = 500


class Unavailable(GenAIOpsError):
    """The service is overloaded or still starting; the same request may succeed later."""

    http_status = 503

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
