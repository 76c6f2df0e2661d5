"""Session and user of a request, however its spans arrive."""

from __future__ import annotations

import itertools
import json

import pytest
import sqlalchemy as sa

from db.tables.telemetry import request
from db.transaction import reading
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from tests.otlp_samples import T0_NS, export, span

ROOT_NAMES_USER = [
    span(1, user__id="z-user"),
    span(2, parent=1),
    span(3, parent=2, session__id="z-app", user__id="b-user", start_ns=T0_NS + 5),
    span(4, parent=3, gen_ai__conversation__id="a-run", user__id="a-user"),
]
WITHOUT_ROOT = [
    span(3, parent=9, session__id="z-app", user__id="z-user", start_ns=T0_NS + 5),
    span(4, parent=3, gen_ai__conversation__id="a-run", user__id="a-user"),
]


@pytest.mark.parametrize("spans", [ROOT_NAMES_USER, WITHOUT_ROOT], ids=["with root", "without root"])
def test_nearest_span_to_root_decides_in_any_order(engine: sa.Engine, spans: list[dict[str, object]]) -> None:
    for number, order in enumerate(itertools.permutations(spans), 1):
        for sent in order:
            copy = {**sent, "traceId": f"{number:032x}"}
            ingest(engine, decode_json(json.dumps(export(copy)).encode()))
    with reading(engine) as connection:
        rows = connection.execute(sa.select(request.c.session_id, request.c.user_id)).all()
    assert {tuple(row) for row in rows} == {("z-app", "z-user")}


def test_circle_of_parents_is_tolerated(engine: sa.Engine) -> None:
    spans = [span(1, parent=2, session__id="b"), span(2, parent=1, session__id="a", start_ns=T0_NS + 1)]
    for number, order in enumerate((spans, spans[::-1]), 1):
        copies = [{**sent, "traceId": f"{number:032x}"} for sent in order]
        ingest(engine, decode_json(json.dumps(export(*copies)).encode()))
    with reading(engine) as connection:
        assert len(set(connection.scalars(sa.select(request.c.session_id)))) == 1
