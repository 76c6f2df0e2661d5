"""The registry of metrics: what each needs, its range, its cost and where it comes from.

The offline metrics are proxies. They count words in common, so they tell a swapped or empty context at once, but they
do not tell a modern hallucination, which uses the words of the context to say something else. Their names say so:
none is called faithfulness, and a gate on faithfulness is inconclusive where only these were measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.cases import Case
from genaiops_core.statistics import overlap

ALIASES = {"relevancy": "answer_relevancy", "relevance": "answer_relevancy"}

OFFLINE = "offline"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The value of one metric for one case, or the reason why there is none."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """An entry of the registry."""

    name: str
    title: str
    needs: tuple[str, ...]
    """Fields of a case without which it is undefined."""
    low: float
    high: float
    cost: str
    source: str
    is_proxy: bool
    description: str
    judges: tuple[str, ...]
    """Kinds of judge that can measure it."""
    higher_is_better: bool = True

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "needs": list(self.needs),
            "range": [self.low, self.high],
            "cost": self.cost,
            "source": self.source,
            "is_proxy": self.is_proxy,
            "description": self.description,
        }


_NOT = "It is not faithfulness: it tells a swapped or empty context, not a hallucination in the context's own words."


def _proxy(name: str, title: str, needs: tuple[str, ...], description: str, source: str) -> Metric:
    return Metric(
        name=name,
        title=title,
        needs=needs,
        low=0.0,
        high=1.0,
        cost="none: computed here, without a model or the network",
        source=source,
        is_proxy=True,
        description=f"A proxy: {description} {_NOT}",
        judges=(OFFLINE,),
    )


REGISTRY: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _proxy(
            "grounding_overlap",
            "Grounding overlap (proxy)",
            ("answer", "contexts"),
            "the share of the answer's content words that occur in its contexts.",
            "token precision against the retrieved text, as Knowledge-F1/K-Precision in dialogue evaluation",
        ),
        _proxy(
            "question_overlap",
            "Question overlap (proxy)",
            ("answer",),
            "the share of the question's content words that occur in the answer.",
            "token recall of the question",
        ),
        _proxy(
            "context_overlap",
            "Context overlap (proxy)",
            ("contexts", "reference"),
            "the share of the reference's content words that occur in the contexts.",
            "token recall of the reference, a lexical stand-in for context recall",
        ),
        _proxy(
            "reference_overlap",
            "Reference overlap (proxy)",
            ("answer", "reference"),
            "ROUGE-L F of answer and reference: words in the same order.",
            "Lin, ROUGE: a package for automatic evaluation of summaries, 2004",
        ),
    )
}

_MISSING = {
    "answer": "the case has no answer",
    "contexts": "the case has no contexts",
    "reference": "no reference",
}


def canonical(name: str) -> str:
    """The name in results: underscores for dashes, `relevancy` is answer_relevancy."""
    plain = name.strip().lower().replace("-", "_")
    return ALIASES.get(plain, plain)


def measure(name: str, case: Case) -> Measurement:
    """One offline metric of one case; undefined, with the reason, where the case lacks what it needs."""
    for needed in REGISTRY[name].needs:
        if not getattr(case, needed):
            return Measurement(value=None, reason=_MISSING[needed])
    value = _COMPUTED[name](case)
    if value is None:
        return Measurement(value=None, reason="a text has no words")
    return Measurement(value=value)


def _grounding(case: Case) -> float | None:
    return overlap.share_found(overlap.content_tokens(case.answer or ""), _context_tokens(case))


def _question(case: Case) -> float | None:
    return overlap.share_found(overlap.content_tokens(case.input), overlap.tokens(case.answer or ""))


def _context(case: Case) -> float | None:
    return overlap.share_found(overlap.content_tokens(case.reference or ""), _context_tokens(case))


def _reference(case: Case) -> float | None:
    return overlap.rouge_l(overlap.tokens(case.answer or ""), overlap.tokens(case.reference or ""))


def _context_tokens(case: Case) -> list[str]:
    return overlap.tokens("\n".join(case.contexts or ()))


_COMPUTED: Mapping[str, Callable[[Case], float | None]] = {
    "grounding_overlap": _grounding,
    "question_overlap": _question,
    "context_overlap": _context,
    "reference_overlap": _reference,
}
