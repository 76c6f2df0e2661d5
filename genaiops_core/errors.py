"""Every error the product raises on purpose, by what the caller can do next.

    GenAIOpsError
    |-- BadInput        mend what was sent
    |-- NotFound        name something that exists
    |-- Conflict        look at the current state, then decide again
    |-- NotAllowed      ask someone who may
    |-- Misconfigured   mend a setting, then start again
    `-- Unavailable     wait, then send the same again

Each carries one sentence that says what, where and how to mend it. Doors translate: the command line prints it and
exits 2, the API answers with `http_status`, screens show it in place.
"""

from __future__ import annotations


class GenAIOpsError(Exception):
    """Base of all expected errors; `str(error)` is fit for an operator."""

    http_status = 500


class BadInput(GenAIOpsError):
    """What was sent cannot be used; the sentence says which field and how to mend it."""

    http_status = 400


class NotFound(GenAIOpsError):
    """The thing named does not exist."""

    http_status = 404


class Conflict(GenAIOpsError):
    """The thing exists, but its state does not allow this now."""

    http_status = 409


class NotAllowed(GenAIOpsError):
    """This actor may not do this (for example approve a release they made)."""

    http_status = 403


class Misconfigured(GenAIOpsError):
    """A setting is missing or contradicts another; nothing was started."""

    http_status = 500


class Unavailable(GenAIOpsError):
    """The service is full or still starting; the same call may succeed later."""

    http_status = 503

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
