"""Word overlap of question, context and answer: a proxy for quality that indicates a cause and does not prove it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from genaiops_core.statistics.overlap import content_tokens, share_found

MIN_QUESTION_WORDS = 3
MIN_ANSWER_WORDS = 5
"""A text with fewer distinct content words has no share."""
MAX_CHARACTERS = 200_000
"""Characters of a text that are compared; the rest is ignored."""

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
    """Shares of distinct content words, 0 to 1; None where a text is missing or too short."""

    question: float | None
    """Share of the question's words in the context, or of the retrieval query's words when that share is higher."""
    answer: float | None
    """Share of the answer's words in the context or the question."""
    worst_share: float | None
    """Share of the sentence of the answer with the lowest share."""
    worst_sentence: str
    is_refusal: bool
    """Whether the answer has a common English phrase for not knowing."""


def measure_overlaps(
    question: str | None, query: str | None, answer: str | None, contexts: Sequence[str]
) -> WordOverlaps:
    """Measure which shares of question and answer are covered by the context.

    Args:
        question: of the user.
        query: of the retrieval.
        answer: shown to the user.
        contexts: the retrieved texts.
    """
    context = set(content_tokens("\n".join(contexts)[:MAX_CHARACTERS])) if contexts else set()
    question_words = [set(content_tokens(text[:MAX_CHARACTERS])) for text in (question, query) if text]
    shares = [share_found(words, context) for words in question_words if len(words) >= MIN_QUESTION_WORDS]
    question_shares = [share for share in shares if share is not None] if context else []
    known_words = context.union(*question_words)
    sentences = _measure_sentences((answer or "")[:MAX_CHARACTERS], known_words) if context else []
    worst = min(sentences, default=None)
    words = set(content_tokens((answer or "")[:MAX_CHARACTERS])) if answer else set()
    return WordOverlaps(
        question=max(question_shares, default=None),
        answer=share_found(words, known_words) if context and len(words) >= MIN_ANSWER_WORDS else None,
        worst_share=None if worst is None else worst[0],
        worst_sentence="" if worst is None else worst[1],
        # Refusals come first in an answer; later the phrases may be part of an explanation.
        is_refusal=bool(answer and _REFUSAL.search(answer[:500])),
    )


def _measure_sentences(answer: str, known_words: set[str]) -> list[tuple[float, str]]:
    shares = []
    for sentence in _SENTENCE_END.split(answer):
        words = set(content_tokens(sentence))
        share = share_found(words, known_words) if len(words) >= MIN_ANSWER_WORDS else None
        if share is not None:
            shares.append((share, sentence.strip()))
    return shares
