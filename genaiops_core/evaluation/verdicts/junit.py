"""Verdicts as JUnit XML for CI servers: a suite per stage, a test case per gate.

The verdict failed is a JUnit failure. Inconclusive and error are JUnit errors, since neither is a pass. A warning is a
pass whose output is the warning.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from genaiops_core.evaluation.verdicts.pairing import CaseChange
from genaiops_core.evaluation.verdicts.verdict import ACCEPTED, WARNING

MAX_CHARACTERS = 2_000
"""Limit of a text of a test case: CI servers show it in a list."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_results(body: Mapping[str, Any]) -> bytes:
    """The gates of a results document.

    An evaluation without a decision (cancelled, failed, without gates) is one test case in error, so that it does not
    look like a success.
    """
    gates = list(body.get("gates") or ())
    suites: dict[str, list[ET.Element]] = {str(stage["name"]): [] for stage in body.get("stages") or ()}
    for gate in gates:
        stage = str(gate.get("stage") or "gates")
        case = _build_case(f"{stage}.{gate['metric']}", stage, str(gate["verdict"]), str(gate["why"]))
        suites.setdefault(stage, []).append(case)
    # CI servers treat an empty report as success.
    if not gates or body.get("partial"):
        why = str(body.get("problem") or "no gate was decided")
        suites["evaluation"] = [_build_case("evaluation.verdict", "evaluation", "inconclusive", why)]
    properties = {
        name: body.get(name)
        for name in (
            "evaluation",
            "application",
            "release",
            "dataset",
            "version",
            "judge",
            "cases",
            "verdict",
        )
    }
    return _build_document({name: cases for name, cases in suites.items() if cases}, properties)


def render_comparison(
    body: Mapping[str, Any], regressions: Mapping[str, Sequence[CaseChange]], properties: Mapping[str, Any]
) -> bytes:
    """A comparison: a test case per metric; its output lists the cases with the largest drops.

    Args:
        body: `Comparison.as_json`.
        regressions: metric -> its largest drops.
        properties: facts about the two evaluations.
    """
    cases = []
    for row in body["metrics"]:
        metric = str(row["metric"])
        case = _build_case(f"comparison.{metric}", "comparison", str(row["verdict"]), str(row["why"]))
        if drops := regressions.get(metric):
            output = ET.SubElement(case, "system-out")
            output.text = _clean_text("\n".join(_format_drop(change) for change in drops), MAX_CHARACTERS * 5)
        cases.append(case)
    if not cases:
        why = str(body.get("why") or "nothing to compare")
        cases = [_build_case("comparison.verdict", "comparison", "inconclusive", why)]
    return _build_document({"comparison": cases}, properties)


def _format_drop(change: CaseChange) -> str:
    return f"case {change.current.case}: {change.before:.4g} -> {change.after:.4g}; {' '.join(change.current.input.split())[:200]}"


def _build_case(classname: str, stage: str, verdict: str, why: str) -> ET.Element:
    name = classname.removeprefix(f"{stage}.")
    # The format requires a time, which gates do not have.
    case = ET.Element("testcase", classname=_clean_text(stage), name=_clean_text(name), time="0")
    if verdict == WARNING:
        ET.SubElement(case, "system-out").text = _clean_text(f"Warning: {why}")
    elif verdict not in ACCEPTED:
        tag = "failure" if verdict == "failed" else "error"
        outcome = ET.SubElement(case, tag, message=_clean_text(why), type=_clean_text(verdict))
        outcome.text = _clean_text(why)
    return case


def _build_document(suites: Mapping[str, Sequence[ET.Element]], properties: Mapping[str, Any]) -> bytes:
    root = ET.Element(
        "testsuites", {"name": "genaiops", "time": "0", **_count_outcomes(_flatten(suites.values()))}
    )
    for name, cases in suites.items():
        suite = ET.SubElement(
            root,
            "testsuite",
            {"name": _clean_text(name), "time": "0", "skipped": "0", **_count_outcomes(cases)},
        )
        properties_element = ET.SubElement(suite, "properties")
        for key, value in properties.items():
            if value not in (None, ""):
                ET.SubElement(
                    properties_element, "property", name=_clean_text(key), value=_clean_text(str(value))
                )
        suite.extend(cases)
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _flatten(groups: Iterable[Sequence[ET.Element]]) -> list[ET.Element]:
    return [case for cases in groups for case in cases]


def _count_outcomes(cases: Sequence[ET.Element]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
    }


def _clean_text(text: str, max_characters: int = MAX_CHARACTERS) -> str:
    """Text without characters that XML forbids; the XML writer escapes markup."""
    return _NOT_XML.sub("", text)[:max_characters]
