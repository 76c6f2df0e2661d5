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


# Releases.
RELEASE_TABLE = "release_table"
RELEASE_REGISTER = "release_register"
RELEASE_REQUEST = "release_request_open"
RELEASE_APPROVE = "release_approve_open"
RELEASE_REJECT = "release_reject_open"
NEW_RELEASE_APPLICATION = "new_release_application"
NEW_RELEASE_NAME = "new_release_name"
NEW_RELEASE_MODEL = "new_release_model"
NEW_RELEASE_PROMPTS = "new_release_prompts"
NEW_RELEASE_CODE = "new_release_code"
NEW_RELEASE_DATA = "new_release_data"
NEW_RELEASE_NOTES = "new_release_notes"
NEW_RELEASE = (
    NEW_RELEASE_APPLICATION,
    NEW_RELEASE_NAME,
    NEW_RELEASE_MODEL,
    NEW_RELEASE_PROMPTS,
    NEW_RELEASE_CODE,
    NEW_RELEASE_DATA,
    NEW_RELEASE_NOTES,
)
