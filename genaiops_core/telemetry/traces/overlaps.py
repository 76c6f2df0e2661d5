"""Words that question, context and answer have in common: proxies that point, and never prove."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from genaiops_core.statistics.overlap import content_tokens, share_found

MIN_QUESTION_WORDS = 3
MIN_ANSWER_WORDS = 5
"""Distinct words below which a share says nothing."""
MAX_CHARACTERS = 200_000
"""Of a text that is looked at."""

_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_REFUSAL = re.compile(
    r"\b(?:I (?:do not|don't|don’t) (?:know|have (?:that|this|any|enough|the) )"
    r"|I(?:'m|’m| am) (?:not able|unable|not sure|sorry, (?:but )?I (?:can|don))"
    r"|(?:can ?not|can't|can’t|could not|couldn't|unable to) (?:find|answer|help|locate)"
    r"|(?:does not|doesn't|do not|don't) (?:contain|include|mention|provide|cover)"
    r"|(?:no|not enough|insufficient) (?:relevant )?information)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class WordOverlaps:
    """Shares of distinct content words, 0 to 1; None where a text is missing or too short to say."""

    question: float | None
    """Of the question (or of the search made of it, whichever has more), found in the context."""
    answer: float | None
    """Of the answer, found in the context or the question."""
    worst_share: float | None
    """Of the sentence of the answer with the smallest share."""
    worst_sentence: str
    is_refusal: bool
    """Whether the answer has a usual phrase for not knowing (English)."""


def measure_overlaps(
    question: str | None, query: str | None, answer: str | None, contexts: Sequence[str]
) -> WordOverlaps:
    """Count the words in common.

    Args:
        question: what the user asked.
        query: what was searched for.
        answer: what the user got.
        contexts: the texts that were retrieved.
    """
    context = set(content_tokens("\n".join(contexts)[:MAX_CHARACTERS])) if contexts else set()
    asked = [set(content_tokens(text[:MAX_CHARACTERS])) for text in (question, query) if text]
    shares = [share_found(words, context) for words in asked if len(words) >= MIN_QUESTION_WORDS]
    found = [share for share in shares if share is not None] if context else []
    place = context.union(*asked)
    sentences = _measure_sentences((answer or "")[:MAX_CHARACTERS], place) if context else []
    worst = min(sentences, default=None)
    words = set(content_tokens((answer or "")[:MAX_CHARACTERS])) if answer else set()
    return WordOverlaps(
        question=max(found, default=None),
        answer=share_found(words, place) if context and len(words) >= MIN_ANSWER_WORDS else None,
        worst_share=None if worst is None else worst[0],
        worst_sentence="" if worst is None else worst[1],
        is_refusal=bool(answer and _REFUSAL.search(answer[:500])),
    )


def _measure_sentences(answer: str, place: set[str]) -> list[tuple[float, str]]:
    shares = []
    for sentence in _SENTENCE_END.split(answer):
        words = set(content_tokens(sentence))
        share = share_found(words, place) if len(words) >= MIN_ANSWER_WORDS else None
        if share is not None:
            shares.append((share, sentence.strip()))
    return shares
