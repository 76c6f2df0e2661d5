"""Answers that RAGAS requests, made strict: every number is on its scale, and every part of the request has a verdict.

RAGAS 0.4.3 reads any number but 0 as true, and takes shares of however many verdicts come back. The types and
fields are those of that version.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, create_model

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges.protocol import AnswerRules
from genaiops_core.statistics import overlap

_YES_NO = (0, 1)
_YES_NO_FIELDS = frozenset(("verdict", "attributed", "noncommittal"))
_RATINGS = {
    "ContextRelevanceOutput": (0, 1, 2),
    "ResponseGroundednessOutput": (0, 1, 2),
    "AnswerAccuracyOutput": (0, 2, 4),
}
"""Type of the answer -> the scale of its field `rating`."""

MIN_COVERED_SHARE = 0.5
"""Share of a sentence's own words that verdicts must have for the sentence to count as judged."""

_MAX_QUOTED_PARTS = 3
_MAX_QUOTED_CHARACTERS = 120
# Marks that end a sentence; marks of scripts without spaces end one without a following space.
_SENTENCE_END = re.compile(r"(?<=[.!?؟।])\s+|(?<=[。！？])|\n+")


@lru_cache(maxsize=64)
def make_strict_type(answer: type[BaseModel]) -> type[BaseModel]:
    """A type of the same name and fields whose numbers are on their scale and whose listed texts are not blank.

    Raises:
        ValueError: a field is a number without a known scale.
    """
    fields: dict[str, Any] = {}
    for name, field in answer.model_fields.items():
        fields[name] = (
            _make_strict_annotation(answer, name, field.annotation),
            Field(default=field.default, description=field.description),
        )
    return create_model(answer.__name__, __doc__=answer.__doc__, **fields)


def build_rules(case: Case, answer: type[BaseModel], earlier: Sequence[BaseModel]) -> AnswerRules:
    """The rules of one answer.

    Args:
        case: the case that is judged.
        answer: the type of the answer.
        earlier: the answers of this metric and case so far, which list the parts that are judged now.
    """
    find_problem: Callable[[Any], str] | None = None
    if "TP" in answer.model_fields:
        lists = _list_parts(earlier)
        answer_parts, reference_parts = lists[-2:] if len(lists) > 1 else ([], [])
        find_problem = partial(_check_classification, answer_parts, reference_parts)
    elif "classifications" in answer.model_fields:
        find_problem = partial(_check_reference, case.reference or "", case.input)
    elif "statements" in answer.model_fields and not _lists_texts(answer, "statements"):
        lists = _list_parts(earlier)
        find_problem = partial(_check_verdicts, lists[-1] if lists else [])
    texts = tuple(text for text in (case.input, case.answer, case.reference, *(case.contexts or ())) if text)
    return AnswerRules(texts=texts, **({"find_problem": find_problem} if find_problem else {}))


def _make_strict_annotation(answer: type[BaseModel], name: str, annotation: Any) -> Any:
    if annotation is int:
        scale = _YES_NO if name in _YES_NO_FIELDS else _RATINGS.get(answer.__name__, ())
        if not scale:
            raise ValueError(f"{answer.__name__}.{name} has no known scale")
        return Annotated[Literal[scale], BeforeValidator(partial(_read_number, scale))]
    if annotation is float:
        raise ValueError(f"{answer.__name__}.{name} has no known scale")
    if get_origin(annotation) is list:
        (item,) = get_args(annotation)
        if item is str:
            return list[Annotated[str, AfterValidator(_require_text)]]
        return list[make_strict_type(item)]  # type: ignore[misc]  # the type is built at run time
    return annotation


