"""`genaiops evaluate`: from a test suite to an exit code."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genaiops_core.cli import context, documents, output, thresholds, verdicts
from genaiops_core.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from genaiops_core.evaluation.runs import Evaluation

POLL_SECONDS = 0.2

Progress = Callable[["Evaluation"], None]


def register(app: typer.Typer) -> None:
    """Add `evaluate` to the command line."""
    app.command(context_settings=thresholds.CONTEXT)(evaluate)


def evaluate(
    extra: typer.Context,
    suite: Annotated[str, typer.Option(help="A file of test cases, or a dataset (NAME or NAME@VERSION).")],
    config: Annotated[Path | None, typer.Option(help="Evaluation pipeline in YAML.")] = None,
    judge: Annotated[str, typer.Option(help="Who measures: offline.")] = "offline",
    application: Annotated[str, typer.Option(help="Application whose quality this is.")] = "",
    release: Annotated[str, typer.Option(help="Release whose quality this is.")] = "",
    sample_size: Annotated[int | None, typer.Option(help="At most this many cases.", min=1)] = None,
    map: Annotated[list[str] | None, typer.Option(help="FIELD=COLUMN, where SUITE is a file.")] = None,
    output_file: Annotated[Path | None, typer.Option("--output", help="Results to write, as JSON.")] = None,
    baseline: Annotated[
        str, typer.Option(help="Results file, evaluation id, or production, which is the default.")
    ] = "",
    max_degradation: Annotated[
        float | None, typer.Option(help="Largest loss against the baseline, as in compare.", min=0, max=1)
    ] = None,
    junit: verdicts.Junit = None,
    comment: verdicts.CommentFile = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    json: output.Json = False,
) -> None:
    """Score a test suite and decide its gates: exit 0 passed, 1 failed, 3 inconclusive or error.

    --min-METRIC X, --max-cost-per-query USD and --max-latency-p95 MS ask for more, or instead of --config.
    """
    from db.transaction import reading
    from genaiops_core.clock import now
    from genaiops_core.evaluation import deciding, details, results, runs

    asked = thresholds.parse(extra.args)
    document = _pipeline(config, max_degradation)
    against = documents.against_file(baseline)
    engine, actor = context.engine(), context.actor()
    dataset, version = _suite(engine, actor, suite, map or [])
    compared_with = ""
    if against is None:
        compared_with = documents.baseline_id(
            engine, asked=baseline, document=document, dataset=dataset, judge=judge, application=application
        )
    id = runs.launch(
        engine,
        actor=actor,
        dataset=dataset,
        version=version,
        judge=judge,
        config=document,
        minimums=asked.minimums,
        limits=asked.limits,
        application=application,
        release=release,
        sample_size=sample_size,
        baseline=compared_with,
        reason=reason,
    )
    with _bar(shown=not json) as progress:
        done = _carry_out(engine, actor, id, progress)
    if against is not None:
        done = deciding.decide_against(engine, id, actor=actor, against=against, at=now(), reason=reason)
    with reading(engine) as connection:
        body = results.document(done, details.load(connection, done))
    if output_file:
        documents.write_json(output_file, body)
    verdicts.report(body, junit=junit, comment=comment)
    verdicts.answer(body, json=json)


def _pipeline(config: Path | None, max_degradation: float | None) -> dict[str, Any] | None:
    """The stages asked for; `--max-degradation` is one more, against the baseline, and like a threshold it suffices."""
    from genaiops_core.evaluation import pipeline

    document = pipeline.read_file(config) if config else None
    if max_degradation is None:
        return document
    return pipeline.with_regression(document, max_degradation)


def _suite(engine: sa.Engine, actor: str, suite: str, pairs: list[str]) -> tuple[str, int | None]:
    """The dataset version that `--suite` means; a file is imported first (once: the same content is found again)."""
    from genaiops_core.cli.datasets import parse_mapping, read_file, split_version
    from genaiops_core.evaluation import datasets

    file = Path(suite)
    if not file.is_file():
        if file.suffix.lower() in (".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".xls", ".ods", ".parquet"):
            raise BadInput(f"{suite} does not exist.")
        return split_version(suite)
    stored = datasets.import_dataset(
        engine,
        actor=actor,
        name=file.stem,
        data=read_file(file),
        filename=file.name,
        mapping=parse_mapping(pairs),
    )
    return stored.dataset, stored.version


def _carry_out(engine: sa.Engine, actor: str, id: str, progress: Progress) -> Evaluation:
    """Wait for the workers, or do their work here when there is none; Ctrl-C cancels the run."""
    from db.transaction import reading
    from genaiops_core.clock import now
    from genaiops_core.errors import Conflict
    from genaiops_core.evaluation import execution, run_states, runs
    from genaiops_core.jobs import heartbeat

    try:
        while True:
            with reading(engine) as connection:
                run = runs.get(connection, id)
                is_beating = heartbeat.is_beating(connection, now())
            progress(run)
            if not run.is_open and (run.results is not None or run.state == "failed"):
                return run
            if run.state == "queued" and not is_beating:
                runner = heartbeat.new_executor_id(now())
                if run_states.claim(engine, id, runner):
                    return execution.run(engine, id, progress, runner=runner)
            elif run.state == "running" and not is_beating:
                # The worker that had it died; every step may be repeated, so it is carried on here.
                return execution.run(engine, id, progress, runner=heartbeat.new_executor_id(now()))
            elif run.state == "cancelled":
                return execution.finish(engine, id)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        with suppress(Conflict):  # it ended in the same moment
            runs.cancel(engine, actor=actor, id=id, reason="interrupted on the command line")
        return execution.finish(engine, id)


@contextmanager
def _bar(*, shown: bool) -> Iterator[Progress]:
    """A progress bar on stderr, so that stdout holds the answer only."""
    if not shown:
        yield lambda run: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scoring", total=None)
        yield lambda run: bar.update(task, completed=run.units_done, total=run.units)
