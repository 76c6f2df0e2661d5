"""Widget keys that several screens share. A key bound to the URL is also its parameter: a new value breaks links."""

from __future__ import annotations

# The filters, bound to the URL.
WINDOW = "window"
START = "start"
END = "end"
APPLICATION = "application"
ENVIRONMENT = "environment"
RELEASE = "release"
MODEL = "model"
FILTERS = (WINDOW, START, END, APPLICATION, ENVIRONMENT, RELEASE, MODEL)
"""The filters that screens share."""

# What one screen opens on another, bound to the URL.
TRACE_ID = "trace_id"
TRACE_ALIAS = "trace"
"""The same as TRACE_ID in a link that was written by hand."""
TRACE_QUERY = "q"
SESSION = "session"
USER = "user"
EVALUATION = "evaluation"
ROLLOUT = "rollout"
DATASET = "dataset"
NEW = "new"
"""`1` opens the form of a new evaluation; with DATASET, APPLICATION and RELEASE it is filled in."""

# The frame.
ACTOR = "actor"
FLASH = "_flash"
PROBLEM = "_problem"
RETRIES = "_retries"


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
