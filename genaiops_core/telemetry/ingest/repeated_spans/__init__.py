"""Spans that arrive again under the same id: which of the two is more complete, and its exchange for the stored one."""
