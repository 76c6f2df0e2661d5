"""`genaiops evaluation`: list, show, pause, resume, cancel and wait for evaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context, run_progress, verdicts
from genaiops_core.evaluation.rate_limits import parse_spend_limit

if TYPE_CHECKING:
    from genaiops_core.evaluation.runs import Evaluation

commands = typer.Typer(
    help="List, show, pause, resume, cancel and wait for evaluations.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(help="ID of the evaluation.")]


def register(app: typer.Typer) -> None:
    """Add `evaluation` to the command line."""
    app.add_typer(commands, name="evaluation")


@commands.command("list")
def list_(
    application: Annotated[str | None, typer.Option(help="Only this application.")] = None,
    release: Annotated[str | None, typer.Option(help="Only this release.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    json: output.Json = False,
) -> None:
    """List evaluations, newest first."""
    from db.transaction import reading
    from genaiops_core.evaluation import runs
    from genaiops_core.evaluation.runs.evaluation import describe_evaluation

    with reading(context.engine()) as connection:
        evaluations = runs.list_evaluations(
            connection, application, release=release, dataset=dataset, limit=limit
        )
    rows = [describe_evaluation(run) for run in evaluations]
    if json:
        output.print_json({"evaluations": rows})
        return
    columns = ["id", "created_at", "dataset", "judge", "state", "verdict", "units_done", "units", "spent_usd"]
    output.print_table(rows, columns, empty="There is no evaluation.")


@commands.command("show")
def show(id: Id, json: output.Json = False) -> None:
    """Show an evaluation: progress, spending and results."""
    from db.transaction import reading
    from genaiops_core.evaluation import runs

    with reading(context.engine()) as connection:
        _print_evaluation(runs.get(connection, id), json=json)


@commands.command("pause")
def pause(id: Id, reason: arguments.Reason = "", json: output.Json = False) -> None:
    """Pause an evaluation: calls in flight finish, no new call starts until it is resumed."""
    from genaiops_core.evaluation import runs

    _print_evaluation(runs.pause(context.engine(), actor=context.actor(), id=id, reason=reason), json=json)


@commands.command("resume")
def resume(
    id: Id,
    reason: arguments.Reason = "",
    spend_limit: Annotated[
        float | None,
        typer.Option(help="New spend limit of the evaluation in USD; unchanged by default.", min=0),
    ] = None,
    json: output.Json = False,
) -> None:
    """Resume a paused, cancelled or failed evaluation; finished calls are not repeated."""
    from genaiops_core.evaluation import runs

    limit = parse_spend_limit(spend_limit)
    run = runs.resume(
        context.engine(), actor=context.actor(), id=id, reason=reason, spend_limit_nano_usd=limit
    )
    _print_evaluation(run, json=json)


@commands.command("cancel")
def cancel(id: Id, reason: arguments.Reason = "", json: output.Json = False) -> None:
    """Cancel an evaluation; its scores stay, it gets no verdict."""
    from genaiops_core.evaluation import runs

    _print_evaluation(runs.cancel(context.engine(), actor=context.actor(), id=id, reason=reason), json=json)


@commands.command("wait")
def wait(id: Id, json: output.Json = False) -> None:
    """Wait for an evaluation to end, or run it here without a worker; the exit code is the verdict."""
    from db.transaction import reading
    from genaiops_core.releases import evaluation_results

    engine = context.engine()
    with run_progress.show_progress(is_shown=not json) as progress:
        evaluation = run_progress.run_to_end(engine, context.actor(), id, progress)
    with reading(engine) as connection:
        # Without the cases, which are not printed.
        body = evaluation_results.build_document(connection, evaluation, with_details=False)
    verdicts.print_results(body, json=json)


def _print_evaluation(run: Evaluation, *, json: bool) -> None:
    from genaiops_core.clock import now
    from genaiops_core.evaluation.runs.evaluation import describe_evaluation, describe_progress

    fields: dict[str, Any] = {**describe_evaluation(run), **describe_progress(run, now())}
    if json:
        output.print_json(fields)
        return
    rows = [{"field": name.replace("_", " "), "value": value} for name, value in fields.items()]
    output.print_table(rows, ["field", "value"], empty="")
