"""Environments: each instrumentation of `pins.toml` is installed into a folder of its own and runs from it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.dialects.scenarios import ORDER, TOOL_RESULT, USER

FOLDER = Path(__file__).resolve().parent
PROGRAMS = FOLDER / "programs"
_EXPORTER = "opentelemetry-exporter-otlp-proto-http"
_RUN_S = 300


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One instrumentation in one version."""

    name: str
    """Key in `pins.toml`; also the application that its telemetry names."""
    title: str
    version: str
    program: str
    packages: tuple[str, ...]
    environment: Mapping[str, str]
    """Further environment variables, as the library's documentation asks for them."""

    @property
    def is_node(self) -> bool:
        return self.program.endswith(".mjs")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a program reported."""

    trace_ids: Mapping[str, list[str]]
    """Scenario -> its traces."""
    failures: Mapping[str, str]
    """Scenario -> why it could not be run."""


def read_pins() -> list[Pin]:
    """Every instrumentation of the table, in its order."""
    tables: dict[str, dict[str, Any]] = tomllib.loads((FOLDER / "pins.toml").read_text())
    return [
        Pin(
            name=name,
            title=table["title"],
            version=table["version"],
            program=table["program"],
            packages=tuple(table["packages"]),
            environment=table.get("environment", {}),
        )
        for name, table in tables.items()
    ]


def install(pin: Pin, root: Path) -> Path:
    """Install a pin below `root`, unless the same packages are there already, and return its folder."""
    folder = root / pin.name
    stamp = folder / "installed"
    digest = hashlib.sha256(json.dumps(pin.packages).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    if pin.is_node:
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        _check(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *pin.packages], folder)
    else:
        _check([sys.executable, "-m", "venv", "--clear", str(folder / "venv")], folder)
        pip = [str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--quiet"]
        _check([*pip, "--disable-pip-version-check", *pin.packages, _EXPORTER], folder)
    stamp.write_text(digest)
    return folder


def run_program(pin: Pin, folder: Path, *, console_url: str, provider_url: str) -> Outcome:
    """Run the program of a pin in its environment."""
    if pin.is_node:
        # Node resolves packages from the folder of the program.
        program = folder / pin.program
        program.write_text((PROGRAMS / pin.program).read_text())
        own_node = folder / "node_modules/.bin/node"
        command = [str(own_node) if own_node.exists() else "node", str(program)]
    else:
        command = [str(folder / "venv/bin/python"), str(PROGRAMS / pin.program)]
    # Credentials and proxies of this host have no business with loopback servers.
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment |= {
        "CONSOLE_URL": console_url,
        "BEDROCK_URL": provider_url,
        "OPENAI_URL": f"{provider_url}/v1",
        "SCENARIO_USER": USER,
        "SCENARIO_ORDER": ORDER,
        "SCENARIO_TOOL_RESULT": TOOL_RESULT,
        "OTEL_SERVICE_NAME": pin.name,
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "loopback",
        "AWS_SECRET_ACCESS_KEY": "loopback",
        "OPENAI_API_KEY": "loopback",
        **pin.environment,
    }
    run = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=_RUN_S, check=False
    )
    (folder / "program.log").write_text(run.stdout + run.stderr)
    if run.returncode != 0:
        raise RuntimeError(f"{pin.program} failed:\n{run.stderr[-3000:]}")
    report = json.loads(run.stdout.strip().splitlines()[-1])
    return Outcome(trace_ids=report["traces"], failures=report["failures"])


def _check(command: list[str], folder: Path) -> None:
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:4])} ... failed:\n{(run.stdout + run.stderr)[-3000:]}")
