"""Log lines: one a fact, on stderr, keys and values.

The library that writes them takes longer to import than most commands run, so it is imported with the first module
that logs; stdout is for answers.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

_threshold = logging.WARNING


def configure(level: str) -> None:
    """Set the level of this process; the lines of libraries go the same way, warnings and worse only."""
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
    """The logger of a module; its lines go to stderr even where nobody called `configure`."""
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
        # Looked up for each line: who captures or replaces stderr later gets the lines, and no closed file is written to.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
