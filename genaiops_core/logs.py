"""Log lines on stderr, in one form for every process; stdout is for the output of commands.

A traceback names files, lines and the classes of errors, but not their messages: drivers quote the rows that they refuse,
and those are contents of users. Messages of this product's own errors, and of errors that quote no data, are written.

structlog takes longer to import than most commands run, so the first module that logs imports it.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any

from genaiops_core.errors import GenAIOpsError

_threshold = logging.WARNING

_DATALESS = (GenAIOpsError, ArithmeticError, AttributeError, ImportError, NameError, OSError, TypeError)
"""Errors whose messages are written: they name attributes, files and types, not values of users."""


def configure(level: str) -> None:
    """Configure this process and set its level; of libraries, only warnings and errors are logged."""
    global _threshold
    _threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    logging.basicConfig(stream=sys.stderr)
    root = logging.getLogger()
    root.setLevel(max(_threshold, logging.WARNING))
    for handler in root.handlers:
        # Handlers of others, such as those of a test runner, keep their form.
        if type(handler) is logging.StreamHandler:
            handler.setFormatter(_Formatter())
    if "structlog" in sys.modules:
        _configure_structlog()


def get_logger(name: str = "") -> Any:
    """The logger of a module; it writes to stderr also without a call of `configure`."""
    import structlog

    if not structlog.is_configured():
        _configure_structlog()
    return structlog.get_logger(name)


def describe_error(error: BaseException) -> str:
    """The traceback of an error and of its causes, without messages that may quote data."""
    return "\n".join(_describe_chain(error))


def _describe_chain(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _describe_chain(cause)
        yield "which led to:"
    yield "Traceback (most recent call last):"
    for frame in traceback.extract_tb(error.__traceback__):
        # Without the source line of the frame, which `extract_tb` reads from disk only when asked.
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
    original = getattr(error, "orig", None) or error
    code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None)
    text = f": {error}" if isinstance(error, _DATALESS) else f" {code}" if code else ""
    yield f"{type(error).__module__}.{type(error).__qualname__}{text}"


class _Formatter(logging.Formatter):
    """The form of records of libraries."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s [%(levelname)-8s] %(message)s", datefmt="%Y-%m-%dT%H:%M:%S")

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return "" if ei[1] is None else describe_error(ei[1])


def _format_error(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the error of a line by its description; structlog passes an error, a triple of it, or True."""
    value = event.pop("exc_info", None)
    if value:
        error = value if isinstance(value, BaseException) else sys.exc_info()[1]
        if isinstance(value, tuple):
            error = value[1]
        if error is not None:
            event["exception"] = describe_error(error)
    return event


def _configure_structlog() -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _format_error,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_threshold),
        # Looked up for each line, because tests and servers replace stderr and close the old one.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
