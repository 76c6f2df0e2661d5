"""`genaiops evaluation`: the runs there are, and how they are paused, resumed, cancelled and waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context, run_progress, verdicts
from genaiops_core.evaluation.rate_limits import parse_spend_limit

if TYPE_CHECKING:
    from genaiops_core.evaluation.runs import Evaluation

commands = typer.Typer(help="Evaluations: runs of a test suite.", no_args_is_help=True)

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
    """Evaluations, newest first."""
    from db.transaction import reading
    from genaiops_core.evaluation import runs
    from genaiops_core.evaluation.runs.evaluation import describe_evaluation

    with reading(context.engine()) as connection:
        found = runs.list_evaluations(connection, application, release=release, dataset=dataset, limit=limit)
    rows = [describe_evaluation(run) for run in found]
    if json:
        output.print_json({"evaluations": rows})
        return
    columns = ["id", "created_at", "dataset", "judge", "state", "verdict", "units_done", "units", "spent_usd"]
    output.print_table(rows, columns, empty="There is no evaluation.")


@commands.command("show")
def show(id: Id, json: output.Json = False) -> None:
    """One evaluation: how far it is, what it spent, what came out."""
    from db.transaction import reading
    from genaiops_core.evaluation import runs

    with reading(context.engine()) as connection:
        _print(runs.get(connection, id), json=json)


@commands.command("pause")
def pause(id: Id, reason: arguments.Reason = "", json: output.Json = False) -> None:
    """Finish the calls under way and begin no new one until it is resumed."""
    from genaiops_core.evaluation import runs

    _print(runs.pause(context.engine(), actor=context.actor(), id=id, reason=reason), json=json)


@commands.command("resume")
def resume(
    id: Id,
    reason: arguments.Reason = "",
    spend_limit: Annotated[
        float | None,
        typer.Option(help="New limit of the whole run in USD; without it the limit stays.", min=0),
    ] = None,
    json: output.Json = False,
) -> None:
    """Let a paused, cancelled or failed evaluation go on; no finished call is paid again."""
    from genaiops_core.evaluation import runs

    limit = parse_spend_limit(spend_limit)
    run = runs.resume(
        context.engine(), actor=context.actor(), id=id, reason=reason, spend_limit_nano_usd=limit
    )
    _print(run, json=json)


@commands.command("cancel")
def cancel(id: Id, reason: arguments.Reason = "", json: output.Json = False) -> None:
    """Stop an evaluation; its scores are kept, it gets no verdict."""
    from genaiops_core.evaluation import runs

    _print(runs.cancel(context.engine(), actor=context.actor(), id=id, reason=reason), json=json)


@commands.command("wait")
def wait(id: Id, json: output.Json = False) -> None:
    """Wait until it has ended, doing the work here where no worker runs; the exit code says the verdict."""
    from db.transaction import reading
    from genaiops_core.evaluation.human import results

    engine = context.engine()
    with run_progress.bar(shown=not json) as progress:
        done = run_progress.carry_out(engine, context.actor(), id, progress)
    with reading(engine) as connection:
        body = results.build_document(connection, done, with_details=False)
    verdicts.answer(body, json=json)


def _print(run: Evaluation, *, json: bool) -> None:
    from genaiops_core.clock import now
    from genaiops_core.evaluation.runs.evaluation import describe_evaluation, estimate_remaining_s

    told: dict[str, Any] = {**describe_evaluation(run), "remaining_s": estimate_remaining_s(run, now())}
    if json:
        output.print_json(told)
        return
    rows = [{"field": name.replace("_", " "), "value": value} for name, value in told.items()]
    output.print_table(rows, ["field", "value"], empty="")