def _read_number(scale: tuple[int, ...], value: Any) -> Any:
    """Numbers as models write them: 1.0, "1", and true where the scale is no and yes."""
    if isinstance(value, bool):
        return int(value) if scale == _YES_NO else str(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    return value


def _require_text(text: str) -> str:
    if not text.strip():
        raise ValueError("a listed text must not be blank")
    return text


def _lists_texts(answer: type[BaseModel], field: str) -> bool:
    (item,) = get_args(answer.model_fields[field].annotation)
    return not (isinstance(item, type) and issubclass(item, BaseModel))


def _list_parts(answers: Sequence[BaseModel]) -> list[list[str]]:
    """The lists of texts that earlier answers took from answer or reference, in their order."""
    return [
        list(getattr(item, field))
        for item in answers
        for field in ("statements", "claims")
        if field in type(item).model_fields and _lists_texts(type(item), field)
    ]


def _check_verdicts(parts: Sequence[str], answer: Any) -> str:
    """Every statement has exactly one verdict."""
    judged = [item.statement for item in answer.statements]
    if problem := _check_count("verdicts", len(judged), len(parts), _find_missing(parts, judged)):
        return problem
    return _find_repeated(parts, judged) or _find_foreign(parts, judged)


def _check_classification(answer_parts: Sequence[str], reference_parts: Sequence[str], answer: Any) -> str:
    """Every statement of the answer is in TP or FP, and no statement of the reference is left out of FN and TP."""
    of_answer = [item.statement for item in (*answer.TP, *answer.FP)]
    missing = _find_missing(answer_parts, of_answer)
    if problem := _check_count(
        "statements of the answer in TP and FP", len(of_answer), len(answer_parts), missing
    ):
        return problem
    # Without TP nothing of the reference is in the answer. With TP, one statement may cover several of the reference.
    lowest = 0 if answer.TP else len(reference_parts)
    if not lowest <= len(answer.FN) <= len(reference_parts):
        return (
            f"FN has {len(answer.FN)} statements, and the ground truth has {len(reference_parts)}, "
            f"of which TP covers {'some' if answer.TP else 'none'}"
        )
    # Classifications are often worded anew, so only statements that were requested can be seen to be repeated.
    known = {_normalise(part) for part in answer_parts}
    return _find_repeated(answer_parts, [text for text in of_answer if _normalise(text) in known])


def _check_reference(reference: str, question: str, answer: Any) -> str:
    """Every sentence of the reference is classified, once, and nothing else is."""
    judged = [item.statement for item in answer.classifications]
    if not judged:
        return ""  # the metric is undefined then, with a reason of its own
    # A single word is no statement: "Yes." or the end of an abbreviation.
    sentences = [part.strip() for part in _SENTENCE_END.split(reference) if len(overlap.tokens(part)) > 1]
    counts = Counter(token for part in sentences for token in set(overlap.tokens(part)))
    present = {token for text in judged for token in overlap.tokens(text)}
    missing = []
    for sentence in sentences:
        tokens = set(overlap.tokens(sentence))
        # Its own words: those of other sentences are in other verdicts in any case.
        own = {token for token in tokens if counts[token] == 1} or tokens
        if len(own & present) < MIN_COVERED_SHARE * len(own):
            missing.append(sentence)
    if missing:
        return f"these sentences of the answer are not classified: {_quote(missing)}"
    repeated = _find_repeated([], judged) if len(judged) > len(sentences) else ""
    return repeated or _find_foreign([reference, question], judged)


def _check_count(noun: str, count: int, expected: int, missing: Sequence[str]) -> str:
    if count == expected:
        return ""
    return (
        f"it has {count} {noun}, and {expected} were requested: one for each statement, repeated word by word"
        f"{f'; these are missing: {_quote(missing)}' if missing else ''}"
    )


def _find_missing(parts: Sequence[str], judged: Sequence[str]) -> list[str]:
    remaining = Counter(map(_normalise, judged))
    missing = []
    for part in parts:
        key = _normalise(part)
        if remaining[key]:
            remaining[key] -= 1
        else:
            missing.append(part)
    return missing


def _find_repeated(parts: Sequence[str], judged: Sequence[str]) -> str:
    """The problem of a statement that is judged more often than it occurs; '' when none is."""
    allowed = Counter(map(_normalise, parts))
    counts = Counter(map(_normalise, judged))
    repeated = [text for text in judged if counts[_normalise(text)] > max(1, allowed[_normalise(text)])]
    if not repeated:
        return ""
    return f"this statement is judged more than once: {_quote(repeated[:1])}"


def _find_foreign(parts: Sequence[str], judged: Sequence[str]) -> str:
    """The problem of a verdict on a text that shares no word with any part; '' when there is none."""
    tokens = {token for part in parts for token in overlap.tokens(part)}
    foreign = [text for text in judged if tokens and tokens.isdisjoint(overlap.content_tokens(text) or [""])]
    return f"this statement was not requested: {_quote(foreign[:1])}" if foreign else ""


def _normalise(text: str) -> str:
    return " ".join(overlap.tokens(text)) or text.strip()


def _quote(texts: Sequence[str]) -> str:
    quoted = [
        f'"{text if len(text) <= _MAX_QUOTED_CHARACTERS else text[: _MAX_QUOTED_CHARACTERS - 3] + "..."}"'
        for text in texts[:_MAX_QUOTED_PARTS]
    ]
    more = len(texts) - _MAX_QUOTED_PARTS
    return ", ".join(quoted) + (f" and {more} more" if more > 0 else "")
