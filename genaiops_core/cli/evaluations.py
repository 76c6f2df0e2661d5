"""`genaiops evaluate`, `gate`, `compare`, `pr-comment`: from a test suite to an exit code."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from genaiops_core.cli import context, output, targets, thresholds
from genaiops_core.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from genaiops_core.evaluation.runs import Evaluation

EXIT_CODES = {"passed": output.EXIT_PASSED, "failed": output.EXIT_FAILED}
"""Everything else, missing evidence included, is 3."""

POLL_SECONDS = 0.2

Progress = Callable[[int, int], None]


def register(app: typer.Typer) -> None:
    """Add the evaluation commands to the command line."""
    app.command(context_settings=thresholds.CONTEXT)(evaluate)
    app.command(context_settings=thresholds.CONTEXT)(gate)
    app.command()(compare)
    app.command("pr-comment")(pr_comment)


def evaluate(
    extra: typer.Context,
    suite: Annotated[str, typer.Option(help="A file of test cases, or a dataset (NAME or NAME@VERSION).")],
    config: Annotated[Path | None, typer.Option(help="Evaluation pipeline in YAML.")] = None,
    judge: Annotated[str, typer.Option(help="Who measures: offline.")] = "offline",
    application: Annotated[str, typer.Option(help="Application whose quality this is.")] = "",
    release: Annotated[str, typer.Option(help="Release whose quality this is.")] = "",
    sample_size: Annotated[int | None, typer.Option(help="At most this many cases.", min=1)] = None,
    map: Annotated[list[str] | None, typer.Option(help="FIELD=COLUMN, where SUITE is a file.")] = None,
    target: targets.Where = "",
    target_model: targets.Model = "",
    target_system: targets.System = "",
    target_template: targets.Template = None,
    target_reply: targets.Reply = None,
    target_prompt: targets.Prompt = "",
    repetitions: targets.Repetitions = 1,
    output_file: Annotated[Path | None, typer.Option("--output", help="Results to write, as JSON.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    json: output.Json = False,
) -> None:
    """Score a test suite and decide its gates: exit 0 passed, 1 failed, 3 inconclusive or error.

    --min-METRIC X (0 to 1), --max-cost-per-query USD and --max-latency-p95 MS ask for more, or instead of --config.
    """
    from db.transaction import reading
    from genaiops_core.evaluation import pipeline, results, runs

    asked = thresholds.parse(extra.args)
    document = pipeline.read_file(config) if config else None
    engine, actor = context.engine(), context.actor()
    answering = targets.target_of(
        engine,
        target=target,
        model=target_model,
        system=target_system,
        template=target_template,
        reply=target_reply,
        prompt=target_prompt,
        repetitions=repetitions,
        application=application,
        release=release,
    )
    dataset, version = _suite(engine, actor, suite, map or [])
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
        target=answering,
        repetitions=repetitions,
        reason=reason,
    )
    with _bar(shown=not json) as progress:
        done = _carry_out(engine, actor, id, progress)
    with reading(engine) as connection:
        body = results.document(done, runs.scores(connection, id) if output_file else ())
    if output_file:
        _write(output_file, body)
    _answer(body, json=json)


def gate(
    extra: typer.Context,
    results: Annotated[Path, typer.Option(help="Results that genaiops evaluate wrote.")],
    json: output.Json = False,
) -> None:
    """Decide from written results: the thresholds given here, or the gates recorded in them."""
    from genaiops_core.evaluation import gates
    from genaiops_core.evaluation import results as documents
    from genaiops_core.evaluation.traffic import TrafficFigures
    from genaiops_core.evaluation.verdicts import overall

    asked = thresholds.parse(extra.args)
    body = documents.read(results)
    if asked:
        evidence = gates.Evidence(
            metrics=documents.metrics_of(body),
            judge=str(body.get("judge", "")),
            traffic=TrafficFigures(**body["traffic"]) if body.get("traffic") else None,
        )
        decision = gates.decide(evidence, minimums=asked.minimums, limits=asked.limits)
        body["gates"] = [item.as_json() for item in decision.gates]
    body["verdict"] = overall([item["verdict"] for item in body.get("gates") or []])
    if body.get("partial") and body["verdict"] == "passed":
        body["verdict"] = "inconclusive"
    _answer({key: value for key, value in body.items() if key != "details"}, json=json)


def compare(
    baseline: Annotated[Path, typer.Option(help="Results of the run to compare with.")],
    current: Annotated[Path, typer.Option(help="Results of the new run.")],
    max_degradation: Annotated[
        float, typer.Option(help="Largest loss of a metric's mean.", min=0, max=1)
    ] = 0.05,
    json: output.Json = False,
) -> None:
    """Compare two results case by case: exit 0 no worse, 1 worse than allowed, 3 not to be told."""
    from genaiops_core.evaluation import compare as comparing
    from genaiops_core.evaluation import results as documents

    found = comparing.compare_documents(documents.read(baseline), documents.read(current), max_degradation)
    rows = [item.as_json() for item in found.differences]
    if json:
        output.print_json(
            {"verdict": found.verdict, "why": found.why, "max_degradation": max_degradation, "metrics": rows}
        )
    else:
        columns = [
            "metric",
            "baseline_mean",
            "current_mean",
            "difference",
            "low",
            "high",
            "n",
            "verdict",
            "why",
        ]
        output.print_table(rows, columns, empty=f"Nothing to compare: {found.why}.")
        typer.echo(f"Verdict: {found.verdict}")
    raise typer.Exit(EXIT_CODES.get(found.verdict, output.EXIT_INCONCLUSIVE))


def pr_comment(
    results: Annotated[Path, typer.Argument(help="Results that genaiops evaluate wrote.")],
    json: output.Json = False,
) -> None:
    """Print results as Markdown for a pull request; the exit code says the verdict."""
    from genaiops_core.evaluation import results as documents
    from genaiops_core.evaluation.comment import markdown

    body = documents.read(results)
    text = markdown(body)
    if json:
        output.print_json({"verdict": body.get("verdict"), "markdown": text})
    else:
        typer.echo(text, nl=False)
    raise typer.Exit(EXIT_CODES.get(body.get("verdict") or "", output.EXIT_INCONCLUSIVE))


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
    from genaiops_core.evaluation import execution, runs
    from genaiops_core.jobs import heartbeat

    try:
        while True:
            with reading(engine) as connection:
                run = runs.get(connection, id)
                is_beating = heartbeat.is_beating(connection, now())
            progress(run.units_done, run.units)
            if not run.is_open and (run.results is not None or run.state == "failed"):
                return run
            if run.state == "queued" and not is_beating:
                if execution.claim(engine, id, heartbeat.new_executor_id(now())):
                    return execution.run(engine, id, progress)
            elif run.state == "running" and not is_beating:
                # The worker that had it died; every step may be repeated, so it is carried on here.
                return execution.run(engine, id, progress)
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
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scoring", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _write(file: Path, body: Mapping[str, Any]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.") from error


def _answer(body: Mapping[str, Any], *, json: bool) -> None:
    """Print a results document and leave with its exit code."""
    verdict = body.get("verdict")
    if json:
        output.print_json({key: value for key, value in body.items() if key != "details"})
    else:
        rows = [{"metric": name, **entry} for name, entry in body["metrics"].items()]
        output.print_table(
            rows, ["metric", "mean", "low", "high", "n", "undefined"], empty="Nothing was measured."
        )
        typer.echo("")
        output.print_table(
            body.get("gates") or [], ["name", "threshold", "verdict", "why"], empty="No gate was decided."
        )
        used = f" on {body['cases']} of {body['cases_total']} cases" if "cases" in body else ""
        typer.echo(f"\nVerdict: {verdict or 'none'}{used}. {body.get('problem') or ''}".rstrip())
    raise typer.Exit(EXIT_CODES.get(verdict or "", output.EXIT_INCONCLUSIVE))
