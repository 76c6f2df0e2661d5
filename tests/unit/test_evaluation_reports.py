"""What a pull request and a CI server show of results: Markdown and JUnit, with texts from anywhere."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.evaluation.verdicts import junit
from genaiops_core.evaluation.verdicts.comment import MARKER, MAX_CHARACTERS, escape_text, render_markdown
from tests.results_documents import BASELINE_VALUES, build_results


def gate(verdict: str, **changes: Any) -> dict[str, Any]:
    facts = {"name": "s.m", "stage": "s", "metric": "m", "threshold": 0.5, "measured": 0.6}
    return {**facts, "verdict": verdict, "why": f"because {verdict}", **changes}


def results(**changes: Any) -> dict[str, Any]:
    facts = {"dataset": "suite", "version": 2, "cases": 60, "cases_total": 100, "judge": "offline"}
    facts |= {"application": "shop", "release": "v2", "cost_usd": "0"}
    return {**build_results(BASELINE_VALUES), **facts, **changes}


def parse_junit(written: bytes) -> ET.Element:
    """The XML, after a look at its shape: what every reader of JUnit expects."""
    root = ET.fromstring(written)
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        cases = suite.findall("testcase")
        assert {child.tag for child in suite} <= {"properties", "testcase"}
        assert int(suite.attrib["tests"]) == len(cases)
        assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
        assert int(suite.attrib["errors"]) == len(suite.findall("testcase/error"))
        assert all({"classname", "name", "time"} <= set(case.attrib) for case in cases)
        assert all(len(case.findall("failure") + case.findall("error")) <= 1 for case in cases)
    totals = [sum(int(suite.attrib[name]) for suite in root) for name in ("tests", "failures", "errors")]
    assert [int(root.attrib[name]) for name in ("tests", "failures", "errors")] == totals
    return root


def test_inconclusive_gate_is_a_junit_error() -> None:
    gates = [gate(verdict, metric=verdict) for verdict in ("passed", "failed", "inconclusive", "error")]
    root = parse_junit(
        junit.render_results(results(gates=gates, stages=[{"name": "s", "verdict": "failed"}]))
    )
    suite = root[0]
    assert (suite.attrib["name"], suite.attrib["tests"]) == ("s", "4")
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("1", "2")
    failure = suite.find("testcase[@name='failed']/failure")
    assert failure is not None and failure.text == "because failed"


@pytest.mark.parametrize("changes", [{"gates": []}, {"gates": [gate("passed")], "partial": True}], ids=str)
def test_evaluation_without_verdict_is_a_junit_error(changes: dict[str, Any]) -> None:
    root = parse_junit(junit.render_results(results(**changes)))
    assert root.attrib["errors"] == "1"


@given(st.text(max_size=60))
def test_any_text_becomes_well_formed_xml(anything: str) -> None:
    hostile = gate("failed", stage=f"s{anything}", metric=f"m{anything}", why=f"]]>{anything}\x00\x1b")
    root = parse_junit(junit.render_results(results(gates=[hostile], dataset=anything)))
    assert root.attrib["failures"] == "1"


def test_comment_escapes_markup_and_folds_details() -> None:
    traffic = {
        "requests": 1200,
        "window_days": 7,
        "cost_per_query_usd": 0.0123,
        "latency_ms": {"p95": 2400.0},
    }
    written = render_markdown(results(traffic=traffic))
    assert written.startswith("## ✅ Evaluation passed\n")
    assert written.endswith(f"{MARKER}\n")
    assert "60 of 100 cases" in written
    assert "grounding_overlap (proxy)" in written
    assert "0.0123 USD (1,200 requests, last 7 days)" in written
    assert "p95 latency: 2,400 ms" in written
    assert "<details>" in written
    assert "<b>" not in written and "@here" not in written


@pytest.mark.parametrize(
    ("gate_fields", "measured", "threshold"),
    [
        (
            {"kind": "limit", "metric": "cost_per_query", "measured": 0.01234, "threshold": 0.02},
            "0.01234 USD",
            "0.02 USD",
        ),
        (
            {"kind": "limit", "metric": "latency_p95", "measured": 9999.6, "threshold": 3000.0},
            "10,000 ms",
            "3,000 ms",
        ),
        (
            {"kind": "limit", "metric": "monthly_cost", "measured": 12_345.6, "threshold": 10_000.0},
            "12,346 USD a month",
            "10,000 USD a month",
        ),
        ({"kind": "regression", "metric": "cost", "measured": 0.0421, "threshold": 0.05}, "+4.2 %", "5 %"),
        (
            {"kind": "regression", "metric": "latency_p50", "measured": -0.3, "threshold": 0.05},
            "-30.0 %",
            "5 %",
        ),
        (
            {"kind": "regression", "metric": "safety", "measured": -0.006, "threshold": 0.05},
            "-0.0060",
            "0.05",
        ),
        (
            {"kind": "score", "metric": "stage_score", "measured": 0.91234, "threshold": 0.85},
            "0.9123",
            "0.85",
        ),
        ({"kind": "threshold", "metric": "tone", "measured": None, "threshold": 0.8}, "unknown", "0.8"),
    ],
    ids=lambda value: value["metric"] if isinstance(value, dict) else "",
)
def test_comment_has_units(gate_fields: dict[str, Any], measured: str, threshold: str) -> None:
    written = render_markdown(results(gates=[gate("failed", **gate_fields)]))
    row = next(line for line in written.splitlines() if line.startswith("| s.m "))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert (cells[1], cells[5]) == (measured, threshold)


def test_comment_of_early_documents_has_units() -> None:
    early = {"name": "s.p95", "metric": "latency_p95", "threshold": 3000.0, "measured": 2400.0}
    assert "| 2,400 ms |" in render_markdown(results(gates=[{**early, "verdict": "passed", "why": "w"}]))


def test_comment_shows_change_from_baseline() -> None:
    moved = {
        "metric": "grounding_overlap",
        "difference": -0.02,
        "low": -0.03,
        "high": -0.01,
        "is_relative": False,
    }
    baseline = {"name": "x", "application": "shop", "release": "v1"}
    written = render_markdown(results(comparison={"metrics": [moved], "cases": 60}, baseline=baseline))
    assert "-0.020 (-0.030 to -0.010)" in written
    assert "baseline: shop v1, 60 cases in common" in written


def test_comment_stays_within_size_limit() -> None:
    gates = [gate("failed", metric=f"m{number}", why="x" * 1000) for number in range(200)]
    written = render_markdown(results(gates=gates))
    assert len(written) <= MAX_CHARACTERS
    assert written.endswith(f"{MARKER}\n")
    assert written.count("<details>") == written.count("</details>")
    assert "truncated" in written


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("[x](http://y)", "\\[x\\](http:/\u2060/y)"),
        ("a | b\n# c", "a \\| b \\#\u2060 c"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("grounding_overlap _so_ **b**", "grounding_overlap \\_so\\_ \\*\\*b\\*\\*"),
        ("@team www.x.y", "@\u2060team www\u2060.x.y"),
    ],
)
def test_untrusted_text_is_escaped(raw: str, escaped: str) -> None:
    assert escape_text(raw) == escaped
