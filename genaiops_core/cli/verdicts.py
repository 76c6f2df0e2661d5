"""`genaiops gate`, `compare`, `pr-comment`: turn results into an exit code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from genaiops_core import output
from genaiops_core.cli import documents, thresholds

EXIT_CODES = {"passed": output.EXIT_PASSED, "warning": output.EXIT_PASSED, "failed": output.EXIT_FAILED}
"""Every other verdict, missing evidence included, exits with 3."""

MAX_CASES = 1_000

Junit = Annotated[Path | None, typer.Option(help="JUnit XML file to write.")]
CommentFile = Annotated[Path | None, typer.Option(help="Pull request comment to write, in Markdown.")]


def register(app: typer.Typer) -> None:
    """Add the commands that evaluate results."""
    app.command(context_settings=thresholds.CONTEXT)(gate)
    app.command()(compare)
    app.command("pr-comment")(pr_comment)


def gate(
    extra: typer.Context,
    results: Annotated[str, typer.Option(help="Results file of genaiops evaluate, or an evaluation id.")],
    junit: Junit = None,
    comment: CommentFile = None,
    json: output.Json = False,
) -> None:
    """Evaluate gates against saved results: the thresholds of this command, or the gates in the results."""
    from genaiops_core.evaluation.verdicts import gates
    from genaiops_core.evaluation.verdicts.documents import parse_answers, parse_metrics, parse_traffic
    from genaiops_core.evaluation.verdicts.verdict import ACCEPTED, combine_verdicts

    requested = thresholds.parse(extra.args)
    body = documents.load_results(results)
    if requested:
        evidence = gates.Evidence(
            metrics=parse_metrics(body),
            judge=str(body.get("judge", "")),
            traffic=parse_traffic(body),
            answers=parse_answers(body),
        )
        decision = gates.decide(evidence, minimums=requested.minimums, limits=requested.limits)
        body["gates"] = [item.as_json() for item in decision.gates]
        body["stages"] = [item.as_json() for item in decision.stages]
    body["verdict"] = combine_verdicts([item["verdict"] for item in body.get("gates") or []])
    # The missing cases might fail the gate; a failure already stands.
    if body.get("partial") and body["verdict"] in ACCEPTED:
        body["verdict"] = "inconclusive"
    write_reports(body, junit=junit, comment=comment)
    print_results(body, json=json)


def compare(
    baseline: Annotated[str, typer.Option(help="Baseline: results file, evaluation id, or production.")],
    current: Annotated[str, typer.Option(help="Current run: results file or evaluation id.")],
    max_degradation: Annotated[
        float,
        typer.Option(
            help="Largest allowed loss: share of the score scale, or relative for cost and latency.",
            min=0,
            max=1,
        ),
    ] = 0.05,
    method: Annotated[
        str, typer.Option(help="bootstrap, or permutation (sign flips; for few cases).")
    ] = "bootstrap",
    cases: Annotated[
        int,
        typer.Option(help="Largest number of regressed and improved cases to list.", min=0, max=MAX_CASES),
    ] = 10,
    skip: Annotated[int, typer.Option(help="Cases to skip at the start of both lists.", min=0)] = 0,
    junit: Junit = None,
    json: output.Json = False,
) -> None:
    """Compare two results case by case: exit 0 no worse, 1 worse than allowed, 3 inconclusive."""
    from genaiops_core.evaluation.verdicts import junit as junits
    from genaiops_core.evaluation.verdicts import pairing
    from genaiops_core.evaluation.verdicts.compare import compare_documents
    from genaiops_core.evaluation.verdicts.documents import describe_source, parse_metrics

    current_document = documents.load_results(current)
    baseline_document = documents.load_results(baseline, like=current_document)
    comparison = compare_documents(baseline_document, current_document, max_degradation, method=method)
    scales = {
        name: metric.scale
        for name, metric in parse_metrics(baseline_document).items()
        if name in current_document["metrics"]
    }
    drops, gains = pairing.list_drops(comparison.pairs, scales), pairing.list_gains(comparison.pairs, scales)
    body = {
        **comparison.as_json(),
        "baseline": describe_source(baseline_document),
        "current": describe_source(current_document),
        "regressed_cases": len(drops),
        "improved_cases": len(gains),
        "regressions": [case.as_json() for case in drops[skip : skip + cases]],
        "improvements": [case.as_json() for case in gains[skip : skip + cases]],
        "cases_only_in_baseline": [
            _describe_case(side) for side in comparison.pairs.only_baseline[skip : skip + cases]
        ],
        "cases_only_in_current": [
            _describe_case(side) for side in comparison.pairs.only_current[skip : skip + cases]
        ],
    }
    if junit:
        listed = {name: [case for case in drops if case.metric == name][:20] for name in scales}
        documents.write_file(
            junit, junits.render_comparison(body, listed, {"baseline": baseline, "current": current})
        )
    if json:
        output.print_json(body)
    else:
        _print_comparison(body)
    raise typer.Exit(EXIT_CODES.get(comparison.verdict, output.EXIT_INCONCLUSIVE))


def pr_comment(
    results: Annotated[str, typer.Argument(help="Results file of genaiops evaluate, or an evaluation id.")],
    baseline: Annotated[
        str, typer.Option(help="Baseline for changes: results file, evaluation id, or production.")
    ] = "",
    output_file: Annotated[Path | None, typer.Option("--output", help="Markdown file to write.")] = None,
    json: output.Json = False,
) -> None:
    """Print results as Markdown for a pull request; the exit code is the verdict."""
    from genaiops_core.evaluation.verdicts.comment import render_markdown
    from genaiops_core.evaluation.verdicts.compare import MAX_DEGRADATION, compare_documents
    from genaiops_core.evaluation.verdicts.documents import describe_source

    body = documents.load_results(results)
    if baseline:
        baseline_document = documents.load_results(baseline, like=body)
        comparison = compare_documents(baseline_document, body, MAX_DEGRADATION)
        body |= {
            "baseline": {"name": baseline, **describe_source(baseline_document)},
            "comparison": comparison.as_json(),
        }
    text = render_markdown(body)
    if output_file:
        documents.write_file(output_file, text.encode())
    if json:
        output.print_json({"verdict": body.get("verdict"), "markdown": text})
    elif not output_file:
        output.say(text, nl=False)
    raise typer.Exit(EXIT_CODES.get(body.get("verdict") or "", output.EXIT_INCONCLUSIVE))


def write_reports(body: Mapping[str, Any], *, junit: Path | None, comment: Path | None) -> None:
    """Write the JUnit report and the pull request comment for a CI server."""
    from genaiops_core.evaluation.verdicts import junit as junits
    from genaiops_core.evaluation.verdicts.comment import render_markdown

    if junit:
        documents.write_file(junit, junits.render_results(body))
    if comment:
        documents.write_file(comment, render_markdown(body).encode())


def print_results(body: Mapping[str, Any], *, json: bool) -> None:
    """Print a results document and exit with the code of its verdict."""
    from genaiops_core.evaluation.verdicts import units

    verdict = body.get("verdict")
    # On stderr, so that a log shows it even where stdout is JSON for a program.
    for gate in body.get("gates") or []:
        if gate["verdict"] == "warning":
            output.say(f"Warning: {gate['name']}: {gate['why']}", err=True)
    if json:
        # Without the cases: `--output` writes them.
        output.print_json({key: value for key, value in body.items() if key != "details"})
    else:
        rows = [{"metric": name, **entry} for name, entry in body["metrics"].items()]
        output.print_table(
            rows, ["metric", "mean", "low", "high", "n", "undefined"], empty="There are no metrics."
        )
        output.say("")
        gates = [{**gate, "threshold": units.format_threshold(gate)} for gate in body.get("gates") or []]
        output.print_table(gates, ["name", "threshold", "verdict", "why"], empty="There are no gates.")
        output.say("")
        output.say(_describe_unfinished(body) if body.get("partial") else _describe_verdict(body))
    raise typer.Exit(EXIT_CODES.get(verdict or "", output.EXIT_INCONCLUSIVE))


def _describe_verdict(body: Mapping[str, Any]) -> str:
    used = f" on {body['cases']} of {body['cases_total']} cases" if "cases" in body else ""
    return f"Verdict: {body.get('verdict') or 'none'}{used}. {body.get('problem') or ''}".rstrip()


def _describe_unfinished(body: Mapping[str, Any]) -> str:
    """The state of a run without a verdict, and the commands that resume it."""
    id, state = body.get("evaluation"), body.get("state") or "not finished"
    verdict = f"verdict: {body['verdict']}" if body.get("verdict") else "no verdict"
    sentence = f"Evaluation {state}; {verdict}. {body.get('problem') or ''}".rstrip()
    if not id:
        return sentence
    return f"{sentence}\nTo continue: genaiops evaluation resume {id}, then genaiops evaluation wait {id}"


def _print_comparison(body: Mapping[str, Any]) -> None:
    columns = ["metric", "baseline_mean", "current_mean", "difference", "low", "high", "n", "verdict", "why"]
    output.print_table(body["metrics"], columns, empty=f"Nothing to compare: {body['why']}.")
    if body["regressions"]:
        output.say(f"\nLargest regressions, of {body['regressed_cases']:,}:")
        output.print_table(
            body["regressions"], ["metric", "case", "baseline", "current", "difference", "input"], empty=""
        )
    unpaired = f"{body['only_in_baseline']:,} cases only in the baseline, {body['only_in_current']:,} only in the current run"
    output.say(f"\n{body['cases']:,} cases in both, {unpaired}.")
    output.say(f"Intervals: {body['confidence']:.0%} together, {body['correction']}.")
    output.say(f"Verdict: {body['verdict']}")


def _describe_case(side: Any) -> dict[str, Any]:
    return {"case": side.case, "input": side.input}
