"""The wheel runs without the checkout: everything the console needs is inside."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.acceptance.conftest import ROOT, start_console
from tests.waiting import LIMIT_S


@pytest.fixture(scope="session")
def wheel_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True, timeout=LIMIT_S,
    )  # fmt: skip
    target = folder / "installed"
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(target)
    return target


def test_the_wheel_names_itself_and_its_files(wheel_folder: Path) -> None:
    place = subprocess.run(
        [sys.executable, "-c", "from genaiops_core.project import root, default_config as c; "
         "print(root()); print(c('rollback_policy.yaml').is_file(), c('evaluation_pipeline.yaml').is_file())"],
        env={**os.environ, "PYTHONPATH": str(wheel_folder)}, cwd=wheel_folder.parent, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert place == [str(wheel_folder / "genaiops_console"), "True", "True"]


def test_the_wheel_runs_all_three_processes(
    wheel_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(wheel_folder))
    monkeypatch.chdir(tmp_path)
    console = start_console(tmp_path / "home", demo=False)
    next(console)
    console.close()
