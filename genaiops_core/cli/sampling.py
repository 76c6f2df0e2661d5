"""`genaiops sample`: production sampling, and the scores of sampled requests."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from genaiops_core.cli import context
from genaiops_core.cli.arguments import AnyApplication
from genaiops_core.output import Json, print_json, print_table, say

sample_app = typer.Typer(help="Production sampling.", no_args_is_help=True)

Window = Annotated[str, typer.Option("--window", help="1h, 6h, 24h, 7d or 30d.")]


def register(app: typer.Typer) -> None:
    """Add `sample` to the root."""
    app.add_typer(sample_app, name="sample")


@sample_app.command("status")
def status(application: AnyApplication = None, window: Window = "24h", as_json: Json = False) -> None:
    """Count considered, sampled and scored requests, by sampling reason."""
    from db.transaction import reading
    from genaiops_core.telemetry.sampling.samples import read_sampling_summary
    from genaiops_core.telemetry.time_window import Filters

    with reading(context.engine()) as connection:
        summary = read_sampling_summary(connection, Filters.last(window, application=application))
    if as_json:
        print_json({**dataclasses.asdict(summary), "cost_usd": summary.cost_usd})
        return
    say(
        f"{summary.considered:,} requests considered, {summary.sampled:,} sampled: {summary.scored:,} scored, "
        f"{summary.queued:,} queued, {summary.skipped:,} skipped. Judging cost {summary.cost_usd} USD."
    )
    rows = [dataclasses.asdict(reason) for reason in summary.by_reason]
    print_table(rows, ["priority", "reason", "scored", "queued", "skipped"], empty="No request was sampled.")


@sample_app.command("list")
def list_(
    application: AnyApplication = None,
    window: Window = "24h",
    state: Annotated[str | None, typer.Option(help="queued, scored or skipped.")] = None,
    reason: Annotated[str | None, typer.Option(help="For example high_cost.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    messages: Annotated[
        bool, typer.Option("--messages", help="Print queue messages, a JSON object per line.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List sampled requests, newest first."""
    from db.transaction import reading
    from genaiops_core.evaluation.production import scoring
    from genaiops_core.telemetry.sampling.samples import list_samples
    from genaiops_core.telemetry.time_window import Filters

    filters = Filters.last(window, application=application)
    with reading(context.engine()) as connection:
        samples = list_samples(connection, filters, state=state, reason=reason, limit=limit)
        if messages:
            for sample in samples:
                _print_message(
                    scoring.read_queue_message(
                        connection, application=sample.application, trace_id=sample.trace_id
                    )
                )
            return
    rows = [{**dataclasses.asdict(sample), "cost_usd": sample.cost_usd} for sample in samples]
    if as_json:
        print_json({"samples": rows})
        return
    columns = ["start", "application", "release", "trace_id", "priority", "reason", "state", "note"]
    print_table(rows, columns, empty="No request was sampled.")


@sample_app.command("run")
def run(as_json: Json = False) -> None:
    """Sample and score requests now, as the worker does every few seconds; the newest requests settle first."""
    import asyncio

    from genaiops_core.clock import now
    from genaiops_core.evaluation.judges import create_judge
    from genaiops_core.evaluation.production.judging import require_usable
    from genaiops_core.evaluation.production.scoring import score_round
    from genaiops_core.jobs.sampling import limits_of, policy_of
    from genaiops_core.telemetry.sampling import selection

    settings, engine = context.settings(), context.engine()
    counts = {"considered": 0, "sampled": 0, "scored": 0, "failed": 0}
    while True:
        step = selection.consider(engine, policy_of(settings), now())
        counts["considered"] += step.requests
        counts["sampled"] += step.sampled
        if not step.has_more:
            break
    if settings.sample_judge:
        # The judge is checked before its first call, as the worker does at its start.
        judge, limits = create_judge(settings.sample_judge), limits_of(settings)
        require_usable(engine, judge, limits.daily_budget_nano_usd)
        with asyncio.Runner() as runner:
            while True:
                round = score_round(engine, judge, limits, now(), runner=runner)
                counts["scored"] += round.scored
                counts["failed"] += round.failed
                # A round without a score has an empty queue, or a judge that fails.
                if not round.scored or round.is_out_of_budget:
                    break
            if judge.model is not None:
                runner.run(judge.model.close())
    if as_json:
        print_json(counts)
    else:
        print_table([counts], list(counts), empty="")


def _print_message(message: dict[str, Any] | None) -> None:
    import orjson

    if message is not None:
        say(orjson.dumps(message).decode())
