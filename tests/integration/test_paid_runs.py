"""Runs of a judge that asks a model: kept, paced, repaired, bounded, paused, resumed."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from db.tables.evaluations import evaluation, evaluation_score, judge_call, spend_hold
from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.calls import call_session
from genaiops_core.evaluation.calls.call_session import CallSession
from genaiops_core.evaluation.calls.unit_calls import MAX_REPAIRS
from genaiops_core.evaluation.models.protocol import CallFailed, Prompt, Throttled, Usage
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.runs import execution, judging, launching
from genaiops_core.evaluation.runs.evaluation import describe_evaluation, is_waiting_for_provider
from genaiops_core.evaluation.runs.results import fetch_metric_spend
from genaiops_core.evaluation.runs.scoring import score_cases
from genaiops_core.evaluation.runs.session_pool import EvaluationAttempt
from tests.integration.evaluating import fetch_run, import_prices, score_batch
from tests.integration.judging import OneCallJudge, SlowModel, import_price, judges_by

MINIMUMS = {"faithfulness": 0.1, "answer_relevancy": 0.1}
CALL = 110_000
"""Nano-USD of a call: 100 tokens in and 10 out at 1,000 USD a million would be a lot, so 1 USD a million."""


@pytest.fixture
def launch(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Launches a run of ten cases by a model of this process: 20 units, one call each."""
    import_prices(engine, 10)
    import_price(engine, SlowModel.name, 1000.0, 1000.0)

    def launch_run(model: Any, **changes: Any) -> str:
        judge = OneCallJudge(model)
        monkeypatch.setattr(judging, "create_judge", judges_by(judge))
        monkeypatch.setattr(launching, "make_judge", judges_by(judge))
        arguments = {"actor": "ada", "dataset": "prices", "minimums": MINIMUMS, "judge": "test"}
        return runs.launch(engine, **{**arguments, **changes})

    return launch_run


def test_every_call_is_recorded_and_counted(engine: sa.Engine, launch: Callable[..., str]) -> None:
    model = SlowModel()
    done = execution.run(engine, launch(model))
    assert (done.state, done.verdict, done.units_done, done.units_failed) == ("finished", "passed", 20, 0)
    assert (done.judge_calls, done.input_tokens, done.output_tokens) == (20, 2000, 200)
    assert (done.cost_nano_usd, done.unpriced_calls, done.spent_usd) == (20 * 110_000_000, 0, "2.2")
    with reading(engine) as connection:
        calls = connection.execute(sa.select(judge_call)).all()
        scores = connection.execute(sa.select(evaluation_score)).all()
    assert len(calls) == len(model.prompts) == 20
    assert {row.cost_nano_usd for row in scores} == {110_000_000}
    assert model.is_closed


def test_calls_without_a_price_are_counted_as_unknown(engine: sa.Engine, launch: Callable[..., str]) -> None:
    model = SlowModel()
    model.name = "nobody-knows-its-price"
    done = execution.run(engine, launch(model))
    assert (done.cost_nano_usd, done.unpriced_calls, done.judge_calls) == (0, 20, 20)
    with reading(engine) as connection:
        assert set(connection.execute(sa.select(evaluation_score.c.cost_nano_usd)).scalars()) == {None}


def test_calls_in_flight_stay_within_concurrency(engine: sa.Engine, launch: Callable[..., str]) -> None:
    model = SlowModel()
    execution.run(engine, launch(model, pace=RateLimits(concurrency=3)))
    assert model.most_under_way == 3


def test_throttled_calls_are_retried_without_cost(engine: sa.Engine, launch: Callable[..., str]) -> None:
    def reply(number: int, _prompt: Prompt) -> str:
        if number % 4 == 0:
            raise Throttled("come back later", retry_after_s=0.01)
        return '{"value": 0.5}'

    model = SlowModel(reply)
    done = execution.run(engine, launch(model))
    assert (done.state, done.units_failed, done.judge_calls) == ("finished", 0, 20)
    assert len(model.prompts) == 26  # 20 answers, and every fourth of the 26 attempts throttled


