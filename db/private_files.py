"""Files and folders that only their owner may read, because they contain prompts and answers of users."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def create_private_file(file: Path) -> None:
    """Create an empty file with mode 0600, and its folder with 0700; change nothing that exists.

    SQLite gives its write-ahead log and its shared memory the mode of the database file.
    """
    # A problem is reported by who opens the file.
    with suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
