"""The language of searches: what an operator types becomes a `Query`, or a sentence that says where it stops making sense.

    app:support-agent status:error latency>3s cost>=0.05 score(faithfulness)<0.7 user:u-17 "refund policy" -model:nova

Terms stand side by side and must all hold; OR, parentheses and - (or NOT) work as expected. `*` stands for anything,
a comma gives alternatives (`status:error,incomplete`), "" means not said (`user:""`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NoReturn

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.search.query import Compare, Match, Node, Query, Text, all_of, any_of, negated

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "application": "its name, as in app:support-agent",
        "environment": "where it runs, as in env:prod",
        "release": "the release that answered, as in release:v1*",
        "model": "part of a model's name, or the whole with =, as in model:nova",
        "user": "who asked, as in user:u-17",
        "session": "the conversation",
        "trace": "the trace id, or its beginning with *",
        "name": "part of the request's name, or the whole with =",
        "status": "ok, error or incomplete",
        "component": "a kind of step it went through, as in component:retrieval",
        "tool": "part of the name of a tool it used, or the whole with =",
        "has": "feedback, score or unpriced (a call without a price)",
        "feedback": "up or down",
        "latency": "how long it took, as in latency>3s (ms, s, m; ms when bare)",
        "cost": "what it cost in USD, as in cost>=0.05; requests of unknown cost match nothing",
        "tokens": "input and output tokens together, as in tokens>10k",
        "input_tokens": "as in input_tokens>10k",
        "output_tokens": "as in output_tokens<5",
        "calls": "model calls in it",
        "spans": "steps in it",
        "score": "a metric's value, as in score(faithfulness)<0.7",
        "text": "words in its name, ids or messages; the same as words without a field",
    }
)
"""Each field with a line of help."""

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
_CLOSED: Mapping[str, tuple[str, ...]] = {
    "status": ("ok", "error", "incomplete"),
    "has": ("feedback", "score", "unpriced"),
    "feedback": ("up", "down"),
}
CONTAINS = frozenset(("model", "name", "tool"))
"""Fields whose values are parts unless = is used."""
# Unit -> factor to what `Compare` holds, and the decimals that keep the result whole in the database.
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
    """Read a search; blank text asks for everything.

    Raises:
        BadInput: it is none; the sentence names the character where and what would do.
    """
    if len(text) > MAX_LENGTH:
        raise BadInput(f"The search is {len(text)} characters long; at most {MAX_LENGTH} are read.")
    for at, character in enumerate(text):
        if character == "\x00" or "\ud800" <= character <= "\udfff":
            raise BadInput(f"Character {at + 1} of the search is no text; take it out.")
    return Query(_Parser(text).query())


class _Parser:
    """Recursive descent: any = all (OR all)*, all = one+, one = -* (group | text | term)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.terms = 0
        self._skip_space()

    def query(self) -> Node | None:
        if self.at == len(self.text):
            return None
        node = self._any(0)
        if self.at < len(self.text):
            self._fail("there is a ) without its (")
        return node

    def _any(self, depth: int) -> Node:
        nodes = [self._all(depth)]
        while self._keyword("OR"):
            nodes.append(self._all(depth))
        return any_of(nodes)

    def _all(self, depth: int) -> Node:
        nodes = [self._one(depth)]
        while self._keyword("AND") or not self._is_end():
            nodes.append(self._one(depth))
        return all_of(nodes)

    def _is_end(self) -> bool:
        return self.at == len(self.text) or self.text[self.at] == ")" or self._peek_word() == "OR"

    def _one(self, depth: int) -> Node:
        is_negated = False
        while self._keyword("NOT") or self._character("-"):
            is_negated = not is_negated
        if self._is_end() or self._peek_word() == "AND":
            self._fail("a condition is missing here")
        if self._character("("):
            if depth == MAX_DEPTH:
                self._fail(f"parentheses are nested more than {MAX_DEPTH} deep")
            self._skip_space()
            node = self._any(depth + 1)
            if not self._character(")"):
                self._fail("a ) is missing here")
            self._skip_space()
        else:
            node = self._term()
            if self.text[self.at : self.at + 1] in ('"', ","):
                self._fail("a space is missing here")
            self._skip_space()
        return negated(node) if is_negated else node

    def _term(self) -> Node:
        self.terms += 1
        if self.terms > MAX_TERMS:
            self._fail(f"there are more than {MAX_TERMS} conditions")
        lead = _LEAD.match(self.text, self.at)
        if lead is None:
            return self._words()
        written, argument, operator = lead.groups()
        field = _ALIASES.get(written.lower(), written.lower())
        if field not in FIELDS:
            self._fail(f"there is no field '{written}'; use {', '.join(FIELDS)}, or quote it as text")
        if argument is not None and field != "score":
            self._fail(f"'{written}' takes nothing in parentheses; only score(metric) does")
        start, self.at = self.at, lead.end()
        if field in _NUMBERS:
            return self._compare(field, argument, operator, start)
        if operator not in (":", "="):
            self._fail(f"'{written}' is no number; use {written}:value", start)
        if field == "text":
            return self._words()
        return self._match(field, is_exact=operator == "=")

    def _words(self) -> Text:
        start, words = self.at, self._text(_WORD).strip()
        if not words:
            self._fail("there are no words between these quotation marks", start)
        return Text(words)

    def _match(self, field: str, *, is_exact: bool) -> Match:
        values = [self._value(field)]
        while self._character(","):
            values.append(self._value(field))
        return Match(field, tuple(values), is_exact and field in CONTAINS)

    def _value(self, field: str) -> str:
        start = self.at
        value = self._text(_VALUE)
        allowed = _CLOSED.get(field)
        if allowed is None:
            return value
        if value.lower() not in allowed:
            self._fail(f"'{field}' is one of {', '.join(allowed)}, not '{value}'", start)
        return value.lower()

    def _compare(self, field: str, metric: str | None, operator: str, start: int) -> Compare:
        if field == "score" and not _METRIC.fullmatch((metric or "").strip()):
            self._fail("score needs the metric, as in score(faithfulness)<0.7", start)
        units, decimals = _NUMBERS[field]
        begin, written = self.at, self._text(_VALUE)
        number = _NUMBER.fullmatch(written)
        unit = (number[1] + number[3]).lower() if number else ""
        if number is None or unit not in units or (number[2].startswith("-") and field != "score"):
            known = ", ".join(filter(None, units))
            self._fail(f"'{field}' needs a number{f' ({known})' if known else ''}, not '{written}'", begin)
        value = Decimal(number[2]) * Decimal(units[unit])
        if value != round(value, decimals) or abs(value).scaleb(decimals) >= 2**63:
            self._fail(f"'{written}' is finer or larger than '{field}' is measured", begin)
        # Without an exponent or trailing zeros, so that one number is written one way; and no negative zero.
        plain = Decimal(f"{value.normalize():f}") if value else Decimal(0)
        return Compare(field, "=" if operator == ":" else operator, plain, (metric or "").strip())

    def _text(self, bare: re.Pattern[str]) -> str:
        if self._character('"'):
            return self._quoted()
        found = bare.match(self.text, self.at)
        if found is None:
            self._fail("a value is missing here")
        self.at = found.end()
        return found.group()

    def _quoted(self) -> str:
        start, characters = self.at - 1, []
        while not self._character('"'):
            self._character("\\")
            if self.at == len(self.text):
                self._fail("this quotation mark is never closed", start)
            characters.append(self.text[self.at])
            self.at += 1
        return "".join(characters)

    def _character(self, wanted: str) -> bool:
        if self.text.startswith(wanted, self.at):
            self.at += 1
            return True
        return False

    def _keyword(self, wanted: str) -> bool:
        if self._peek_word() != wanted:
            return False
        self.at += len(wanted)
        self._skip_space()
        return True

    def _peek_word(self) -> str:
        found = _WORD.match(self.text, self.at)
        return found.group() if found else ""

    def _skip_space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _fail(self, what: str, at: int | None = None) -> NoReturn:
        raise BadInput(
            f"The search stops making sense at character {(self.at if at is None else at) + 1}: {what}."
        )
