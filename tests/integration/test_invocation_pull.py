"""Pulling invocation logs from S3 and CloudWatch Logs, against an emulation of both."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from moto import mock_aws

from db.tables.telemetry import invocation_log, invocation_log_source, span
from db.transaction import reading
from genaiops_core.aws import clients, cloudwatch
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Misconfigured, Unavailable
from genaiops_core.jobs.invocation_log_pull import InvocationLogPull
from genaiops_core.settings import Settings
from genaiops_core.telemetry.invocation_logs import sources
from genaiops_core.telemetry.invocation_logs.importer import ImportCounts, Importer
from genaiops_core.telemetry.invocation_logs.pull import PullReport, pull
from genaiops_core.telemetry.invocation_logs.sources import CLAIM, claim, parse_source
from tests.bedrock_samples import entry

BUCKET, GROUP = "acme-invocations", "/aws/bedrock/invocations"
S3, LOGS = parse_source(f"s3://{BUCKET}/bedrock"), parse_source(f"logs://{GROUP}")
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    clients.client.cache_clear()
    with mock_aws():
        clients.client("s3").create_bucket(Bucket=BUCKET)
        clients.client("logs").create_log_group(logGroupName=GROUP)
        clients.client("logs").create_log_stream(
            logGroupName=GROUP, logStreamName="aws/bedrock/modelinvocations"
        )
        yield
    clients.client.cache_clear()


def put(name: str, *ids: str, hour: int = 10, region: str = "us-east-1", raw: bytes | None = None) -> None:
    key = f"bedrock/AWSLogs/1/BedrockModelInvocationLogs/{region}/2026/01/05/{hour:02}/{name}"
    lines = "".join(json.dumps(entry(request_id)) + "\n" for request_id in ids)
    body = raw if raw is not None else gzip.compress(lines.encode())
    clients.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def log(*ids: str, at: dt.datetime | None = None, raw: str | None = None) -> None:
    at = at or now() - dt.timedelta(minutes=1)
    clients.client("logs").put_log_events(
        logGroupName=GROUP,
        logStreamName="aws/bedrock/modelinvocations",
        logEvents=[
            {
                "timestamp": int(at.timestamp() * 1000),
                "message": raw or json.dumps(entry(request_id, timestamp=at.isoformat())),
            }
            for request_id in ids or ("raw",)
        ],
    )


def pull_source(engine: sa.Engine, source: Any = S3, **more: Any) -> PullReport:
    return pull(engine, source, clients.client(source.kind), model_limit=200, **more)


def fetch_request_ids(engine: sa.Engine) -> list[str]:
    with reading(engine) as connection:
        return sorted(connection.scalars(sa.select(invocation_log.c.request_id)))


def count_calls(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(span).where(span.c.is_call)) or 0


def state(engine: sa.Engine) -> Any:
    with reading(engine) as connection:
        return connection.execute(sa.select(invocation_log_source)).one()


@pytest.mark.usefixtures("aws")
def test_objects_of_a_bucket_are_read_once(engine: sa.Engine) -> None:
    put("a.json.gz", "request-1", "request-2")
    put("b.json.gz", "request-3", region="eu-west-1")
    put("data/request-1_input.json.gz", raw=b"{}")
    clients.client("s3").put_object(Bucket=BUCKET, Key="elsewhere/c.json", Body=b"no")
    first = pull_source(engine)
    assert (first.objects, first.counts) == (2, ImportCounts(entries=3, new=3))
    second = pull_source(engine)
    assert (second.objects, second.counts) == (0, ImportCounts())
    put("late.json.gz", "request-4", hour=9)
    put("c.json.gz", "request-5", "request-3", hour=11)
    assert pull_source(engine).counts == ImportCounts(entries=3, new=2, known=1)
    assert fetch_request_ids(engine) == [f"request-{number}" for number in range(1, 6)]
    source_state = state(engine)
    assert (source_state.source, source_state.entries, source_state.rejected, source_state.claimed_until) == (
        S3.url,
        6,
        0,
        None,
    )
    assert source_state.pulled_at is not None


@pytest.mark.usefixtures("aws")
def test_bad_lines_are_counted_and_named(engine: sa.Engine) -> None:
    put(
        "a.json.gz", raw=gzip.compress(b'{"schemaType": "Other"}\n' + json.dumps(entry("request-1")).encode())
    )
    put("b.json.gz", raw=gzip.compress(json.dumps(entry("request-2")).encode() * 1)[:30])
    counts = pull_source(engine).counts
    assert (counts.new, counts.rejected) == (1, 2)
    assert counts.problems[0].startswith(f"s3://{BUCKET}/bedrock/")
    assert pull_source(engine).counts == ImportCounts()


@pytest.mark.usefixtures("aws")
def test_killed_pull_resumes(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        put(f"{number}.json.gz", *[f"request-{number}-{item}" for item in range(3)])
    real, taken = Importer.import_entries, []

    def import_then_stop(self: Importer, results: Any) -> ImportCounts:
        counts = real(self, results)
        taken.append(counts)
        if len(taken) == 4:
            raise KeyboardInterrupt  # after its entries are kept, before the cursor is
        return counts

    monkeypatch.setattr(Importer, "import_entries", import_then_stop)
    with pytest.raises(KeyboardInterrupt):
        pull_source(engine)
    monkeypatch.undo()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    second = pull_source(engine)
    # The fourth object is read again and known.
    assert (second.objects, second.counts) == (3, ImportCounts(entries=9, new=6, known=3))
    assert count_calls(engine) == 18


@pytest.mark.usefixtures("aws")
def test_stop_ends_between_two_objects(engine: sa.Engine) -> None:
    for number in range(3):
        put(f"{number}.json.gz", f"request-{number}")
    assert pull_source(engine, is_stopping=lambda: True).objects == 1
    assert pull_source(engine).objects == 2


@pytest.mark.usefixtures("aws")
def test_log_group_is_read_with_an_overlap(engine: sa.Engine) -> None:
    log("request-old", at=now() - dt.timedelta(days=3))
    log("request-1", "request-2")
    first = pull_source(engine, LOGS)
    assert (first.counts.new, first.counts.rejected) == (3, 0)
    log("request-3", at=now() - dt.timedelta(minutes=5))  # older than what was read, and visible only now
    log(raw="no json")
    counts = pull_source(engine, LOGS).counts
    assert (counts.new, counts.known, counts.rejected) == (1, 2, 1)
    assert counts.problems[0].startswith(f"logs://{GROUP} aws/bedrock/modelinvocations ")
    assert fetch_request_ids(engine) == ["request-1", "request-2", "request-3", "request-old"]


@pytest.mark.usefixtures("aws")
def test_events_are_paged(engine: sa.Engine) -> None:
    log(*[f"request-{number}" for number in range(250)])
    start = now() - HOUR
    pages = list(
        cloudwatch.events(
            clients.client("logs"),
            group=GROUP,
            start_ms=int(start.timestamp() * 1000),
            end_ms=int((start + 2 * HOUR).timestamp() * 1000),
        )
    )
    assert sum(map(len, pages)) == 250
    assert pull_source(engine, LOGS).counts.new == 250


@pytest.mark.usefixtures("aws")
def test_one_reader_per_source(engine: sa.Engine) -> None:
    put("a.json.gz", "request-1")
    assert claim(engine, S3, now()) == {}
    assert pull_source(engine).is_busy
    # A reader that died is forgotten after a while.
    assert claim(engine, S3, now() + CLAIM + dt.timedelta(seconds=1)) == {}
    sources.release_claim(engine, S3)
    assert pull_source(engine).counts.new == 1


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("source", [parse_source("s3://none"), parse_source("logs://none")])
def test_unreadable_source_is_an_error(engine: sa.Engine, source: Any) -> None:
    with pytest.raises(Misconfigured, match="none"):
        pull_source(engine, source)
    with pytest.raises(Misconfigured):  # and is not left claimed
        pull_source(engine, source)


@pytest.mark.usefixtures("aws")
def test_worker_task_reads_the_settings(engine: sa.Engine) -> None:
    put("a.json.gz", "request-1")
    task = InvocationLogPull(engine, Settings(invocation_logs=S3.url), threading.Event())
    assert task().counts.new == 1
    with pytest.raises(BadInput, match="is not a source of invocation logs"):
        InvocationLogPull(engine, Settings(invocation_logs="bucket"), threading.Event())


def test_missing_region_or_credentials_is_an_error(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    clients.client.cache_clear()
    with pytest.raises(Misconfigured, match="AWS_REGION"):
        clients.client("logs")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with pytest.raises(Misconfigured, match="credentials"):
        pull_source(sqlite_engine)
    clients.client.cache_clear()


@pytest.mark.usefixtures("aws")
def test_interrupted_object_is_read_again(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ResponseStreamingError
    from botocore.httpchecksum import StreamingChecksumBody as Body

    put("a.json", raw="\n".join(json.dumps(entry(f"request-{n}")) for n in range(700)).encode())
    real, read = Body.readinto, []

    def broken(self: Any, buffer: Any) -> int:
        read.append(1)
        if len(read) > 30:
            raise ResponseStreamingError(error="connection reset")
        return int(real(self, buffer))

    monkeypatch.setattr(Body, "readinto", broken)
    with pytest.raises(Unavailable, match="Reading s3://acme-invocations/bedrock"):
        pull_source(engine)
    monkeypatch.setattr(Body, "readinto", real)
    assert pull_source(engine).counts.entries == 700
    assert len(fetch_request_ids(engine)) == count_calls(engine) == 700
