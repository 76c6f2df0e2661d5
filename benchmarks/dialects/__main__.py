"""Try every instrumentation, or those named: `python -m benchmarks.dialects botocore strands`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.dialects import report
from benchmarks.dialects.comparison import FIGURES, WRONG, Finding, compare_scenario
from benchmarks.dialects.console import Console, run_console
from benchmarks.dialects.environments import Pin, install, read_pins, run_program
from benchmarks.dialects.provider import run_provider


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="names in pins.toml; all by default")
    parser.add_argument(
        "--environments", type=Path, default=Path(".dialects"), help="folder of installations"
    )
    options = parser.parse_args()
    pins = [pin for pin in read_pins() if not options.names or pin.name in options.names]
    root = options.environments.resolve()
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as home, run_console(Path(home)) as console:
        for pin in pins:
            print(f"\n== {pin.title} {pin.version}", flush=True)
            try:
                findings = try_instrumentation(pin, root, console)
            except (RuntimeError, subprocess.TimeoutExpired) as problem:
                # One library that cannot be installed or run must not hide the others.
                print(f"  not tried: {problem}", flush=True)
                failed.append(pin.name)
                continue
            # Written at once: a later library that hangs loses nothing.
            report.write_results({**report.read_results(), pin.name: report.summarize(pin, findings)})
            report.print_findings(findings)
    results = report.read_results()
    wrong = sum(result["wrong"] for result in results.values())
    print(
        f"\n{len(results)} instrumentations, {wrong} figures wrong, not tried: {', '.join(failed) or 'none'}"
    )
    return 1 if wrong or failed else 0


def try_instrumentation(pin: Pin, root: Path, console: Console) -> list[Finding]:
    """Install one instrumentation, run its program, and compare every scenario."""
    folder = install(pin, root)
    findings = []
    with run_provider() as provider:
        outcome = run_program(pin, folder, console_url=console.url, provider_url=provider.url)
        for scenario, trace_ids in outcome.trace_ids.items():
            bills = provider.ledger.select(scenario)
            if scenario in outcome.failures or not bills:
                reason = outcome.failures.get(scenario, "no call reached the provider")
                findings.append(
                    Finding(scenario=scenario, figure="calls", verdict=WRONG, truth="a call", value=reason)
                )
                continue
            findings += compare_scenario(console, scenario, trace_ids, bills)
    summary = console.read_summary(pin.name)
    scenarios = {finding.scenario for finding in findings}
    if summary["requests"] != len(scenarios):
        findings.append(
            Finding(
                scenario="all",
                figure=FIGURES[0],
                verdict=WRONG,
                truth=len(scenarios),
                value=summary["requests"],
            )
        )
    return findings


if __name__ == "__main__":
    sys.exit(main())
