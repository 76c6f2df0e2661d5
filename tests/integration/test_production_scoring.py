"""Judging sampled requests: by priority, within the budget, once, and figures that follow."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from db.tables.reviews import sample
from db.tables.telemetry import score
from db.transaction import reading, writing
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.trace_case import read_trace_case
from genaiops_core.evaluation.judges import create_judge
from genaiops_core.evaluation.judges.protocol import Calls, Judgement
from genaiops_core.evaluation.models.protocol import CallFailed, Message, Prompt, Reply, Usage
from genaiops_core.evaluation.production.judging import list_metrics, require_prices
from genaiops_core.evaluation.production.scoring import (
    LEASE,
    MAX_WAIT,
    Limits,
    fetch_spent_today,
    read_queue_message,
    score_round,
)
from genaiops_core.rollbacks.observations import observe
from genaiops_core.telemetry.sampling import feedback
from genaiops_core.telemetry.sampling.samples import read_sampling_summary
from genaiops_core.telemetry.scores import Score, record_scores
from genaiops_core.telemetry.traffic.quality import read_quality
from tests.integration.judging import SlowModel, Value, import_price
from tests.integration.sampled import APPLICATION, DAY, NOW, ingest_and_sample, traces

FREE = Limits(daily_budget_nano_usd=0, per_minute=1_000)


class PaidModel(SlowModel):
    """Costs half a cent an answer and remembers what it was asked."""

    def __init__(self, *, fails: bool) -> None:
        super().__init__()
        self.prompts_sent: list[str] = []
        self.fails = fails

    async def ask(self, prompt: Prompt) -> Reply:
        self.prompts_sent.append(prompt.messages[0].text)
        if self.fails:
            raise CallFailed("the provider is down")
        return Reply(text='{"value": 0.75}', usage=Usage(input_tokens=1000, output_tokens=0), latency_ms=1.0)


class PaidJudge:
    """Costs a cent a request: half a cent for each of two metrics."""

    name = "paid"
    metrics = defaults = ("faithfulness", "answer_relevancy")

    def __init__(self, *, fails: bool = False) -> None:
        self.model = PaidModel(fails=fails)

    @property
    def prompts_sent(self) -> list[str]:
        """The requests, each of which takes two calls."""
        return self.model.prompts_sent[::2]

    async def judge(self, case: Case, metric: str, calls: Calls) -> Judgement:
        answer = await calls.ask(Prompt(messages=(Message(role="user", text=case.input),)), Value)
        return Judgement(metric=metric, value=answer.value, reason="", cost_nano_usd=None, latency_ms=1.0)


@pytest.fixture(autouse=True)
def import_model_price(engine: sa.Engine) -> None:
    import_price(engine, PaidModel.name, 5.0, 0.0)


def states(engine: sa.Engine) -> dict[str, int]:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(sample.c.state, sa.func.count()).group_by(sample.c.state))
        return {str(state): int(count) for state, count in rows}


def test_samples_are_scored_from_their_traces(engine: sa.Engine) -> None:
    requests = traces(20)
    ingest_and_sample(engine, requests)
    with reading(engine) as connection:
        result = read_trace_case(connection, requests[0].trace_id)
    assert result.problem == ""
    assert result.case is not None
    assert result.case.answer
    assert result.case.contexts
    done = score_round(engine, create_judge("offline"), FREE, NOW)
    assert (done.scored, done.cost_nano_usd) == (20, 0)
    assert score_round(engine, create_judge("offline"), FREE, NOW).scored == 0
    assert states(engine) == {"scored": 20}
    with reading(engine) as connection:
        quality = {item.metric: item for item in read_quality(connection, DAY)}
        assert set(quality) == {"grounding_overlap", "question_overlap"}
        grounding = quality["grounding_overlap"]
        assert (grounding.judge, grounding.is_sampled, grounding.population) == ("offline", True, 20)
        assert grounding.mean is not None
        assert grounding.mean > 0.5
        values = connection.scalars(sa.select(score.c.value).where(score.c.metric == "grounding_overlap"))
        assert grounding.mean == pytest.approx(sum(v for v in values if v is not None) / 20)


def test_only_metrics_without_reference_are_used() -> None:
    assert list_metrics(create_judge("offline")) == ("grounding_overlap", "question_overlap")
    assert list_metrics(PaidJudge()) == PaidJudge.metrics


def test_daily_budget_is_enforced(engine: sa.Engine) -> None:
    ingest_and_sample(engine, traces(9))
    limits = Limits(daily_budget_nano_usd=30_000_000, per_minute=100)
    paid = PaidJudge()
    total = 0
    for _ in range(5):
        done = score_round(engine, paid, limits, NOW)
        total += done.scored
        if done.is_out_of_budget:
            break
    assert done.is_out_of_budget
    assert (total, len(paid.prompts_sent)) == (3, 3)
    with reading(engine) as connection:
        assert fetch_spent_today(connection, NOW) == 30_000_000
        assert read_sampling_summary(connection, DAY).cost_usd == "0.03"
    assert score_round(engine, paid, limits, NOW + dt.timedelta(hours=11)).scored == 0
    # The next day (UTC) there is a new one; two days later what is left is skipped when it is spent.
    assert score_round(engine, paid, limits, NOW + dt.timedelta(hours=13)).scored == 3
    late = NOW + MAX_WAIT + dt.timedelta(hours=1)
    assert score_round(engine, PaidJudge(), Limits(daily_budget_nano_usd=0, per_minute=1), late).skipped == 3
    assert states(engine) == {"scored": 6, "skipped": 3}


def test_priority_and_rate_are_respected(engine: sa.Engine) -> None:
    requests = traces(10, users=2)
    ingest_and_sample(engine, requests)
    feedback.record_feedback(engine, trace_id=requests[7].trace_id, thumb="down")
    assert (
        score_round(
            engine, create_judge("offline"), Limits(daily_budget_nano_usd=0, per_minute=3), NOW
        ).scored
        == 3
    )
    with reading(engine) as connection:
        rows = connection.execute(sa.select(sample.c.priority).where(sample.c.state == "scored"))
        assert sorted(priority for (priority,) in rows) == [1, 2, 2]
    limits = Limits(daily_budget_nano_usd=0, per_minute=3)
    assert score_round(engine, create_judge("offline"), limits, NOW + dt.timedelta(seconds=59)).scored == 0
    assert score_round(engine, create_judge("offline"), limits, NOW + dt.timedelta(seconds=61)).scored == 3


def test_failed_judge_is_retried_later(engine: sa.Engine) -> None:
    ingest_and_sample(engine, traces(2))
    limits = Limits(daily_budget_nano_usd=10**9, per_minute=100)
    broken = PaidJudge(fails=True)
    assert score_round(engine, broken, limits, NOW).failed == 2
    assert score_round(engine, broken, limits, NOW).failed == 0  # not at once
    assert score_round(engine, PaidJudge(), limits, NOW + LEASE).scored == 2


def test_killed_worker_loses_no_sample(engine: sa.Engine) -> None:
    ingest_and_sample(engine, traces(4))

    class Killed(PaidJudge):
        async def judge(self, case: Case, metric: str, calls: Calls) -> Judgement:
            raise KeyboardInterrupt

    limits = Limits(daily_budget_nano_usd=10**9, per_minute=100)
    with pytest.raises(KeyboardInterrupt):
        score_round(engine, Killed(), limits, NOW)
    assert score_round(engine, PaidJudge(), limits, NOW).scored == 0
    assert score_round(engine, PaidJudge(), limits, NOW + LEASE).scored == 4


def test_trace_without_texts_is_undefined(engine: sa.Engine) -> None:
    requests = traces(2)
    ingest_and_sample(engine, requests)
    with writing(engine) as connection:
        from db.tables.telemetry import payload

        connection.execute(sa.delete(payload))
    assert score_round(engine, create_judge("offline"), FREE, NOW).scored == 2
    with reading(engine) as connection:
        for item in read_quality(connection, DAY):
            assert (item.mean, item.scored, item.undefined) == (None, 0, 2)


def test_queue_message_fields(engine: sa.Engine) -> None:
    requests = traces(1)
    ingest_and_sample(engine, requests)
    with reading(engine) as connection:
        result = read_queue_message(connection, application=APPLICATION, trace_id=requests[0].trace_id)
        assert read_queue_message(connection, application="other", trace_id=requests[0].trace_id) is None
    assert result is not None
    assert list(result) == ["request_id", "query", "response", "context", "priority", "reason"]
    assert (result["priority"], result["reason"]) == (2, "new_user")


def test_rollback_watch_weights_samples_by_rate(engine: sa.Engine) -> None:
    requests = traces(60, users=1)
    ingest_and_sample(engine, requests, rate=0.4)
    for item in requests[5:15]:
        feedback.record_feedback(engine, trace_id=item.trace_id, thumb="down")
    score_round(engine, create_judge("offline"), FREE, NOW)  # proxies are no evidence
    with writing(engine) as connection:
        rows = connection.execute(sa.select(sample)).all()
        always = [row for row in rows if row.rate_ppm == 1_000_000]
        assert len(always) == 11  # ten disliked, one new user
        assert len(rows) > len(always) + 5
        record_scores(
            connection,
            [
                Score(
                    application=row.application,
                    trace_id=row.trace_id,
                    metric=metric,
                    judge="paid",
                    value=0.1 if row.rate_ppm == 1_000_000 else 0.9,
                    start_ns=row.start_ns,
                    environment=row.environment,
                    release=row.release,
                    rate_ppm=row.rate_ppm,
                )
                for row in rows
                for metric in ("faithfulness", "answer_relevancy")
            ],
        )
    with reading(engine) as connection:
        seen = observe(
            connection,
            application=APPLICATION,
            release=requests[0].release,
            variant="canary",
            now=NOW,
            window_min=300,
        )
    assert seen.requests == 60
    assert seen.avg_quality_score == pytest.approx((11 * 0.1 + 49 * 0.9) / 60)
    assert seen.scores < 2 * len(rows)


def test_invalid_limits_are_rejected() -> None:
    with pytest.raises(BadInput):
        Limits(daily_budget_nano_usd=-1, per_minute=1)


def test_unpriced_paid_judge_is_rejected_before_calls(engine: sa.Engine) -> None:
    unpriced = PaidJudge()
    unpriced.model.name = "nobody-knows-its-price"
    with pytest.raises(BadInput, match="genaiops import prices"):
        require_prices(engine, unpriced, 1)
    require_prices(engine, PaidJudge(), 1)
    require_prices(engine, create_judge("offline"), 1)


def test_failed_metric_does_not_repeat_paid_ones(engine: sa.Engine) -> None:
    ingest_and_sample(engine, traces(2))

    class HalfBroken(PaidJudge):
        async def judge(self, case: Case, metric: str, calls: Calls) -> Judgement:
            if metric == "faithfulness":
                raise CallFailed("out of order")
            return await super().judge(case, metric, calls)

    done = score_round(engine, HalfBroken(), Limits(daily_budget_nano_usd=10**9, per_minute=100), NOW)
    assert (done.scored, done.failed, done.cost_nano_usd) == (2, 0, 10_000_000)
    with reading(engine) as connection:
        rows = connection.execute(sa.select(score.c.metric, score.c.value, score.c.reason)).all()
    assert {(row.metric, row.value, row.reason) for row in rows} == {
        ("faithfulness", None, "out of order"),
        ("answer_relevancy", 0.75, ""),
    }
