"""The console process: Streamlit on the project's console.py."""

from __future__ import annotations

import os
import sys

from db.engine import make_engine
from genaiops_core.processes.ports import require_free_port
from genaiops_core.project import root
from genaiops_core.settings import Settings


def command(settings: Settings) -> list[str]:
    """The command line of the console; it must run in `project.root()`, the folder of its configuration."""
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
    """Replace this process with the console process.

    Raises:
        Misconfigured: the port is in use.
    """
    # A URL that no engine can be made for is one sentence here; an unreachable database is shown on the screens.
    make_engine(settings.url).dispose()
    require_free_port(settings.host, settings.ui_port, "--port")
    # Streamlit reads .streamlit/config.toml from the working folder, so it is executed in that folder.
    os.chdir(root())
    arguments = command(settings)
    os.execve(arguments[0], arguments, {**os.environ, **settings.environment()})  # noqa: S606
