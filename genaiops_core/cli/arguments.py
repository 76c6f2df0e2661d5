"""Arguments that many commands share: a reason, NAME=VALUE pairs, files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genaiops_core.errors import BadInput

Reason = Annotated[str, typer.Option("--reason", help="Reason, written to the audit log.")]
Application = Annotated[str, typer.Option("--application", help="Service name of the application.")]
AnyApplication = Annotated[str | None, typer.Option("--application", help="Only this application.")]


def split_pair(text: str, message: str) -> tuple[str, str]:
    """Split NAME=VALUE into (NAME, VALUE) and strip the name.

    Args:
        text: the argument as typed.
        message: error message for a text without a name or without '='.

    Raises:
        BadInput: there is no '=', or no name before it.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadInput(message)
    return name.strip(), value


def read_file(file: Path, max_bytes: int | None = None) -> bytes:
    """Read a file named on the command line.

    Args:
        file: its path.
        max_bytes: size limit; None means the limit of dataset files.

    Raises:
        BadInput: the file does not exist, cannot be read, or is too large.
    """
    from genaiops_core.evaluation.readers.tables import MAX_FILE_BYTES

    limit_bytes = MAX_FILE_BYTES if max_bytes is None else max_bytes
    try:
        # Before reading: a file that is too large must not fill the memory.
        size = file.stat().st_size
        if size > limit_bytes:
            raise BadInput(
                f"{file} has {size / 1e6:,.0f} MB; the limit is {limit_bytes / 1e6:,.0f} MB. Split the file, or remove "
                "columns that are not needed."
            )
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error


def read_text(file: Path, max_bytes: int | None = None) -> str:
    r"""Read a UTF-8 file named on the command line; every line ends with \n.

    Raises:
        BadInput: as `read_file`, or the file is not UTF-8.
    """
    try:
        text = read_file(file, max_bytes).decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from error
    # A prompt is identified by its text, and line ends differ between systems.
    return text.replace("\r\n", "\n").replace("\r", "\n")
