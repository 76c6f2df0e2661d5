"""The direction of dependencies, as docs/architecture.md draws it: a walk over every import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A room may import from rooms further down, never from one above or beside it on another line.
FLOORS = [
    {"processes"},
    {"api", "jobs", "cli", "demo"},
    {"rollbacks"},
    {"rollouts"},
    {"releases"},
    {"evaluation"},
    {"costs"},
    {"telemetry"},
    {"pricing"},
]
# The rooms within evaluation, by the same rule: questions and answers come in at the bottom, runs go on at the top.
EVALUATION = [
    {"human", "synthesis"},
    {"runs", "production"},
    {"calls"},
    {"verdicts", "targets"},
    {"judges"},
    {"metrics", "models"},
    {"datasets"},
    {"readers"},
    {"rate_limits"},
]
GROUND = {
    "statistics",
    "access",
    "notify",
    "aws",
    "errors",
    "settings",
    "clock",
    "project",
    "printable",
    "rows",
    "ids",
    "__init__",
}
# The doors meet: `up` starts processes that print like commands, the API reports on worker and demo.
DOORS = {
    ("cli", "processes"),
    ("processes", "cli"),
    ("cli", "jobs"),
    ("api", "jobs"),
    ("cli", "demo"),
    ("api", "demo"),
}


def floor_of(room: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def imported_modules(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def files_of(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def core_files() -> list[Path]:
    return files_of("genaiops_core")


@pytest.mark.parametrize("file", core_files(), ids=lambda f: str(f.relative_to(ROOT)))
def test_core_rooms_import_downwards(file: Path) -> None:
    parts = file.relative_to(ROOT / "genaiops_core").parts
    room = parts[0].removesuffix(".py")
    for name in imported_modules(file):
        assert not name.startswith(("streamlit", "pages")), f"{file} imports {name}: core knows no screens"
        if not name.startswith("genaiops_core."):
            continue
        other = name.split(".")[1]
        if other in (room, "__version__") or other in GROUND or (room, other) in DOORS:
            continue
        assert room not in GROUND, f"{file}: {room} stands on the ground and imports {name}"
        assert floor_of(other) > floor_of(room), f"{file}: {room} must not import {name}"


@pytest.mark.parametrize(
    "file", files_of("genaiops_core/evaluation"), ids=lambda f: str(f.relative_to(ROOT / "genaiops_core"))
)
def test_rooms_of_evaluation_import_downwards(file: Path) -> None:
    room = file.relative_to(ROOT / "genaiops_core" / "evaluation").parts[0].removesuffix(".py")
    floors = {name: at for at, names in enumerate(EVALUATION) for name in names}
    for name in imported_modules(file):
        other = name.removeprefix("genaiops_core.evaluation.").split(".")[0]
        if name.startswith("genaiops_core.evaluation.") and other != room:
            assert floors[other] > floors[room], f"{file}: {room} must not import {name}"


@pytest.mark.parametrize("file", files_of("db"), ids=lambda f: str(f.relative_to(ROOT)))
def test_db_knows_nothing_of_the_product(file: Path) -> None:
    if file.name == "env.py":
        return  # the developer's migration desk reads the settings
    for name in imported_modules(file):
        assert not name.startswith(("genaiops_core", "pages", "streamlit")), f"{file} imports {name}"


@pytest.mark.parametrize(
    "file", [*files_of("pages"), ROOT / "Home.py"], ids=lambda f: str(f.relative_to(ROOT))
)
def test_screens_write_no_sql(file: Path) -> None:
    if file == ROOT / "pages/parts/reads/connection.py":
        return  # opens the read-only snapshot it passes to core
    for name in imported_modules(file):
        assert not name.startswith(("sqlalchemy", "db")), f"{file} imports {name}"
