"""Deleting one user's data: all of theirs, nothing of others', with a certificate that can be checked."""

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
from tests.otlp_samples import span as sample

NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


def tell(engine: sa.Engine, *spans: dict[str, Any], application: str = "shop") -> None:
    ingest(engine, decode_json(body(*spans, application=application)))


def ask(number: int, *, user: str = "", session: str = "", root_user: bool = True) -> list[dict[str, Any]]:
    """A request of one call; the user stands on the root or, as some instrumentations have it, on the call."""
    said = {name: value for name, value in (("user__id", user), ("session__id", session)) if value}
    on_root = said if root_user else {}
    return [
        sample(
            10 * number,
            trace=number,
            start_ns=T0_NS + number * SECOND_NS,
            secret=f"asked by {user}",
            **on_root,
        ),
        call(10 * number + 1, trace=number, parent=10 * number, start_ns=T0_NS + number * SECOND_NS, **said),
    ]


@pytest.fixture
def traffic(engine: sa.Engine) -> sa.Engine:
    tell(engine, *ask(1, user="ada", session="s1"), *ask(2, user="ada", session="s2", root_user=False))
    tell(engine, *ask(3, session="s1"))  # of ada's session, and says no user
    tell(engine, *ask(4, user="bob", session="s3"), *ask(5), *ask(6, user="ada-lovelace"))
    tell(engine, *ask(7, user="ada"), application="desk")
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


def traces(engine: sa.Engine, table: sa.Table = request) -> set[int]:
    with reading(engine) as connection:
        return {int(one, 16) for one in connection.scalars(sa.select(table.c.trace_id))}


def forget(engine: sa.Engine, user: str = "ada", **more: Any) -> deletion.Certificate:
    return delete_user(engine, actor="ann", user_id=user, reason="ticket 7", **more)


def test_all_of_the_user_goes_and_nothing_of_others(traffic: sa.Engine) -> None:
    held = preview_deletion(traffic, user_id="ada")
    assert (len(held.traces), held.sessions, held.shared_traces) == (4, 2, 0)
    certificate = forget(traffic)
    assert dict(certificate.rows) == dict(held.rows)
    assert {name: certificate.rows[name] for name in ("span", "request", "payload", "score", "feedback")} == {
        "span": 8,
        "request": 4,
        "payload": 4,
        "score": 1,
        "feedback": 2,
    }
    assert certificate.is_verified
    assert traces(traffic) == traces(traffic, span) == traces(traffic, payload) == {4, 5, 6}
    assert traces(traffic, score) == {4, 5}
    assert traces(traffic, feedback) == {4}
    assert preview_deletion(traffic, user_id="ada").total == 0
    assert preview_deletion(traffic, user_id="ada-lovelace").total > 0


def test_figures_keep_their_sums(traffic: sa.Engine) -> None:
    window = Filters(start=to_instant(T0_NS), end=to_instant(T0_NS + 3600 * SECOND_NS))
    with reading(traffic) as connection:
        before = read_summary(connection, window)
    forget(traffic)
    with reading(traffic) as connection:
        assert read_summary(connection, window) == before
    assert before.requests == 7


def test_one_application_only(traffic: sa.Engine) -> None:
    certificate = forget(traffic, application="desk")
    assert traces(traffic) == {1, 2, 3, 4, 5, 6}
    assert certificate.application == "desk"
    # Their opinion of somebody else's answer belongs to no application and stays until all is deleted.
    assert traces(traffic, feedback) == {1, 4, 5}


def test_the_certificate_is_in_the_audit_log_and_names_nobody(traffic: sa.Engine) -> None:
    certificate = forget(traffic)
    assert certificate.user_sha256 == hashlib.sha256(b"ada").hexdigest()
    with reading(traffic) as connection:
        logged = audit.entries(connection, action="user.delete")[0]
    assert (logged.actor, logged.reason, logged.sequence) == ("ann", "ticket 7", certificate.audit_sequence)
    assert logged.after is not None
    assert logged.after["rows"] == dict(certificate.rows)
    assert certificate.user_sha256 in logged.subject
    told = json.dumps([logged.before, logged.after, logged.subject])
    assert "ada" not in told.replace(certificate.user_sha256, "")
    assert audit.verify(traffic).is_intact


