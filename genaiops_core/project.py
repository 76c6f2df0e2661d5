"""The folder of the console's own files: in the checkout, or in the installed wheel."""

from __future__ import annotations

from pathlib import Path


def root() -> Path:
    """The folder that holds Home.py, pages/, static/, config/ and .streamlit/."""
    beside = Path(__file__).resolve().parents[1]
    return beside if (beside / "Home.py").is_file() else beside / "genaiops_console"


def default_config(name: str) -> Path:
    """One of the default configuration files, for example `rollback_policy.yaml`."""
    return root() / "config" / name
