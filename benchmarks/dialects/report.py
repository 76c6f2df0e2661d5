"""The result: `results.json`, and the table of docs/reference/telemetry.md between its marks."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.dialects.comparison import FIGURES, NOT_SENT, RIGHT, WRONG, Finding
from benchmarks.dialects.environments import FOLDER, Pin, read_pins
from benchmarks.dialects.scenarios import find_kind

RESULTS = FOLDER / "results.json"
DOCUMENT = FOLDER.parents[1] / "docs" / "reference" / "telemetry.md"
START, END = "<!-- dialects: written by `make dialects` -->", "<!-- end of dialects -->"


def read_results() -> dict[str, Any]:
    """The result of each instrumentation by its name in `pins.toml`; of those that are still in the table."""
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    return {pin.name: results[pin.name] for pin in read_pins() if pin.name in results}


def write_results(results: Mapping[str, Any]) -> None:
    """Write the results in the order of `pins.toml`, and the table of the document."""
    ordered = {pin.name: results[pin.name] for pin in read_pins() if pin.name in results}
    RESULTS.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
    text = DOCUMENT.read_text()
    head, rest = text.split(START)
    tail = rest.split(END)[1]
    DOCUMENT.write_text(f"{head}{START}\n\n{format_table(ordered)}\n{END}{tail}")


def summarize(pin: Pin, findings: Sequence[Finding]) -> dict[str, Any]:
    """The result of one instrumentation: counts, and what is wrong or not sent, by figure."""
    by_verdict: dict[str, dict[str, list[str]]] = {WRONG: defaultdict(list), NOT_SENT: defaultdict(list)}
    for finding in findings:
        if finding.verdict != RIGHT:
            by_verdict[finding.verdict][finding.figure].append(finding.scenario)
    return {
        "instrumentation": pin.title,
        "version": pin.version,
        "packages": list(pin.packages),
        "scenarios": list(dict.fromkeys(finding.scenario for finding in findings)),
        "figures": len(findings),
        "right": sum(finding.verdict == RIGHT for finding in findings),
        "wrong": sum(finding.verdict == WRONG for finding in findings),
        "not_sent": _order(by_verdict[NOT_SENT]),
        "faults": _order(by_verdict[WRONG]),
    }


def format_table(results: Mapping[str, Any]) -> str:
    """The table of the document."""
    lines = [
        "| instrumentation | version | scenarios | figures right | not sent by the library | wrong |",
        "|---|---|---|---|---|---|",
    ]
    for result in results.values():
        cells = (
            result["instrumentation"],
            result["version"],
            _group_scenarios(result["scenarios"]),
            f"{result['right']} of {result['figures']}",
            _describe(result["not_sent"], result["scenarios"]),
            _describe(result["faults"], result["scenarios"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def print_findings(findings: Iterable[Finding]) -> None:
    """Print what is not right, and the number of what is."""
    findings = list(findings)
    for finding in findings:
        if finding.verdict != RIGHT:
            print(
                f"  {finding.verdict:<9}{finding.scenario:<28}{finding.figure:<12}"
                f"truth {finding.truth!r}, console {finding.value!r}"[:230]
            )
    right = sum(finding.verdict == RIGHT for finding in findings)
    print(f"  {right} of {len(findings)} figures right", flush=True)


def _order(scenarios: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {figure: scenarios[figure] for figure in FIGURES if figure in scenarios}


def _describe(figures: Mapping[str, Sequence[str]], scenarios: Sequence[str]) -> str:
    """Figures with their scenarios; figures of the same scenarios stand together."""
    by_scenarios: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for figure, names in figures.items():
        by_scenarios[tuple(names)].append(figure)
    return (
        "; ".join(
            f"{', '.join(group)} of {'all' if len(names) == len(scenarios) else _group_scenarios(names)}"
            for names, group in by_scenarios.items()
        )
        or "-"
    )


def _group_scenarios(scenarios: Sequence[str]) -> str:
    """The scenarios by API, each with its kinds of replies: `converse` (plain, cached)."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for scenario in scenarios:
        kind = find_kind(scenario)
        kinds[scenario.removesuffix(f"-{kind}")].append(kind)
    return ", ".join(
        api if names == ["plain"] else f"{api} ({', '.join(names)})" for api, names in kinds.items()
    )
