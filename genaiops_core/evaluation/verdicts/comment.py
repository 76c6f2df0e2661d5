"""A results document as Markdown, for a pull request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from genaiops_core.evaluation.verdicts import documents
from genaiops_core.evaluation.verdicts.limits import COST, Figure, figure
from genaiops_core.printable import printable

SIGNS = {"passed": "✅", "failed": "❌", "inconclusive": "⚠️", "error": "💥"}
DETAIL_CASES = 10

MARKER = "<!-- genaiops-evaluation -->"
"""The last line of every comment: by it a workflow finds the one to update."""

MOST_CHARACTERS = 65_000
"""GitHub takes 65,536."""

_MARKDOWN = re.compile(r"([\\`*\[\]~|#!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
"""What Markdown reads as markup; an underscore within a word is none."""
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def markdown(body: Mapping[str, Any]) -> str:
    """Verdict, scores with intervals and change, cost, p95, cases, model; gates and the lowest cases folded."""
    verdict = body.get("verdict") or "inconclusive"
    gates = body.get("gates") or []
    lines = [f"## {SIGNS.get(verdict, '')} Evaluation {verdict}".replace("  ", " "), "", _subject(body), ""]
    if body["metrics"]:
        lines += _metrics(body, gates)
    lines += ["", *_figures(body), ""]
    if body.get("problem"):
        lines += [f"> {text(body['problem'])}", ""]
    folded = [
        ("Stages", [_stage(stage) for stage in body.get("stages") or ()]),
        ("Gates", [f"- **{text(g['name'])}**: {g['verdict']}. {text(g['why'])}" for g in gates]),
        (f"The {DETAIL_CASES} cases with the lowest scores", _lowest(body)),
    ]
    return _fitted(lines, folded)


def text(raw: object) -> str:
    """Text from outside on one line, without Markdown or HTML of its own: no link, no mention, no reference."""
    plain = printable(" ".join(str(raw).split())).translate(_HTML)
    plain = _MARKDOWN.sub(r"\\\1", plain)
    # The word joiner is invisible; it keeps addresses, people and issues from being made into links.
    for mark, instead in (("//", "/\u2060/"), ("www.", "www\u2060."), ("@", "@\u2060"), ("#", "#\u2060")):
        plain = plain.replace(mark, instead)
    return plain


def _subject(body: Mapping[str, Any]) -> str:
    release = " ".join(str(body[key]) for key in ("application", "release") if body.get(key))
    cases, total = body.get("cases"), body.get("cases_total")
    used = f"{cases} of {total} cases" if total is not None and total != cases else f"{cases} cases"
    parts = [f"**{text(release)}**"] if release else []
    parts.append(f"dataset {_code(body.get('dataset', ''))} version {body.get('version')}, {used}")
    parts.append(f"judge {_code(body.get('judge', ''))}")
    if model := (body.get("target") or {}).get("model"):
        parts.append(f"model {_code(model)}")
    if (body.get("repetitions") or 1) > 1:
        parts.append(f"{body['repetitions']} repetitions")
    return " · ".join(parts)


def _metrics(body: Mapping[str, Any], gates: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row a metric; how it moved against the baseline, where there is one."""
    own = {gate["metric"]: gate for gate in gates if gate.get("kind", "threshold") == "threshold"}
    moved = {row["metric"]: row for row in (body.get("comparison") or {}).get("metrics") or ()}
    lines = [
        "| metric | score | 95 % interval | against the baseline | cases | threshold | verdict |",
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
            text(title),
            _score(entry["mean"]),
            interval,
            _moved(moved.get(name)),
            cases,
            *_verdict(own.get(name)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    for gate in gates:
        if gate["metric"] not in body["metrics"] or gate.get("kind", "threshold") == "regression":
            measured = "unknown" if gate["measured"] is None else _figure(gate)
            cells = (text(gate["name"]), measured, "", _moved(moved.get(gate["metric"])), "", *_verdict(gate))
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _figure(gate: Mapping[str, Any]) -> str:
    if gate.get("kind") == "regression":
        return f"{gate['measured']:+.4f}"
    return f"{gate['measured']:.4g}"


def _verdict(gate: Mapping[str, Any] | None) -> tuple[str, str]:
    if gate is None:
        return "", ""
    threshold = "" if gate["threshold"] is None else f"{gate['threshold']:g}"
    return threshold, f"{SIGNS.get(gate['verdict'], '')} {gate['verdict']}"


def _moved(row: Mapping[str, Any] | None) -> str:
    if row is None or row.get("difference") is None:
        return ""
    form = "{:+.1%}" if row.get("is_relative") else "{:+.3f}"
    return f"{form.format(row['difference'])} ({form.format(row['low'])} to {form.format(row['high'])})"


def _figures(body: Mapping[str, Any]) -> list[str]:
    answers, traffic = documents.answers_of(body), documents.traffic_of(body)
    cost, p95 = (figure(name, answers, traffic) for name in (COST, "latency_p95"))
    shown = [
        f"- average cost per request: {_measured(cost, '{:.6g} USD')}",
        f"- p95 latency: {_measured(p95, '{:,.0f} ms')}",
    ]
    judging = body.get("judging") or {}
    spent = body.get("cost_usd")
    calls = f", {judging['calls']:,} calls" if judging.get("calls") else ""
    unpriced = (
        f" ({judging['unpriced_calls']:,} calls have no price)" if judging.get("unpriced_calls") else ""
    )
    shown.append(f"- cost of judging: {'unknown' if spent is None else f'{spent} USD'}{calls}{unpriced}")
    shown += [_corrected(name, entry["corrected"]) for name, entry in _by_people(body).items()]
    if baseline := body.get("baseline"):
        named = " ".join(str(baseline[key]) for key in ("application", "release") if baseline.get(key))
        found = body.get("comparison") or {}
        shown.append(
            f"- baseline: {text(named) or _code(baseline.get('name', ''))}, {found.get('cases', 'unknown')} cases in common"
        )
    return shown


def _by_people(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {name: entry for name, entry in body["metrics"].items() if entry.get("corrected")}


def _corrected(metric: str, found: Mapping[str, Any]) -> str:
    if found["mean"] is None:
        return f"- {text(metric)} as people rate it: unknown ({text(found['problem'])})"
    interval = f"{found['low']:.3f} to {found['high']:.3f}"
    return (
        f"- {text(metric)} as people rate it: {found['mean']:.3f} ({interval}), "
        f"by {found['labelled']:,} labels of {text(found['label'])}"
    )


def _measured(found: Figure, form: str) -> str:
    if found.value is None:
        return "unknown"
    shown = form.format(found.value)
    if found.low is not None and found.high is not None and found.low < found.high:
        shown += f", {form.format(found.low)} to {form.format(found.high)}"
    return f"{shown} ({found.evidence.replace(' of the last', ', last')})"


def _stage(stage: Mapping[str, Any]) -> str:
    score = "" if stage.get("score") is None else f", weighted score {stage['score']:.3f}"
    if score and stage.get("low") is not None:
        score += f" ({stage['low']:.3f} to {stage['high']:.3f})"
    return f"- **{text(stage['name'])}**: {stage['verdict']}{score}"


def _lowest(body: Mapping[str, Any]) -> list[str]:
    scales = {name: one.scale for name, one in documents.metrics_of(body).items()}
    scored = []
    for row in body.get("details") or ():
        values = [
            scales[name].goodness(value)
            for name, value in row["scores"].items()
            if value is not None and name in scales
        ]
        if values:
            scored.append((min(values), row["case"], row))
    scored.sort(key=lambda found: found[:2])
    return [
        f"- case {row['case']}: "
        + ", ".join(f"{text(name)} {_score(value)}" for name, value in row["scores"].items())
        + f"; {text(str(row.get('input') or '')[:200])}"
        for _lowest_value, _case, row in scored[:DETAIL_CASES]
    ]


def _fitted(lines: Sequence[str], folded: Sequence[tuple[str, Sequence[str]]]) -> str:
    """All of it, or as much as a comment may hold: whole lines only, so that no markup is cut through."""
    left = MOST_CHARACTERS - len(MARKER) - 200
    kept: list[str] = []
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            break
        kept.append(line)
    for title, rows in folded:
        left -= len(title) + 60
        shown = []
        for row in rows:
            left -= len(row) + 1
            if left < 0:
                break
            shown.append(row)
        if shown:
            missing = len(rows) - len(shown)
            more = [f"- and {missing} more, which are in the results"] if missing else []
            kept += ["<details>", f"<summary>{title}</summary>", "", *shown, *more, "", "</details>", ""]
    if left < 0:
        kept += ["This comment was shortened; the results hold everything.", ""]
    return "\n".join(kept).rstrip() + f"\n\n{MARKER}\n"


def _score(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _code(raw: object) -> str:
    """Text from outside as code."""
    plain = printable(" ".join(str(raw).split())).replace("`", "'").replace("|", "\\|")
    return f"`{plain or ' '}`"
