"""`genaiops evaluate`: score a test suite, decide its gates and exit with the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context, documents, run_progress, targets, thresholds, verdicts
from genaiops_core.cli import judge_options as judge_options
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.rate_limits import RateLimits

if TYPE_CHECKING:
    import sqlalchemy as sa


def register(app: typer.Typer) -> None:
    """Add `evaluate` to the command line."""
    app.command(context_settings=thresholds.CONTEXT)(evaluate)


def evaluate(
    extra: typer.Context,
    suite: Annotated[
        str,
        typer.Option(
            "--suite",
            "--test-suite",
            help="A file of test cases, or a dataset: NAME, NAME@VERSION or NAME@TAG.",
        ),
    ],
    config: Annotated[Path | None, typer.Option(help="Evaluation pipeline in YAML.")] = None,
    judge: Annotated[
        str,
        typer.Option(help="Judge: offline, bedrock:MODEL, openai:MODEL@BASE_URL or agentcore:EVALUATOR."),
    ] = "offline",
    application: Annotated[str, typer.Option(help="Application to evaluate.")] = "",
    release: Annotated[str, typer.Option(help="Release to evaluate.")] = "",
    split: Annotated[str, typer.Option(help="Only the cases of this split of the dataset.")] = "",
    sample_size: Annotated[int | None, typer.Option(help="At most this many cases.", min=1)] = None,
    map: Annotated[list[str] | None, typer.Option(help="FIELD=COLUMN, if SUITE is a file.")] = None,
    target: targets.Where = "",
    target_model: targets.Model = "",
    target_system: targets.System = "",
    target_template: targets.Template = None,
    target_reply: targets.Reply = None,
    target_prompt: targets.Prompt = "",
    repetitions: targets.Repetitions = 1,
    metric: judge_options.Metrics = None,
    judge_option: judge_options.JudgeOption = None,
    concurrency: judge_options.Concurrency = RateLimits.concurrency,
    calls_per_minute: judge_options.CallsPerMinute = None,
    unit_timeout: judge_options.UnitTimeout = RateLimits.unit_timeout_s,
    spend_limit: judge_options.SpendLimit = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", help="Results file to write, as JSON.")
    ] = None,
    baseline: Annotated[
        str, typer.Option(help="Results file, evaluation id, or production (the default).")
    ] = "",
    max_degradation: Annotated[
        float | None,
        typer.Option(help="Largest allowed loss against the baseline, as in compare.", min=0, max=1),
    ] = None,
    junit: verdicts.Junit = None,
    comment: verdicts.CommentFile = None,
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Score a test suite and decide its gates: exit 0 passed, 1 failed, 3 inconclusive or error.

    --min-METRIC X, --max-cost-per-query USD and --max-latency-p95 MS add gates; --config is optional then.
    """
    from db.transaction import reading
    from genaiops_core.clock import now
    from genaiops_core.evaluation import runs
    from genaiops_core.evaluation.runs import deciding
    from genaiops_core.releases import evaluation_results

    # All input is read and checked before the suite is imported and the evaluation is launched.
    requested = thresholds.parse(extra.args)
    document = _read_pipeline(config, max_degradation)
    baseline_document = documents.read_baseline_file(baseline)
    limits = judge_options.parse_rate_limits(concurrency, calls_per_minute, unit_timeout, spend_limit)
    options = judge_options.parse_judge_options(judge_option)
    engine, actor = context.engine(), context.actor()
    target_spec = targets.build_target_spec(
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
    dataset, version = _find_suite(engine, actor, suite, map or [])
    baseline_id = ""
    if baseline_document is None:
        baseline_id = documents.find_baseline(
            engine,
            requested=baseline,
            document=document,
            dataset=dataset,
            judge=judge,
            application=application,
        )
    id = runs.launch(
        engine,
        actor=actor,
        dataset=dataset,
        version=version,
        judge=judge,
        judge_options=options,
        metrics=metric or None,
        config=document,
        minimums=requested.minimums,
        limits=requested.limits,
        application=application,
        release=release,
        split=split,
        sample_size=sample_size,
        target=target_spec,
        repetitions=repetitions,
        pace=limits,
        baseline=baseline_id,
        reason=reason,
    )
    with run_progress.show_progress(is_shown=not json) as progress:
        evaluation = run_progress.run_to_end(engine, actor, id, progress)
    if baseline_document is not None:
        # After the run: a baseline from a file is not in the database, where the run looks for its own.
        evaluation = deciding.decide_with_baseline(
            engine, id, actor=actor, baseline=baseline_document, at=now(), reason=reason
        )
    with reading(engine) as connection:
        body = evaluation_results.build_document(connection, evaluation)
    if output_file:
        documents.write_json(output_file, body)
    verdicts.write_reports(body, junit=junit, comment=comment)
    verdicts.print_results(body, json=json)


def _read_pipeline(config: Path | None, max_degradation: float | None) -> dict[str, Any] | None:
    """Read the stages of `--config`; `--max-degradation` adds a stage, also without a file."""
    from genaiops_core.evaluation.verdicts import pipeline

    document = pipeline.read_pipeline_file(config) if config else None
    if max_degradation is None:
        return document
    return pipeline.set_max_degradation(document, max_degradation)


def _find_suite(engine: sa.Engine, actor: str, suite: str, pairs: list[str]) -> tuple[str, int | None]:
    """Find the dataset version of `--suite`; a file is imported first, and equal content keeps its version."""
    from db.transaction import reading
    from genaiops_core.cli.datasets import note_other_name, parse_mapping
    from genaiops_core.evaluation import datasets
    from genaiops_core.evaluation.datasets import changes, file_origins

    file = Path(suite)
    if not file.is_file():
        # Probably a mistyped path: "there is no such dataset" would mislead.
        if file.suffix.lower() in (".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".xls", ".ods", ".parquet"):
            raise BadInput(f"{suite} does not exist.")
        with reading(engine) as connection:
            version = changes.find_version(connection, suite)
        return version.dataset, version.version
    stored = datasets.import_dataset(
        engine,
        actor=actor,
        name=file.stem,
        data=arguments.read_file(file),
        filename=file.name,
        mapping=parse_mapping(pairs),
        origin=file_origins.describe_origin(file),
        is_named_by_file=True,
    )
    note_other_name(file, file.stem, stored.dataset)
    return stored.dataset, stored.version
