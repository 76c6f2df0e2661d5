"""The commands of the quick start in the README run as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.acceptance import replay
from tests.acceptance.conftest import ROOT, Console
from tests.waiting import LIMIT_S


def read_quick_start() -> str:
    """The shell block under "Quick start"."""
    section = (ROOT / "README.md").read_text().split("## Quick start")[1]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return block.group(1)


def test_every_quick_start_command_succeeds(console: Console, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_bytes(replay.generate(calls=60).bodies[0])
    # The live app runs in the background while a reader follows the tour; two seconds are enough for the test.
    script = read_quick_start().replace(
        "genaiops demo --live 300 &", f"genaiops demo --live 2 --api {console.api_url}"
    )
    assert "--live 2" in script
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={
            **console.environment,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GENAIOPS_ACTOR": "ada",
        },
        capture_output=True,
        text=True,
        timeout=3 * LIMIT_S,  # a dozen commands
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "results.json").is_file()