def test_other_failures_are_not_retried(engine: sa.Engine, launch: Callable[..., str]) -> None:
    def reply(_number: int, prompt: Prompt) -> str:
        if "item 3 " in prompt.messages[0].text:
            raise CallFailed("the model fell over")
        return '{"value": 0.5}'

    model = SlowModel(reply)
    done = execution.run(engine, launch(model))
    assert (done.state, done.units_done, done.units_failed, done.units_undefined) == ("finished", 20, 2, 2)
    assert (len(model.prompts), done.judge_calls) == (20, 18)
    assert done.results is not None
    assert done.results["metrics"]["faithfulness"]["reasons"] == {"the model fell over": 1}


def test_billed_failure_is_counted(engine: sa.Engine, launch: Callable[..., str]) -> None:
    def reply(number: int, _prompt: Prompt) -> str:
        if number == 1:
            raise CallFailed("the answer was cut", usage=Usage(input_tokens=100, output_tokens=10))
        return '{"value": 0.5}'

    done = execution.run(engine, launch(SlowModel(reply)))
    assert (done.units_failed, done.judge_calls, done.cost_nano_usd) == (1, 20, 20 * 110_000_000)


def test_malformed_answers_are_repaired_and_paid(engine: sa.Engine, launch: Callable[..., str]) -> None:
    def reply(_number: int, prompt: Prompt) -> str:
        return '{"value": 0.5}' if len(prompt.messages) > 1 else '{"oops": 1}'

    done = execution.run(engine, launch(SlowModel(reply)))
    assert (done.units_failed, done.judge_calls) == (0, 40)


def test_persistently_malformed_answer_fails_the_unit(engine: sa.Engine, launch: Callable[..., str]) -> None:
    model = SlowModel(lambda number, prompt: "nonsense")
    id = launch(model)
    done = execution.run(engine, id)
    calls = 20 * (1 + MAX_REPAIRS)
    assert (done.units_failed, done.judge_calls, len(model.prompts)) == (20, calls, calls)
    with reading(engine) as connection:
        reason = connection.execute(sa.select(evaluation_score.c.reason)).scalars().first()
    assert str(reason).startswith("The answer was malformed 3 times")


def test_consecutive_failures_fail_the_run_until_resume(
    engine: sa.Engine, launch: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_session, "MAX_CONSECUTIVE_FAILURES", 5)
    model = SlowModel()
    broken = SlowModel(lambda number, prompt: (_ for _ in ()).throw(CallFailed("no such model")))
    id = launch(broken, pace=RateLimits(concurrency=1))
    done = execution.run(engine, id)
    assert (done.state, done.verdict, len(broken.prompts)) == ("failed", None, 5)
    assert "5 consecutive calls failed; the last error: no such model." in done.problem
    monkeypatch.setattr(judging, "create_judge", judges_by(OneCallJudge(model)))
    runs.resume(engine, actor="ada", id=id)
    assert execution.run(engine, id).state == "finished"
    assert len(model.prompts) == 20


def test_throttling_never_ends_a_run(
    engine: sa.Engine, launch: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_session, "MAX_CONSECUTIVE_FAILURES", 5)

    def reply(number: int, prompt: Prompt) -> str:
        # Between two failures of the model many calls are throttled, which neither adds to them nor starts anew.
        if number % 3:
            raise Throttled("Too many requests.", retry_after_s=0.001)
        if "item 3 " in prompt.messages[0].text:
            raise CallFailed("the model fell over")
        return '{"value": 0.5}'

    done = execution.run(engine, launch(SlowModel(reply), pace=RateLimits(concurrency=1)))
    assert (done.state, done.units_done, done.units_failed) == ("finished", 20, 2)


