"""What RAGAS does not say: why a value is what it is, and where it gives one though there is nothing to measure.

Read from the answers that the model gave, by the shape they have in RAGAS 0.4.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

MOST_CHARACTERS = 600
"""Of an explanation."""


def undefined(name: str, answers: Sequence[BaseModel]) -> str:
    """Why there is nothing to measure, although RAGAS may give 0 or even 1; '' where there is."""
    for answer in answers:
        for listed, why in (
            ("statements", "the judge found no statement in a text"),
            ("claims", "the judge found no claim in a text"),
            ("classifications", "the judge found no statement in the reference"),
        ):
            if getattr(answer, listed, None) == []:
                return why
    if name == "answer_relevancy" and not any(str(getattr(one, "question", "")).strip() for one in answers):
        return "the judge made no question of the answer"
    return ""


def explained(name: str, answers: Sequence[BaseModel]) -> str:
    """In short what the value stands on; '' where the metric does not tell."""
    told = {
        "faithfulness": _statements,
        "context_recall": _classifications,
        "answer_relevancy": _question,
        "context_precision": _contexts,
        "context_utilization": _contexts,
    }.get(name)
    text = told(answers) if told else ""
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 3] + "..."


def _statements(answers: Sequence[BaseModel]) -> str:
    asked = next((len(one.statements) for one in answers if _are_texts(one)), 0)  # type: ignore[attr-defined]
    judged = [
        one for answer in answers if not _are_texts(answer) for one in getattr(answer, "statements", ())
    ]
    missed = f" (of {asked} that the answer makes)" if asked > len(judged) else ""
    return f"{_share(judged, 'verdict', 'statements', 'follow from the contexts')}{missed}{_not(judged, 'verdict')}"


def _classifications(answers: Sequence[BaseModel]) -> str:
    judged = [one for answer in answers for one in getattr(answer, "classifications", ())]
    shared = _share(judged, "attributed", "statements of the reference", "are in the contexts")
    return f"{shared}{_not(judged, 'attributed')}"


def _question(answers: Sequence[BaseModel]) -> str:
    last: Any = answers[-1]
    evasive = "the answer is evasive; " if last.noncommittal else ""
    return f"{evasive}the answer would fit the question: {last.question}"


def _contexts(answers: Sequence[BaseModel]) -> str:
    useful = [str(number) for number, one in enumerate(answers, 1) if getattr(one, "verdict", 0)]
    return f"useful contexts: {', '.join(useful) or 'none'} of {len(answers)}"


def _are_texts(answer: BaseModel) -> bool:
    found: Any = getattr(answer, "statements", None)
    return bool(found) and isinstance(found[0], str)


def _share(judged: Sequence[Any], verdict: str, what: str, which: str) -> str:
    good = sum(1 for one in judged if getattr(one, verdict))
    return f"{good} of {len(judged)} {what} {which}"


def _not(judged: Sequence[Any], verdict: str) -> str:
    parts = list(_refuted(judged, verdict))
    return f"; not: {' | '.join(parts)}" if parts else ""


def _refuted(judged: Sequence[Any], verdict: str) -> Iterator[str]:
    for one in judged:
        if not getattr(one, verdict):
            reason = str(getattr(one, "reason", "") or "").strip()
            yield f"{one.statement} ({reason})" if reason else str(one.statement)
