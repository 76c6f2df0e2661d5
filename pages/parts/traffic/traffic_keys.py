"""Widget keys of the screens Sessions and Users."""

from __future__ import annotations

SESSION_TABLE = "session_table"
SESSION_CURSORS = "_session_cursors"
SESSION_OFFSET = "_session_offset"
USER_TABLE = "user_table"
USER_ORDER = "user_order"
