"""Generates test cases from documents: a judge's model drafts them, and they await review in the next version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets.next_version import add_next_version, load_newest_cases
from genaiops_core.evaluation.datasets.versions import DatasetVersion
from genaiops_core.evaluation.judges.protocol import Calls, JudgeOptions
from genaiops_core.evaluation.models.protocol import CallFailed
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.synthesis import chunks
from genaiops_core.evaluation.synthesis import drafts as synthesis
from genaiops_core.evaluation.synthesis.chunks import Document
from genaiops_core.evaluation.synthesis.draft_calls import open_calls

MAX_CASES = 1_000


@dataclass(frozen=True, kw_only=True)
class GeneratedCases:
    """The result of a generation."""

    version: DatasetVersion
    added: int
    skipped: dict[str, int]
    """Reason why a draft was rejected -> number of drafts."""
    passages: int
    cost_nano_usd: int | None
    """Cost of the model calls; None when a call has no known price."""


async def generate_cases(
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
) -> GeneratedCases:
    """Draft `cases` questions about documents and add those that pass the checks to `dataset`, for review.

    Args:
        engine: the database.
        actor: who acts.
        dataset: its name; created if it does not exist.
        documents: sources of the questions; the passages are spread evenly over them.
        calls: makes the model calls, with rate limits and budget.
        judge: its name, for the metadata.
        cases: number of drafts, 1 to `MAX_CASES`; fewer may pass.
        reason: why, for the audit log.
        progress: called with (done, total).

    Raises:
        BadInput: a number is out of range, or no passage is long enough.
        CallFailed: no draft passed; the text says why.
    """
    if not 1 <= cases <= MAX_CASES:
        raise BadInput(f"The number of cases must be 1 to {MAX_CASES:,}, not {cases}.")
    datasets.validate_name(dataset)
    passages_by_document = [chunks.split_passages(document) for document in documents]
    selected = chunks.select_passages(passages_by_document, cases)
    if not selected:
        raise BadInput("The documents contain no paragraph long enough for a question.")
    with reading(engine) as connection:
        # Read before the calls, which take minutes; a question added meanwhile may repeat and is left to the
        # review.
        known_questions = [case.input for case in load_newest_cases(connection, dataset.strip())[1]]
    drafted = await synthesis.draft_cases(
        calls, selected, judge=judge, known_questions=known_questions, progress=progress
    )
    if not drafted.cases:
        raise CallFailed(f"No draft of {judge} is usable: {_describe_failure(drafted)}.")
    version = add_next_version(
        engine,
        actor=actor,
        name=dataset,
        build_cases=lambda newest_cases: [*newest_cases, *drafted.cases],
        describe_source=lambda: _describe_source(len(drafted.cases), documents, judge, calls.cost_nano_usd),
        reason=reason or f"from {', '.join(document.name for document in documents[:5])}",
        action="dataset.synthesise",
    )
    assert version is not None, "cases were added, so there is a version"
    return GeneratedCases(
        version=version,
        added=len(drafted.cases),
        skipped=drafted.skipped,
        passages=sum(map(len, passages_by_document)),
        cost_nano_usd=calls.cost_nano_usd,
    )


def run_generation(
    engine: sa.Engine,
    *,
    actor: str,
    dataset: str,
    documents: Sequence[Document],
    judge: str,
    cases: int,
    options: JudgeOptions | None = None,
    rate_limits: RateLimits | None = None,
    reason: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> GeneratedCases:
    """Run `generate_cases` with the model of a judge and wait for the result; for commands and screens.

    Raises:
        BadInput: as `generate_cases`, or the judge does not exist or uses no model.
        CallFailed: no draft passed.
    """

    async def generate() -> GeneratedCases:
        async with open_calls(engine, judge, options=options, rate_limits=rate_limits) as calls:
            return await generate_cases(
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

    return asyncio.run(generate())


def _describe_source(cases: int, documents: Sequence[Document], judge: str, cost_nano_usd: int | None) -> str:
    """The source that the version records."""
    cost = "unknown cost" if cost_nano_usd is None else f"{cost_nano_usd / 1e9:.6f} USD"
    subject = documents[0].name if len(documents) == 1 else f"{len(documents)} documents"
    return f"{cases} questions about {subject} by {judge}, {cost}"


def _describe_failure(drafted: synthesis.DraftedCases) -> str:
    if drafted.failure:
        return drafted.failure.rstrip(".")
    return ", ".join(f"{problem} ({count})" for problem, count in drafted.skipped.items())
