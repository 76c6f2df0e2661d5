"""Deletion of one user's data: all rows of the user, no rows of others, with a verifiable certificate."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from db.tables import metadata
from db.tables.evaluations import test_case as case_table
from db.tables.telemetry import feedback, payload, request, saved_view, score, span
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.ingest.invocation_entries import read_entry
from genaiops_core.telemetry.invocation_logs.importer import Importer
from genaiops_core.telemetry.invocation_logs.reader import ReadResult
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.privacy import deletion, mentions, user_data
from genaiops_core.telemetry.privacy.deletion import delete_user, preview_deletion
from genaiops_core.telemetry.time_window import Filters, to_instant
from genaiops_core.telemetry.traffic.queries import read_summary
from tests.bedrock_samples import entry
from tests.otlp_samples import SECOND_NS, T0_NS, body, call
from tests.otlp_samples import span as span_of

NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


def ingest_spans(engine: sa.Engine, *spans: dict[str, Any], application: str = "shop") -> None:
    ingest(engine, decode_json(body(*spans, application=application)))


def question_spans(
    number: int, *, user: str = "", session: str = "", root_user: bool = True
) -> list[dict[str, Any]]:
    """A request with one call; the user id is on the root span or, as in some instrumentations, on the call."""
    attributes = {name: value for name, value in (("user__id", user), ("session__id", session)) if value}
    on_root = attributes if root_user else {}
    return [
        span_of(
            10 * number,
            trace=number,
            start_ns=T0_NS + number * SECOND_NS,
            secret=f"asked by {user}",
            **on_root,
        ),
        call(
            10 * number + 1,
            trace=number,
            parent=10 * number,
            start_ns=T0_NS + number * SECOND_NS,
            **attributes,
        ),
    ]


@pytest.fixture
def traffic(engine: sa.Engine) -> sa.Engine:
    ingest_spans(
        engine,
        *question_spans(1, user="ada", session="s1"),
        *question_spans(2, user="ada", session="s2", root_user=False),
    )
    ingest_spans(engine, *question_spans(3, session="s1"))  # in ada's session, without a user id
    ingest_spans(
        engine,
        *question_spans(4, user="bob", session="s3"),
        *question_spans(5),
        *question_spans(6, user="ada-lovelace"),
    )
    ingest_spans(engine, *question_spans(7, user="ada"), application="desk")
    with writing(engine) as connection:
        for number, user in ((1, ""), (4, "bob"), (5, "ada")):
            trace_id = f"{number:032x}"
            connection.execute(
                feedback.insert(),
                {"trace_id": trace_id, "user_id": user, "rating": 1.0, "thumb": None, "comment": "fine"}
                | {"received_at": NOW},
            )
            connection.execute(
                score.insert(),
                {"application": "shop", "trace_id": trace_id, "metric": "m", "judge": "j", "value": 1.0}
                | {"reason": "", "start_ns": T0_NS},
            )
    return engine


def read_traces(engine: sa.Engine, table: sa.Table = request) -> set[int]:
    with reading(engine) as connection:
        return {int(trace_id, 16) for trace_id in connection.scalars(sa.select(table.c.trace_id))}


def delete_data(engine: sa.Engine, user: str = "ada", **options: Any) -> deletion.Certificate:
    return delete_user(engine, actor="ann", user_id=user, reason="ticket 7", **options)


def test_deletion_removes_all_data_of_only_this_user(traffic: sa.Engine) -> None:
    preview = preview_deletion(traffic, user_id="ada")
    assert (len(preview.traces), preview.sessions, preview.shared_traces) == (4, 2, 0)
    certificate = delete_data(traffic)
    assert dict(certificate.rows) == dict(preview.rows)
    assert {name: certificate.rows[name] for name in ("span", "request", "payload", "score", "feedback")} == {
        "span": 8,
        "request": 4,
        "payload": 4,
        "score": 1,
        "feedback": 2,
    }
    assert certificate.is_verified
    assert read_traces(traffic) == read_traces(traffic, span) == read_traces(traffic, payload) == {4, 5, 6}
    assert read_traces(traffic, score) == {4, 5}
    assert read_traces(traffic, feedback) == {4}
    assert preview_deletion(traffic, user_id="ada").total == 0
    assert preview_deletion(traffic, user_id="ada-lovelace").total > 0


def test_figures_are_unchanged_by_a_deletion(traffic: sa.Engine) -> None:
    window = Filters(start=to_instant(T0_NS), end=to_instant(T0_NS + 3600 * SECOND_NS))
    with reading(traffic) as connection:
        before = read_summary(connection, window)
    delete_data(traffic)
    with reading(traffic) as connection:
        assert read_summary(connection, window) == before
    assert before.requests == 7


def test_deletion_in_one_application(traffic: sa.Engine) -> None:
    certificate = delete_data(traffic, application="desk")
    assert read_traces(traffic) == {1, 2, 3, 4, 5, 6}
    assert certificate.application == "desk"
    # Feedback has no application, so ada's feedback on another user's answer remains until all is deleted.
    assert read_traces(traffic, feedback) == {1, 4, 5}


def test_certificate_in_audit_log_has_no_user_id(traffic: sa.Engine) -> None:
    certificate = delete_data(traffic)
    assert certificate.user_sha256 == hashlib.sha256(b"ada").hexdigest()
    with reading(traffic) as connection:
        logged = audit.entries(connection, action="user.delete")[0]
    assert (logged.actor, logged.reason, logged.sequence) == ("ann", "ticket 7", certificate.audit_sequence)
    assert logged.after is not None
    assert logged.after["rows"] == dict(certificate.rows)
    assert certificate.user_sha256 in logged.subject
    logged_text = json.dumps([logged.before, logged.after, logged.subject])
    assert "ada" not in logged_text.replace(certificate.user_sha256, "")
    assert audit.verify(traffic).is_intact


def test_shared_trace_is_deleted_as_a_whole_and_counted(engine: sa.Engine) -> None:
    ingest_spans(engine, *question_spans(1, user="ada"), span_of(19, trace=1, parent=10, user__id="bob"))
    certificate = delete_data(engine)
    assert (certificate.shared_traces, certificate.rows["span"], read_traces(engine)) == (1, 3, set())


def test_test_cases_from_deleted_traces_are_listed(traffic: sa.Engine) -> None:
    with writing(traffic) as connection:
        for number, case_no in ((1, 3), (4, 4)):
            connection.execute(
                case_table.insert(),
                {"dataset": "faq", "version": 1, "case_no": case_no, "input": "?"}
                | {"metadata": {"trace_id": f"{number:032x}"}},
            )
    assert delete_data(traffic).cases == ("faq v1 case 3",)


def test_id_in_other_texts_is_reported(traffic: sa.Engine) -> None:
    with writing(traffic) as connection:
        for name in ("ada", "ada-lovelace"):
            connection.execute(
                saved_view.insert(),
                {
                    "owner": "ann",
                    "screen": "traces",
                    "name": name,
                    "query": f"user={name}",
                    "is_shared": False,
                }
                | {"created_at": NOW},
            )
    assert dict(delete_data(traffic).mentions) == {"saved_view.name": 1, "saved_view.query": 1}


def test_second_import_does_not_restore_deleted_data(engine: sa.Engine) -> None:
    logged = ReadResult("test", read_entry(entry("request-1", requestMetadata={"user": "ada"})), "")
    Importer(engine).import_entries([logged])
    assert delete_data(engine).rows["span"] == 1
    assert Importer(engine).import_entries([logged]).known == 1
    assert read_traces(engine) == set()


def test_traffic_during_the_deletion_is_deleted(traffic: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    real, rounds = deletion._erase_rows, []

    def erase(*arguments: Any) -> Any:
        erased = real(*arguments)
        if len(rounds) < 2:
            rounds.append(1)
            ingest_spans(traffic, *question_spans(50 + len(rounds), user="ada"))
        return erased

    monkeypatch.setattr(deletion, "_erase_rows", erase)
    certificate = delete_data(traffic)
    assert (certificate.traces, certificate.is_verified) == (6, True)


def test_traces_of_others_with_the_user_id_are_found(traffic: sa.Engine) -> None:
    ingest_spans(
        traffic,
        span_of(80, trace=8, prompt="I am a colleague of ada."),
        span_of(90, trace=9, prompt="adamant"),
    )
    with reading(traffic) as connection:
        assert [int(trace_id, 16) for trace_id in mentions.find_traces_mentioning(connection, "ada")] == [
            1,
            2,
            7,
            8,
        ]
    delete_data(traffic)
    with reading(traffic) as connection:
        assert [int(trace_id, 16) for trace_id in mentions.find_traces_mentioning(connection, "ada")] == [8]


def test_deletion_without_data_is_certified(engine: sa.Engine) -> None:
    certificate = delete_data(engine, "nobody")
    assert (certificate.traces, dict(certificate.rows), certificate.is_verified) == (0, {}, True)


@pytest.mark.parametrize(
    ("user", "reason", "problem"),
    [
        ("", "why", "user id is empty"),
        ("ada", " ", "reason is required"),
        ("ada", "asked by ada herself", "contains the user id"),
    ],
)
def test_invalid_user_or_reason_is_refused(
    sqlite_engine: sa.Engine, user: str, reason: str, problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        delete_user(sqlite_engine, actor="ann", user_id=user, reason=reason)


def test_many_traces_are_deleted_in_portions(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_data, "TRACES_PER_STATEMENT", 3)
    ingest_spans(
        sqlite_engine,
        *[request_span for number in range(1, 11) for request_span in question_spans(number, user="ada")],
    )
    assert delete_data(sqlite_engine).rows["request"] == 10


def test_sqlite_file_has_no_id_after_the_deletion(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/a.db")
    upgrade(engine)
    name = "ada.of.the.secret.name"
    ingest_spans(engine, *question_spans(1, user=name, session="s1"), *question_spans(2, user="bob"))
    assert any(name.encode() in file.read_bytes() for file in tmp_path.iterdir())
    delete_data(engine, name)
    assert not any(name.encode() in file.read_bytes() for file in tmp_path.iterdir())
    engine.dispose()


def test_every_table_with_trace_or_user_id_is_found() -> None:
    names = {table.name for table in (*user_data.list_tables_by_trace(), *user_data.list_tables_by_user())}
    expected = {
        table.name for table in metadata.sorted_tables if {"trace_id", "user_id"} & {c.name for c in table.c}
    }
    assert names == expected - {"invocation_log"}
