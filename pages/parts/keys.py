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
