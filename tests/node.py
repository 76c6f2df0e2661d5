"""A JavaScript runtime: the one that the wheel of Playwright brings, so that no test needs a system package."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import playwright

from tests.waiting import LIMIT_S


def find_node() -> Path:
    """The executable; a test that needs it fails where it is missing."""
    folder = Path(playwright.__file__).parent / "driver"
    executables = [file for name in ("node", "node.exe") if (file := folder / name).is_file()]
    assert executables, f"{folder} has no node; run make setup."
    return executables[0]


def run_script(script: str, *, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a script in `folder` and return what it prints; a script that throws fails the test."""
    finished = subprocess.run(
        [str(find_node()), "-e", script],
        cwd=folder, env=dict(environment or {}), capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