def test_endless_throttling_fails_units_not_the_run(
    engine: sa.Engine, launch: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_session, "MAX_CONSECUTIVE_FAILURES", 5)
    monkeypatch.setattr(call_session, "POLL_S", 0.05)
    seen: list[bool] = []
    model = SlowModel(lambda number, prompt: (_ for _ in ()).throw(Throttled("Too many requests.")))
    id = launch(model, pace=RateLimits(unit_timeout_s=1.0))
    done = execution.run(engine, id, lambda run: seen.append(is_waiting_for_provider(run, now())))
    assert (done.state, done.verdict, done.units_failed) == ("finished", "error", 20)
    assert any(seen)
    assert not is_waiting_for_provider(done, now())
    assert done.results is not None
    assert done.results["metrics"]["faithfulness"]["reasons"] == {
        "Too many requests; the call waited 1 s, the timeout of a unit.": 10
    }


def test_calls_without_token_counts_are_unknown_not_zero(
    engine: sa.Engine, launch: Callable[..., str]
) -> None:
    class Uncounted(SlowModel):
        async def ask(self, prompt: Prompt) -> Any:
            reply = await super().ask(prompt)
            counted = Usage(input_tokens=100) if "item 3 " in prompt.messages[0].text else reply.usage
            return dataclasses.replace(reply, usage=counted)

    done = execution.run(engine, launch(Uncounted()))
    assert (done.uncounted_calls, done.unpriced_calls) == (2, 2)
    assert done.results is not None
    judging_figures = done.results["judging"]
    assert (judging_figures["input_tokens"], judging_figures["output_tokens"]) == (None, None)
    assert (judging_figures["cost_usd"], judging_figures["uncounted_calls"]) == (None, 2)
    assert describe_evaluation(done)["input_tokens"] is None
    with reading(engine) as connection:
        spend = {row.metric: row for row in fetch_metric_spend(connection, done.id)}
    assert {(row.input_tokens, row.output_tokens) for row in spend.values()} == {(1000, None)}


@pytest.mark.parametrize(
    ("judge", "embedding_model", "metrics", "unpriced"),
    [
        ("gpt-5-mini", "nomic-embed-text", ["faithfulness", "context_recall"], ""),
        ("openai/gpt-5-mini", "nomic-embed-text", ["faithfulness"], ""),
        ("gpt-5-mini", "nomic-embed-text", ["faithfulness", "answer_relevancy"], "nomic-embed-text"),
        ("gpt-5-mini", "text-embedding-3-small", ["answer_relevancy"], ""),
        ("our-7b", "text-embedding-3-small", ["semantic_similarity"], ""),
        ("our-7b", "text-embedding-3-small", ["answer_correctness"], "our-7b"),
        ("our-7b", "nomic-embed-text", ["exact_match"], ""),
    ],
)
def test_spend_limit_needs_prices_of_called_models_only(
    engine: sa.Engine, judge: str, embedding_model: str, metrics: list[str], unpriced: str
) -> None:
    import_prices(engine, 2)

    def launch_limited() -> str:
        return runs.launch(
            engine,
            actor="ada",
            dataset="prices",
            judge=f"openai:{judge}@http://gateway.example:8000/v1",
            judge_options={"embedding_model": embedding_model},
            metrics=metrics,
            pace=RateLimits(spend_limit_nano_usd=10**9),
        )

    if not unpriced:
        launch_limited()
        return
    with pytest.raises(BadInput, match=f"The price of {unpriced} is unknown"):
        launch_limited()


def test_timed_out_unit_fails_but_its_call_is_recorded(engine: sa.Engine, launch: Callable[..., str]) -> None:
    class Stuck(SlowModel):
        async def ask(self, prompt: Prompt) -> Any:
            reply = await super().ask(prompt)
            if "item 3 " in prompt.messages[0].text:
                await asyncio.sleep(6.0)
            return reply

    model = Stuck()
    done = execution.run(engine, launch(model, pace=RateLimits(unit_timeout_s=5.0)))
    assert (done.units_done, done.units_failed) == (20, 2)
    assert done.results is not None
    assert done.results["metrics"]["faithfulness"]["reasons"] == {"took longer than 5 s": 1}
    assert fetch_run(engine, done.id).judge_calls == 20


