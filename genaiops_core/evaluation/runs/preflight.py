"""Before a run is launched: how many of its cases lack what a metric needs, and how long the texts are."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from db.engine import is_sqlite
from db.tables.evaluations import test_case
from genaiops_core.evaluation.datasets import search
from genaiops_core.evaluation.runs import case_choice

_FIELDS = ("answer", "contexts", "reference")


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What the cases of a dataset version have."""

    cases: int
    by_fields: Mapping[frozenset[str], int]
    """Which of answer, contexts and reference a case has -> how many cases have exactly these."""
    characters: int
    """Of all texts of an average case, rounded up."""
    contexts: float
    """Of an average case."""

    def count_lacking(self, needs: Collection[str]) -> int:
        """Cases that lack one of `needs` and so would be undefined; every case has an input."""
        required = set(needs) & set(_FIELDS)
        return sum(count for has, count in self.by_fields.items() if not required <= has)

    def with_answers(self) -> Coverage:
        """The same cases once a target has answered every one of them."""
        merged: dict[frozenset[str], int] = {}
        for has, count in self.by_fields.items():
            merged[has | {"answer"}] = merged.get(has | {"answer"}, 0) + count
        return dataclasses.replace(self, by_fields=merged)


def measure_coverage(connection: sa.Connection, dataset: str, version: int, split: str = "") -> Coverage:
    """Count the cases that a run may use, of a version or of one of its splits, by what they have.

    One pass over them in the database. Cases that wait for review are left out, as they are from runs.
    """
    case = test_case.c
    contexts = sa.cast(case.contexts, sa.Text)
    # An empty text or an empty list is as good as none.
    field_flags = [
        sa.case((sa.func.coalesce(case.answer, "") != "", 1), else_=0),
        sa.case((sa.func.coalesce(contexts, "[]") != "[]", 1), else_=0),
        sa.case((sa.func.coalesce(case.reference, "") != "", 1), else_=0),
    ]
    texts = (case.input, case.answer, contexts, case.reference)
    length = sum((sa.func.coalesce(sa.func.length(text), 0) for text in texts), start=sa.literal(0))
    usable = search.conditions(case_choice.filter_usable(split))
    elements = (sa.func.json_array_length if is_sqlite(connection) else sa.func.jsonb_array_length)(
        case.contexts
    )
    query = (
        sa.select(*field_flags, sa.func.count(), sa.func.sum(length), sa.func.sum(elements))
        .where(case.dataset == dataset, case.version == version, *usable)
        .group_by(*(sa.literal_column(str(at)) for at in range(1, len(field_flags) + 1)))
    )
    by_fields: dict[frozenset[str], int] = {}
    characters, contexts_total = 0, 0
    for *flags, count, text_length, contexts_count in connection.execute(query):
        by_fields[frozenset(name for name, flag in zip(_FIELDS, flags, strict=True) if flag)] = count
        characters += int(text_length or 0)
        contexts_total += int(contexts_count or 0)
    cases = sum(by_fields.values())
    return Coverage(
        cases=cases,
        by_fields=by_fields,
        characters=-(-characters // max(1, cases)),
        contexts=contexts_total / max(1, cases),
    )
