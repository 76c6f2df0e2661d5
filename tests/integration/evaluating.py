"""What tests of datasets and evaluations start from."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.calls.call_session import CallSession
from genaiops_core.evaluation.runs.scoring import score_cases
from genaiops_core.evaluation.runs.session_pool import EvaluationAttempt


def build_suite(cases: int = 60, *, words: int = 6) -> bytes:
    """A JSONL suite whose answers stand in their contexts; every tenth case has no contexts."""
    filler = " ".join(f"word{i}" for i in range(words))
    rows = []
    for number in range(1, cases + 1):
        context = f"Item {number} costs {number * 3} coins. {filler}"
        row = {
            "question": f"What does item {number} cost?",
            "answer": f"Item {number} costs {number * 3} coins.",
        }
        rows.append(
            row | {"contexts": None if number % 10 == 0 else [context], "reference": f"{number * 3} coins"}
        )
    return "\n".join(json.dumps(row) for row in rows).encode()


def import_prices(
    engine: sa.Engine, cases: int = 60, *, words: int = 6, name: str = "prices"
) -> datasets.DatasetVersion:
    data = build_suite(cases, words=words)
    return datasets.import_dataset(engine, actor="ada", name=name, data=data, filename="prices.jsonl")


def fetch_run(engine: sa.Engine, id: str) -> runs.Evaluation:
    with reading(engine) as connection:
        return runs.get(connection, id)


def score_batch(engine: sa.Engine, id: str, numbers: Sequence[int]) -> bool:
    """Score some cases of a run as a worker does; whether all was done."""

    async def go() -> bool:
        run = fetch_run(engine, id)
        session = CallSession(engine, EvaluationAttempt(run), executor_id="test:1:1")
        await session.open()
        try:
            return await score_cases(session, run, numbers)
        finally:
            await session.close()

    return asyncio.run(go())
