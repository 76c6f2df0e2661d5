"""What is settled before a run begins or goes on: its metrics, whether its limit can be kept, what is tried again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.evaluations import evaluation_score, generated_answer
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import targets
from genaiops_core.evaluation.calls.prices import Prices
from genaiops_core.evaluation.judges.protocol import Judge
from genaiops_core.evaluation.metrics import canonical
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.targets.specs import checked_repetitions
from genaiops_core.evaluation.verdicts.pipeline import Pipeline
from genaiops_core.evaluation.verdicts.scales import scale_of
from genaiops_core.telemetry.figures import format_usd

PROVIDERS = {"bedrock": "aws.bedrock"}
"""As prices name them; models behind other addresses are known by their own names only."""


@dataclass(frozen=True, kw_only=True)
class RetryCounts:
    """What is tried again."""

    units: int
    answers: int


def select_metrics(
    judge: Judge,
    requested: Sequence[str] | None,
    stages: Pipeline | None,
    minimums: Mapping[str, float],
) -> list[str]:
    """What a run measures.

    Args:
        judge: who measures.
        asked: metrics named at launch; None takes what the gates ask for, as far as the judge can measure it: where
            that is nothing, the defaults of the judge. A judge that costs nothing measures its defaults too.
        stages: of the pipeline.
        minimums: metric -> least value.

    Raises:
        BadInput: the judge cannot measure a metric that was named, or none was.
    """
    if requested is not None:
        selected = list(dict.fromkeys(canonical(name) for name in requested))
        if not selected:
            raise BadInput("Name at least one metric.")
        for name in selected:
            if name not in judge.metrics:
                raise BadInput(
                    f"The judge {judge.name} cannot measure '{name}'; it measures {', '.join(judge.metrics)}."
                )
        return selected
    gate_metrics = [name for name in list_gate_metrics(stages, minimums) if name in judge.metrics]
    # What costs nothing is measured anyway.
    return list(
        dict.fromkeys([*judge.defaults, *gate_metrics] if judge.model is None else gate_metrics or judge.defaults)
    )


def list_gate_metrics(stages: Pipeline | None, minimums: Mapping[str, float]) -> list[str]:
    """The metrics that stages and minimums ask for, in their order."""
    of_stages = [
        name
        for stage in (stages.stages if stages else ())
        for name in (*stage.metrics, *stage.compared_metrics)
    ]
    return list(dict.fromkeys([*of_stages, *minimums]))


def check_repetitions(repetitions: int, *, has_target: bool) -> None:
    """Refuse repetitions that nobody would make.

    Raises:
        BadInput: there are too many, or nothing to repeat.
    """
    if checked_repetitions(repetitions) > 1 and not has_target:
        raise BadInput("Only a target can answer a case more than once; leave the repetitions at 1.")


def validate_minimum(name: str, value: float) -> float:
    """A threshold within the metric's range.

    Raises:
        BadInput: it is not.
    """
    scale = scale_of(name)
    if not scale.holds(value):
        raise BadInput(
            f"The minimum of {canonical(name)} must be between {scale.low:g} and {scale.high:g}, not {value:g}."
        )
    return float(value)


def new_id() -> str:
    """Time-ordered like UUIDv7: 48 bits of milliseconds, then chance."""
    value = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (7 << 76)
    value = (value & ~(0x3 << 62)) | (2 << 62)
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def require_prices(
    connection: sa.Connection, judge: Judge, target: targets.TargetSpec | None, pace: RateLimits
) -> None:
    """Refuse a spend limit that nobody could keep.

    Raises:
        BadInput: a model of the judge or of the target has no known price.
    """
    if pace.spend_limit_nano_usd is None:
        return
    prices = Prices.load(connection)
    models: list[tuple[str, str]] = []
    if judge.model is not None:
        models += [
            (judge.model.provider, name) for name in (judge.model.name, judge.model.embedding_name) if name
        ]
    if target is not None:
        models.append((PROVIDERS.get(target.kind, ""), target.model))
    for provider, name in models:
        if not name:
            raise BadInput(
                "A spend limit cannot be kept for a target that does not say which model answers; "
                "give its model, or launch without a limit."
            )
        if not prices.knows(provider, name):
            raise BadInput(
                f"The price of {name} is not known, so a spend limit cannot be kept; import it with genaiops import "
                f'prices FILE, where FILE holds {{"{name}": [INPUT, OUTPUT]}} in USD per million tokens, or launch '
                "without a limit."
            )


def check_spend_limit(limit_nano_usd: int | None, spent_nano_usd: int) -> None:
    """Refuse to go on with a limit that is spent.

    Raises:
        BadInput: nothing of it is left.
    """
    if limit_nano_usd is not None and spent_nano_usd >= limit_nano_usd > 0:
        raise BadInput(
            f"The run has spent {format_usd(spent_nano_usd)} USD of its limit of {format_usd(limit_nano_usd)} USD; "
            "resume it with a higher limit."
        )


def delete_failed(connection: sa.Connection, id: str) -> RetryCounts:
    """Delete the scores and answers that a failure of judge or target left without a value."""
    scores = connection.execute(
        sa.delete(evaluation_score).where(
            evaluation_score.c.evaluation_id == id, evaluation_score.c.is_failed
        )
    )
    answers = connection.execute(
        sa.delete(generated_answer).where(
            generated_answer.c.evaluation_id == id, generated_answer.c.latency_ms.is_(None)
        )
    )
    return RetryCounts(units=scores.rowcount, answers=answers.rowcount)