def test_waiting_for_a_slot_does_not_count_as_unit_time(
    engine: sa.Engine, launch: Callable[..., str]
) -> None:
    class Steady(SlowModel):
        async def ask(self, prompt: Prompt) -> Any:
            await asyncio.sleep(0.3)
            return await super().ask(prompt)

    # One after the other, the last of the units under way waits for twice its limit.
    done = execution.run(engine, launch(Steady(), pace=RateLimits(concurrency=1, unit_timeout_s=3.0)))
    assert (done.state, done.units_failed) == ("finished", 0)


def test_pause_records_calls_in_flight_and_resume_reuses_them(
    engine: sa.Engine, launch: Callable[..., str]
) -> None:
    model = SlowModel()
    id = launch(model, pace=RateLimits(concurrency=4))

    async def pause_half_way() -> None:
        execution.begin(engine, id, 1)
        model.gate = asyncio.Event()
        run = fetch_run(engine, id)
        session = CallSession(engine, EvaluationAttempt(run), executor_id="test:1:1")
        await session.open()
        batch = asyncio.create_task(score_cases(session, run, range(1, 11)))
        while model.under_way < 4:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(runs.pause, engine, actor="grace", id=id, reason="lunch")
        await session.stopping.wait()
        model.gate.set()
        assert not await batch
        await session.close()

    asyncio.run(pause_half_way())
    paused = execution.finish(engine, id, 1)
    assert (paused.state, paused.judge_calls, len(model.prompts)) == ("paused", 4, 4)
    assert paused.results is not None
    assert paused.results["verdict"] is None
    model.gate = None
    resumed = runs.resume(engine, actor="grace", id=id, reason="fed")
    assert (resumed.state, resumed.attempt, resumed.results) == ("queued", 2, None)
    done = execution.run(engine, id)
    assert (done.state, done.verdict, done.units_done, done.judge_calls) == ("finished", "passed", 20, 20)
    assert len({json.dumps([m.text for m in p.messages]) for p in model.prompts}) == len(model.prompts) == 20
    with reading(engine) as connection:
        entries = {entry.action: entry for entry in audit.entries(connection, action="evaluation")}
    assert entries["evaluation.pause"].reason == "lunch"
    assert entries["evaluation.resume"].before is not None
    assert entries["evaluation.resume"].before["state"] == "paused"
    assert entries["evaluation.resume"].after == {
        "state": "queued",
        "attempt": 2,
        "spend_limit_nano_usd": None,
    }


def test_resume_repeats_failed_units_only(engine: sa.Engine, launch: Callable[..., str]) -> None:
    fails = True

    def reply(_number: int, prompt: Prompt) -> str:
        return "nonsense" if fails and "item 3 " in prompt.messages[0].text else '{"value": 0.5}'

    model = SlowModel(reply)
    id = launch(model)
    execution.begin(engine, id, 1)
    assert score_batch(engine, id, range(1, 6))
    assert (fetch_run(engine, id).units_done, fetch_run(engine, id).units_failed) == (10, 2)
    runs.cancel(engine, actor="ada", id=id)
    call_count = len(model.prompts)
    fails = False
    after = runs.resume(engine, actor="ada", id=id)
    assert (after.units_done, after.units_undefined, after.units_failed) == (8, 0, 0)
    done = execution.run(engine, id)
    assert (done.state, done.units_done, done.units_failed) == ("finished", 20, 0)
    assert len(model.prompts) == call_count + 12  # ten of cases 6 to 10, two of case 3


def test_spend_limit_is_never_exceeded_and_pauses_the_run(
    engine: sa.Engine, launch: Callable[..., str]
) -> None:
    model = SlowModel()
    # A call may cost 0.1 USD of output and some 0.1 of input, and costs 0.11.
    id = launch(model, pace=RateLimits(concurrency=8, spend_limit_nano_usd=1_200_000_000))
    held = execution.run(engine, id)
    assert held.state == "paused"
    assert "of the spend limit is left; resume the run with a higher limit" in held.problem
    assert 0 < held.cost_nano_usd <= 1_200_000_000
    assert held.judge_calls == len(model.prompts)
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(spend_hold)).scalar() == 0
        assert audit.entries(connection, action="evaluation.pause")[0].actor == "worker"
    runs.resume(engine, actor="ada", id=id, spend_limit_nano_usd=9_000_000_000)
    done = execution.run(engine, id)
    assert (done.state, done.judge_calls, done.units_failed) == ("finished", 20, 0)
    assert len(model.prompts) == 20


