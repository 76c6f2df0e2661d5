"""The demo in a real database: whole, once, marked, and gone without a trace."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa

from db.tables import metadata
from db.tables.evaluations import dataset, evaluation
from db.tables.telemetry import application, feedback, saved_settings, score
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.demo import claim, profiles, writer
from genaiops_core.demo.removal import remove_demo
from genaiops_core.demo.writer import DemoReport, is_written, write_demo
from genaiops_core.errors import Conflict
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.releases import approvals, releases
from genaiops_core.rollbacks import incidents, policy, procedure, watch
from genaiops_core.rollouts import rollouts
from genaiops_core.telemetry import demo_applications
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import DecodedExport, RawSpan, SpanGroup
from genaiops_core.telemetry.rollups import closing
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import queries

_AUDIT = {"audit_entry", "audit_chain"}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same story with less traffic, for tests that are not about traffic."""
    applications = tuple(
        replace(profile, requests_per_day=2, recent_requests=30) for profile in profiles.APPLICATIONS
    )
    monkeypatch.setattr(writer, "APPLICATIONS", applications)


def test_demo_is_complete_and_fully_removed(engine: sa.Engine) -> None:
    _write_real_data(engine)
    closing.close_hours(engine, now())
    before = _rows_by_table(engine)

    report = write_demo(engine, now(), 1)

    _assert_whole(engine, report)
    second_report = write_demo(engine, now(), 2)
    assert (second_report.was_present, second_report.seed, second_report.requests) == (True, 1, 0)

    removed = remove_demo(engine, actor="grace", reason="seen enough")

    assert removed["span"] == report.spans
    after = _rows_by_table(engine)
    assert {name for name in before if before[name] != after[name]} == _AUDIT
    with reading(engine) as connection:
        (newest,) = audit.entries(connection, limit=1)
        assert (newest.actor, newest.action, newest.reason) == ("grace", "demo.remove", "seen enough")
        assert not is_written(connection)
    assert audit.verify(engine).is_intact
    assert remove_demo(engine, actor="grace") == {}


def _assert_whole(engine: sa.Engine, report: DemoReport) -> None:
    assert not report.was_present
    assert report.requests > 6_000
    with reading(engine) as connection:
        assert is_written(connection)
        assert demo_applications.fetch_demo_applications(connection) == frozenset(profiles.NAMES)
        month = queries.read_summary(connection, Filters.last("30d", application="support-agent"))
        assert month.requests > 3_000
        assert month.request_errors > 0
        assert month.unpriced_calls == 0
        models = {
            row.keys["model"]
            for row in queries.read_breakdown(connection, Filters.last("30d"), by=("model",))
        }
        assert {profiles.CLAUDE, profiles.NOVA} <= models
        assert [each.release for each in approvals.pending(connection)] == ["v8"]
        states = {each.name: each.state for each in releases.list_releases(connection)}
        assert states["claims-summarizer/v5"] == "approved"
        assert states["claims-summarizer/v4"] == "rolled_back"
        (live,) = [each for each in rollouts.status(connection) if each.is_live]
        assert (live.application, live.stable, live.canary, live.percent) == (
            "support-agent",
            "v14",
            "v15",
            25,
        )
        (rolled_back,) = procedure.list_rollbacks(connection)
        assert rolled_back.metrics["canary"]["avg_quality_score"] < 0.75
        assert now() - rolled_back.at > dt.timedelta(days=8)
        assert [each.state for each in incidents.list_incidents(connection)] == ["resolved"]
        assert connection.execute(
            sa.select(dataset.c.is_demo).where(dataset.c.name == "support-questions")
        ).scalar()
        query = sa.select(evaluation.c.state, evaluation.c.verdict).where(evaluation.c.is_demo)
        evaluations = connection.execute(query).all()
        assert [row.state for row in evaluations] == ["finished"] * 4
        assert {row.verdict for row in evaluations} >= {"passed", "failed"}
        judges = connection.execute(sa.select(score.c.judge).distinct()).scalars().all()
        assert judges == ["demo"]
        assert connection.execute(sa.select(sa.func.count()).select_from(feedback)).scalar_one() > 100
    assert audit.verify(engine).is_intact
    # The operator, not the policy, is to find the bad canary.
    assert watch.watch(engine, now(), policy.default()) == []


