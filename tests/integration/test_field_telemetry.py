"""Exports as instrumentations in the field send them: sent by OTLP, read through the API, compared with right figures.

The recorded cases lie beside the project and are skipped where they are absent; the generated ones are of the same
kinds, with figures worked by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from genaiops_core.api.app import create_app
from genaiops_core.clock import now
from genaiops_core.settings import Settings
from genaiops_core.telemetry.ingest.entry_spans.late_entries import settle_requests
from tests.conftest import SHARED_DATA
from tests.field_cases import GENERATED

RECORDED = SHARED_DATA / "field" / "telemetry"
NOT_YET: dict[str, str] = {}
"""Recorded case -> what is wrong with its figures today."""

WINDOW = {"start": "2026-11-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}
JSON = {"content-type": "application/json"}


@pytest.fixture
def client(database_url: str) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(database_url=database_url))) as opened:
        yield opened


def list_recorded() -> list[Any]:
    folders = sorted(path.parent for path in RECORDED.glob("*/input.json")) if RECORDED.is_dir() else []
    return [
        pytest.param(
            folder,
            id=folder.name,
            marks=pytest.mark.xfail(reason=NOT_YET[folder.name], strict=True)
            if folder.name in NOT_YET
            else (),
        )
        for folder in folders
    ] or [pytest.param(None, marks=pytest.mark.skip(reason="no recorded cases beside the project"))]


def read_figures(client: TestClient, export: dict[str, Any], names: Any) -> dict[str, Any]:
    """What the read API says about `export`, under the names of an expectation."""
    answer = client.post("/v1/traces", content=json.dumps(export), headers=JSON)
    assert (answer.status_code, answer.json()) == (200, {})
    settle_requests(client.app.state.engine, now())  # type: ignore[attr-defined]
    summary = client.get("/api/v1/summary", params=WINDOW).json()
    traces = client.get("/api/v1/traces", params=WINDOW).json()["traces"]
    figures: dict[str, Any] = dict(summary)
    figures["user"] = traces[0]["user_id"]
    figures["session"] = traces[0]["session_id"]
    if "sessions" in names:
        rows = client.get("/api/v1/sessions", params=WINDOW).json()["sessions"]
        figures["sessions"] = {row["session_id"]: row["requests"] for row in rows}
    if "context" in names:
        context = client.get(f"/api/v1/traces/{traces[0]['trace_id']}/context").json()
        figures["context"] = {name: context[name] for name in names["context"]}
    if "notes" in names:
        spans = client.get(f"/api/v1/traces/{traces[0]['trace_id']}").json()["spans"]
        figures["notes"] = [note for span in spans for note in span["notes"]]
    return {name: figures[name] for name in names}


@pytest.mark.parametrize("folder", list_recorded())
def test_recorded_cases(client: TestClient, folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    export = json.loads((folder / "input.json").read_text())
    assert read_figures(client, export, expected) == expected


@pytest.mark.parametrize("name", GENERATED)
def test_generated_cases(client: TestClient, name: str) -> None:
    case = GENERATED[name]
    assert read_figures(client, case.export, case.expected) == case.expected
