"""A run step by step: scored once, summarised, decided, cancelled, compared with its baseline."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from db.tables.evaluations import evaluation, evaluation_score
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict, NotFound
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.runs import case_scores, cases, execution, results
from tests.integration.evaluating import fetch_run, import_prices, score_batch

PASSING = {"grounding_overlap": 0.5}


def launch(engine: sa.Engine, **changes: object) -> str:
    arguments: dict[str, object] = {"actor": "ada", "dataset": "prices", "minimums": PASSING}
    return runs.launch(engine, **{**arguments, **changes})  # type: ignore[arg-type]


def test_a_run_scores_every_unit_and_decides(engine: sa.Engine) -> None:
    import_prices(engine, 120)
    id = launch(engine, application="shop", release="v2")
    assert (fetch_run(engine, id).state, fetch_run(engine, id).progress) == ("queued", 0)
    progress: list[int] = []
    done = execution.run(engine, id, lambda run: progress.append(run.units_done))
    assert progress[-1] == 480
    assert progress == sorted(progress)
    assert (done.state, done.verdict, done.units_done, done.units_undefined) == (
        "finished",
        "passed",
        480,
        24,
    )
    assert done.results is not None
    entry = done.results["metrics"]["grounding_overlap"]
    assert (entry["mean"], entry["n"], entry["undefined"], entry["threshold"]) == (1.0, 108, 12, 0.5)
    assert entry["reasons"] == {"the case has no contexts": 12}
    assert entry["is_proxy"] is True
    assert done.results["cost_usd"] == "0"
    with reading(engine) as connection:
        scored = case_scores.fetch_page(connection, id, limit=2, offset=9).cases
        assert [item.case_no for item in scored] == [10, 11]
        undefined = next(score for score in scored[0].scores if score.metric == "grounding_overlap")
        assert (undefined.value, undefined.reason) == (None, "the case has no contexts")
        assert scored[1].case.input == "What does item 11 cost?"
        assert [item.id for item in runs.list_evaluations(connection, "shop")] == [id]
        assert runs.list_evaluations(connection, "other") == []
        assert audit.entries(connection, action="evaluation")[0].after is not None


def test_repeated_step_counts_once(engine: sa.Engine) -> None:
    import_prices(engine, 300)
    id = launch(engine)
    pieces = execution.begin(engine, id, 1)
    assert execution.begin(engine, id, 1) == pieces
    assert [len(piece) for piece in pieces] == [250, 50]
    assert score_batch(engine, id, pieces[0])
    with reading(engine) as connection:
        before = case_scores.fetch_page(connection, id, limit=250).cases
    assert score_batch(engine, id, pieces[0])
    assert fetch_run(engine, id).units_done == 1000
    score_batch(engine, id, pieces[1])
    done = execution.finish(engine, id, 1)
    assert execution.finish(engine, id, 1) == done
    with reading(engine) as connection:
        assert (
            case_scores.fetch_page(connection, id, limit=250).cases == before
        )  # latencies too: nothing was judged again
        rows = connection.execute(sa.select(sa.func.count()).select_from(evaluation_score)).scalar()
    assert rows == done.units_done == done.units == 1200


def test_sample_is_deterministic_and_nested() -> None:
    thousand = range(1, 1001)
    small = cases.sample_cases("d", 1, thousand, 50)
    assert small == cases.sample_cases("d", 1, thousand, 50)
    assert set(small) < set(cases.sample_cases("d", 1, thousand, 200))
    assert cases.sample_cases("d", 1, range(1, 6), 50) == [1, 2, 3, 4, 5]
    assert len(set(small)) == 50


def test_cancelled_run_keeps_scores_without_verdict(engine: sa.Engine) -> None:
    import_prices(engine, 120)
    id = launch(engine)
    execution.begin(engine, id, 1)
    score_batch(engine, id, range(1, 51))
    runs.cancel(engine, actor="grace", id=id, reason="wrong suite")
    assert not score_batch(engine, id, range(51, 121))
    done = execution.finish(engine, id, 1)
    assert (done.state, done.verdict, done.units_done) == ("cancelled", None, 200)
    assert "partial" in done.problem
    assert done.results is not None
    assert done.results["gates"] == []
    # 45 of the first 50 cases have contexts; 70 were never reached
    entry = done.results["metrics"]["grounding_overlap"]
    assert (entry["n"], entry["undefined"], entry["reasons"]["not scored"]) == (45, 75, 70)
    assert results.build_document(done)["partial"] is True
    with pytest.raises(Conflict, match="cancelled already"):
        runs.cancel(engine, actor="grace", id=id)
    assert execution.begin(engine, id, 1) == []


def test_run_beyond_its_time_limit_fails(engine: sa.Engine) -> None:
    import_prices(engine, 60)
    stage = {"name": "s", "timeout_minutes": 1, "metrics": {"grounding_overlap": 0.5}}
    id = launch(engine, minimums=None, config={"evaluation_pipeline": {"stages": [stage]}})
    pieces = execution.begin(engine, id, 1)
    with writing(engine) as connection:
        connection.execute(sa.update(evaluation).values(resumed_at=now() - dt.timedelta(minutes=2)))
    assert not score_batch(engine, id, pieces[0])
    done = execution.finish(engine, id, 1)
    assert (done.state, done.verdict) == ("failed", None)
    assert "exceeded its time limit of 1 minutes" in done.problem


def test_default_pipeline_requires_more_than_proxies(
    engine: sa.Engine,
) -> None:
    import_prices(engine, 20)
    done = execution.run(engine, launch(engine, minimums=None))
    assert done.verdict == "inconclusive"
    assert done.results is not None
    whys = {gate["metric"]: gate["why"] for gate in done.results["gates"]}
    assert "only gives proxies" in whys["faithfulness"]
    assert "no finished evaluation" in whys["cost"]


def test_regression_stage_compares_with_named_release(engine: sa.Engine) -> None:
    import_prices(engine, 40)
    execution.run(engine, launch(engine, application="shop", release="v1.2.0"))
    stage = {
        "name": "regression",
        "compare_against": "production_v1.2.0",
        "metrics": ["grounding_overlap", "faithfulness"],
    }
    config = {"evaluation_pipeline": {"stages": [stage]}}
    id = launch(engine, application="shop", release="v1.3.0", minimums=None, config=config)
    done = execution.run(engine, id)
    assert done.results is not None
    verdicts = {gate["metric"]: gate["verdict"] for gate in done.results["gates"]}
    assert verdicts == {"grounding_overlap": "passed", "faithfulness": "inconclusive"}


def test_cost_without_traffic_is_inconclusive(engine: sa.Engine) -> None:
    import_prices(engine, 20)
    id = launch(engine, application="shop", release="v2", minimums=None, limits={"cost_per_query": 0.02})
    done = execution.run(engine, id)
    assert done.verdict == "inconclusive"
    assert done.results is not None
    assert done.results["traffic"]["requests"] == 0
    assert done.results["traffic"]["cost_per_query_usd"] is None


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"dataset": "none"}, NotFound, "Dataset 'none' does not exist"),
        ({"judge": "oracle"}, BadInput, "no judge 'oracle'"),
        ({"minimums": {"x": 2}}, BadInput, "between 0 and 1"),
        ({"sample_size": 0}, BadInput, "at least 1"),
        ({"config": {"stages": []}}, BadInput, "evaluation_pipeline.stages"),
        ({"actor": " "}, BadInput, "actor"),
    ],
)
def test_invalid_launch_is_rejected(
    engine: sa.Engine, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    import_prices(engine, 2)
    with pytest.raises(error, match=message):
        launch(engine, **changes)
    with reading(engine) as connection:
        assert runs.list_evaluations(connection) == []
