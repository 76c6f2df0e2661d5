"""The screen Traces: search, list, saved views, and one trace with its steps and details. Other screens use its messages."""
