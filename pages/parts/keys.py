"""Every widget key, in one place. Shared filters are also the names of URL parameters, so renames break links."""

from __future__ import annotations

# Shared by all screens, bound to the URL.
WINDOW = "window"
APPLICATION = "application"
ENVIRONMENT = "environment"
RELEASE = "release"
MODEL = "model"

# The frame.
ACTOR = "actor"
FLASH = "_flash"

# Traces.
TRACE_ID = "trace_id"
TRACE_STATUS = "trace_status"
TRACE_TEXT = "trace_text"
TRACE_TABLE = "trace_table"
TRACE_CURSORS = "_trace_cursors"
TRACE_SPAN = "trace_span"

PROBLEM = "_problem"


def dialog_form(name: str) -> str:
    """The form of a dialog."""
    return f"{name}_form"


def dialog_reason(name: str) -> str:
    """The reason typed in a dialog."""
    return f"{name}_reason"


def dialog_typed(name: str) -> str:
    """The name typed out to confirm."""
    return f"{name}_typed"


def dialog_submit(name: str) -> str:
    """The button that acts."""
    return f"{name}_submit"


def dialog_problem(name: str) -> str:
    """The sentence of the last refusal."""
    return f"_{name}_problem"