def test_real_application_with_demo_name_is_untouched(sqlite_engine: sa.Engine) -> None:
    _write_real_data(sqlite_engine, name="policy-search")
    before = _rows_by_table(sqlite_engine)

    with pytest.raises(Conflict, match="policy-search"):
        write_demo(sqlite_engine, now())

    assert _rows_by_table(sqlite_engine) == before
    assert remove_demo(sqlite_engine, actor="grace") == {}


def test_real_dataset_with_demo_name_is_untouched(sqlite_engine: sa.Engine) -> None:
    _import_real_dataset(sqlite_engine, "support-questions")
    with pytest.raises(Conflict, match="support-questions"):
        write_demo(sqlite_engine, now())
    with reading(sqlite_engine) as connection:
        assert datasets.get_version(connection, "support-questions").cases == 1


@pytest.mark.usefixtures("small")
def test_incomplete_demo_is_rewritten(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as connection:
        connection.execute(sa.insert(saved_settings).values(name="demo", value={"seed": 1, "beat_at": 0.0}))
        connection.execute(
            sa.insert(application).values(application="support-agent", is_demo=True, first_seen_at=now())
        )
    assert not write_demo(sqlite_engine, now()).was_present
    with reading(sqlite_engine) as connection:
        assert is_written(connection)


@pytest.mark.usefixtures("small")
def test_failed_write_leaves_no_rows(sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _rows_by_table(sqlite_engine)

    def fail(*_arguments: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(writer.closing, "close_hours", fail)
    with pytest.raises(RuntimeError):
        write_demo(sqlite_engine, now())
    after = _rows_by_table(sqlite_engine)
    assert {name for name in before if before[name] != after[name]} <= _AUDIT


@pytest.mark.usefixtures("small")
def test_second_writer_waits_for_the_first(engine: sa.Engine) -> None:
    reports: list[DemoReport] = []
    threads = [threading.Thread(target=lambda: reports.append(write_demo(engine, now()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.was_present for report in reports) == [False, True]


@pytest.mark.usefixtures("small")
def test_removal_deletes_evaluations_of_demo_cases(sqlite_engine: sa.Engine) -> None:
    write_demo(sqlite_engine, now())
    runs.launch(sqlite_engine, actor="grace", dataset="support-questions")
    remove_demo(sqlite_engine, actor="grace")
    with reading(sqlite_engine) as connection:
        assert runs.list_evaluations(connection) == []


def test_demo_in_writing_is_not_removed(sqlite_engine: sa.Engine) -> None:
    assert claim.take(sqlite_engine, 1)
    with pytest.raises(Conflict, match="being written"):
        remove_demo(sqlite_engine, actor="grace")


def test_claim_admits_a_single_writer(sqlite_engine: sa.Engine) -> None:
    assert claim.take(sqlite_engine, 1)
    with writing(sqlite_engine) as connection:
        claim.save(connection, {"seed": 1, "written_at": "2026-11-20T00:00:00+00:00"})
    assert not claim.take(sqlite_engine, 2)


def _write_real_data(engine: sa.Engine, name: str = "billing-bot") -> None:
    start_ns = int(now().timestamp() - 3 * 3600) * 10**9
    call = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": profiles.NOVA,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
    }
    spans = [
        RawSpan("1" * 32, "1" * 16, "", "answer", start_ns, start_ns + 10**9, {"genaiops.release": "r1"}),
        RawSpan("1" * 32, "2" * 16, "1" * 16, "chat", start_ns, start_ns + 10**9, call),
    ]
    ingest(engine, DecodedExport(groups=[SpanGroup({"service.name": name}, {}, spans)]))
    releases.create(engine, actor="ada", application=name, release="r1")
    _import_real_dataset(engine, "billing-questions")
    runs.launch(engine, actor="ada", dataset="billing-questions", application=name, release="r1")
    with writing(engine) as connection:
        connection.execute(
            sa.insert(feedback).values(
                trace_id="1" * 32, user_id="u", thumb="up", comment="", received_at=now()
            )
        )


def _import_real_dataset(engine: sa.Engine, name: str) -> None:
    datasets.add_cases(
        engine, actor="ada", name=name, cases=[Case(input="Why?", answer="Because.")], source="real"
    )


def _rows_by_table(engine: sa.Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, so that a change of one cell is seen."""
    with reading(engine) as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
        }
