"""Verdicts as JUnit XML, which every CI server shows: a suite a stage, a test case a gate.

Failed is a failure. Inconclusive and error are errors: the test could not tell, which is not a pass either.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from genaiops_core.evaluation.verdicts.pairing import CaseChange

MOST_CHARACTERS = 2_000
"""Of one text of a test case: CI servers show it in a list."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def of_results(body: Mapping[str, Any]) -> bytes:
    """The gates of a results document.

    A run that decided nothing (cancelled, failed, without gates) is one test case in error, so that it is not taken
    for a success.
    """
    gates = list(body.get("gates") or ())
    suites: dict[str, list[ET.Element]] = {str(stage["name"]): [] for stage in body.get("stages") or ()}
    for gate in gates:
        stage = str(gate.get("stage") or "gates")
        case = _case(f"{stage}.{gate['metric']}", stage, str(gate["verdict"]), str(gate["why"]))
        suites.setdefault(stage, []).append(case)
    if not gates or body.get("partial"):
        why = str(body.get("problem") or "no gate was decided")
        suites["evaluation"] = [_case("evaluation.verdict", "evaluation", "inconclusive", why)]
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
    return _document({name: cases for name, cases in suites.items() if cases}, properties)


def of_comparison(
    body: Mapping[str, Any], regressions: Mapping[str, Sequence[CaseChange]], properties: Mapping[str, Any]
) -> bytes:
    """A comparison: a test case a metric; its output lists the cases that fell most.

    Args:
        body: `Comparison.as_json`.
        regressions: metric -> its largest drops.
        properties: facts about the two runs.
    """
    cases = []
    for row in body["metrics"]:
        metric = str(row["metric"])
        case = _case(f"comparison.{metric}", "comparison", str(row["verdict"]), str(row["why"]))
        if drops := regressions.get(metric):
            output = ET.SubElement(case, "system-out")
            output.text = _clean("\n".join(_drop(one) for one in drops), MOST_CHARACTERS * 5)
        cases.append(case)
    if not cases:
        why = str(body.get("why") or "nothing to compare")
        cases = [_case("comparison.verdict", "comparison", "inconclusive", why)]
    return _document({"comparison": cases}, properties)


def _drop(one: CaseChange) -> str:
    return f"case {one.current.case}: {one.before:.4g} -> {one.after:.4g}; {' '.join(one.current.input.split())[:200]}"


def _case(classname: str, stage: str, verdict: str, why: str) -> ET.Element:
    name = classname.removeprefix(f"{stage}.")
    case = ET.Element("testcase", classname=_clean(stage), name=_clean(name), time="0")
    if verdict != "passed":
        tag = "failure" if verdict == "failed" else "error"
        told = ET.SubElement(case, tag, message=_clean(why), type=_clean(verdict))
        told.text = _clean(why)
    return case


def _document(suites: Mapping[str, Sequence[ET.Element]], properties: Mapping[str, Any]) -> bytes:
    root = ET.Element("testsuites", {"name": "genaiops", "time": "0", **_counts(_flat(suites.values()))})
    for name, cases in suites.items():
        suite = ET.SubElement(
            root, "testsuite", {"name": _clean(name), "time": "0", "skipped": "0", **_counts(cases)}
        )
        told = ET.SubElement(suite, "properties")
        for key, value in properties.items():
            if value not in (None, ""):
                ET.SubElement(told, "property", name=_clean(key), value=_clean(str(value)))
        suite.extend(cases)
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _flat(groups: Iterable[Sequence[ET.Element]]) -> list[ET.Element]:
    return [case for cases in groups for case in cases]


def _counts(cases: Sequence[ET.Element]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
    }


def _clean(text: str, most: int = MOST_CHARACTERS) -> str:
    """Text that XML can carry; the writer escapes what is markup."""
    return _NOT_XML.sub("", text)[:most]
