"""`genaiops label` and `genaiops agreement`: human labels of test cases, and judge-human agreement."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from db.transaction import reading
from genaiops_core.cli import arguments, context
from genaiops_core.cli.datasets import print_problems, split_version
from genaiops_core.errors import BadInput
from genaiops_core.output import Json, print_json, print_table, say

label_app = typer.Typer(help="Import and list human labels of test cases.", no_args_is_help=True)

DatasetName = Annotated[str, typer.Option("--dataset", help="Name of the dataset, or NAME@VERSION.")]
Matches = Annotated[
    list[str] | None,
    typer.Option(
        "--match", metavar="METRIC=LABEL", help="Compare METRIC with LABEL; an empty LABEL excludes METRIC."
    ),
]
Cuts = Annotated[
    list[str] | None,
    typer.Option("--cut", metavar="METRIC=VALUE", help="Judge scores of at least VALUE count as good."),
]
_COLUMNS = ("label", "case", "input", "answer", "labeller")


def register(app: typer.Typer) -> None:
    """Add `label` and `agreement` to the root."""
    app.add_typer(label_app, name="label")
    app.command("agreement")(agreement)


@label_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSON, JSONL, XLSX, XLS, ODS or Parquet.")],
    dataset: DatasetName,
    metric: Annotated[str, typer.Option(help="Name of the label, for example groundedness.")],
    map: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=COLUMN", help="FIELD: " + ", ".join(_COLUMNS) + ". Repeatable."),
    ] = None,
    scale: Annotated[
        str, typer.Option(help="LOW..HIGH, worst value first, for example 1..5; by default 0..1.")
    ] = "",
    value: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=VALUE", help="Value of a text label, for example yes=1. Repeatable."),
    ] = None,
    reason: arguments.Reason = "",
    json: Json = False,
) -> None:
    """Import labels from a file; rows that match no case are listed by row and column."""
    from genaiops_core.evaluation.human import label_files, label_imports

    name, version = split_version(dataset)
    columns = dict(_split_pair(text, "FIELD=COLUMN, for example label=grounded") for text in map or [])
    if unknown := set(columns) - set(_COLUMNS):
        raise BadInput(f"There is no field '{min(unknown)}'; map one of {', '.join(_COLUMNS)} to a column.")
    report = label_imports.import_labels(
        context.engine(),
        actor=context.actor(),
        dataset=name,
        version=version,
        metric=metric,
        data=arguments.read_file(file),
        filename=file.name,
        columns=columns,
        scale=label_files.parse_scale(scale, value or []),
        reason=reason,
    )
    if json:
        problems = [problem.as_json() for problem in report.problems]
        print_json({**vars(report), "columns": vars(report.columns), "problems": problems})
        return
    say(
        f"{report.dataset}: {report.labels} labels of {report.metric} ({report.new} new, {report.changed} changed), "
        f"{report.rejected} rows rejected."
    )
    print_problems([problem.as_json() for problem in report.problems])


@label_app.command("list")
def list_(
    dataset: Annotated[str | None, typer.Option("--dataset", help="Only this dataset.")] = None,
    json: Json = False,
) -> None:
    """Count labelled cases by dataset and metric."""
    from genaiops_core.evaluation.human import labels

    with reading(context.engine()) as connection:
        rows = [dataclasses.asdict(count) for count in labels.count_labels(connection, dataset)]
    if json:
        print_json({"labels": rows})
        return
    columns = ["dataset", "metric", "cases", "labels", "labellers", "mean", "newest"]
    print_table(rows, columns, empty="There are no labels; import some with genaiops label import FILE.")


@label_app.command("from-reviews")
def from_reviews(dataset: DatasetName, reason: arguments.Reason = "", json: Json = False) -> None:
    """Create labels from finished reviews of the requests that cases were created from."""
    from genaiops_core.evaluation.human import label_imports

    name, _ = split_version(dataset)
    counts = label_imports.labels_from_reviews(
        context.engine(), actor=context.actor(), dataset=name, reason=reason
    )
    if json:
        print_json({"dataset": name, "labels": counts})
    elif not any(counts.values()):
        say(f"No new label: no case of {name} was created from a request with a finished review.")
    else:
        say(f"{name}: " + ", ".join(f"{count} of {metric}" for metric, count in counts.items()) + ".")


def agreement(
    evaluation: Annotated[str | None, typer.Option(help="Id of the evaluation.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="NAME or NAME@VERSION: the newest finished evaluation of each judge.")
    ] = None,
    production: Annotated[bool, typer.Option(help="Production requests against their reviews.")] = False,
    application: Annotated[str | None, typer.Option(help="With --production: only this application.")] = None,
    window: Annotated[str, typer.Option(help="With --production: 1h, 6h, 24h, 7d or 30d.")] = "30d",
    match: Matches = None,
    cut: Cuts = None,
    json: Json = False,
) -> None:
    """Measure judge-human agreement, and estimate the mean human rating of all judged answers."""
    from genaiops_core.evaluation import datasets
    from genaiops_core.evaluation.human import judged
    from genaiops_core.evaluation.human.label_metrics import parse_matches
    from genaiops_core.evaluation.human.production_agreement import read_production_agreement
    from genaiops_core.telemetry.time_window import Filters

    if sum([evaluation is not None, dataset is not None, production]) != 1:
        raise BadInput("Pass exactly one of --evaluation ID, --dataset NAME and --production.")
    matches, cuts = parse_matches(match or []), _parse_cuts(cut or [])
    with reading(context.engine()) as connection:
        if evaluation is not None:
            agreements = judged.read_run_agreement(connection, evaluation, chosen=matches, cuts=cuts)
        elif dataset is not None:
            name, version_number = split_version(dataset)
            version = datasets.get_version(connection, name, version_number).version
            agreements = judged.read_dataset_agreement(connection, name, version, chosen=matches, cuts=cuts)
        else:
            filters = Filters.last(window, application=application)
            agreements = read_production_agreement(connection, filters, chosen=matches, cuts=cuts)
    if json:
        print_json({"agreement": [item.as_json() for item in agreements]})
        return
    _print_agreements(agreements)


def _print_agreements(agreements: Sequence[Any]) -> None:
    rows = [
        {
            "judge": item.judge,
            "metric": item.metric,
            "label": item.label,
            "n": f"{item.labelled}/{item.judged}",
            "spearman": _format_number(item.spearman and item.spearman.value),
            "kappa": _format_number(item.kappa and item.kappa.kappa),
            "auroc": _format_number(item.auroc and item.auroc.value),
            "raw": _format_number(item.raw and item.raw.mean),
            "corrected": _format_number(item.corrected.mean),
            "from": _format_number(item.corrected.low),
            "to": _format_number(item.corrected.high),
        }
        for item in agreements
    ]
    empty = "Nothing to compare: no label matches a judged metric."
    print_table(rows, list(rows[0]) if rows else [], empty=empty)
    for item in agreements:
        if problem := item.problem or item.corrected.problem:
            say(f"{item.judge}, {item.metric}: {problem}.")
    defaults = sorted({f"{item.metric}={item.label}" for item in agreements if item.why == "default"})
    if defaults:
        say(f"Compared by default: {', '.join(defaults)}; change this with --match.")
    for note in sorted({item.note for item in agreements}):
        say(note)


def _format_number(value: float | None) -> str | None:
    return None if value is None else f"{value:z.2f}"


def _parse_cuts(pairs: Sequence[str]) -> dict[str, float]:
    from genaiops_core.evaluation.metrics import normalise_name

    cuts = {}
    for text in pairs:
        metric, number = _split_pair(text, "METRIC=VALUE, for example faithfulness=0.8")
        try:
            value = float(number)
        except ValueError:
            # Fails the check of the range below, which has the message.
            value = -1.0
        if not 0 <= value <= 1:
            raise BadInput(f"--cut {text}: the value must be a number from 0 to 1.")
        cuts[normalise_name(metric)] = value
    return cuts


def _split_pair(text: str, shape: str) -> tuple[str, str]:
    name, value = arguments.split_pair(text, f"'{text}' is invalid; write {shape}.")
    return name, value.strip()
