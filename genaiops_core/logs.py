"""Structured log lines on stderr; stdout is for the output of commands.

structlog takes longer to import than most commands run, so the first module that logs imports it.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

_threshold = logging.WARNING


def configure(level: str) -> None:
    """Set the level of this process; of libraries, only warnings and errors are logged."""
    global _threshold
    _threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    logging.basicConfig(
        level=max(_threshold, logging.WARNING),
        stream=sys.stderr,
        format="%(asctime)s [%(levelname)-8s] %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    if "structlog" in sys.modules:
        _configure_structlog()


def get_logger(name: str = "") -> Any:
    """The logger of a module; it writes to stderr also without a call of `configure`."""
    import structlog

    if not structlog.is_configured():
        _configure_structlog()
    return structlog.get_logger(name)


def _configure_structlog() -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_threshold),
        # Looked up for each line, because tests and servers replace stderr and close the old one.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
