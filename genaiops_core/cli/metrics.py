"""`genaiops metric` and `genaiops rubric`: list metrics, and manage LLM-judged rubrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context
from genaiops_core.cli.datasets import split_version
from genaiops_core.errors import BadInput

metric_commands = typer.Typer(help="List the metrics of evaluations.", no_args_is_help=True)
rubric_commands = typer.Typer(help="LLM-judged rubrics: a prompt and a scale.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add `metric` and `rubric` to the command line."""
    app.add_typer(metric_commands, name="metric")
    app.add_typer(rubric_commands, name="rubric")


@metric_commands.command("list")
def list_metrics(json: output.Json = False) -> None:
    """List every metric with its required fields, cost and judges."""
    from db.transaction import reading
    from genaiops_core.evaluation import metrics
    from genaiops_core.evaluation.metrics import rubrics

    with reading(context.engine()) as connection:
        rows = [metric.as_json() for metric in metrics.list_metrics(rubrics.list_newest_rubrics(connection))]
    problems = list(metrics.load_code_metrics().problems)
    if json:
        output.print_json({"metrics": rows, "problems": problems})
        return
    table = [
        {**row, "needs": ", ".join(row["needs"]) or "-", "judges": ", ".join(row["judges"])} for row in rows
    ]
    output.print_table(table, ["name", "kind", "title", "needs", "cost", "judges"], empty="")
    for problem in problems:
        output.say(problem)


@rubric_commands.command("list")
def list_rubrics(json: output.Json = False) -> None:
    """List the built-in rubrics, then every saved version."""
    from db.transaction import reading
    from genaiops_core.evaluation.metrics import rubrics
    from genaiops_core.evaluation.metrics.builtin_rubrics import BUILTIN

    with reading(context.engine()) as connection:
        saved = rubrics.list_rubrics(connection)
    rows: list[dict[str, Any]] = [
        {**rubric.as_json(), "created_by": "(built in)", "created_at": None} for rubric in BUILTIN
    ]
    rows += [
        {**version.rubric.as_json(), "created_by": version.created_by, "created_at": version.created_at}
        for version in saved
    ]
    if json:
        output.print_json({"rubrics": rows})
        return
    table = [
        {
            **row,
            "labels": ", ".join(f"{label['label']} {label['value']:g}" for label in row["scale"]),
            "saved": row["created_at"] or "-",
        }
        for row in rows
    ]
    output.print_table(table, ["name", "version", "title", "labels", "created_by", "saved"], empty="")


@rubric_commands.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of the rubric, or NAME@VERSION.")],
    json: output.Json = False,
) -> None:
    """Show a rubric in the file format of `genaiops rubric save`."""
    import yaml

    from db.transaction import reading
    from genaiops_core.evaluation.metrics import rubrics

    rubric_name, version = split_version(name)
    with reading(context.engine()) as connection:
        rubric = rubrics.get_rubric(connection, rubric_name, version).as_json()
    if json:
        output.print_json(rubric)
        return
    fields = {field: rubric[field] for field in ("name", "title", "prompt", "scale")}
    # In the order of the fields, so that the output can be edited and saved again.
    output.say(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True), nl=False)


@rubric_commands.command("save")
def save(
    file: Annotated[Path, typer.Argument(help="YAML with name, title, prompt and scale.", metavar="FILE")],
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Save a rubric as the next version of its name."""
    from genaiops_core.evaluation.metrics import rubrics

    fields = _read_rubric_file(file)
    saved = rubrics.save_rubric(
        context.engine(),
        actor=context.actor(),
        name=fields.get("name", ""),
        title=fields.get("title") or "",
        prompt=fields.get("prompt", ""),
        scale=fields.get("scale", ()),
        reason=reason,
    )
    rubric = saved.rubric.as_json()
    if json:
        output.print_json({**rubric, "created_by": saved.created_by, "created_at": saved.created_at})
    else:
        output.say(
            f"{rubric['name']} version {rubric['version']}; it needs: {', '.join(rubric['needs']) or 'the input'}."
        )


def _read_rubric_file(file: Path) -> dict[str, Any]:
    import yaml

    try:
        fields = yaml.safe_load(arguments.read_file(file))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} is not valid YAML: {' '.join(str(error).split())[:300]}") from error
    if not isinstance(fields, dict):
        raise BadInput(f"{file} must contain name, title, prompt and scale.")
    unknown = next((key for key in fields if key not in ("name", "title", "prompt", "scale")), None)
    if unknown is not None:
        raise BadInput(f"{file}: there is no field '{unknown}'; a rubric has name, title, prompt and scale.")
    return fields
