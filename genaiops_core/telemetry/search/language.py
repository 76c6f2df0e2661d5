"""The search language: parses the text of an operator into a `Query`, or raises an error with the invalid position.

    app:support-agent status:error latency>3s cost>=0.05 score(faithfulness)<0.7 user:u-17 "refund policy" -model:nova

Terms separated by spaces must all hold; OR, parentheses and - (or NOT) combine them. `*` matches any text, a comma
separates alternatives (`status:error,incomplete`), "" matches a missing value (`user:""`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NoReturn

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.search.query import Compare, Match, Node, Query, Text, all_of, any_of, negate

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "application": "its name, as in app:support-agent",
        "environment": "its environment, as in env:prod",
        "release": "its release, as in release:v1*",
        "model": "part of a model's name, or the whole with =, as in model:nova",
        "user": "the user's id, as in user:u-17",
        "session": "the id of the session",
        "trace": "the trace id, or its beginning with *",
        "name": "part of the request's name, or the whole with =",
        "status": "ok, error or incomplete",
        "component": "the component of one of its spans, as in component:retrieval",
        "tool": "part of the name of a tool it used, or the whole with =",
        "has": "feedback, score or unpriced (a call without a price)",
        "feedback": "up or down",
        "latency": "its duration, as in latency>3s (ms, s, m; ms without a unit)",
        "cost": "its cost in USD, as in cost>=0.05; requests of unknown cost do not match",
        "tokens": "the sum of its input and output tokens, as in tokens>10k",
        "input_tokens": "its input tokens, as in input_tokens>10k",
        "output_tokens": "its output tokens, as in output_tokens<5",
        "calls": "the number of its model calls",
        "spans": "the number of its spans",
        "score": "a metric's value, as in score(faithfulness)<0.7",
        "text": "words in its name, ids or messages; the same as words without a field",
    }
)
"""Help text by field."""

EXAMPLES = (
    "app:support-agent status:error",
    "latency>3s OR cost>=0.05",
    'score(faithfulness)<0.7 "refund policy"',
    "has:feedback feedback:down -model:nova",
    "component:retrieval tool:search* user:u-17",
)

MAX_LENGTH = 2_000
MAX_TERMS = 50
MAX_DEPTH = 20

_ALIASES = {
    "app": "application",
    "env": "environment",
    "user_id": "user",
    "session_id": "session",
    "trace_id": "trace",
    "duration": "latency",
}
_FIELD_KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "status": ("ok", "error", "incomplete"),
    "has": ("feedback", "score", "unpriced"),
    "feedback": ("up", "down"),
}
CONTAINS = frozenset(("model", "name", "tool"))
"""Fields that match a part of the value with `:` and the whole value with `=`."""
# Unit -> factor to the unit of `Compare`, and the decimals with which the result is a whole number in the database.
_NUMBERS: Mapping[str, tuple[Mapping[str, str], int]] = {
    "latency": ({"": "1", "ms": "1", "us": "0.001", "s": "1000", "m": "60000", "h": "3600000"}, 6),
    "cost": ({"": "1", "$": "1", "usd": "1"}, 9),
    "score": ({"": "1"}, 9),
    **dict.fromkeys(
        ("tokens", "input_tokens", "output_tokens", "calls", "spans"),
        ({"": "1", "k": "1000", "m": "1000000"}, 0),
    ),
}

_LEAD = re.compile(r"([A-Za-z_]+)(?:\(([^()\"]*)\))?(<=|>=|:|=|<|>)")
_WORD = re.compile(r'[^\s"()]+')
_VALUE = re.compile(r'[^\s"(),]+')
_NUMBER = re.compile(r"(\$?)([+-]?(?:\d{1,15}(?:\.\d{0,12})?|\.\d{1,12}))([A-Za-z]*)")
_METRIC = re.compile(r"[\w.-]{1,100}")
_SPACE = re.compile(r"\s*")


def parse(text: str) -> Query:
    """Parse a search; blank text matches every request.

    Raises:
        BadInput: the text is invalid; the message has the position and a valid form.
    """
    if len(text) > MAX_LENGTH:
        raise BadInput(f"The search has {len(text)} characters; shorten it to {MAX_LENGTH}.")
    for index, character in enumerate(text):
        if character == "\x00" or "\ud800" <= character <= "\udfff":
            raise BadInput(f"Character {index + 1} of the search is invalid; delete it.")
    return Query(_Parser(text).parse_query())


class _Parser:
    """Recursive descent: any = all (OR all)*, all = negation+, negation = -* (group | text | term)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.terms = 0
        self._skip_space()

    def parse_query(self) -> Node | None:
        if self.at == len(self.text):
            return None
        node = self._parse_any(0)
        if self.at < len(self.text):
            self._fail("a ) has no matching (")
        return node

    def _parse_any(self, depth: int) -> Node:
        nodes = [self._parse_all(depth)]
        while self._accept_keyword("OR"):
            nodes.append(self._parse_all(depth))
        return any_of(nodes)

    def _parse_all(self, depth: int) -> Node:
        nodes = [self._parse_negation(depth)]
        while self._accept_keyword("AND") or not self._is_end():
            nodes.append(self._parse_negation(depth))
        return all_of(nodes)

    def _is_end(self) -> bool:
        return self.at == len(self.text) or self.text[self.at] == ")" or self._peek_word() == "OR"

    def _parse_negation(self, depth: int) -> Node:
        is_negated = False
        while self._accept_keyword("NOT") or self._accept_character("-"):
            # Counted in a loop, because a recursion per minus sign would be unbounded.
            is_negated = not is_negated
        if self._is_end() or self._peek_word() == "AND":
            self._fail("a condition is missing")
        if self._accept_character("("):
            # Bounds the recursion of this parser and the nesting of the SQL.
            if depth == MAX_DEPTH:
                self._fail(f"parentheses are nested more than {MAX_DEPTH} deep")
            self._skip_space()
            node = self._parse_any(depth + 1)
            if not self._accept_character(")"):
                self._fail("a ) is missing")
            self._skip_space()
        else:
            node = self._parse_term()
            if self.text[self.at : self.at + 1] in ('"', ","):
                self._fail("a space is missing")
            self._skip_space()
        return negate(node) if is_negated else node

    def _parse_term(self) -> Node:
        self.terms += 1
        if self.terms > MAX_TERMS:
            self._fail(f"there are more than {MAX_TERMS} conditions")
        lead = _LEAD.match(self.text, self.at)
        if lead is None:
            return self._parse_words()
        field_text, argument, operator = lead.groups()
        field = _ALIASES.get(field_text.lower(), field_text.lower())
        if field not in FIELDS:
            self._fail(f"there is no field '{field_text}'; use {', '.join(FIELDS)}, or quote it as text")
        if argument is not None and field != "score":
            self._fail(f"'{field_text}' takes no parentheses; only score(metric) does")
        start, self.at = self.at, lead.end()
        if field in _NUMBERS:
            return self._parse_comparison(field, argument, operator, start)
        if operator not in (":", "="):
            self._fail(f"'{field_text}' cannot be compared; use {field_text}:value", start)
        if field == "text":
            return self._parse_words()
        return self._parse_match(field, is_exact=operator == "=")

    def _parse_words(self) -> Text:
        start, words = self.at, self._read_text(_WORD).strip()
        if not words:
            self._fail("the quotation marks are empty", start)
        return Text(words)

    def _parse_match(self, field: str, *, is_exact: bool) -> Match:
        values = [self._parse_value(field)]
        while self._accept_character(","):
            values.append(self._parse_value(field))
        return Match(field, tuple(values), is_exact and field in CONTAINS)

    def _parse_value(self, field: str) -> str:
        start = self.at
        value = self._read_text(_VALUE)
        allowed = _FIELD_KEYWORDS.get(field)
        if allowed is None:
            return value
        if value.lower() not in allowed:
            self._fail(f"'{field}' is one of {', '.join(allowed)}, not '{value}'", start)
        return value.lower()

    def _parse_comparison(self, field: str, metric: str | None, operator: str, start: int) -> Compare:
        if field == "score" and not _METRIC.fullmatch((metric or "").strip()):
            self._fail("score needs the metric, as in score(faithfulness)<0.7", start)
        units, decimals = _NUMBERS[field]
        value_start, value_text = self.at, self._read_text(_VALUE)
        number = _NUMBER.fullmatch(value_text)
        unit = (number[1] + number[3]).lower() if number else ""
        if number is None or unit not in units or (number[2].startswith("-") and field != "score"):
            unit_names = ", ".join(filter(None, units))
            self._fail(
                f"'{field}' needs a number{f' ({unit_names})' if unit_names else ''}, not '{value_text}'",
                value_start,
            )
        value = Decimal(number[2]) * Decimal(units[unit])
        if value != round(value, decimals) or abs(value).scaleb(decimals) >= 2**63:
            self._fail(f"'{value_text}' is out of the range or precision of '{field}'", value_start)
        # Without an exponent, trailing zeros or a negative zero, so that equal searches have equal canonical text.
        canonical = Decimal(f"{value.normalize():f}") if value else Decimal(0)
        return Compare(field, "=" if operator == ":" else operator, canonical, (metric or "").strip())

    def _read_text(self, bare: re.Pattern[str]) -> str:
        if self._accept_character('"'):
            return self._read_quoted()
        match = bare.match(self.text, self.at)
        if match is None:
            self._fail("a value is missing")
        self.at = match.end()
        return match.group()

    def _read_quoted(self) -> str:
        start, characters = self.at - 1, []
        while not self._accept_character('"'):
            self._accept_character("\\")
            if self.at == len(self.text):
                self._fail("a quotation mark is not closed", start)
            characters.append(self.text[self.at])
            self.at += 1
        return "".join(characters)

    def _accept_character(self, wanted: str) -> bool:
        if self.text.startswith(wanted, self.at):
            self.at += 1
            return True
        return False

    def _accept_keyword(self, wanted: str) -> bool:
        if self._peek_word() != wanted:
            return False
        self.at += len(wanted)
        self._skip_space()
        return True

    def _peek_word(self) -> str:
        match = _WORD.match(self.text, self.at)
        return match.group() if match else ""

    def _skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _fail(self, problem: str, position: int | None = None) -> NoReturn:
        raise BadInput(
            f"The search is invalid at character {(self.at if position is None else position) + 1}: {problem}."
        )
