"""Log lines go to whatever stderr is when they are written."""

from __future__ import annotations

import io
import sys

import pytest
import structlog

from genaiops_core import logs


def test_log_line_goes_to_replaced_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    before = structlog.get_config()
    gone = io.StringIO()
    try:
        monkeypatch.setattr(sys, "stderr", gone)
        logs.configure("WARNING")
        gone.close()
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        structlog.get_logger().warning("still heard")
        assert "still heard" in sys.stderr.getvalue()  # type: ignore[attr-defined]
    finally:
        structlog.configure(**before)
