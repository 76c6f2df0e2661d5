"""The console process: Streamlit on the project's console.py."""

from __future__ import annotations

import os
import sys

from genaiops_core.project import root
from genaiops_core.settings import Settings


def command(settings: Settings) -> list[str]:
    """The command line that serves the console; run it in `project.root()`, where its configuration is."""
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "console.py",
        f"--server.address={settings.host}",
        f"--server.port={settings.ui_port}",
    ]


def run(settings: Settings) -> None:
    """Become the console process."""
    # Streamlit called in-process would not find .streamlit/config.toml, so it is executed in its folder.
    os.chdir(root())
    arguments = command(settings)
    os.execve(arguments[0], arguments, {**os.environ, **settings.environment()})  # noqa: S606