def test_a_trace_shared_with_another_user_goes_as_a_whole_and_is_counted(engine: sa.Engine) -> None:
    tell(engine, *ask(1, user="ada"), sample(19, trace=1, parent=10, user__id="bob"))
    certificate = forget(engine)
    assert (certificate.shared_traces, certificate.rows["span"], traces(engine)) == (1, 3, set())


def test_test_cases_made_from_the_traces_are_named(traffic: sa.Engine) -> None:
    with writing(traffic) as connection:
        for number, case_no in ((1, 3), (4, 4)):
            connection.execute(
                case_table.insert(),
                {"dataset": "faq", "version": 1, "case_no": case_no, "input": "?"}
                | {"metadata": {"trace_id": f"{number:032x}"}},
            )
    assert forget(traffic).cases == ("faq v1 case 3",)


def test_the_id_in_other_texts_is_reported(traffic: sa.Engine) -> None:
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
    assert dict(forget(traffic).mentions) == {"saved_view.name": 1, "saved_view.query": 1}


def test_log_entries_stay_known_so_that_a_second_import_brings_nothing_back(engine: sa.Engine) -> None:
    logged = ReadResult("test", read_entry(entry("request-1", requestMetadata={"user": "ada"})), "")
    Importer(engine).take([logged])
    assert forget(engine).rows["span"] == 1
    assert Importer(engine).take([logged]).known == 1
    assert traces(engine) == set()


def test_traffic_that_goes_on_is_deleted_until_nothing_comes(
    traffic: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, rounds = deletion._erase, []

    def erase(*arguments: Any) -> Any:
        erased = real(*arguments)
        if len(rounds) < 2:
            rounds.append(1)
            tell(traffic, *ask(50 + len(rounds), user="ada"))
        return erased

    monkeypatch.setattr(deletion, "_erase", erase)
    certificate = forget(traffic)
    assert (certificate.traces, certificate.is_verified) == (6, True)


def test_contents_of_others_that_mention_the_user_are_found_on_request(traffic: sa.Engine) -> None:
    tell(
        traffic, sample(80, trace=8, prompt="I am a colleague of ada."), sample(90, trace=9, prompt="adamant")
    )
    with reading(traffic) as connection:
        assert [int(one, 16) for one in mentions.find_traces_mentioning(connection, "ada")] == [1, 2, 7, 8]
    forget(traffic)
    with reading(traffic) as connection:
        assert [int(one, 16) for one in mentions.find_traces_mentioning(connection, "ada")] == [8]


def test_nothing_to_delete_is_certified_too(engine: sa.Engine) -> None:
    certificate = forget(engine, "nobody")
    assert (certificate.traces, dict(certificate.rows), certificate.is_verified) == (0, {}, True)


@pytest.mark.parametrize(
    ("user", "reason", "problem"),
    [
        ("", "why", "Name the user"),
        ("ada", " ", "Say why"),
        ("ada", "asked by ada herself", "names the user"),
    ],
)
def test_what_is_refused(sqlite_engine: sa.Engine, user: str, reason: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        delete_user(sqlite_engine, actor="ann", user_id=user, reason=reason)


def test_many_traces_go_in_portions(sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_data, "TRACES_PER_STATEMENT", 3)
    tell(sqlite_engine, *[one for number in range(1, 11) for one in ask(number, user="ada")])
    assert forget(sqlite_engine).rows["request"] == 10


def test_the_file_does_not_hold_the_id_any_more(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/a.db")
    upgrade(engine)
    name = "ada.of.the.secret.name"
    tell(engine, *ask(1, user=name, session="s1"), *ask(2, user="bob"))
    assert any(name.encode() in file.read_bytes() for file in tmp_path.iterdir())
    forget(engine, name)
    assert not any(name.encode() in file.read_bytes() for file in tmp_path.iterdir())
    engine.dispose()


def test_every_table_that_names_a_trace_or_a_user_is_found() -> None:
    names = {table.name for table in (*user_data.list_tables_by_trace(), *user_data.list_tables_by_user())}
    expected = {
        table.name for table in metadata.sorted_tables if {"trace_id", "user_id"} & {c.name for c in table.c}
    }
    assert names == expected - {"invocation_log"}
