"""A results document as Markdown, for a pull request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from genaiops_core.evaluation.verdicts import documents, units
from genaiops_core.evaluation.verdicts.limits import COST, Figure, find_figure
from genaiops_core.evaluation.verdicts.verdict import WARNING
from genaiops_core.printable import printable

SIGNS = {"passed": "✅", WARNING: "🔔", "failed": "❌", "inconclusive": "⚠️", "error": "💥"}
DETAIL_CASES = 10

MARKER = "<!-- genaiops-evaluation -->"
"""The last line of every comment; a workflow finds the comment to update by it."""

MAX_CHARACTERS = 65_000
"""GitHub accepts 65,536."""

_MARKDOWN = re.compile(r"([\\`*\[\]~|#!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
"""Characters that are Markdown markup; an underscore within a word is not."""
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def render_markdown(body: Mapping[str, Any]) -> str:
    """Verdict, scores with intervals and change, cost, p95, cases, model; gates and the lowest cases are collapsed."""
    # A partial document has no verdict; it must not look like a success.
    verdict = body.get("verdict") or "inconclusive"
    gates = body.get("gates") or []
    lines = [
        f"## {SIGNS.get(verdict, '')} Evaluation {verdict}".replace("  ", " "),
        "",
        _render_subject(body),
        "",
    ]
    if body["metrics"]:
        lines += _render_metrics(body, gates)
    lines += ["", *_render_figures(body), ""]
    for gate in gates:
        if gate["verdict"] == WARNING:
            lines += [f"> **Warning**: {escape_text(gate['name'])}: {escape_text(gate['why'])}", ""]
    if body.get("problem"):
        lines += [f"> {escape_text(body['problem'])}", ""]
    sections = [
        ("Stages", [_render_stage(stage) for stage in body.get("stages") or ()]),
        (
            "Gates",
            [f"- **{escape_text(g['name'])}**: {g['verdict']}. {escape_text(g['why'])}" for g in gates],
        ),
        (f"The {DETAIL_CASES} cases with the lowest scores", _render_lowest(body)),
    ]
    return _fit(lines, sections)


def escape_text(raw: object) -> str:
    """Untrusted text on one line, with Markdown and HTML escaped: no link, no mention, no reference."""
    plain = printable(" ".join(str(raw).split())).translate(_HTML)
    plain = _MARKDOWN.sub(r"\\\1", plain)
    # The word joiner is invisible; it prevents links to addresses, users and issues.
    for mark, replacement in (("//", "/\u2060/"), ("www.", "www\u2060."), ("@", "@\u2060"), ("#", "#\u2060")):
        plain = plain.replace(mark, replacement)
    return plain


def _render_subject(body: Mapping[str, Any]) -> str:
    release = " ".join(str(body[key]) for key in ("application", "release") if body.get(key))
    cases, total = body.get("cases"), body.get("cases_total")
    cases_text = f"{cases} of {total} cases" if total is not None and total != cases else f"{cases} cases"
    items = [f"**{escape_text(release)}**"] if release else []
    items.append(
        f"dataset {_format_code(body.get('dataset', ''))} version {body.get('version')}, {cases_text}"
    )
    items.append(f"judge {_format_code(body.get('judge', ''))}")
    if model := (body.get("target") or {}).get("model"):
        items.append(f"model {_format_code(model)}")
    if (body.get("repetitions") or 1) > 1:
        items.append(f"{body['repetitions']} repetitions")
    return " · ".join(items)


def _render_metrics(body: Mapping[str, Any], gates: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row per metric, with its change against the baseline if there is one."""
    # Gates on cost, latency and regression have rows of their own below.
    gates_by_metric = {gate["metric"]: gate for gate in gates if gate.get("kind", "threshold") == "threshold"}
    differences = {row["metric"]: row for row in (body.get("comparison") or {}).get("metrics") or ()}
    lines = [
        "| metric | measured | 95 % interval | change from baseline | cases | threshold | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, entry in body["metrics"].items():
        title = f"{name} (proxy)" if entry.get("is_proxy") else name
        interval = "unknown" if entry["low"] is None else f"{entry['low']:.3f} to {entry['high']:.3f}"
        cases = str(entry["n"])
        if entry.get("undefined"):
            failed = f", {entry['failed']} failed" if entry.get("failed") else ""
            cases += f" ({entry['undefined']} undefined{failed})"
        cells = (
            escape_text(title),
            _format_score(entry["mean"]),
            interval,
            _format_change(differences.get(name)),
            cases,
            *_format_verdict(gates_by_metric.get(name)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    for gate in gates:
        if gate["metric"] not in body["metrics"] or gate.get("kind", "threshold") == "regression":
            cells = (
                escape_text(gate["name"]),
                units.format_measured(gate),
                "",
                _format_change(differences.get(gate["metric"])),
                "",
                *_format_verdict(gate),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _format_verdict(gate: Mapping[str, Any] | None) -> tuple[str, str]:
    if gate is None:
        return "", ""
    return units.format_threshold(gate), f"{SIGNS.get(gate['verdict'], '')} {gate['verdict']}"


def _format_change(row: Mapping[str, Any] | None) -> str:
    if row is None or row.get("difference") is None:
        return ""
    template = "{:+.1%}" if row.get("is_relative") else "{:+.3f}"
    return f"{template.format(row['difference'])} ({template.format(row['low'])} to {template.format(row['high'])})"


def _render_figures(body: Mapping[str, Any]) -> list[str]:
    answers, traffic = documents.parse_answers(body), documents.parse_traffic(body)
    cost, p95 = (find_figure(name, answers, traffic) for name in (COST, "latency_p95"))
    lines = [
        f"- average cost per request: {_format_figure(cost, '{:.6g} USD')}",
        f"- p95 latency: {_format_figure(p95, '{:,.0f} ms')}",
    ]
    judging = body.get("judging") or {}
    spent = body.get("cost_usd")
    calls = f", {judging['calls']:,} calls" if judging.get("calls") else ""
    unpriced = (
        f" ({judging['unpriced_calls']:,} calls have no price)" if judging.get("unpriced_calls") else ""
    )
    lines.append(f"- cost of judging: {'unknown' if spent is None else f'{spent} USD'}{calls}{unpriced}")
    lines += [_render_corrected(name, entry["corrected"]) for name, entry in _select_corrected(body).items()]
    if baseline := body.get("baseline"):
        baseline_name = " ".join(
            str(baseline[key]) for key in ("application", "release") if baseline.get(key)
        )
        comparison = body.get("comparison") or {}
        lines.append(
            f"- baseline: {escape_text(baseline_name) or _format_code(baseline.get('name', ''))}, {comparison.get('cases', 'unknown')} cases in common"
        )
    return lines


def _select_corrected(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {name: entry for name, entry in body["metrics"].items() if entry.get("corrected")}


def _render_corrected(metric: str, corrected: Mapping[str, Any]) -> str:
    if corrected["mean"] is None:
        return f"- {escape_text(metric)} by human labels: unknown ({escape_text(corrected['problem'])})"
    interval = f"{corrected['low']:.3f} to {corrected['high']:.3f}"
    return (
        f"- {escape_text(metric)} by human labels: {corrected['mean']:.3f} ({interval}), "
        f"by {corrected['labelled']:,} labels of {escape_text(corrected['label'])}"
    )


def _format_figure(figure: Figure, template: str) -> str:
    if figure.value is None:
        return "unknown"
    formatted = template.format(figure.value)
    if figure.low is not None and figure.high is not None and figure.low < figure.high:
        formatted += f", {template.format(figure.low)} to {template.format(figure.high)}"
    return f"{formatted} ({figure.evidence.replace(' of the last', ', last')})"


def _render_stage(stage: Mapping[str, Any]) -> str:
    score = "" if stage.get("score") is None else f", weighted score {stage['score']:.3f}"
    if score and stage.get("low") is not None:
        score += f" ({stage['low']:.3f} to {stage['high']:.3f})"
    return f"- **{escape_text(stage['name'])}**: {stage['verdict']}{score}"


def _render_lowest(body: Mapping[str, Any]) -> list[str]:
    scales = {name: result.scale for name, result in documents.parse_metrics(body).items()}
    scored = []
    for row in body.get("details") or ():
        values = [
            scales[name].goodness(value)
            for name, value in row["scores"].items()
            if value is not None and name in scales
        ]
        if values:
            scored.append((min(values), row["case"], row))
    # Without the row: dicts have no order.
    scored.sort(key=lambda item: item[:2])
    return [
        f"- case {row['case']}: "
        + ", ".join(f"{escape_text(name)} {_format_score(value)}" for name, value in row["scores"].items())
        + f"; {escape_text(str(row.get('input') or '')[:200])}"
        for _lowest_value, _case, row in scored[:DETAIL_CASES]
    ]


def _fit(lines: Sequence[str], sections: Sequence[tuple[str, Sequence[str]]]) -> str:
    """The whole text, or the lines that fit into a comment; lines are never cut, so that no markup breaks."""
    # 200 characters are left for the closing note.
    remaining = MAX_CHARACTERS - len(MARKER) - 200
    output: list[str] = []
    for line in lines:
        remaining -= len(line) + 1
        if remaining < 0:
            break
        output.append(line)
    for title, rows in sections:
        # 60 characters for the markup of the section.
        remaining -= len(title) + 60
        fitting = []
        for row in rows:
            remaining -= len(row) + 1
            if remaining < 0:
                break
            fitting.append(row)
        if fitting:
            missing = len(rows) - len(fitting)
            ellipsis = [f"- and {missing} more in the results document"] if missing else []
            output += [
                "<details>",
                f"<summary>{title}</summary>",
                "",
                *fitting,
                *ellipsis,
                "",
                "</details>",
                "",
            ]
    if remaining < 0:
        output += ["This comment is truncated; the results document is complete.", ""]
    return "\n".join(output).rstrip() + f"\n\n{MARKER}\n"


def _format_score(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _format_code(raw: object) -> str:
    """Untrusted text as inline code."""
    plain = printable(" ".join(str(raw).split())).replace("`", "'").replace("|", "\\|")
    return f"`{plain or ' '}`"
