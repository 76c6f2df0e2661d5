"""Widget keys of the screen Traces: the search, the saved views and one trace."""

from __future__ import annotations

TRACE_STATUS = "trace_status"
TRACE_TABLE = "trace_table"
TRACE_CURSORS = "_trace_cursors"

# Saved views.
VIEW_SAVE = "view_save_open"
VIEW_NAME = "view_name"
VIEW_SHARED = "view_shared"

# One trace.
TRACE_SPAN = "trace_span"
TRACE_TAB = "tab"
TRACE_WINDOW = "_trace_window"
TRACE_FOLD = "trace_fold"
TRACE_FOLD_ALL = "trace_fold_all"
TRACE_UNFOLD_ALL = "trace_unfold_all"
TRACE_EARLIER = "trace_earlier"
TRACE_LATER = "trace_later"


def search_example(at: int) -> str:
    """The button that puts an example into the search box."""
    return f"search_example_{at}"


def view_open(identifier: int) -> str:
    """The button that opens a saved view."""
    return f"view_open_{identifier}"


def view_delete(identifier: int) -> str:
    """The button that opens the dialog to delete a saved view."""
    return f"view_delete_open_{identifier}"


def trace_export(form: str) -> str:
    """The button that downloads what the search found."""
    return f"trace_export_{form}"
