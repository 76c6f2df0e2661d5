"""`genaiops evaluate`: from a test suite to an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context, documents, run_progress, targets, thresholds, verdicts
from genaiops_core.cli import judge_options as pacing
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
        str, typer.Option(help="A file of test cases, or a dataset: NAME, NAME@VERSION or NAME@TAG.")
    ],
    config: Annotated[Path | None, typer.Option(help="Evaluation pipeline in YAML.")] = None,
    judge: Annotated[
        str,
        typer.Option(
            help="Who measures: offline, bedrock:MODEL, openai:MODEL@BASE_URL, agentcore:EVALUATOR."
        ),
    ] = "offline",
    application: Annotated[str, typer.Option(help="Application whose quality this is.")] = "",
    release: Annotated[str, typer.Option(help="Release whose quality this is.")] = "",
    split: Annotated[str, typer.Option(help="Only the cases of this split of the dataset.")] = "",
    sample_size: Annotated[int | None, typer.Option(help="At most this many cases.", min=1)] = None,
    map: Annotated[list[str] | None, typer.Option(help="FIELD=COLUMN, where SUITE is a file.")] = None,
    target: targets.Where = "",
    target_model: targets.Model = "",
    target_system: targets.System = "",
    target_template: targets.Template = None,
    target_reply: targets.Reply = None,
    target_prompt: targets.Prompt = "",
    repetitions: targets.Repetitions = 1,
    metric: pacing.Metrics = None,
    judge_option: pacing.JudgeOption = None,
    concurrency: pacing.Concurrency = RateLimits.concurrency,
    calls_per_minute: pacing.CallsPerMinute = None,
    unit_timeout: pacing.UnitTimeout = RateLimits.unit_timeout_s,
    spend_limit: pacing.SpendLimit = None,
    output_file: Annotated[Path | None, typer.Option("--output", help="Results to write, as JSON.")] = None,
    baseline: Annotated[
        str, typer.Option(help="Results file, evaluation id, or production, which is the default.")
    ] = "",
    max_degradation: Annotated[
        float | None, typer.Option(help="Largest loss against the baseline, as in compare.", min=0, max=1)
    ] = None,
    junit: verdicts.Junit = None,
    comment: verdicts.CommentFile = None,
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Score a test suite and decide its gates: exit 0 passed, 1 failed, 3 inconclusive or error.

    --min-METRIC X, --max-cost-per-query USD and --max-latency-p95 MS ask for more, or instead of --config.
    """
    from db.transaction import reading
    from genaiops_core.clock import now
    from genaiops_core.evaluation import runs
    from genaiops_core.evaluation.human import results
    from genaiops_core.evaluation.runs import deciding

    asked = thresholds.parse(extra.args)
    document = _pipeline(config, max_degradation)
    against = documents.against_file(baseline)
    pace = pacing.pace_of(concurrency, calls_per_minute, unit_timeout, spend_limit)
    options = pacing.options_of(judge_option)
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
        judge_options=options,
        metrics=metric or None,
        config=document,
        minimums=asked.minimums,
        limits=asked.limits,
        application=application,
        release=release,
        split=split,
        sample_size=sample_size,
        target=answering,
        repetitions=repetitions,
        pace=pace,
        baseline=compared_with,
        reason=reason,
    )
    with run_progress.bar(shown=not json) as progress:
        done = run_progress.carry_out(engine, actor, id, progress)
    if against is not None:
        done = deciding.decide_with_baseline(engine, id, actor=actor, baseline=against, at=now(), reason=reason)
    with reading(engine) as connection:
        body = results.build_document(connection, done)
    if output_file:
        documents.write_json(output_file, body)
    verdicts.report(body, junit=junit, comment=comment)
    verdicts.answer(body, json=json)


def _pipeline(config: Path | None, max_degradation: float | None) -> dict[str, Any] | None:
    """The stages asked for; `--max-degradation` is one more, against the baseline, and like a threshold it suffices."""
    from genaiops_core.evaluation.verdicts import pipeline

    document = pipeline.read_pipeline_file(config) if config else None
    if max_degradation is None:
        return document
    return pipeline.set_max_degradation(document, max_degradation)


def _suite(engine: sa.Engine, actor: str, suite: str, pairs: list[str]) -> tuple[str, int | None]:
    """The dataset version that `--suite` means; a file is imported first (once: the same content is found again)."""
    from db.transaction import reading
    from genaiops_core.cli.datasets import parse_mapping
    from genaiops_core.evaluation import datasets
    from genaiops_core.evaluation.datasets import changes

    file = Path(suite)
    if not file.is_file():
        if file.suffix.lower() in (".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".xls", ".ods", ".parquet"):
            raise BadInput(f"{suite} does not exist.")
        with reading(engine) as connection:
            named = changes.find_version(connection, suite)
        return named.dataset, named.version
    stored = datasets.import_dataset(
        engine,
        actor=actor,
        name=file.stem,
        data=arguments.read_file(file),
        filename=file.name,
        mapping=parse_mapping(pairs),
    )
    return stored.dataset, stored.version
