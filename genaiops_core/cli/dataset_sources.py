"""`genaiops dataset from-traces, synthesise`: cases from traffic and from documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context, traces
from genaiops_core.cli import judge_options as judge_options
from genaiops_core.cli.dataset_changes import describe_version

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

    filters = traces.build_filters(last, start, end, application)
    result = add_traces.add_matching_traces(
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
        stored = {} if result.version is None else describe_version(result.version)
        facts = {"found": result.matched, "added": result.added, "skipped": result.skipped, "has_more": result.has_more}
        output.print_json({"dataset": name, "version": None, "cases": 0, **stored, **facts})
        return
    if result.version is None or not result.added:
        output.say(f"Nothing was added; {result.matched} requests were found.")
    else:
        output.say(
            f"{name} version {result.version.version}: {result.added} of {result.matched} requests added, "
            f"{result.version.cases} cases in all."
        )
    for why, count in result.skipped.items():
        output.say(f"  {count} left out: {why}")
    if result.has_more:
        output.say(f"There may be more; --limit {limit} was reached.")


def synthesise(
    files: Annotated[list[Path], typer.Argument(help="Text or Markdown.", metavar="FILE...")],
    name: Annotated[str, typer.Option(help="The dataset; made when there is none.")],
    judge: Annotated[str, typer.Option(help="bedrock:MODEL or openai:MODEL@BASE_URL.")],
    cases: Annotated[int, typer.Option(help="Questions to write, 1 to 1000; fewer may pass.")] = 20,
    judge_option: judge_options.JudgeOption = None,
    concurrency: judge_options.Concurrency = 4,
    calls_per_minute: judge_options.CallsPerMinute = None,
    spend_limit: judge_options.SpendLimit = None,
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Let a judge's model write questions about documents; they wait for review before they count."""
    from genaiops_core.evaluation.rate_limits import RateLimits
    from genaiops_core.evaluation.runs import judging
    from genaiops_core.evaluation.synthesis.chunks import read_document
    from genaiops_core.evaluation.synthesis.generation import run_generation

    result = run_generation(
        context.engine(),
        actor=context.actor(),
        dataset=name,
        documents=[read_document(arguments.read_file(file), file.name) for file in files],
        judge=judge,
        cases=cases,
        options=judging.parse_judge_options(judge_options.parse_judge_options(judge_option)),
        rate_limits=judge_options.parse_rate_limits(concurrency, calls_per_minute, RateLimits.unit_timeout_s, spend_limit),
        reason=reason,
        progress=None if json else _print_progress,
    )
    cost = None if result.cost_nano_usd is None else result.cost_nano_usd / 1e9
    if json:
        facts = {"added": result.added, "skipped": result.skipped, "passages": result.passages, "cost_usd": cost}
        output.print_json({**describe_version(result.version), **facts})
        return
    cost_text = "unknown cost" if cost is None else f"{cost:.6f} USD"
    output.say(
        f"{name} version {result.version.version}: {result.added} questions wait for review "
        f"(genaiops dataset review {name}); {cost_text}."
    )
    for why, count in result.skipped.items():
        output.say(f"  {count} left out: {why}")


def _print_progress(done: int, of: int) -> None:
    if done == of or done % 10 == 0:
        output.say(f"{done} of {of} drafts", err=True)
