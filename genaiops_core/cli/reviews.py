"""`genaiops review`: rate sampled answers, and create test cases from them."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from db.transaction import reading
from genaiops_core.cli import arguments, context
from genaiops_core.cli.arguments import AnyApplication
from genaiops_core.errors import BadInput, NotFound
from genaiops_core.output import Json, print_json, print_table, say

review_app = typer.Typer(help="Human reviews (two reviewers per answer).", no_args_is_help=True)

Application = Annotated[str, typer.Option("--application", help="Application of the request.")]
Trace = Annotated[str, typer.Argument(metavar="TRACE_ID", help="32 hexadecimal digits.")]
Comment = Annotated[str, typer.Option(help="Comment; the other reviewer sees it after both have rated.")]


def register(app: typer.Typer) -> None:
    """Add `review` to the root."""
    app.add_typer(review_app, name="review")


@review_app.command("list")
def list_(
    application: AnyApplication = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 20,
    as_json: Json = False,
) -> None:
    """List the answers to review, in order of priority."""
    from genaiops_core.evaluation.human import reviews

    reviewer, count = context.actor(), context.settings().reviewers
    with reading(context.engine()) as connection:
        items = reviews.queue(
            connection, reviewer=reviewer, application=application, limit=limit, reviewers=count
        )
        open_count = reviews.open_count(
            connection, reviewer=reviewer, application=application, reviewers=count
        )
    rows = [dataclasses.asdict(item) for item in items]
    if as_json:
        print_json({"open": open_count, "items": rows})
        return
    columns = ["priority", "reason", "application", "release", "start", "trace_id", "reviews"]
    print_table(rows, columns, empty="There is nothing to review.")


@review_app.command("show")
def show(trace_id: Trace, application: Application, as_json: Json = False) -> None:
    """Show question, answer and contexts of a request, and your review."""
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
        raise NotFound(f"Request {trace_id} of {application} was not found.")
    if as_json:
        print_json(page)
        return
    say(f"Question: {page.question or 'unknown'}\n\nAnswer: {page.answer or 'unknown'}")
    for number, text in enumerate(page.contexts or (), 1):
        say(f"\nContext {number}: {text}")
    for review in filter(None, (page.mine, *page.others)):
        ratings = (
            "skipped" if review.is_skipped else ", ".join(f"{k} {v:g}" for k, v in review.ratings.items())
        )
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
    """Submit ratings of an answer."""
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
    say(
        "Saved; the review is complete."
        if page.is_done
        else "Saved; another reviewer has yet to rate this answer."
    )


@review_app.command("skip")
def skip(trace_id: Trace, application: Application, comment: Comment = "", as_json: Json = False) -> None:
    """Skip an answer; other reviewers still see it."""
    from genaiops_core.evaluation.human import reviews

    reviews.skip(
        context.engine(), actor=context.actor(), application=application, trace_id=trace_id, comment=comment
    )
    if as_json:
        print_json({"trace_id": trace_id, "skipped": True})
    else:
        say("Skipped.")


@review_app.command("agreement")
def agreement(application: AnyApplication = None, as_json: Json = False) -> None:
    """Show how far two reviewers agree, by metric, with kappa and its interval."""
    from genaiops_core.evaluation.human.review_agreement import read_agreement as read_agreement

    with reading(context.engine()) as connection:
        rows = [dataclasses.asdict(item) for item in read_agreement(connection, application)]
    if as_json:
        print_json({"agreement": rows})
        return
    columns = ["metric", "items", "percent_agreement", "kappa", "low", "high"]
    print_table(rows, columns, empty="No request has two reviews yet.")


@review_app.command("disagreements")
def disagreements(application: AnyApplication = None, as_json: Json = False) -> None:
    """List disagreements between two reviewers, largest first."""
    from genaiops_core.evaluation.human.review_agreement import read_disagreements as read_disagreements

    with reading(context.engine()) as connection:
        rows = [dataclasses.asdict(item) for item in read_disagreements(connection, application)]
    if as_json:
        print_json({"disagreements": rows})
        return
    columns = ["metric", "first_reviewer", "first_value", "second_reviewer", "second_value", "trace_id"]
    print_table(rows, columns, empty="There are no disagreements.")


@review_app.command("to-dataset")
def to_dataset(
    trace_id: Trace,
    application: Application,
    dataset: Annotated[str, typer.Option(help="Name of the dataset; created if missing.")],
    reference: Annotated[str | None, typer.Option(help="The correct answer.")] = None,
    reason: arguments.Reason = "",
    as_json: Json = False,
) -> None:
    """Create a test case from a production request."""
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
        + ("." if stored.is_new else "; the case already exists.")
    )


def _parse_rating(text: str) -> tuple[str, float | str]:
    message = f"'{text}' is not a valid rating; write METRIC=VALUE, for example helpfulness=good."
    metric, value = arguments.split_pair(text, message)
    if not value.strip():
        raise BadInput(message)
    try:
        # Words such as good are passed on; the use case knows which are valid.
        return metric, float(value)
    except ValueError:
        return metric, value
