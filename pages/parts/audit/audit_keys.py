"""Widget keys of the screen Audit."""

from __future__ import annotations

AUDIT_ACTOR = "audit_actor"
AUDIT_ACTION = "audit_action"
AUDIT_TABLE = "audit_table"
AUDIT_VERIFY = "audit_verify"
AUDIT_REPORT = "_audit_report"
AUDIT_MORE = "_audit_more"
