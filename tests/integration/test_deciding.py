"""What a run comes to: repetitions, failures, generated answers, baselines; and the schema of its results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from db.tables.evaluations import evaluation, evaluation_score, generated_answer
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.runs import comparison, deciding, execution, results
from genaiops_core.evaluation.verdicts import pipeline
from genaiops_core.evaluation.verdicts.results_schema import Results, build_json_schema, render_markdown
from tests.integration.evaluating import import_prices

ROOT = Path(__file__).resolve().parents[2]
PASSING = {"grounding_overlap": 0.5}


def launch(engine: sa.Engine, **changes: object) -> str:
    arguments: dict[str, object] = {"actor": "ada", "dataset": "prices", "minimums": PASSING}
    return runs.launch(engine, **{**arguments, **changes})  # type: ignore[arg-type]


def run_evaluation(engine: sa.Engine, **changes: object) -> runs.Evaluation:
    return execution.run(engine, launch(engine, **changes))


def regression(*metrics: str, against: str = "production", **more: object) -> dict[str, Any]:
    stage = {"name": "regression", "compare_against": against, "metrics": list(metrics), **more}
    return {"evaluation_pipeline": {"stages": [stage]}}


def add_answers(
    engine: sa.Engine, id: str, latencies_ms: Sequence[float], *, cost_nano_usd: int | None = 2_000_000
) -> None:
    """Answers as a target would have left them, one a case."""
    rows = [
        {
            "evaluation_id": id,
            "case_no": number,
            "repetition": 1,
            "answer": f"generated {number}",
            "contexts": None,
            "problem": "",
            "latency_ms": latency_ms,
            "input_tokens": 10,
            "output_tokens": 5,
            "cost_nano_usd": cost_nano_usd,
            "answered_at": now(),
        }
        for number, latency_ms in enumerate(latencies_ms, start=1)
    ]
    with writing(engine) as connection:
        connection.execute(sa.insert(generated_answer), rows)


def conclude(engine: sa.Engine, id: str) -> deciding.Outcome:
    with reading(engine) as connection:
        return deciding.conclude(connection, runs.get(connection, id), now())


def document(engine: sa.Engine, run: runs.Evaluation) -> dict[str, Any]:
    with reading(engine) as connection:
        return results.build_document(run, results.load_details(connection, run))


def test_document_matches_its_schema(engine: sa.Engine) -> None:
    import_prices(engine, 40)
    baseline = run_evaluation(engine, application="shop", release="v1")
    run = run_evaluation(engine, application="shop", release="v2", minimums=None, baseline=baseline.id)
    add_answers(engine, run.id, [100.0] * 40)
    body = {**document(engine, run), **conclude(engine, run.id).document(is_whole=True)}
    read = Results.model_validate_json(json.dumps(body))
    assert read.answers is not None and read.comparison is not None and read.baseline is not None
    assert read.baseline.evaluation == baseline.id
    assert (read.details[0].answer, read.details[0].latency_ms) == ("generated 1", 100.0)
    Results.model_validate_json(json.dumps(document(engine, baseline)))


def test_docs_match_the_schema() -> None:
    reference = ROOT / "docs" / "reference"
    command = "python -m genaiops_core.evaluation.verdicts.results_schema"
    assert (reference / "results.schema.json").read_bytes() == build_json_schema(), (
        f"{command} > results.schema.json"
    )
    assert render_markdown() in (reference / "results.md").read_text(), f"{command} --markdown"


def test_repetitions_are_averaged_before_the_interval(engine: sa.Engine) -> None:
    import_prices(engine, 30)
    run = run_evaluation(engine, metrics=["grounding_overlap"])
    # A second repetition of every case, at half the score, as a target answering twice would leave them.
    with writing(engine) as connection:
        connection.execute(
            sa.insert(evaluation_score),
            [
                {
                    "evaluation_id": run.id,
                    "case_no": number,
                    "repetition": 2,
                    "metric": "grounding_overlap",
                    "value": 0.5,
                    "reason": "",
                    "is_failed": False,
                    "latency_ms": 0.0,
                }
                for number in range(1, 31)
                if number % 10
            ],
        )
        changed = {"config": {**run.config, "repetitions": 2}, "units": 60}
        connection.execute(sa.update(evaluation).where(evaluation.c.id == run.id).values(**changed))
    entry = conclude(engine, run.id).figures["metrics"]["grounding_overlap"]
    assert (entry["mean"], entry["n"], entry["values"], entry["undefined"]) == (0.75, 27, 54, 3)
    # Each case has 1.0 and 0.5: a variance of 0.125 within
    assert entry["repetition_sd"] == pytest.approx(0.125**0.5)
    assert "case means" in entry["method"]


def test_judge_that_fails_on_all_cases_is_an_error(engine: sa.Engine) -> None:
    import_prices(engine, 20)
    run = run_evaluation(engine, metrics=["grounding_overlap"])
    with writing(engine) as connection:
        connection.execute(
            sa.update(evaluation_score).values(value=None, reason="the judge is down", is_failed=True)
        )
    outcome = conclude(engine, run.id)
    assert outcome.decision.verdict == "error"
    assert "every case failed (20 cases: the judge is down)" in outcome.decision.gates[0].why
    assert outcome.figures["metrics"]["grounding_overlap"]["failed"] == 20


def test_generated_answers_take_precedence_over_traffic(engine: sa.Engine) -> None:
    import_prices(engine, 100)
    limits = {"cost_per_query": 0.02, "latency_p50": 500, "latency_p95": 950, "latency_p99": 3000}
    run = run_evaluation(engine, application="shop", release="v2", minimums=None, limits=limits)
    add_answers(engine, run.id, [float(at * 10) for at in range(1, 101)])
    gates = {gate.metric: gate for gate in conclude(engine, run.id).decision.gates}
    assert {name: gate.verdict for name, gate in gates.items()} == {
        "cost_per_query": "passed",
        "latency_p50": "inconclusive",  # the 40th to the 61st of 100: 400 to 610 ms
        "latency_p95": "inconclusive",
        "latency_p99": "inconclusive",  # 100 cases have no upper bound for it
    }
    assert (gates["latency_p50"].low, gates["latency_p50"].high) == (400.0, 610.0)
    assert "0.002 USD over 100 cases with generated answers" in gates["cost_per_query"].why


def test_unpriced_answers_have_unknown_cost(engine: sa.Engine) -> None:
    import_prices(engine, 20)
    run = run_evaluation(engine, minimums=None, limits={"cost_per_query": 0.02})
    add_answers(engine, run.id, [100.0] * 20, cost_nano_usd=None)
    outcome = conclude(engine, run.id)
    assert outcome.decision.verdict == "inconclusive"
    assert "20 generated answers have no price" in outcome.decision.gates[0].why
    assert outcome.figures["answers"]["cost_per_query_usd"] is None


def test_generated_answers_compare_cost_and_latency(engine: sa.Engine) -> None:
    import_prices(engine, 120)
    baseline = run_evaluation(engine, application="shop", release="v1")
    add_answers(engine, baseline.id, [100.0 + number for number in range(120)])
    id = launch(
        engine,
        application="shop",
        release="v2",
        minimums=None,
        config=regression("grounding_overlap", "cost", "latency"),
        baseline=baseline.id,
    )
    execution.run(engine, id)
    add_answers(engine, id, [200.0 + 2 * number for number in range(120)], cost_nano_usd=2_000_000)
    outcome = conclude(engine, id)
    gates = {gate.metric: (gate.verdict, gate.measured) for gate in outcome.decision.gates}
    assert gates == {
        "grounding_overlap": ("passed", 0.0),
        "cost": ("passed", pytest.approx(0.0)),
        "latency_p50": ("failed", pytest.approx(1.0)),
        "latency_p95": ("failed", pytest.approx(1.0)),
    }
    # Four intervals that hold together at 95 %
    assert outcome.figures["comparison"]["confidence_each"] == pytest.approx(1 - 0.05 / 4)


def test_cost_regression_without_evidence_is_inconclusive(engine: sa.Engine) -> None:
    import_prices(engine, 40)
    baseline = run_evaluation(engine, application="shop", release="v1")
    run = run_evaluation(
        engine,
        application="shop",
        release="v2",
        minimums=None,
        config=regression("cost"),
        baseline=baseline.id,
    )
    assert run.results is not None
    assert run.results["gates"][0]["verdict"] == "inconclusive"
    assert "0 requests of the baseline and 0 of this release" in run.results["gates"][0]["why"]


def test_production_baseline_is_newest_run_of_stable_release(engine: sa.Engine) -> None:
    import_prices(engine, 20)
    older = run_evaluation(engine, application="shop", release="v1")
    newest = run_evaluation(engine, application="shop", release="v1")
    run_evaluation(engine, application="shop", release="v2")
    launch(engine, application="shop", release="v1")  # never finished
    run_evaluation(engine, application="other", release="v1")
    arguments: dict[str, Any] = {
        "dataset": "prices",
        "judge": "offline",
        "application": "shop",
        "stable": "v1",
    }
    pipeline_stages = pipeline.parse_pipeline(regression("grounding_overlap", against="production_v9"))
    with reading(engine) as connection:

        def choose(**changes: Any) -> str:
            return comparison.choose_baseline(
                connection, **{"requested": "", "stages": None, **arguments, **changes}
            )

        assert choose() == choose(requested="production") == newest.id
        assert choose(requested=older.id) == older.id
        assert choose(stages=pipeline.parse_pipeline(regression("grounding_overlap"))) == newest.id
        assert choose(stages=pipeline_stages) == newest.id  # v9 was never evaluated
        assert choose(stages=pipeline.parse_pipeline(regression("m", against="production_v2"))) == ""
        assert choose(stages=pipeline.parse_pipeline(regression("m", against="v9"))) == ""
        assert choose(stages=pipeline_stages, requested="production") == newest.id
        assert choose(stable=None) == choose(judge="other") == choose(stable="v9") == ""


def test_baseline_file_replaces_verdict_and_is_audited(
    engine: sa.Engine,
) -> None:
    import_prices(engine, 40)
    before = document(engine, run_evaluation(engine))
    run = run_evaluation(engine, minimums=None, config=regression("grounding_overlap"))
    assert run.verdict == "inconclusive"
    against = deciding.Baseline(name="baseline.json", body=before)
    decided = deciding.decide_with_baseline(engine, run.id, actor="ada", baseline=against, at=now())
    assert decided.verdict == "passed"
    assert decided.results is not None
    assert decided.results["baseline"]["name"] == "baseline.json"
    assert "compared with" not in decided.results["gates"][0]["why"]
    pipeline_stages = run_evaluation(
        engine, minimums=None, config=regression("grounding_overlap", against="production_v1.2.0")
    )
    decided = deciding.decide_with_baseline(
        engine, pipeline_stages.id, actor="ada", baseline=against, at=now()
    )
    assert decided.results is not None
    assert decided.results["gates"][0]["why"].endswith(
        "compared with baseline.json instead of production_v1.2.0"
    )
    with reading(engine) as connection:
        entry = audit.entries(connection, action="evaluation.compare")[0]
    assert entry.before == {"verdict": "inconclusive"}
    assert entry.after == {"verdict": "passed", "baseline": "baseline.json"}
