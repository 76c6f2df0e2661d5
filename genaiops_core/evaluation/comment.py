"""A results document as Markdown, for a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SIGNS = {"passed": "✅", "failed": "❌", "inconclusive": "⚠️", "error": "💥"}
DETAIL_CASES = 10


def markdown(body: Mapping[str, Any]) -> str:
    """Verdict, scores with intervals, cost, p95, cases, model; gates and the lowest cases folded."""
    verdict = body.get("verdict") or "inconclusive"
    lines = [
        f"## {SIGNS.get(verdict, '')} Evaluation {verdict}".replace("  ", " "),
        "",
        _subject(body),
        "",
        "| metric | score | 95 % interval | cases | threshold | verdict |",
        "|---|---|---|---|---|---|",
    ]
    gates = body.get("gates") or []
    by_metric = {gate["metric"]: gate for gate in gates}
    for name, entry in body["metrics"].items():
        lines.append(_metric_row(name, entry, by_metric.get(name)))
    lines += [_gate_row(gate) for gate in gates if gate["metric"] not in body["metrics"]]
    lines += ["", *_figures(body), ""]
    if body.get("problem"):
        lines += [f"> {_cell(body['problem'])}", ""]
    lines += _folded("Gates", [f"- **{_cell(g['name'])}**: {g['verdict']}. {_cell(g['why'])}" for g in gates])
    lines += _folded(f"The {DETAIL_CASES} cases with the lowest scores", _lowest(body))
    return "\n".join(lines).rstrip() + "\n"


def _subject(body: Mapping[str, Any]) -> str:
    release = " ".join(str(body[key]) for key in ("application", "release") if body.get(key))
    cases, total = body.get("cases"), body.get("cases_total")
    used = f"{cases} of {total} cases" if total is not None and total != cases else f"{cases} cases"
    parts = [f"**{_cell(release)}**"] if release else []
    parts.append(f"dataset `{_cell(str(body.get('dataset', '')))}` version {body.get('version')}, {used}")
    parts.append(f"judge `{_cell(str(body.get('judge', '')))}`")
    return " · ".join(parts)


def _metric_row(name: str, entry: Mapping[str, Any], gate: Mapping[str, Any] | None) -> str:
    title = f"{name} (proxy)" if entry.get("is_proxy") else name
    interval = "unknown" if entry["low"] is None else f"{entry['low']:.3f} to {entry['high']:.3f}"
    cases = str(entry["n"]) + (f" ({entry['undefined']} undefined)" if entry.get("undefined") else "")
    threshold = "" if gate is None or gate["threshold"] is None else f"{gate['threshold']:g}"
    verdict = "" if gate is None else f"{SIGNS.get(gate['verdict'], '')} {gate['verdict']}"
    return f"| {_cell(title)} | {_score(entry['mean'])} | {interval} | {cases} | {threshold} | {verdict} |"


def _gate_row(gate: Mapping[str, Any]) -> str:
    measured = "unknown" if gate["measured"] is None else f"{gate['measured']:.4g}"
    threshold = "" if gate["threshold"] is None else f"{gate['threshold']:g}"
    sign = SIGNS.get(gate["verdict"], "")
    return f"| {_cell(gate['metric'])} | {measured} | | | {threshold} | {sign} {gate['verdict']} |"


def _figures(body: Mapping[str, Any]) -> list[str]:
    traffic = body.get("traffic") or {}
    cost, p95 = traffic.get("cost_per_query_usd"), (traffic.get("latency_ms") or {}).get("p95")
    shown = [
        f"- average cost per request: {'unknown' if cost is None else f'{cost:.6g} USD'}",
        f"- p95 latency: {'unknown' if p95 is None else f'{p95:,.0f} ms'}",
        f"- cost of judging: {body.get('cost_usd', 'unknown')} USD",
    ]
    if traffic:
        shown[0] += f" ({traffic['requests']:,} requests, last {traffic['window_days']} days)"
    return shown


def _lowest(body: Mapping[str, Any]) -> list[str]:
    scored = []
    for row in body.get("details") or ():
        values = [value for value in row["scores"].values() if value is not None]
        if values:
            scored.append((min(values), row))
    scored.sort(key=lambda pair: (pair[0], pair[1]["case"]))
    return [
        f"- case {row['case']}: "
        + ", ".join(f"{name} {_score(value)}" for name, value in row["scores"].items())
        + f"; {_cell(row['input'])[:200]}"
        for _lowest_value, row in scored[:DETAIL_CASES]
    ]


def _folded(title: str, lines: list[str]) -> list[str]:
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "", "</details>", ""] if lines else []


def _score(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _cell(text: str) -> str:
    """Text from outside on one line, without Markdown or HTML of its own."""
    plain = " ".join(str(text).split())
    for character, instead in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("|", "\\|"),
        ("`", "'"),
        ("@", "&#64;"),
    ):
        plain = plain.replace(character, instead)
    return plain
