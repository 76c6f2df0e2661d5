"""`genaiops dataset from-traces, synthesise`: create cases from traffic and from documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context, traces
from genaiops_core.cli import judge_options as judge_options
from genaiops_core.cli.dataset_changes import describe_version

Dataset = Annotated[str, typer.Argument(metavar="NAME", help="Name of the dataset; created if missing.")]


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
    only_errors: Annotated[bool, typer.Option("--only-errors", help="Only requests that failed.")] = False,
    disliked: Annotated[
        bool, typer.Option("--disliked", help="Only requests with negative feedback.")
    ] = False,
    metric: Annotated[str, typer.Option(help="Metric of --below, for example faithfulness.")] = "",
    below: Annotated[float | None, typer.Option(help="Only requests with a lower score.")] = None,
    limit: Annotated[int, typer.Option(help="Largest number of requests, newest first, 1 to 5000.")] = 200,
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Create test cases from matching requests in one new version; requests already added are skipped."""
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
        facts = {
            "found": result.matched,
            "added": result.added,
            "skipped": result.skipped,
            "has_more": result.has_more,
        }
        output.print_json({"dataset": name, "version": None, "cases": 0, **stored, **facts})
        return
    if result.version is None or not result.added:
        output.say(f"No case was added; {result.matched} requests match.")
    else:
        output.say(
            f"{name} version {result.version.version}: {result.added} of {result.matched} requests added, "
            f"{result.version.cases} cases in total."
        )
    for why, count in result.skipped.items():
        output.say(f"  {count} skipped: {why}")
    if result.has_more:
        output.say(f"More requests may match: --limit {limit} was reached.")


def synthesise(
    files: Annotated[list[Path], typer.Argument(help="Text or Markdown.", metavar="FILE...")],
    name: Annotated[str, typer.Option(help="Name of the dataset; created if missing.")],
    judge: Annotated[str, typer.Option(help="bedrock:MODEL or openai:MODEL@BASE_URL.")],
    cases: Annotated[int, typer.Option(help="Questions to generate, 1 to 1000; some may be skipped.")] = 20,
    judge_option: judge_options.JudgeOption = None,
    concurrency: judge_options.Concurrency = 4,
    calls_per_minute: judge_options.CallsPerMinute = None,
    spend_limit: judge_options.SpendLimit = None,
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Generate questions from documents with a judge's model; each question needs review before use."""
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
        rate_limits=judge_options.parse_rate_limits(
            concurrency, calls_per_minute, RateLimits.unit_timeout_s, spend_limit
        ),
        reason=reason,
        progress=None if json else _print_progress,
    )
    cost = None if result.cost_nano_usd is None else result.cost_nano_usd / 1e9
    if json:
        facts = {
            "added": result.added,
            "skipped": result.skipped,
            "passages": result.passages,
            "cost_usd": cost,
        }
        output.print_json({**describe_version(result.version), **facts})
        return
    cost_text = "unknown cost" if cost is None else f"{cost:.6f} USD"
    output.say(
        f"{name} version {result.version.version}: {result.added} questions pending review "
        f"(genaiops dataset review {name}); {cost_text}."
    )
    for why, count in result.skipped.items():
        output.say(f"  {count} skipped: {why}")


def _print_progress(done: int, of: int) -> None:
    if done == of or done % 10 == 0:
        output.say(f"{done} of {of} drafts", err=True)
