"""Log lines of the worker: one a fact, on stderr, keys and values."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Set up logging of this process; the job engine's own lines go the same way, warnings and worse only."""
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    logging.basicConfig(
        level=max(threshold, logging.WARNING),
        stream=sys.stderr,
        format="%(asctime)s [%(levelname)-8s] %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        # Looked up for each line: who captures or replaces stderr later gets the lines, and no closed file is written to.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