def test_two_processes_share_the_spend_limit(engine: sa.Engine, launch: Callable[..., str]) -> None:
    limit = 1_500_000_000
    id = launch(SlowModel(), pace=RateLimits(concurrency=8, spend_limit_nano_usd=limit))
    execution.begin(engine, id, 1)
    both = ("a:1:1", "b:1:1")

    async def work() -> None:
        run = fetch_run(engine, id)
        attempt = EvaluationAttempt(run)
        sessions = [
            CallSession(engine, attempt, executor_id=executor_id, alive=lambda _: both)
            for executor_id in both
        ]
        for session in sessions:
            await session.open()
        await asyncio.gather(
            score_cases(sessions[0], run, range(1, 6)), score_cases(sessions[1], run, range(6, 11))
        )
        for session in sessions:
            await session.close()

    asyncio.run(work())
    held = fetch_run(engine, id)
    assert held.state == "paused"
    assert limit - 700_000_000 < held.cost_nano_usd <= limit


def test_limit_without_prices_is_rejected_at_launch(engine: sa.Engine, launch: Callable[..., str]) -> None:
    model = SlowModel()
    model.name = "nobody-knows-its-price"
    with pytest.raises(BadInput, match="genaiops import prices FILE"):
        launch(model, pace=RateLimits(spend_limit_nano_usd=1))


def test_resume_under_a_spent_limit_is_rejected(engine: sa.Engine, launch: Callable[..., str]) -> None:
    id = launch(SlowModel(), pace=RateLimits(spend_limit_nano_usd=1_200_000_000))
    spent = execution.run(engine, id).cost_nano_usd
    with pytest.raises(BadInput, match="with a higher limit"):
        runs.resume(engine, actor="ada", id=id, spend_limit_nano_usd=spent)


@pytest.mark.parametrize(
    ("state", "action", "is_allowed"),
    [
        ("queued", runs.pause, True),
        ("paused", runs.pause, False),
        ("paused", runs.cancel, True),
        ("paused", runs.resume, True),
        ("finished", runs.resume, False),
        ("running", runs.resume, False),
        ("failed", runs.cancel, False),
    ],
)
def test_actions_allowed_by_state(
    engine: sa.Engine, launch: Callable[..., str], state: str, action: Any, is_allowed: bool
) -> None:
    id = launch(SlowModel())
    with engine.begin() as connection:
        connection.execute(sa.update(evaluation).values(state=state))
    if is_allowed:
        assert action(engine, actor="ada", id=id).state != state
    else:
        with pytest.raises(Conflict, match=f"is {state}"):
            action(engine, actor="ada", id=id)


def test_default_metrics_are_those_of_the_gates(engine: sa.Engine, launch: Callable[..., str]) -> None:
    only = launch(SlowModel(), minimums={"relevancy": 0.5, "safety": 0.9})
    assert fetch_run(engine, only).metrics == ("answer_relevancy",)
    assert fetch_run(engine, launch(SlowModel(), minimums={"safety": 0.9})).metrics == (
        "faithfulness",
        "answer_relevancy",
    )
    assert fetch_run(engine, launch(SlowModel(), metrics=["faithfulness"])).metrics == ("faithfulness",)
    with pytest.raises(BadInput, match="cannot measure 'rouge_l'; it measures faithfulness"):
        launch(SlowModel(), metrics=["rouge_l"])


def test_judge_that_cannot_be_built_fails_the_run(
    engine: sa.Engine, launch: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    id = launch(SlowModel())
    execution.begin(engine, id, 1)

    def nobody(*_arguments: Any) -> Any:
        raise BadInput("The judge needs a package that is not installed.")

    monkeypatch.setattr(judging, "create_judge", nobody)
    done = execution.run(engine, id)
    assert (done.state, done.problem) == ("failed", "The judge needs a package that is not installed.")
    assert done.results is not None
