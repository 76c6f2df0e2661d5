"""Every command, setting, route and page is documented, and every link in the docs has a target."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from genaiops_core.api.app import create_app
from genaiops_core.cli.main import app as command_line
from genaiops_core.evaluation.metrics import Metric, list_metrics
from genaiops_core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def commands() -> list[str]:
    def walk(command: object, path: str) -> list[str]:
        children = getattr(command, "commands", None)
        if not children:
            return [path]
        return [name for key, child in children.items() for name in walk(child, f"{path} {key}")]

    return walk(typer.main.get_command(command_line), "genaiops")


def routes() -> list[str]:
    return sorted(create_app(Settings()).openapi()["paths"])


@pytest.mark.parametrize("command", commands())
def test_every_command_is_described(command: str) -> None:
    assert f"`{command}" in (REFERENCE / "commands.md").read_text()


@pytest.mark.parametrize("row", Settings().describe(), ids=lambda row: row["name"])
def test_every_setting_is_described(row: dict[str, str]) -> None:
    assert f"`{row['name']}`" in (REFERENCE / "settings.md").read_text()


@pytest.mark.parametrize("route", routes())
def test_every_route_is_described(route: str) -> None:
    assert f"`{route}`" in (REFERENCE / "routes.md").read_text().replace("GET ", "").replace("POST ", "")


@pytest.mark.parametrize("page", sorted((ROOT / "pages").glob("*.py")), ids=lambda page: page.stem)
def test_every_page_is_described(page: Path) -> None:
    assert f"`/{page.stem}`" in (REFERENCE / "screens.md").read_text()


@pytest.mark.parametrize("metric", list_metrics(), ids=lambda metric: f"{metric.kind}-{metric.name}")
def test_every_metric_is_described_with_its_inputs(metric: Metric) -> None:
    heading = {
        "proxy": "Proxies",
        "ragas": "RAGAS",
        "rubric": "Rubrics",
        "text": "Texts compared",
        "agentcore": "AgentCore",
    }[metric.kind]
    section = (REFERENCE / "metrics.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    row = next(line for line in section.splitlines() if line.startswith(f"| `{metric.name}` |"))
    cells = [cell.strip() for cell in row.split("|")]
    assert ", ".join(metric.needs) in cells


MARKDOWN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("file", MARKDOWN, ids=lambda f: str(f.relative_to(ROOT)))
def test_links_point_to_existing_files(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", file.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (file.parent / target).exists(), f"{file.relative_to(ROOT)} links to {target}"
