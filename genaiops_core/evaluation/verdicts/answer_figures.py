"""What the answers that a run generated cost and how long they took: evidence of cost and latency stages."""

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

SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
MOST_REASONS = 20


class Answer(NamedTuple):
    """One answer of a target to one case."""

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
    """Answers that were asked for, failed ones included."""
    failed: int
    cases: int
    """Cases with at least one answer."""
    unpriced: int
    """Answers without a known price."""
    cost_per_query_usd: Interval | None
    """Of the cases' mean costs; None when an answer has no price, since a sum without it proves no maximum."""
    latency_ms: Mapping[str, QuantileInterval] = field(default_factory=dict)
    """p50, p95, p99 of the first answer of each case."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nano_usd: int = 0
    """Of the priced answers."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Why answers failed."""

    def as_json(self) -> dict[str, Any]:
        cost = self.cost_per_query_usd
        return {
            **{name: getattr(self, name) for name in ("answers", "failed", "cases", "unpriced")},
            "reasons": dict(self.reasons),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_nano_usd": self.cost_nano_usd if not self.unpriced else None,
            "cost_per_query_usd": dict(vars(cost)) if cost else None,
            "latency_ms": {name: dict(vars(one)) for name, one in self.latency_ms.items()},
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> AnswerFigures:
        """Read what `as_json` wrote; raises KeyError or TypeError where it is something else."""
        cost = entry["cost_per_query_usd"]
        return cls(
            **{name: entry[name] for name in ("answers", "failed", "cases", "unpriced", "reasons")},
            input_tokens=entry["input_tokens"],
            output_tokens=entry["output_tokens"],
            cost_nano_usd=entry["cost_nano_usd"] or 0,
            cost_per_query_usd=Interval(**cost) if cost else None,
            latency_ms={name: QuantileInterval(**one) for name, one in entry["latency_ms"].items()},
        )


def load(connection: sa.Connection, id: str) -> dict[int, list[Answer]]:
    """Case -> its answers in the order of repetitions; empty when the run scored the answers of its dataset."""
    columns = [generated_answer.c[name] for name in Answer._fields]
    query = (
        sa.select(*columns)
        .where(generated_answer.c.evaluation_id == id)
        .order_by(generated_answer.c.case_no, generated_answer.c.repetition)
    )
    found: dict[int, list[Answer]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.case_no].append(Answer(*row))
    return dict(found)


def figures(answers: Mapping[int, Sequence[Answer]]) -> AnswerFigures | None:
    """The figures over all answers; None when none was generated."""
    everything = [answer for given in answers.values() for answer in given]
    if not everything:
        return None
    good = {no: [one for one in given if not one.problem] for no, given in answers.items()}
    good = {no: given for no, given in good.items() if given}
    priced = [answer.cost_nano_usd for given in good.values() for answer in given]
    known = [cost for cost in priced if cost is not None]
    unpriced = len(priced) - len(known)
    first_ms = [given[0].latency_ms for given in good.values() if given[0].latency_ms is not None]
    costs = [mean_cost(given) for given in good.values()]
    return AnswerFigures(
        answers=len(everything),
        failed=sum(bool(answer.problem) for answer in everything),
        cases=len(good),
        unpriced=unpriced,
        cost_per_query_usd=relative.mean([cost / NANO for cost in costs if cost is not None])
        if not unpriced
        else None,
        latency_ms={
            name: found for name, share in SHARES.items() if (found := quantile(first_ms, share)) is not None
        },
        input_tokens=_total([answer.input_tokens for given in good.values() for answer in given]),
        output_tokens=_total([answer.output_tokens for given in good.values() for answer in given]),
        cost_nano_usd=sum(known),
        reasons=dict(
            Counter(answer.problem for answer in everything if answer.problem).most_common(MOST_REASONS)
        ),
    )


def mean_cost(answers: Sequence[Answer]) -> float | None:
    """Mean cost of a case's answers in nano-USD; None when one of them has no price or there is none."""
    costs = [answer.cost_nano_usd for answer in answers]
    if not costs or any(cost is None for cost in costs):
        return None
    return sum(cost for cost in costs if cost is not None) / len(costs)


def _total(counts: Sequence[int | None]) -> int | None:
    """The sum, unknown as soon as one of them is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None
