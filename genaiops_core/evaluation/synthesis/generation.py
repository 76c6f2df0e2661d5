"""Test cases from documents: drafted by a judge's model, kept as the next version, waiting for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets.next_version import grow, newest_cases
from genaiops_core.evaluation.datasets.versions import DatasetVersion
from genaiops_core.evaluation.judges.protocol import Calls, JudgeOptions
from genaiops_core.evaluation.models.protocol import CallFailed
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.synthesis import chunks
from genaiops_core.evaluation.synthesis import drafts as synthesis
from genaiops_core.evaluation.synthesis.chunks import Document
from genaiops_core.evaluation.synthesis.draft_calls import open_calls

MOST_CASES = 1_000


@dataclass(frozen=True, kw_only=True)
class Synthesised:
    """What came of it."""

    version: DatasetVersion
    added: int
    skipped: dict[str, int]
    """Why a draft became no case -> how many."""
    passages: int
    cost_nano_usd: int | None
    """What the model took; None when a call has no known price."""


async def synthesise(
    engine: sa.Engine,
    *,
    actor: str,
    dataset: str,
    documents: Sequence[Document],
    calls: Calls,
    judge: str,
    cases: int,
    reason: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Synthesised:
    """Write `cases` questions about documents and add those that pass the checks to `dataset`, to be reviewed.

    Args:
        engine: the database.
        actor: who acts.
        dataset: its name; made when there is none.
        documents: what is asked about, spread evenly over them.
        calls: what pays for, paces and keeps the calls of the model.
        judge: its name, for the metadata.
        cases: drafts wanted, 1 to `MOST_CASES`; fewer may pass.
        reason: why, for the audit log.
        progress: told (done, of).

    Raises:
        BadInput: a number is out of range, or there is nothing to ask about.
        CallFailed: no draft could be used; its text says why.
    """
    if not 1 <= cases <= MOST_CASES:
        raise BadInput(f"The number of cases must be 1 to {MOST_CASES:,}, not {cases}.")
    datasets.checked_name(dataset)
    found = [chunks.passages(document) for document in documents]
    chosen = chunks.spread(found, cases)
    if not chosen:
        raise BadInput("The documents hold no paragraph long enough to ask about.")
    with reading(engine) as connection:
        known = [case.input for case in newest_cases(connection, dataset.strip())[1]]
    drafted = await synthesis.draft(calls, chosen, judge=judge, known=known, progress=progress)
    if not drafted.cases:
        raise CallFailed(f"No draft of {judge} could be used: {_why(drafted)}.")
    version = grow(
        engine,
        actor=actor,
        name=dataset,
        make=lambda kept: [*kept, *drafted.cases],
        source=lambda: _source(len(drafted.cases), documents, judge, calls.cost_nano_usd),
        reason=reason or f"from {', '.join(document.name for document in documents[:5])}",
        action="dataset.synthesise",
    )
    assert version is not None, "cases were added, so there is a version"
    return Synthesised(
        version=version,
        added=len(drafted.cases),
        skipped=drafted.skipped,
        passages=sum(map(len, found)),
        cost_nano_usd=calls.cost_nano_usd,
    )


def synthesise_now(
    engine: sa.Engine,
    *,
    actor: str,
    dataset: str,
    documents: Sequence[Document],
    judge: str,
    cases: int,
    options: JudgeOptions | None = None,
    pace: RateLimits | None = None,
    reason: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Synthesised:
    """`synthesise` with the model of the judge that is named, waited for; for commands and screens.

    Raises:
        BadInput: as `synthesise`, or there is no such judge, or it asks no model.
        CallFailed: no draft could be used.
    """

    async def written() -> Synthesised:
        async with open_calls(engine, judge, options=options, pace=pace) as calls:
            return await synthesise(
                engine,
                actor=actor,
                dataset=dataset,
                documents=documents,
                calls=calls,
                judge=judge,
                cases=cases,
                reason=reason,
                progress=progress,
            )

    return asyncio.run(written())


def _source(cases: int, documents: Sequence[Document], judge: str, cost_nano_usd: int | None) -> str:
    """What the version says of itself."""
    cost = "unknown cost" if cost_nano_usd is None else f"{cost_nano_usd / 1e9:.6f} USD"
    about = documents[0].name if len(documents) == 1 else f"{len(documents)} documents"
    return f"{cases} questions about {about} by {judge}, {cost}"


def _why(drafted: synthesis.Drafted) -> str:
    if drafted.failure:
        return drafted.failure.rstrip(".")
    return ", ".join(f"{why} ({count})" for why, count in drafted.skipped.items())
