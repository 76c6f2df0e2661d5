"""Evaluations with a target: answers are generated once per repetition, stored, priced and scored."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from db.tables.evaluations import evaluation_score, generated_answer
from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.runs import execution
from tests.conftest import JudgeServer
from tests.integration.evaluating import fetch_run, import_prices
from tests.integration.judging import import_price

REPLY = {
    "answer": "result.text",
    "contexts": "result.sources",
    "output_tokens": "tokens",
    "input_tokens": "tokens",
}


def build_http_spec(server: JudgeServer, **changes: Any) -> dict[str, Any]:
    spec = {
        "kind": "http",
        "url": f"{server.url}/answer",
        "template": {"question": "{input}"},
        "reply": REPLY,
    }
    return {**spec, **changes}


def launch(engine: sa.Engine, target: dict[str, Any], **changes: Any) -> str:
    import_prices(engine, 6)
    arguments = {"actor": "ada", "dataset": "prices", "minimums": {"question_overlap": 0.1}, "target": target}
    return runs.launch(engine, **{**arguments, **changes})  # type: ignore[arg-type]


def list_answers(engine: sa.Engine) -> list[Any]:
    with reading(engine) as connection:
        query = sa.select(generated_answer).order_by(
            generated_answer.c.case_no, generated_answer.c.repetition
        )
        return list(connection.execute(query))


def test_answers_are_generated_once_and_scored(engine: sa.Engine, judge_server: JudgeServer) -> None:
    import_price(engine, "app-model", 1.0, 1.0)
    id = launch(engine, build_http_spec(judge_server, model="app-model"), repetitions=2)
    evaluation = fetch_run(engine, id)
    assert (evaluation.units, evaluation.answers) == (6 * 2 * 4, 12)
    evaluation_done = execution.run(engine, id)
    assert (
        evaluation_done.state,
        evaluation_done.verdict,
        evaluation_done.units_done,
        evaluation_done.answers_done,
    ) == ("finished", "passed", 48, 12)
    assert (
        evaluation_done.answers_cost_nano_usd,
        evaluation_done.answers_unpriced,
        evaluation_done.cost_nano_usd,
    ) == (12 * 14_000, 0, 0)
    answers = list_answers(engine)
    assert [(row.case_no, row.repetition) for row in answers[:3]] == [(1, 1), (1, 2), (2, 1)]
    assert answers[0].answer == "You asked: What does item 1 cost?"
    assert answers[0].contexts == ["About What does item 1 cost?"]
    assert judge_server.state()["answered"] == 12
    with reading(engine) as connection:
        score = evaluation_score.c
        query = sa.select(score.value).where(score.metric == "question_overlap", score.case_no == 1)
        assert set(connection.execute(query).scalars()) == {1.0}  # of the generated answer


def test_resume_retries_units_of_failed_target(engine: sa.Engine, judge_server: JudgeServer) -> None:
    judge_server.set(fail_every=3)
    id = launch(engine, build_http_spec(judge_server), pace=RateLimits(concurrency=1))
    execution.begin(engine, id, 1)
    evaluation_done = execution.run(engine, id)
    assert (evaluation_done.answers_done, evaluation_done.answers_unpriced, evaluation_done.units_failed) == (
        6,
        4,
        8,
    )
    failed = [row for row in list_answers(engine) if row.answer is None]
    assert len(failed) == 2
    with reading(engine) as connection:
        reasons = set(
            connection.execute(
                sa.select(evaluation_score.c.reason).where(evaluation_score.c.is_failed)
            ).scalars()
        )
    assert all(reason.startswith("no answer: ") for reason in reasons)


def test_resume_retries_failed_answers(engine: sa.Engine, judge_server: JudgeServer) -> None:
    judge_server.set(fail_every=1)
    id = launch(engine, build_http_spec(judge_server))
    execution.begin(engine, id, 1)
    from tests.integration.evaluating import score_batch

    assert score_batch(engine, id, range(1, 4))
    assert fetch_run(engine, id).units_failed == 12
    runs.pause(engine, actor="ada", id=id)
    judge_server.set(fail_every=0)
    after = runs.resume(engine, actor="ada", id=id)
    assert (after.units_done, after.answers_done) == (0, 0)
    evaluation_done = execution.run(engine, id)
    assert (evaluation_done.units_failed, evaluation_done.answers_done, len(list_answers(engine))) == (
        0,
        6,
        6,
    )


def test_throttled_target_is_retried(engine: sa.Engine, judge_server: JudgeServer) -> None:
    judge_server.set(throttle_every=4)
    evaluation_done = execution.run(engine, launch(engine, build_http_spec(judge_server)))
    assert (evaluation_done.units_failed, evaluation_done.answers_done) == (0, 6)
    assert judge_server.state()["throttled"] >= 1


def test_spend_limit_requires_target_price(engine: sa.Engine, judge_server: JudgeServer) -> None:
    limited = RateLimits(spend_limit_nano_usd=1_000_000)
    with pytest.raises(BadInput, match="for a target without a model name"):
        launch(engine, build_http_spec(judge_server), pace=limited)
    with pytest.raises(BadInput, match="The price of unheard-of is unknown"):
        launch(engine, build_http_spec(judge_server, model="unheard-of"), pace=limited)


def test_invalid_target_is_refused(engine: sa.Engine, judge_server: JudgeServer) -> None:
    with pytest.raises(BadInput, match="1 to 20, not 21"):
        launch(engine, build_http_spec(judge_server), repetitions=21)
    with pytest.raises(BadInput, match="url"):
        launch(engine, build_http_spec(judge_server, url="ftp://x"))
