"""`genaiops dataset from-traces, synthesise`: cases from traffic and from documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context, traces
from genaiops_core.cli import judge_options as pacing
from genaiops_core.cli.dataset_changes import made

Dataset = Annotated[str, typer.Argument(metavar="NAME", help="The dataset; made when there is none.")]


def register(commands: typer.Typer) -> None:
    """Add these to `genaiops dataset`."""
    commands.command("from-traces")(from_traces)
    commands.command("synthesise")(synthesise)


def from_traces(
    name: Dataset,
    query: traces.Query = "",
    last: traces.Last = "24h",
    start: traces.Start = None,
    end: traces.End = None,
    application: traces.Application = None,
    release: Annotated[str | None, typer.Option(help="Only this release.")] = None,
    only_errors: Annotated[bool, typer.Option("--only-errors", help="Requests that failed.")] = False,
    disliked: Annotated[bool, typer.Option("--disliked", help="Requests with a thumb down.")] = False,
    metric: Annotated[str, typer.Option(help="Of --below, for example faithfulness.")] = "",
    below: Annotated[float | None, typer.Option(help="Only requests that scored lower.")] = None,
    limit: Annotated[int, typer.Option(help="Requests at most, newest first, 1 to 5000.")] = 200,
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Make the requests that a search finds test cases: one new version, nothing twice."""
    import dataclasses

    from genaiops_core.evaluation.datasets import add_traces

    filters = traces.filters_of(last, start, end, application)
    done = add_traces.add_matching_traces(
        context.engine(),
        actor=context.actor(),
        dataset=name,
        filters=dataclasses.replace(filters, release=release),
        query=add_traces.build_query(
            query, only_errors=only_errors, only_disliked=disliked, metric=metric, below=below
        ),
        limit=limit,
        reason=reason,
    )
    if json:
        stored = {} if done.version is None else made(done.version)
        facts = {"found": done.matched, "added": done.added, "skipped": done.skipped, "has_more": done.has_more}
        output.print_json({"dataset": name, "version": None, "cases": 0, **stored, **facts})
        return
    if done.version is None or not done.added:
        output.say(f"Nothing was added; {done.matched} requests were found.")
    else:
        output.say(
            f"{name} version {done.version.version}: {done.added} of {done.matched} requests added, "
            f"{done.version.cases} cases in all."
        )
    for why, count in done.skipped.items():
        output.say(f"  {count} left out: {why}")
    if done.has_more:
        output.say(f"There may be more; --limit {limit} was reached.")


def synthesise(
    files: Annotated[list[Path], typer.Argument(help="Text or Markdown.", metavar="FILE...")],
    name: Annotated[str, typer.Option(help="The dataset; made when there is none.")],
    judge: Annotated[str, typer.Option(help="bedrock:MODEL or openai:MODEL@BASE_URL.")],
    cases: Annotated[int, typer.Option(help="Questions to write, 1 to 1000; fewer may pass.")] = 20,
    judge_option: pacing.JudgeOption = None,
    concurrency: pacing.Concurrency = 4,
    calls_per_minute: pacing.CallsPerMinute = None,
    spend_limit: pacing.SpendLimit = None,
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Let a judge's model write questions about documents; they wait for review before they count."""
    from genaiops_core.evaluation.rate_limits import RateLimits
    from genaiops_core.evaluation.runs import judging
    from genaiops_core.evaluation.synthesis.chunks import read_document
    from genaiops_core.evaluation.synthesis.generation import run_generation

    done = run_generation(
        context.engine(),
        actor=context.actor(),
        dataset=name,
        documents=[read_document(arguments.read_file(file), file.name) for file in files],
        judge=judge,
        cases=cases,
        options=judging.parse_judge_options(pacing.options_of(judge_option)),
        rate_limits=pacing.pace_of(concurrency, calls_per_minute, RateLimits.unit_timeout_s, spend_limit),
        reason=reason,
        progress=None if json else _tell_progress,
    )
    cost = None if done.cost_nano_usd is None else done.cost_nano_usd / 1e9
    if json:
        facts = {"added": done.added, "skipped": done.skipped, "passages": done.passages, "cost_usd": cost}
        output.print_json({**made(done.version), **facts})
        return
    shown = "unknown cost" if cost is None else f"{cost:.6f} USD"
    output.say(
        f"{name} version {done.version.version}: {done.added} questions wait for review "
        f"(genaiops dataset review {name}); {shown}."
    )
    for why, count in done.skipped.items():
        output.say(f"  {count} left out: {why}")


def _tell_progress(done: int, of: int) -> None:
    if done == of or done % 10 == 0:
        output.say(f"{done} of {of} drafts", err=True)
