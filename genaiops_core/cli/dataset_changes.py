"""`genaiops dataset diff, tag, split, review, delete`: from one version to the next."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context
from genaiops_core.errors import BadInput

Dataset = Annotated[str, typer.Argument(metavar="NAME", help="NAME, NAME@VERSION or NAME@TAG.")]


def register(commands: typer.Typer) -> None:
    """Add these to `genaiops dataset`."""
    commands.command("diff")(diff)
    commands.command("tag")(tag)
    commands.command("split")(split)
    commands.command("review")(review)
    commands.command("delete")(delete)


def diff(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    before: Annotated[str, typer.Argument(metavar="A", help="A version or a tag.")],
    after: Annotated[str, typer.Argument(metavar="B", help="A version or a tag.")],
    json: output.Json = False,
) -> None:
    """Compare two versions: cases added, removed, and changed field by field."""
    from db.transaction import reading
    from genaiops_core.evaluation.datasets import changes

    with reading(context.engine()) as connection:
        old, new = (changes.find_version(connection, f"{name}@{one}") for one in (before, after))
        found = changes.diff_versions(connection, name, old.version, new.version)
    changed = [
        {"fields": one.fields, "before": one.before.as_json(), "after": one.after.as_json()}
        for one in found.changed
    ]
    if json:
        output.print_json(
            {
                "dataset": name,
                "before": old.version,
                "after": new.version,
                "unchanged": found.unchanged,
                "added": [case.as_json() for case in found.added],
                "removed": [case.as_json() for case in found.removed],
                "changed": changed,
            }
        )
        return
    output.say(
        f"{name} version {old.version} to {new.version}: {len(found.added)} added, {len(found.removed)} removed, "
        f"{len(changed)} changed, {found.unchanged} the same."
    )
    for sign, cases in (("+", found.added), ("-", found.removed)):
        for case in cases:
            output.say(f"{sign} {_short(case.input)}")
    for one in found.changed:
        output.say(f"~ {_short(one.after.input)}")
        for different in one.differences:
            output.say(f"    {different.field}: {_short(different.before)} -> {_short(different.after)}")


def tag(
    name: Dataset,
    label: Annotated[str, typer.Argument(metavar="TAG", help="For example golden.")],
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Call a version by a name of its own; a tag that stands on another version moves."""
    from db.transaction import reading
    from genaiops_core.evaluation.datasets import changes

    engine = context.engine()
    with reading(engine) as connection:
        found = changes.find_version(connection, name)
        before = changes.list_tags(connection, found.dataset).get(label.strip())
    changes.tag_version(
        engine,
        actor=context.actor(),
        name=found.dataset,
        version=found.version,
        tag=label,
        reason=reason,
    )
    if json:
        facts = {"dataset": found.dataset, "tag": label.strip(), "version": found.version, "before": before}
        output.print_json(facts)
        return
    moved = f", moved from version {before}" if before not in (None, found.version) else ""
    output.say(f"{found.dataset} version {found.version} is {label.strip()}{moved}.")


def split(
    name: Dataset,
    shares: Annotated[list[str], typer.Argument(metavar="SPLIT=SHARE...", help="dev=80 test=20")],
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Make the version in which every case names its split; by its input alone, so that it never moves."""
    from db.transaction import reading
    from genaiops_core.evaluation.datasets import changes, search

    engine = context.engine()
    with reading(engine) as connection:
        found = changes.find_version(connection, name)
    stored = changes.split_version(
        engine,
        actor=context.actor(),
        name=found.dataset,
        version=found.version,
        shares=changes.parse_shares(" ".join(shares)),
        reason=reason,
    )
    with reading(engine) as connection:
        counts = search.count_facets(connection, stored.dataset, stored.version).splits
    if json:
        output.print_json({**made(stored), "splits": counts})
    else:
        shown = ", ".join(f"{said} {count}" for said, count in counts.items())
        output.say(f"{stored.dataset} version {stored.version}: {shown}.")


def review(
    name: Dataset,
    accept: Annotated[
        list[int] | None, typer.Option(help="Number of a case that is good. Repeatable.")
    ] = None,
    reject: Annotated[
        list[int] | None, typer.Option(help="Number of a case to leave out. Repeatable.")
    ] = None,
    accept_all: Annotated[bool, typer.Option("--accept-all", help="Accept every case that waits.")] = False,
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """List generated cases that wait for a person, accept them, or leave them out."""
    from db.transaction import reading
    from genaiops_core.evaluation.datasets import case_review, changes, search

    engine = context.engine()
    with reading(engine) as connection:
        found = changes.find_version(connection, name)
        wanted = search.CaseFilter(review=case_review.PENDING)
        waiting = search.find_cases(connection, found.dataset, found.version, wanted, limit=1_000_000).cases
    rejected = reject or []
    accepted = [number for number, _ in waiting if number not in rejected] if accept_all else accept or []
    if not accepted and not rejected:
        rows = [{"case": number, **case.as_json()} for number, case in waiting]
        if json:
            output.print_json({"dataset": found.dataset, "version": found.version, "pending": rows})
            return
        short = [{name: _short(value) for name, value in row.items()} for row in rows]
        output.print_table(short, ["case", "input", "reference"], empty="No case waits for review.")
        return
    stored = case_review.review_cases(
        engine,
        actor=context.actor(),
        name=found.dataset,
        version=found.version,
        accept=accepted,
        reject=rejected,
        reason=reason,
    )
    left = len(waiting) - len(accepted) - len(rejected)
    if json:
        facts = {"accepted": len(accepted), "rejected": len(rejected), "pending": left}
        output.print_json({**made(stored), **facts})
        return
    output.say(
        f"{stored.dataset} version {stored.version}: {len(accepted)} accepted, {len(rejected)} left out, {left} wait."
    )


def delete(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    reason: arguments.Reason = "",
    yes: Annotated[str, typer.Option("--yes", help="The name again, instead of typing it.")] = "",
    json: output.Json = False,
) -> None:
    """Remove a dataset with all its versions; refused while an evaluation stands on it."""
    from genaiops_core.evaluation import datasets

    typed = yes or (
        "" if json else typer.prompt(f"Type {name} to delete it with all its versions", default="")
    )
    if typed.strip() != name:
        raise BadInput(f"Nothing was deleted: say --yes {name}, or type the name exactly.")
    datasets.delete_dataset(context.engine(), actor=context.actor(), name=name, reason=reason)
    if json:
        output.print_json({"dataset": name, "deleted": True})
    else:
        output.say(f"{name} is deleted.")


def made(stored: Any) -> dict[str, Any]:
    """What commands say of a version they made."""
    return {
        "dataset": stored.dataset,
        "version": stored.version,
        "is_new": stored.is_new,
        "cases": stored.cases,
    }


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return output.shorten(" ".join(text.split()))
