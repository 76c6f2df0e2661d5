"""Word overlap of two texts, for the offline proxies."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_STOP_TEXT = """
a an and are as at be been but by can could did do does for from had has have he her his how i if in into is it its me
my not of on or our she so than that the their them then there these they this those to was we were what when where
which who why will with would you your
"""
STOP_WORDS = frozenset(_STOP_TEXT.split())
"""English words without content; words of other languages are not removed, which raises both sides alike."""

MAX_TOKENS = 4_000
"""Tokens of a text that ROUGE-L aligns (it takes their product in time); longer texts are cut there."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

# Scripts written without spaces: every character is its own token.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
)


def tokens(text: str) -> list[str]:
    """Words in order, case folded and in compatibility form; a character each where a script has no spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    spaced = _UNSPACED.sub(lambda match: f" {match.group()} ", folded)
    return [word.replace("’", "'").removesuffix("'s") for word in _WORD.findall(spaced)]


def content_tokens(text: str) -> list[str]:
    """The words that carry the subject: stop words left out, unless nothing else is there."""
    words = tokens(text)
    content_words = [word for word in words if word not in STOP_WORDS]
    return content_words or words


def share_found(wanted: Iterable[str], place: Iterable[str]) -> float | None:
    """Share of the distinct tokens of `wanted` that occur in `place`; None when nothing is wanted."""
    distinct = set(wanted)
    if not distinct:
        return None
    return len(distinct & set(place)) / len(distinct)


def rouge_l(candidate: Sequence[str], reference: Sequence[str]) -> float | None:
    """F measure of the longest common subsequence (Lin 2004, beta = 1); None when one text has no word."""
    if not candidate or not reference:
        return None
    candidate, reference = candidate[:MAX_TOKENS], reference[:MAX_TOKENS]
    common = _longest_common(candidate, reference)
    return 2 * common / (len(candidate) + len(reference))


def _longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, 64 and more cells at a time (Hyyrö 2004, bit-parallel)."""
    masks: dict[str, int] = {}
    for position, token in enumerate(first):
        masks[token] = masks.get(token, 0) | 1 << position
    # The number of 0 bits of `row` is the length of the longest common subsequence so far.
    full = (1 << len(first)) - 1
    row = full
    for token in second:
        matched = row & masks.get(token, 0)
        row = (row + matched) | (row - matched)
        row &= full
    return len(first) - row.bit_count()
