"""Cached reads of evaluations: a run while it goes on, its cases by page, where its money went, and what may be run."""

from __future__ import annotations

from genaiops_core.clock import now
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import case_scores, estimate, preflight, run_figures, runs, score_export
from genaiops_core.evaluation import results as documents
from genaiops_core.evaluation.judges import judge as judge_of
from genaiops_core.evaluation.judges import names
from genaiops_core.evaluation.judges.protocol import JudgeOptions
from genaiops_core.evaluation.metrics import REGISTRY, Metric
from genaiops_core.pricing.prices import PriceList
from pages.parts import reads
from pages.parts.reads import SLOW_S, cached, snapshot


def so_far(url: str, id: str) -> list[run_figures.MetricSoFar]:
    """Means as they are now; not cached, because they are watched while they change."""
    with snapshot(url) as connection:
        return run_figures.so_far(connection, id)


def failures(url: str, id: str) -> list[tuple[str, int]]:
    """Why units failed, the most frequent first, as it is now."""
    with snapshot(url) as connection:
        return run_figures.failures(connection, id)


@cached(SLOW_S)
def case_page(
    url: str,
    id: str,
    units_done: int,
    worst_by: str | None,
    is_high_worst: bool,
    only: str | None,
    limit: int,
    offset: int,
) -> case_scores.CasePage:
    """Some cases of a run; `units_done` tells an older answer from a newer one."""
    with snapshot(url) as connection:
        return case_scores.page(
            connection,
            id,
            worst_by=worst_by,
            is_high_worst=is_high_worst,
            only=only,
            limit=limit,
            offset=offset,
        )


@cached(SLOW_S)
def case_record(url: str, id: str, case_no: int, units_done: int) -> case_scores.CaseRecord:
    """One case of a run with what the judge said of it."""
    with snapshot(url) as connection:
        return case_scores.record(connection, id, case_no)


@cached(SLOW_S)
def spend(url: str, id: str, units_done: int) -> list[run_figures.MetricSpend]:
    """Calls, tokens and cost by metric."""
    with snapshot(url) as connection:
        return run_figures.spend(connection, id)


@cached(SLOW_S)
def coverage(url: str, dataset: str, version: int) -> preflight.Coverage:
    """What the cases of a dataset version have; versions never change."""
    with snapshot(url) as connection:
        return preflight.coverage(connection, dataset, version)


def metrics(url: str) -> dict[str, Metric]:
    """Every metric there is, by name."""
    return dict(REGISTRY)


def measurable(url: str, kind: str, name: str) -> tuple[str, ...]:
    """What a judge can measure; nothing while its name is not complete."""
    try:
        return judge_of(name).metrics
    except BadInput:
        return ()


def estimated(
    url: str,
    *,
    coverage: preflight.Coverage,
    cases: int,
    kind: str,
    metrics: tuple[str, ...],
    repetitions: int,
    is_generated: bool,
) -> estimate.Estimate:
    """What a run would take."""
    return estimate.estimate(
        metrics=metrics,
        calls_of=lambda metric: 0 if kind == "offline" else 1,
        cases=cases,
        repetitions=repetitions,
        characters=coverage.characters,
        is_generated=is_generated,
        max_tokens=JudgeOptions().max_tokens,
    )


def worst_cost(url: str, judge: str, found: estimate.Estimate) -> int | None:
    """Nano-USD at most; None when the model of the judge has no known price."""
    try:
        asked = names.parse(judge)
    except BadInput:
        return None
    provider = {"bedrock": "aws.bedrock", "openai": "openai"}.get(asked.kind)
    if provider is None:
        return None
    with snapshot(url) as connection:
        prices = PriceList.load(connection)
    at_ns = int(now().timestamp() * 1e9)
    return prices.cost_nano_usd(provider, asked.model, at_ns, found.input_tokens, found.output_tokens)


def results_json(url: str, id: str) -> bytes:
    """The results document with every case; made only when somebody downloads it."""
    import orjson

    with snapshot(url) as connection:
        body = documents.document(runs.get(connection, id), runs.scores(connection, id))
    return orjson.dumps(body, option=orjson.OPT_INDENT_2, default=str)


def cases_csv(url: str, id: str) -> bytes:
    """The cases as a spreadsheet; made only when somebody downloads it."""
    with snapshot(url) as connection:
        return b"".join(score_export.write_csv(connection, id))


reads.forgets("evaluations", case_page, case_record, spend)
