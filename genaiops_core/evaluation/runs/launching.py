"""Launch of an evaluation: its configuration is validated and stored as a row, which a worker picks up."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation
from db.transaction import writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets, targets
from genaiops_core.evaluation.calls.prices import Prices, list_called_models
from genaiops_core.evaluation.judges import create_judge as make_judge
from genaiops_core.evaluation.judges.protocol import Judge
from genaiops_core.evaluation.metrics import libraries, list_metrics, normalise_name, rubrics
from genaiops_core.evaluation.metrics.rubric import Rubric
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.runs.cases import count_available
from genaiops_core.evaluation.runs.judging import parse_judge_options
from genaiops_core.evaluation.targets.specs import validate_repetitions
from genaiops_core.evaluation.verdicts import pipeline
from genaiops_core.evaluation.verdicts.pipeline import Pipeline
from genaiops_core.evaluation.verdicts.scales import find_scale
from genaiops_core.ids import new_id

_PRICE_PROVIDERS = {"bedrock": "aws.bedrock"}
"""Kind of target -> provider in the price list; models of other kinds are priced by their name alone."""


def launch(
    engine: sa.Engine,
    *,
    actor: str,
    dataset: str,
    version: int | None = None,
    judge: str = "offline",
    judge_options: Mapping[str, Any] | None = None,
    metrics: Sequence[str] | None = None,
    config: Mapping[str, Any] | None = None,
    minimums: Mapping[str, float] | None = None,
    limits: Mapping[str, float] | None = None,
    application: str = "",
    release: str = "",
    split: str = "",
    sample_size: int | None = None,
    target: Mapping[str, Any] | None = None,
    repetitions: int = 1,
    pace: RateLimits | None = None,
    baseline: str = "",
    reason: str = "",
    is_demo: bool = False,
) -> str:
    """Launch an evaluation; a worker starts it within a second.

    Args:
        engine: of the product's database.
        actor: the user who launches it.
        dataset: name of the dataset.
        version: one of its versions; None means the newest.
        judge: `offline`, `bedrock:MODEL`, `openai:MODEL@BASE_URL`, `agentcore:EVALUATOR`.
        judge_options: fields of `judges.protocol.JudgeOptions`, such as `region`; no secrets.
        metrics: metrics to measure; None measures those of the gates that the judge can measure.
        config: a document in the layout of `evaluation_pipeline.yaml`; with neither this nor `minimums`, the
            default pipeline decides.
        minimums: metric -> threshold on the metric's scale; overrides the threshold of `config` for that metric.
        limits: upper limits of the release's traffic: `cost_per_query` (USD) and `latency_p95` (ms).
        application, release: the release under evaluation; required by stages on cost, latency and regression.
        split: score only cases of this split; '' scores all.
        sample_size: score at most this many cases.
        target: answers the cases first (`evaluation.targets`); None scores the answers of the dataset.
        repetitions: how often the target answers each case.
        pace: concurrency, rate, timeout and spend limit.
        baseline: ID of the evaluation to compare with; '' leaves the baseline to the regression stages.
        reason: the reason in the audit log.
        is_demo: whether the data is demo data.

    Returns:
        The ID of the evaluation.

    Raises:
        NotFound: no such dataset or version.
        BadInput: the judge, the target, the pipeline, a metric, a minimum or its metric, or the sample size is invalid, the library
            of a metric is not installed here, or a spend limit cannot be enforced.
    """
    target_spec = None if target is None else targets.parse_spec(target)
    thresholds = {
        normalise_name(name): _validate_minimum(name, value) for name, value in (minimums or {}).items()
    }
    document = dict(config) if config is not None else None
    if document is None and not thresholds and not limits:
        document = pipeline.default_document()
    stages = pipeline.parse_pipeline(document) if document is not None else None
    if sample_size is not None and sample_size < 1:
        raise BadInput(f"The sample size must be at least 1, not {sample_size}.")
    _check_repetitions(repetitions, has_target=target is not None)
    size = sample_size or (stages.sample_size if stages else None)
    metric_names = [normalise_name(name) for name in metrics or _list_gate_metrics(stages, thresholds)]
    rate_limits = pace or RateLimits()
    run_config = {
        "pipeline": document,
        "minimums": thresholds,
        "limits": dict(limits or {}),
        "target": None if target is None else dict(target),
        "repetitions": repetitions,
        "pace": rate_limits.as_json(),
        "baseline": baseline,
        "split": split,
    }
    # One transaction: no dataset version, rubric or price can change between its validation and the insert.
    with writing(engine) as connection:
        # The evaluation stores copies of its rubrics: a later version of a rubric must not change what it measures.
        rubric_documents = [
            rubric.as_json() for rubric in rubrics.select_newest_rubrics(connection, metric_names)
        ]
        options = {**(judge_options or {}), **({"rubrics": rubric_documents} if rubric_documents else {})}
        selected_judge = make_judge(judge, parse_judge_options(options))
        _check_minimum_names(thresholds, selected_judge, rubrics.list_newest_rubrics(connection))
        selected_metrics = _select_metrics(selected_judge, metrics, stages, thresholds)
        libraries.require_installed(selected_metrics)
        called_models = list_called_models(selected_judge, selected_metrics, rubric_documents)
        _require_prices(connection, selected_judge, called_models, target_spec, rate_limits)
        dataset_version = datasets.get_version(connection, dataset, version)
        available = count_available(connection, dataset_version, split)
        case_count = min(available, size) if size else available
        values = {
            "id": new_id(),
            "application": application,
            "release": release,
            "dataset": dataset_version.dataset,
            "version": dataset_version.version,
            "judge": selected_judge.name,
            "metrics": selected_metrics,
            "config": {**run_config, "judge_options": options},
            "sample_size": size,
            "units": case_count * repetitions * len(selected_metrics),
            "answers": 0 if target is None else case_count * repetitions,
            "is_demo": is_demo,
        }
        return _insert_queued(connection, actor, reason, values)


def _insert_queued(connection: sa.Connection, actor: str, reason: str, values: Mapping[str, Any]) -> str:
    """Insert the row in state `queued`, which workers poll for; returns its ID."""
    zero_counts = {"units_done": 0, "units_undefined": 0, "cost_nano_usd": 0, "problem": ""}
    row = {**values, **zero_counts, "state": "queued", "created_by": actor, "created_at": now()}
    connection.execute(sa.insert(evaluation).values(**row))
    audited_fields = ("dataset", "version", "judge", "application", "release", "units")
    audit.record(
        connection,
        actor=actor,
        action="evaluation.launch",
        subject=row["id"],
        application=row["application"],
        reason=reason,
        after={name: row[name] for name in audited_fields},
    )
    return str(row["id"])


def _select_metrics(
    judge: Judge, requested: Sequence[str] | None, stages: Pipeline | None, minimums: Mapping[str, float]
) -> list[str]:
    """The metrics to measure.

    Args:
        judge: the judge that measures them.
        requested: metrics of the launch. None selects the metrics of the gates that the judge can measure, or the
            judge's defaults if there is none. A judge without cost always measures its defaults too.
        stages: of the pipeline.
        minimums: metric -> threshold.

    Raises:
        BadInput: the judge cannot measure a requested metric, or `requested` is empty.
    """
    if requested is not None:
        selected = list(dict.fromkeys(normalise_name(name) for name in requested))
        if not selected:
            raise BadInput("Name at least one metric.")
        for name in selected:
            if name not in judge.metrics:
                raise BadInput(
                    f"The judge {judge.name} cannot measure '{name}'; it measures {', '.join(judge.metrics)}."
                )
        return selected
    of_gates = [name for name in _list_gate_metrics(stages, minimums) if name in judge.metrics]
    if judge.model is None:
        return list(dict.fromkeys([*judge.defaults, *of_gates]))
    return list(dict.fromkeys(of_gates or judge.defaults))


def _list_gate_metrics(stages: Pipeline | None, minimums: Mapping[str, float]) -> list[str]:
    """The metrics of stages and minimums, in their order."""
    of_stages = [
        name
        for stage in (stages.stages if stages else ())
        for name in (*stage.metrics, *stage.compared_metrics)
    ]
    return list(dict.fromkeys([*of_stages, *minimums]))


def _check_repetitions(repetitions: int, *, has_target: bool) -> None:
    """Validate the number of repetitions.

    Raises:
        BadInput: it is too large, or there is no target that could answer repeatedly.
    """
    if validate_repetitions(repetitions) > 1 and not has_target:
        raise BadInput("Only a target can answer a case more than once; leave the repetitions at 1.")


def _validate_minimum(name: str, value: float) -> float:
    """Validate a threshold.

    Raises:
        BadInput: it is outside the metric's range.
    """
    scale = find_scale(name)
    if not scale.holds(value):
        raise BadInput(
            f"The minimum of {normalise_name(name)} must be between {scale.low:g} and {scale.high:g}, not {value:g}."
        )
    return float(value)


def _check_minimum_names(
    minimums: Mapping[str, float], judge: Judge, saved_rubrics: Sequence[Rubric]
) -> None:
    """Reject a minimum of a metric that does not exist: its gate could never pass, whatever the run costs.

    Raises:
        BadInput: no metric has the name.
    """
    names = {metric.name for metric in list_metrics(saved_rubrics)} | set(judge.metrics)
    for name in minimums:
        if name not in names:
            suggestions = difflib.get_close_matches(name, sorted(names), n=1)
            hint = f"; did you mean {suggestions[0]}?" if suggestions else ""
            raise BadInput(
                f"There is no metric '{name}', so its minimum cannot be decided{hint or '.'} "
                "Metrics are listed by genaiops metric list."
            )


def _require_prices(
    connection: sa.Connection,
    judge: Judge,
    called_models: Sequence[str],
    target: targets.TargetSpec | None,
    rate_limits: RateLimits,
) -> None:
    """Reject a spend limit that cannot be enforced: only the models that the chosen metrics call need a price.

    Raises:
        BadInput: a model of the judge or of the target has no known price.
    """
    if rate_limits.spend_limit_nano_usd is None:
        return
    prices = Prices.load(connection)
    models: list[tuple[str, str]] = []
    if judge.model is not None:
        models += [(judge.model.provider, name) for name in called_models]
    if target is not None:
        models.append((_PRICE_PROVIDERS.get(target.kind, ""), target.model))
    for provider, name in models:
        if not name:
            raise BadInput(
                "A spend limit cannot be enforced for a target without a model name; "
                "set the model of the target, or launch without a limit."
            )
        if not prices.has_price(provider, name):
            raise BadInput(
                f"The price of {name} is unknown, so the spend limit cannot be enforced; import it with genaiops import "
                f'prices FILE, where FILE holds {{"{name}": [INPUT, OUTPUT]}} in USD per million tokens, or launch '
                "without a limit."
            )
