"""`genaiops dataset diff, tag, split, review, delete`: compare and change versions of a dataset."""

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
    """Compare two versions: cases added, cases removed, and cases changed, by field."""
    from db.transaction import reading
    from genaiops_core.evaluation.datasets import changes

    with reading(context.engine()) as connection:
        old, new = (changes.find_version(connection, f"{name}@{label}") for label in (before, after))
        difference = changes.diff_versions(connection, name, old.version, new.version)
    changed = [
        {"fields": case.fields, "before": case.before.as_json(), "after": case.after.as_json()}
        for case in difference.changed
    ]
    if json:
        output.print_json(
            {
                "dataset": name,
                "before": old.version,
                "after": new.version,
                "unchanged": difference.unchanged,
                "added": [case.as_json() for case in difference.added],
                "removed": [case.as_json() for case in difference.removed],
                "changed": changed,
            }
        )
        return
    output.say(
        f"{name} version {old.version} to {new.version}: {len(difference.added)} added, {len(difference.removed)} removed, "
        f"{len(changed)} changed, {difference.unchanged} the same."
    )
    for sign, cases in (("+", difference.added), ("-", difference.removed)):
        for case in cases:
            output.say(f"{sign} {_short(case.input)}")
    for changed_case in difference.changed:
        output.say(f"~ {_short(changed_case.after.input)}")
        for different in changed_case.differences:
            output.say(f"    {different.field}: {_short(different.before)} -> {_short(different.after)}")


def tag(
    name: Dataset,
    label: Annotated[str, typer.Argument(metavar="TAG", help="For example golden.")],
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Add a tag to a version; a tag of another version moves to this one."""
    from db.transaction import reading
    from genaiops_core.evaluation.datasets import changes

    engine = context.engine()
    with reading(engine) as connection:
        version = changes.find_version(connection, name)
        # Read before the change, for the message.
        before = changes.list_tags(connection, version.dataset).get(label.strip())
    changes.tag_version(
        engine,
        actor=context.actor(),
        name=version.dataset,
        version=version.version,
        tag=label,
        reason=reason,
    )
    if json:
        facts = {
            "dataset": version.dataset,
            "tag": label.strip(),
            "version": version.version,
            "before": before,
        }
        output.print_json(facts)
        return
    moved = f", moved from version {before}" if before not in (None, version.version) else ""
    output.say(f"{version.dataset} version {version.version} is {label.strip()}{moved}.")


def split(
    name: Dataset,
    shares: Annotated[list[str], typer.Argument(metavar="SPLIT=SHARE...", help="dev=80 test=20")],
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Assign every case to a split in a new version; the split depends on the input of the case alone."""
    from db.transaction import reading
    from genaiops_core.evaluation.datasets import changes, search

    engine = context.engine()
    with reading(engine) as connection:
        version = changes.find_version(connection, name)
    stored = changes.split_version(
        engine,
        actor=context.actor(),
        name=version.dataset,
        version=version.version,
        shares=changes.parse_shares(" ".join(shares)),
        reason=reason,
    )
    with reading(engine) as connection:
        counts = search.count_facets(connection, stored.dataset, stored.version).splits
    if json:
        output.print_json({**describe_version(stored), "splits": counts})
    else:
        counts_text = ", ".join(f"{split_name} {count}" for split_name, count in counts.items())
        output.say(f"{stored.dataset} version {stored.version}: {counts_text}.")


def review(
    name: Dataset,
    accept: Annotated[list[int] | None, typer.Option(help="Number of a case to accept. Repeatable.")] = None,
    reject: Annotated[list[int] | None, typer.Option(help="Number of a case to reject. Repeatable.")] = None,
    accept_all: Annotated[bool, typer.Option("--accept-all", help="Accept every pending case.")] = False,
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """List generated cases that are pending review, or accept and reject them."""
    from db.transaction import reading
    from genaiops_core.evaluation.datasets import case_review, changes, search

    engine = context.engine()
    with reading(engine) as connection:
        version = changes.find_version(connection, name)
        pending_filter = search.CaseFilter(review=case_review.PENDING)
        waiting = search.find_cases(
            connection, version.dataset, version.version, pending_filter, limit=1_000_000
        ).cases
    rejected = reject or []
    accepted = [number for number, _ in waiting if number not in rejected] if accept_all else accept or []
    if not accepted and not rejected:
        rows = [{"case": number, **case.as_json()} for number, case in waiting]
        if json:
            output.print_json({"dataset": version.dataset, "version": version.version, "pending": rows})
            return
        short = [{name: _short(value) for name, value in row.items()} for row in rows]
        output.print_table(short, ["case", "input", "reference"], empty="No case is pending review.")
        return
    stored = case_review.review_cases(
        engine,
        actor=context.actor(),
        name=version.dataset,
        version=version.version,
        accept=accepted,
        reject=rejected,
        reason=reason,
    )
    pending = len(waiting) - len(accepted) - len(rejected)
    if json:
        facts = {"accepted": len(accepted), "rejected": len(rejected), "pending": pending}
        output.print_json({**describe_version(stored), **facts})
        return
    output.say(
        f"{stored.dataset} version {stored.version}: {len(accepted)} accepted, {len(rejected)} rejected, {pending} pending."
    )


def delete(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    reason: arguments.Reason = "",
    yes: Annotated[str, typer.Option("--yes", help="Repeat the name to skip the prompt.")] = "",
    json: output.Json = False,
) -> None:
    """Delete a dataset with all its versions; refused while an evaluation uses it."""
    from genaiops_core.evaluation import datasets

    # A script that reads JSON cannot answer a prompt, so it must pass --yes.
    typed = yes or (
        "" if json else typer.prompt(f"Type {name} to delete it with all its versions", default="")
    )
    if typed.strip() != name:
        raise BadInput(f"Nothing was deleted: pass --yes {name}, or type the name exactly.")
    datasets.delete_dataset(context.engine(), actor=context.actor(), name=name, reason=reason)
    if json:
        output.print_json({"dataset": name, "deleted": True})
    else:
        output.say(f"{name} is deleted.")


def describe_version(stored: Any) -> dict[str, Any]:
    """The JSON fields of a version that a command stored."""
    return {
        "dataset": stored.dataset,
        "version": stored.version,
        "is_new": stored.is_new,
        "cases": stored.cases,
    }


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return output.shorten(" ".join(text.split()))
