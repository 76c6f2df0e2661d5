"""What many commands take: a reason, NAME=VALUE pairs, files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genaiops_core.errors import BadInput

Reason = Annotated[str, typer.Option("--reason", help="Why, for the audit log.")]


def split_pair(text: str, wrong: str) -> tuple[str, str]:
    """NAME=VALUE to (NAME, VALUE); spaces around the name are left out.

    Args:
        text: as it was typed.
        wrong: the sentence for a text that is no such pair: how it should have been written.

    Raises:
        BadInput: there is no '=', or no name before it.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadInput(wrong)
    return name.strip(), value


def read_file(file: Path, most_bytes: int | None = None) -> bytes:
    """The content of a file named on the command line.

    Args:
        file: its path.
        most_bytes: larger ones are refused; None takes the most that any dataset may have.

    Raises:
        BadInput: it does not exist or may not be read, or it is too large.
    """
    from genaiops_core.evaluation.readers.tables import MAX_FILE_BYTES

    limit_bytes = MAX_FILE_BYTES if most_bytes is None else most_bytes
    try:
        size = file.stat().st_size
        if size > limit_bytes:
            raise BadInput(
                f"{file} has {size / 1e6:,.0f} MB; at most {limit_bytes / 1e6:,.0f} MB are read. Split it, or leave out what "
                "is not needed."
            )
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error


def read_text(file: Path, most_bytes: int | None = None) -> str:
    """The text of a file named on the command line, its lines ended alike wherever it was written.

    Raises:
        BadInput: as `read_file`, or it is not UTF-8.
    """
    try:
        text = read_file(file, most_bytes).decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
