"""Cost and latency of the answers that an evaluation generated: the evidence of cost and latency stages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from db.tables.evaluations import generated_answer
from genaiops_core.pricing.rates import NANO
from genaiops_core.statistics import relative
from genaiops_core.statistics.intervals import Interval
from genaiops_core.statistics.quantiles import QuantileInterval, quantile

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
MAX_REASONS = 20


class GeneratedAnswer(NamedTuple):
    """An answer of a target: a row of `generated_answer`."""

    case_no: int
    repetition: int
    answer: str | None
    contexts: Sequence[str] | None
    problem: str
    latency_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_nano_usd: int | None


@dataclass(frozen=True, kw_only=True)
class AnswerFigures:
    """Cost, latency and tokens of generated answers; None is unknown."""

    answers: int
    """Requested answers, including failed ones."""
    failed: int
    cases: int
    """Cases with at least one answer."""
    unpriced: int
    """Answers without a known price."""
    cost_per_query_usd: Interval | None
    """Interval of the cases' mean costs; None when an answer has no price, since a partial sum proves no maximum."""
    latency_ms: Mapping[str, QuantileInterval] = field(default_factory=dict)
    """p50, p95, p99 of the first answer of each case."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nano_usd: int = 0
    """Cost of the priced answers."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Reason of failure -> answers."""

    def as_json(self) -> dict[str, Any]:
        cost = self.cost_per_query_usd
        return {
            **{name: getattr(self, name) for name in ("answers", "failed", "cases", "unpriced")},
            "reasons": dict(self.reasons),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_nano_usd": self.cost_nano_usd if not self.unpriced else None,
            "cost_per_query_usd": dict(vars(cost)) if cost else None,
            "latency_ms": {name: dict(vars(interval)) for name, interval in self.latency_ms.items()},
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> AnswerFigures:
        """Parse the result of `as_json`; raises KeyError or TypeError for anything else."""
        cost = entry["cost_per_query_usd"]
        return cls(
            **{name: entry[name] for name in ("answers", "failed", "cases", "unpriced", "reasons")},
            input_tokens=entry["input_tokens"],
            output_tokens=entry["output_tokens"],
            cost_nano_usd=entry["cost_nano_usd"] or 0,
            cost_per_query_usd=Interval(**cost) if cost else None,
            latency_ms={name: QuantileInterval(**interval) for name, interval in entry["latency_ms"].items()},
        )


def load_answers(
    connection: sa.Connection, id: str, *, case_no: int | None = None
) -> dict[int, list[GeneratedAnswer]]:
    """Case number -> its answers by repetition, of all cases or of one.

    Empty when the evaluation scored the answers of its dataset.
    """
    columns = [generated_answer.c[name] for name in GeneratedAnswer._fields]
    query = (
        sa.select(*columns)
        .where(generated_answer.c.evaluation_id == id)
        .order_by(generated_answer.c.case_no, generated_answer.c.repetition)
    )
    if case_no is not None:
        query = query.where(generated_answer.c.case_no == case_no)
    answers: dict[int, list[GeneratedAnswer]] = defaultdict(list)
    for row in connection.execute(query):
        answers[row.case_no].append(GeneratedAnswer(*row))
    return dict(answers)


def summarise_answers(answers: Mapping[int, Sequence[GeneratedAnswer]]) -> AnswerFigures | None:
    """Figures over all answers; None when none was generated."""
    all_answers = [answer for case_answers in answers.values() for answer in case_answers]
    if not all_answers:
        return None
    succeeded = {
        # Incomplete answers are excluded: a truncated one is cheaper and faster than it should be.
        no: [answer for answer in case_answers if not answer.problem]
        for no, case_answers in answers.items()
    }
    succeeded = {no: case_answers for no, case_answers in succeeded.items() if case_answers}
    costs_of_answers = [
        answer.cost_nano_usd for case_answers in succeeded.values() for answer in case_answers
    ]
    known_costs = [cost for cost in costs_of_answers if cost is not None]
    unpriced = len(costs_of_answers) - len(known_costs)
    first_latencies_ms = [
        # The first answer only: repetitions of one case are not independent, and a mean would hide slow
        # answers.
        case_answers[0].latency_ms
        for case_answers in succeeded.values()
        if case_answers[0].latency_ms is not None
    ]
    case_costs = [compute_mean_cost(case_answers) for case_answers in succeeded.values()]
    return AnswerFigures(
        answers=len(all_answers),
        failed=sum(bool(answer.problem) for answer in all_answers),
        cases=len(succeeded),
        unpriced=unpriced,
        cost_per_query_usd=relative.mean([cost / NANO for cost in case_costs if cost is not None])
        if not unpriced
        else None,
        latency_ms={
            name: interval
            for name, share in PERCENTILES.items()
            if (interval := quantile(first_latencies_ms, share)) is not None
        },
        input_tokens=_sum_known(
            [answer.input_tokens for case_answers in succeeded.values() for answer in case_answers]
        ),
        output_tokens=_sum_known(
            [answer.output_tokens for case_answers in succeeded.values() for answer in case_answers]
        ),
        cost_nano_usd=sum(known_costs),
        reasons=dict(
            Counter(answer.problem for answer in all_answers if answer.problem).most_common(MAX_REASONS)
        ),
    )


def compute_mean_cost(answers: Sequence[GeneratedAnswer]) -> float | None:
    """Mean cost of a case's answers in nano-USD; None when an answer has no price, or there is none."""
    costs = [answer.cost_nano_usd for answer in answers]
    if not costs or any(cost is None for cost in costs):
        return None
    return sum(cost for cost in costs if cost is not None) / len(costs)


def _sum_known(counts: Sequence[int | None]) -> int | None:
    """The sum; None when a count is unknown."""
    known_counts = [count for count in counts if count is not None]
    return sum(known_counts) if known_counts and len(known_counts) == len(counts) else None
