"""Each table has one owner, the only room that writes it, and a short list of rooms that read it."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "genaiops_core"

# Table -> (owner, other rooms that may read it). Within telemetry, evaluation: the folder; else the first folder.
OWNERS: dict[str, tuple[str, set[str]]] = {
    # telemetry
    "application": ("telemetry.ingest", {"telemetry", "telemetry.rollups"}),
    "span": (
        "telemetry.ingest",
        {"telemetry.rollups", "telemetry.traces", "telemetry.search", "telemetry.traffic"},
    ),
    "payload": ("telemetry.ingest", {"telemetry.traces", "telemetry.search"}),
    "request": (
        "telemetry.ingest",
        {
            "telemetry.rollups",
            "telemetry.sampling",
            "telemetry.search",
            "telemetry.traffic",
            "evaluation.datasets",
            "evaluation.verdicts",
        },
    ),
    "rollup_model": ("telemetry.ingest", set()),
    "invocation_log": ("telemetry.ingest", set()),
    "log_record": ("telemetry", {"telemetry.traces", "telemetry.search"}),
    "score": ("telemetry", {"telemetry.traces", "telemetry.search", "telemetry.traffic"}),
    "score_rollup_hour": ("telemetry", {"telemetry.traffic"}),
    "rollup_minute": ("telemetry.rollups", set()),
    "rollup_hour": ("telemetry.rollups", set()),
    "rollup_day": ("telemetry.rollups", set()),
    "dirty_hour": ("telemetry.rollups", set()),
    "usage_user_day": ("telemetry.rollups", {"telemetry.traffic"}),
    "usage_mark": ("telemetry.rollups", set()),
    "saved_view": ("telemetry.search", set()),
    "invocation_log_source": ("telemetry.invocation_logs", set()),
    "feedback": ("telemetry.sampling", {"telemetry.traces", "telemetry.search"}),
    "sample": ("telemetry.sampling", {"telemetry.traffic", "evaluation.human"}),
    "sample_cursor": ("telemetry.sampling", set()),
    "sample_waiting": ("telemetry.sampling", set()),
    "sample_rollup_hour": ("telemetry.sampling", {"telemetry.traffic"}),
    # evaluation
    "dataset": ("evaluation.datasets", set()),
    "dataset_version": ("evaluation.datasets", set()),
    "dataset_tag": ("evaluation.datasets", set()),
    "test_case": ("evaluation.datasets", {"evaluation.runs"}),
    "rubric": ("evaluation.metrics", set()),
    "evaluation": ("evaluation.runs", {"evaluation.calls", "evaluation.datasets"}),
    "evaluation_score": ("evaluation.calls", {"evaluation.runs"}),
    "generated_answer": ("evaluation.calls", {"evaluation.runs", "evaluation.verdicts"}),
    "judge_call": ("evaluation.calls", {"evaluation.runs"}),
    "spend_hold": ("evaluation.calls", set()),
    "human_label": ("evaluation.human", set()),
    "review": ("evaluation.human", set()),
    # the loop
    "prompt_version": ("releases", set()),
    "release": ("releases", set()),
    "approval": ("releases", set()),
    "routing_table": ("rollouts", set()),
    "rollout": ("rollouts", {"rollbacks"}),
    "rollback": ("rollbacks", set()),
    "incident": ("rollbacks", set()),
    # the ground
    "audit_entry": ("access", set()),
    "audit_chain": ("access", set()),
    "price": ("pricing", set()),
    "saved_settings": ("saved_settings", set()),
    "worker": ("jobs", set()),
}
SECOND_WRITERS = {
    # The counters of a run and the calls they count are written in one transaction.
    ("evaluation", "evaluation.calls"),
}
# These work on every table there is: the demo writes and removes its own applications, privacy deletes what is old and
# what belongs to one user.
EVERYWHERE = {"demo", "telemetry.privacy"}
WRITES = {"insert", "update", "delete"}


def find_room(file: Path) -> str:
    parts = file.relative_to(CORE).with_suffix("").parts
    if parts[0] in ("telemetry", "evaluation"):
        return ".".join(parts[:2]) if len(parts) > 2 else parts[0]
    return parts[0]


def find_imported_tables(tree: ast.Module) -> dict[str, str]:
    """Name in the module -> table."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("db.tables.")
        for alias in node.names
        if alias.name in OWNERS
    }


def find_written_tables(tree: ast.Module, tables: dict[str, str]) -> set[str]:
    """Tables that a statement of the module writes; a statement over a variable may write all it imports."""
    written: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        base = function.value if isinstance(function, ast.Attribute) else None
        if name not in WRITES or (base is not None and getattr(base, "id", None) not in {"sa", *tables}):
            continue
        targets = [*node.args, *([base] if getattr(base, "id", None) in tables else [])]
        targeted_tables = {
            tables[target.id] for target in targets if isinstance(target, ast.Name) and target.id in tables
        }
        written |= targeted_tables or set(tables.values())
    return written


def read_usage() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Table -> rooms that write it, and table -> rooms that import it."""
    writers: dict[str, set[str]] = defaultdict(set)
    readers: dict[str, set[str]] = defaultdict(set)
    for file in sorted(CORE.rglob("*.py")):
        room = find_room(file)
        if room in EVERYWHERE:
            continue
        tree = ast.parse(file.read_text())
        tables = find_imported_tables(tree)
        for table in tables.values():
            readers[table].add(room)
        for table in find_written_tables(tree, tables):
            writers[table].add(room)
    return writers, readers


def test_only_the_owner_writes_a_table() -> None:
    writers, _ = read_usage()
    strangers = [
        (table, room)
        for table, rooms in sorted(writers.items())
        for room in sorted(rooms)
        if room != OWNERS[table][0] and (table, room) not in SECOND_WRITERS
    ]
    assert strangers == []


def test_only_listed_rooms_read_a_table() -> None:
    _, readers = read_usage()
    actual = {table: rooms - {OWNERS[table][0]} for table, rooms in readers.items()}
    assert actual == {table: OWNERS[table][1] for table in readers}
    assert set(readers) == set(OWNERS)


def test_every_table_has_an_owner() -> None:
    from db.tables import metadata

    assert set(metadata.tables) == set(OWNERS)
