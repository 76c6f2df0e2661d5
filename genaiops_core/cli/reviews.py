"""`genaiops review`: people read sampled answers, and make test cases of them."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from db.transaction import reading
from genaiops_core.cli import arguments, context
from genaiops_core.errors import BadInput, NotFound
from genaiops_core.output import Json, print_json, print_table, say

review_app = typer.Typer(help="Answers that people rate; two people each.", no_args_is_help=True)

Application = Annotated[str, typer.Option("--application", help="Whose request it is.")]
OneApplication = Annotated[str | None, typer.Option("--application", help="Only this application.")]
Trace = Annotated[str, typer.Argument(metavar="TRACE_ID", help="32 hexadecimal digits.")]
Comment = Annotated[str, typer.Option(help="Shown to the other reviewer once both are done.")]


def register(app: typer.Typer) -> None:
    """Add `review` to the root."""
    app.add_typer(review_app, name="review")


@review_app.command("list")
def list_(
    application: OneApplication = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 20,
    as_json: Json = False,
) -> None:
    """What you should read next."""
    from genaiops_core.evaluation.human import reviews

    reviewer, count = context.actor(), context.settings().reviewers
    with reading(context.engine()) as connection:
        items = reviews.queue(connection, reviewer=reviewer, application=application, limit=limit, reviewers=count)
        open_count = reviews.open_count(connection, reviewer=reviewer, application=application, reviewers=count)
    rows = [dataclasses.asdict(item) for item in items]
    if as_json:
        print_json({"open": open_count, "items": rows})
        return
    columns = ["priority", "reason", "application", "release", "start", "trace_id", "reviews"]
    print_table(rows, columns, empty="Nothing is left to be read.")


@review_app.command("show")
def show(trace_id: Trace, application: Application, as_json: Json = False) -> None:
    """Question, answer and contexts of one request, and what you said of it."""
    from genaiops_core.evaluation.human import reviews

    with reading(context.engine()) as connection:
        page = reviews.read(
            connection,
            reviewer=context.actor(),
            application=application,
            trace_id=trace_id,
            reviewers=context.settings().reviewers,
        )
    if page is None:
        raise NotFound(f"There is no request {trace_id} of {application}.")
    if as_json:
        print_json(page)
        return
    say(f"Question: {page.question or 'unknown'}\n\nAnswer: {page.answer or 'unknown'}")
    for number, text in enumerate(page.contexts or (), 1):
        say(f"\nContext {number}: {text}")
    for review in filter(None, (page.mine, *page.others)):
        ratings = "skipped" if review.is_skipped else ", ".join(f"{k} {v:g}" for k, v in review.ratings.items())
        say(f"\n{review.reviewer}: {ratings} {review.comment}")


@review_app.command("submit")
def submit(
    trace_id: Trace,
    application: Application,
    rating: Annotated[
        list[str],
        typer.Option("--rating", metavar="METRIC=VALUE", help="good, partly, bad, or 0 to 1; repeat it."),
    ],
    comment: Comment = "",
    as_json: Json = False,
) -> None:
    """Rate an answer."""
    from genaiops_core.evaluation.human import reviews

    page = reviews.submit(
        context.engine(),
        actor=context.actor(),
        application=application,
        trace_id=trace_id,
        ratings=dict(_parse_rating(text) for text in rating),
        comment=comment,
        reviewers=context.settings().reviewers,
    )
    if as_json:
        print_json(page)
        return
    say("Kept; it is done." if page.is_done else "Kept; somebody else has still to rate it.")


@review_app.command("skip")
def skip(trace_id: Trace, application: Application, comment: Comment = "", as_json: Json = False) -> None:
    """Leave an answer to others."""
    from genaiops_core.evaluation.human import reviews

    reviews.skip(
        context.engine(), actor=context.actor(), application=application, trace_id=trace_id, comment=comment
    )
    if as_json:
        print_json({"trace_id": trace_id, "skipped": True})
    else:
        say("Skipped.")


@review_app.command("agreement")
def agreement(application: OneApplication = None, as_json: Json = False) -> None:
    """How far two reviewers agree, by metric, with kappa and its interval."""
    from genaiops_core.evaluation.human.review_agreement import read_agreement as read_agreement

    with reading(context.engine()) as connection:
        rows = [dataclasses.asdict(item) for item in read_agreement(connection, application)]
    if as_json:
        print_json({"agreement": rows})
        return
    columns = ["metric", "items", "percent_agreement", "kappa", "low", "high"]
    print_table(rows, columns, empty="No request was rated by two people yet.")


@review_app.command("disagreements")
def disagreements(application: OneApplication = None, as_json: Json = False) -> None:
    """Where two reviewers differ, most first."""
    from genaiops_core.evaluation.human.review_agreement import read_disagreements as read_disagreements

    with reading(context.engine()) as connection:
        rows = [dataclasses.asdict(item) for item in read_disagreements(connection, application)]
    if as_json:
        print_json({"disagreements": rows})
        return
    columns = ["metric", "first_reviewer", "first_value", "second_reviewer", "second_value", "trace_id"]
    print_table(rows, columns, empty="No two people differ.")


@review_app.command("to-dataset")
def to_dataset(
    trace_id: Trace,
    application: Application,
    dataset: Annotated[str, typer.Option(help="Its name; made when there is none.")],
    reference: Annotated[str | None, typer.Option(help="The answer that would have been right.")] = None,
    reason: arguments.Reason = "",
    as_json: Json = False,
) -> None:
    """Make a test case of a production request."""
    from genaiops_core.evaluation.human import reviews

    stored = reviews.add_trace(
        context.engine(),
        actor=context.actor(),
        application=application,
        trace_id=trace_id,
        dataset=dataset,
        reference=reference,
        reason=reason,
    )
    if as_json:
        print_json(
            {
                "dataset": stored.dataset,
                "version": stored.version,
                "cases": stored.cases,
                "is_new": stored.is_new,
            }
        )
        return
    say(
        f"{stored.dataset} v{stored.version}, {stored.cases} cases"
        + ("." if stored.is_new else "; it was there already.")
    )


def _parse_rating(text: str) -> tuple[str, float | str]:
    message = f"'{text}' is no rating; write METRIC=VALUE, for example helpfulness=good."
    metric, value = arguments.split_pair(text, message)
    if not value.strip():
        raise BadInput(message)
    try:
        return metric, float(value)
    except ValueError:
        return metric, value
