"""Explanations that RAGAS does not return: the reason of a value, and whether a value is undefined.

They are read from the answers of the model, by their fields in RAGAS 0.4.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

MAX_CHARACTERS = 600
"""Limit of an explanation."""


def find_undefined_reason(name: str, answers: Sequence[BaseModel]) -> str:
    """Why the value is undefined although RAGAS returns 0 or 1; '' when it is defined."""
    for answer in answers:
        for field, reason in (
            ("statements", "the judge found no statement in a text"),
            ("claims", "the judge found no claim in a text"),
            ("classifications", "the judge found no statement in the reference"),
        ):
            if getattr(answer, field, None) == []:
                return reason
    if name == "answer_relevancy" and not any(
        str(getattr(answer, "question", "")).strip() for answer in answers
    ):
        return "the judge generated no question from the answer"
    return ""


def explain_value(name: str, answers: Sequence[BaseModel]) -> str:
    """A short explanation of the value; '' for metrics without one."""
    explain = {
        "faithfulness": _explain_statements,
        "context_recall": _explain_classifications,
        "answer_relevancy": _explain_question,
        "context_precision": _explain_contexts,
        "context_utilization": _explain_contexts,
    }.get(name)
    text = explain(answers) if explain else ""
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 3] + "..."


def _explain_statements(answers: Sequence[BaseModel]) -> str:
    # The first answer lists statements as texts, the second one judges them as objects.
    total = next((len(answer.statements) for answer in answers if _has_text_statements(answer)), 0)  # type: ignore[attr-defined]
    verdicts = [
        verdict
        for answer in answers
        if not _has_text_statements(answer)
        for verdict in getattr(answer, "statements", ())
    ]
    unjudged = f" (of {total} that the answer makes)" if total > len(verdicts) else ""
    return f"{_describe_share(verdicts, 'verdict', 'statements', 'follow from the contexts')}{unjudged}{_describe_refuted(verdicts, 'verdict')}"


def _explain_classifications(answers: Sequence[BaseModel]) -> str:
    verdicts = [verdict for answer in answers for verdict in getattr(answer, "classifications", ())]
    shared = _describe_share(verdicts, "attributed", "statements of the reference", "are in the contexts")
    return f"{shared}{_describe_refuted(verdicts, 'attributed')}"


def _explain_question(answers: Sequence[BaseModel]) -> str:
    last: Any = answers[-1]
    evasive = "the answer is evasive; " if last.noncommittal else ""
    return f"{evasive}the answer would fit the question: {last.question}"


def _explain_contexts(answers: Sequence[BaseModel]) -> str:
    useful = [str(number) for number, answer in enumerate(answers, 1) if getattr(answer, "verdict", 0)]
    return f"useful contexts: {', '.join(useful) or 'none'} of {len(answers)}"


def _has_text_statements(answer: BaseModel) -> bool:
    statements: Any = getattr(answer, "statements", None)
    return bool(statements) and isinstance(statements[0], str)


def _describe_share(verdicts: Sequence[Any], field: str, noun: str, predicate: str) -> str:
    positive = sum(1 for item in verdicts if getattr(item, field))
    return f"{positive} of {len(verdicts)} {noun} {predicate}"


def _describe_refuted(verdicts: Sequence[Any], field: str) -> str:
    parts = list(_list_refuted(verdicts, field))
    return f"; not: {' | '.join(parts)}" if parts else ""


def _list_refuted(verdicts: Sequence[Any], field: str) -> Iterator[str]:
    for item in verdicts:
        if not getattr(item, field):
            reason = str(getattr(item, "reason", "") or "").strip()
            yield f"{item.statement} ({reason})" if reason else str(item.statement)
