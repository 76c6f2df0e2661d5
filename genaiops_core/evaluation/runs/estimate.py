"""An estimate before launch: what the cases of a dataset version have, and upper bounds of calls and tokens."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.engine import is_sqlite
from db.tables.evaluations import test_case
from genaiops_core.evaluation.datasets import search
from genaiops_core.evaluation.metrics import Metric
from genaiops_core.evaluation.runs.cases import filter_usable

PROMPT_TOKENS = 2_000
"""Instructions, examples and schema around the texts of a case; the prompts of RAGAS have 700 to 1,900."""
CHARACTERS_PER_TOKEN = 2
"""Fewer than a tokenizer uses, as in the spend limit, so that the token estimate is too high rather than too low."""
OUTPUT_TOKENS = 1_000
"""A judge seldom answers with more; the smaller of this and the judge's own limit counts."""

_FIELDS = ("answer", "contexts", "reference")


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Which fields the usable cases of a dataset version have, and how long their texts are."""

    cases: int
    by_fields: Mapping[frozenset[str], int]
    """Set of the fields among answer, contexts and reference -> number of cases that have exactly these."""
    characters: int
    """Mean length of all texts of a case, rounded up."""
    contexts: float
    """Mean number of contexts per case."""

    def count_lacking(self, needs: Collection[str]) -> int:
        """Cases that lack one of `needs`, so their score would be undefined; every case has an input."""
        required = set(needs) & set(_FIELDS)
        return sum(count for present, count in self.by_fields.items() if not required <= present)

    def with_answers(self) -> Coverage:
        """The same cases after a target has answered each of them."""
        merged: dict[frozenset[str], int] = {}
        for present, count in self.by_fields.items():
            merged[present | {"answer"}] = merged.get(present | {"answer"}, 0) + count
        return dataclasses.replace(self, by_fields=merged)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Upper bounds of an evaluation before it is launched."""

    cases: int
    units: int
    answers: int
    """Answers that a target must generate."""
    calls: int
    """Calls to the judge's model, without repairs of malformed answers and retries."""
    embeddings: int
    input_tokens: int
    output_tokens: int
    """Of all calls."""
    embedding_tokens: int


def measure_coverage(connection: sa.Connection, dataset: str, version: int, split: str = "") -> Coverage:
    """Count the usable cases of a dataset version, or of one of its splits, by the fields they have.

    One query. Cases that wait for review are not counted, since no evaluation scores them.
    """
    case = test_case.c
    # The length of the JSON text includes quotes and brackets, so the bound is slightly too high.
    contexts = sa.cast(case.contexts, sa.Text)
    # An empty text or an empty list counts as missing.
    flags = [
        sa.case((sa.func.coalesce(case.answer, "") != "", 1), else_=0),
        sa.case((sa.func.coalesce(contexts, "[]") != "[]", 1), else_=0),
        sa.case((sa.func.coalesce(case.reference, "") != "", 1), else_=0),
    ]
    texts = (case.input, case.answer, contexts, case.reference)
    length = sum((sa.func.coalesce(sa.func.length(text), 0) for text in texts), start=sa.literal(0))
    usable = search.build_conditions(filter_usable(split))
    array_length = sa.func.json_array_length if is_sqlite(connection) else sa.func.jsonb_array_length
    query = (
        sa.select(*flags, sa.func.count(), sa.func.sum(length), sa.func.sum(array_length(case.contexts)))
        .where(case.dataset == dataset, case.version == version, *usable)
        # By position: PostgreSQL does not see that expressions with bound parameters equal those of the
        # SELECT.
        .group_by(*(sa.literal_column(str(position)) for position in range(1, len(flags) + 1)))
    )
    by_fields: dict[frozenset[str], int] = {}
    characters_total, contexts_total = 0, 0
    for *values, count, characters, contexts_count in connection.execute(query):
        by_fields[frozenset(name for name, flag in zip(_FIELDS, values, strict=True) if flag)] = count
        characters_total += int(characters or 0)
        contexts_total += int(contexts_count or 0)
    total = sum(by_fields.values())
    return Coverage(
        cases=total,
        by_fields=by_fields,
        characters=-(-characters_total // max(1, total)),
        contexts=contexts_total / max(1, total),
    )


def estimate_run(
    *,
    metrics: Sequence[Metric],
    coverage: Coverage,
    cases: int,
    repetitions: int,
    is_generated: bool,
    max_tokens: int,
) -> Estimate:
    """Upper bounds of calls and tokens.

    Args:
        metrics: the metrics that score each answer.
        coverage: of the dataset version.
        cases: the number of its cases that are scored.
        repetitions: answers per case.
        is_generated: whether a target answers first.
        max_tokens: the output limit of one call to the judge.
    """
    answers = cases * repetitions
    calls = sum(
        math.ceil(answers * (metric.calls.asks + metric.calls.asks_per_context * coverage.contexts))
        for metric in metrics
    )
    embeddings = answers * sum(metric.calls.embeddings for metric in metrics)
    text_tokens = -(-coverage.characters // CHARACTERS_PER_TOKEN)
    return Estimate(
        cases=cases,
        units=answers * len(metrics),
        answers=answers if is_generated else 0,
        calls=calls,
        embeddings=embeddings,
        input_tokens=calls * (PROMPT_TOKENS + text_tokens),
        output_tokens=calls * min(OUTPUT_TOKENS, max_tokens),
        embedding_tokens=embeddings * text_tokens,
    )
