"""The direction of dependencies, as docs/architecture.md draws it: a walk over every import."""

from __future__ import annotations

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A room may import from rooms further down, never from one above or beside it on another line.
CORE = [
    {"cli"},
    {"processes"},
    {"api"},
    {"jobs"},
    {"demo"},
    {"rollbacks"},
    {"rollouts"},
    {"releases"},
    {"evaluation"},
    {"costs"},
    {"telemetry"},
    {"pricing"},
]
# Cases and files come in at the bottom, runs use everything below, reviews compare with runs.
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
# Spans are read and stored from the bottom up; what screens ask for reads what is stored.
TELEMETRY = [
    {"privacy", "traffic", "invocation_logs"},
    {"search", "sampling"},
    {"traces", "ingest"},
    {"rollups"},
    {"spans"},
    {"logs"},
    {"bounds", "origin"},
    {"counting", "durations", "scores", "figures", "time_window", "demo_applications", "blobs"},
    {"otlp", "conventions"},
]
# Each screen family uses the shared parts; a family may use another one that lies below it.
PARTS = [
    {"serving"},
    {"traffic", "evaluations", "launch", "rollouts", "releases", "audit"},
    {"reviews", "metrics"},
    {"traces"},
    {"datasets"},
    {"charts"},
    {"shared"},
    {"reads"},
]
GROUND = {
    "statistics",
    "access",
    "notify",
    "aws",
    "errors",
    "settings",
    "saved_settings",
    "database_url",
    "logs",
    "outages",
    "clock",
    "formulas",
    "project",
    "output",
    "printable",
    "text_tables",
    "rows",
    "ids",
    "__init__",
}
"""Rooms of the core that any other may use, and that use no floor themselves."""

LONGEST_FOLDERS = {"genaiops_core/telemetry": 14, "pages/parts": 14, "genaiops_core/evaluation/runs": 16}
"""Modules side by side, also in the folders below."""


def list_imported_modules(file: Path) -> set[str]:
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


def find_upward_imports(file: Path, package: str, floors: list[set[str]], ground: set[str]) -> list[str]:
    """The imports of a module that lead to a room of `package` on its own floor or above."""
    level = {room: number for number, rooms in enumerate(floors) for room in rooms}
    room = room_of(file.relative_to(ROOT / package.replace(".", "/")).parts[0])
    upward = []
    for name in list_imported_modules(file):
        other = name.removeprefix(f"{package}.").split(".")[0]
        if not name.startswith(f"{package}.") or other in ground or other in (room, "__version__"):
            continue
        if room in ground or level[other] <= level[room]:
            upward.append(f"{room} imports {name}")
    return upward


def room_of(part: str) -> str:
    return part.removesuffix(".py")


@pytest.mark.parametrize("file", core_files(), ids=lambda f: str(f.relative_to(ROOT)))
def test_core_rooms_import_downwards(file: Path) -> None:
    assert find_upward_imports(file, "genaiops_core", CORE, GROUND) == []
    screens = [name for name in list_imported_modules(file) if name.startswith(("streamlit", "pages"))]
    assert not screens, f"{file} imports {screens}: the core knows no screens"


@pytest.mark.parametrize("package", ["genaiops_core.evaluation", "genaiops_core.telemetry", "pages.parts"])
def test_rooms_within_a_package_import_downwards(package: str) -> None:
    floors = {
        "genaiops_core.evaluation": EVALUATION,
        "genaiops_core.telemetry": TELEMETRY,
        "pages.parts": PARTS,
    }
    folder = package.replace(".", "/")
    files = [file for file in files_of(folder) if file.parent != ROOT / folder or file.name != "__init__.py"]
    assert [
        upward for file in files for upward in find_upward_imports(file, package, floors[package], set())
    ] == []


@pytest.mark.parametrize("top", ["genaiops_core", "pages", "db"])
def test_no_circle_between_folders_or_modules(top: str) -> None:
    """Neighbours in one folder, modules and folders alike, import each other in one direction only."""
    arrows: dict[Path, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for file in files_of(top):
        path = file.relative_to(ROOT).with_suffix("").parts
        path = path[:-1] if path[-1] == "__init__" else path
        for name in list_imported_modules(file):
            other = tuple(name.split("."))
            shared = next((i for i, (a, b) in enumerate(zip(path, other, strict=False)) if a != b), None)
            if shared and shared < len(path) and is_module(other[: shared + 1]):
                arrows[Path(*path[:shared])][path[shared]].add(other[shared])
    for folder, graph in arrows.items():
        try:
            list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            pytest.fail(f"{folder}: {' <- '.join(error.args[1])}")


def is_module(parts: tuple[str, ...]) -> bool:
    path = ROOT.joinpath(*parts)
    return path.is_dir() or path.with_suffix(".py").is_file()


def test_folders_stay_short() -> None:
    """A long list of modules side by side is a room that nobody divided."""
    for top, longest in LONGEST_FOLDERS.items():
        for folder in {file.parent for file in files_of(top)}:
            modules = [file for file in folder.glob("*.py") if file.name != "__init__.py"]
            assert len(modules) <= longest, f"{folder.relative_to(ROOT)} has {len(modules)} modules"


@pytest.mark.parametrize("file", files_of("db"), ids=lambda f: str(f.relative_to(ROOT)))
def test_db_knows_nothing_of_the_product(file: Path) -> None:
    if file.name == "env.py":
        return  # the developer's migration desk reads the settings
    for name in list_imported_modules(file):
        assert not name.startswith(("genaiops_core", "pages", "streamlit")), f"{file} imports {name}"


@pytest.mark.parametrize(
    "file", [*files_of("pages"), ROOT / "Home.py"], ids=lambda f: str(f.relative_to(ROOT))
)
def test_screens_write_no_sql(file: Path) -> None:
    if file == ROOT / "pages/parts/reads/connection.py":
        return  # opens the read-only snapshot it passes to core
    for name in list_imported_modules(file):
        assert not name.startswith(("sqlalchemy", "db")), f"{file} imports {name}"
