"""`genaiops release` and `genaiops prompt`: register releases and prompts, request approval, approve and reject."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from db.transaction import reading
from genaiops_core.cli import arguments, context
from genaiops_core.cli.arguments import AnyApplication, Application
from genaiops_core.cli.operations import operate, print_outcome
from genaiops_core.output import Json, print_json, print_table

ReleaseName = Annotated[str, typer.Option("--release", help="Name of the release, as in its spans.")]

release_app = typer.Typer(
    help="Register releases, request approval, approve and reject.", no_args_is_help=True
)
prompt_app = typer.Typer(help="Add and list prompt versions of releases.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add `release` and `prompt` to the root."""
    app.add_typer(release_app, name="release")
    app.add_typer(prompt_app, name="prompt")


@release_app.command("create")
def create(
    application: Application,
    release: ReleaseName,
    model: Annotated[str, typer.Option(help="Id of the model that the application calls.")] = "",
    prompt: Annotated[list[str] | None, typer.Option(help="NAME@VERSION; may be repeated.")] = None,
    code: Annotated[str, typer.Option(help="Code revision, for example a Git commit.")] = "",
    data: Annotated[str, typer.Option(help="Data snapshot, for example of a search index.")] = "",
    parameter: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE (JSON or text); may be repeated.")
    ] = None,
    notes: Annotated[str, typer.Option(help="Free text.")] = "",
    reason: arguments.Reason = "",
    as_json: Json = False,
) -> None:
    """Register a release as a candidate."""
    from genaiops_core.releases import releases

    created = operate(
        releases.create,
        application=application,
        release=release,
        model=model,
        prompts=prompt or (),
        code_revision=code,
        data_snapshot=data,
        parameters=dict(_parse_parameter(text) for text in parameter or ()),
        notes=notes,
        reason=reason,
    )
    print_outcome(created, f"{created.name} is registered as {created.state}.", as_json=as_json)


@release_app.command("list")
def list_releases(
    application: AnyApplication = None,
    state: Annotated[str | None, typer.Option(help="Only this state, for example pending.")] = None,
    as_json: Json = False,
) -> None:
    """List releases, newest first."""
    from genaiops_core.releases import releases

    with reading(context.engine()) as connection:
        rows = [
            dataclasses.asdict(release) for release in releases.list_releases(connection, application, state)
        ]
    if as_json:
        print_json({"releases": rows})
        return
    columns = ("application", "release", "state", "model", "created_by", "created_at")
    print_table(rows, columns, empty="No release is registered; add one with `genaiops release create`.")


@release_app.command("show")
def show(application: Application, release: ReleaseName, as_json: Json = False) -> None:
    """Show a release: its parts and its approvals."""
    from genaiops_core.releases import approvals, releases

    with reading(context.engine()) as connection:
        record = releases.get_release(connection, application, release)
        decisions = approvals.history(connection, application, release)
    document = {
        **dataclasses.asdict(record),
        "approvals": [dataclasses.asdict(approval) for approval in decisions],
    }
    if as_json:
        print_json(document)
        return
    texts = {
        **document,
        "prompts": ", ".join(f"{prompt['name']}@{prompt['version']}" for prompt in record.prompts),
        "parameters": orjson.dumps(record.parameters).decode(),
        "approvals": "; ".join(_format_approval(approval) for approval in decisions),
    }
    rows = [{"field": field.replace("_", " "), "value": value} for field, value in texts.items()]
    print_table(rows, ("field", "value"), empty="")


@release_app.command("request-approval")
def request_approval(
    application: Application, release: ReleaseName, reason: arguments.Reason = "", as_json: Json = False
) -> None:
    """Request approval of a candidate from someone else."""
    from genaiops_core.releases import approvals

    approval = operate(approvals.request, application=application, release=release, reason=reason)
    sentence = f"{application}/{release} needs approval from someone other than {approval.requested_by}."
    print_outcome(approval, sentence, as_json=as_json)


@release_app.command("approve")
def approve(
    application: Application, release: ReleaseName, reason: arguments.Reason = "", as_json: Json = False
) -> None:
    """Approve a pending release; you cannot approve your own."""
    from genaiops_core.releases import approvals

    approval = operate(approvals.approve, application=application, release=release, reason=reason)
    sentence = f"{application}/{release} is approved by {approval.decided_by}."
    print_outcome(approval, sentence, as_json=as_json)


@release_app.command("reject")
def reject(
    application: Application, release: ReleaseName, reason: arguments.Reason = "", as_json: Json = False
) -> None:
    """Reject a pending release; a reason is required."""
    from genaiops_core.releases import approvals

    approval = operate(approvals.reject, application=application, release=release, reason=reason)
    sentence = f"{application}/{release} is rejected by {approval.decided_by}."
    print_outcome(approval, sentence, as_json=as_json)


@prompt_app.command("add")
def add_prompt(
    application: Application,
    name: Annotated[str, typer.Option(help="Name of the prompt within its application.")],
    file: Annotated[
        Path, typer.Argument(help="Text file with the prompt, UTF-8.", exists=True, dir_okay=False)
    ],
    reason: arguments.Reason = "",
    as_json: Json = False,
) -> None:
    """Add the text of FILE as the next version of a prompt; an identical text keeps its version."""
    from genaiops_core.releases import prompts

    text = arguments.read_text(file)
    added = operate(prompts.add, application=application, name=name, text=text, reason=reason)
    print_outcome(added, f"{added.application} has prompt {added.name}@{added.version}.", as_json=as_json)


@prompt_app.command("list")
def list_prompts(application: AnyApplication = None, as_json: Json = False) -> None:
    """List prompt versions by application and name."""
    from genaiops_core.releases import prompts

    with reading(context.engine()) as connection:
        rows = [dataclasses.asdict(prompt) for prompt in prompts.list_prompts(connection, application)]
    if as_json:
        print_json({"prompts": rows})
        return
    columns = ("application", "name", "version", "created_by", "created_at")
    print_table(rows, columns, empty="There is no prompt; add one with `genaiops prompt add`.")


def _parse_parameter(text: str) -> tuple[str, Any]:
    name, value = arguments.split_pair(
        text, f"--parameter takes NAME=VALUE, for example temperature=0.2, not '{text}'."
    )
    try:
        # Numbers, lists and true become JSON values; anything else is text, without quotes.
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value


def _format_approval(approval: Any) -> str:
    if approval.decided_by is None:
        return f"requested by {approval.requested_by}"
    because = f" ({approval.decision_reason})" if approval.decision_reason else ""
    return f"{approval.state} by {approval.decided_by}{because}"
