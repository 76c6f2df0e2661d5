"""Decodes a file that is not UTF-8 as a whole, line by line.

Two exports pasted together are UTF-8 in some lines and a Windows or East Asian encoding in others. Decoded as a whole,
one of them becomes unreadable. A line that is valid UTF-8 by its bytes is UTF-8: text of another encoding hardly ever is.
East Asian encodings are the exception in short lines, so there the language decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import NamedTuple

from genaiops_core.evaluation.readers.east_asian import is_in_language
from genaiops_core.evaluation.readers.encoding_names import name_encoding
from genaiops_core.evaluation.readers.numbers import list_line_numbers

_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LATIN_SEQUENCE = re.compile(rb"[\xc2-\xc5][\x80-\xbf]|\xe2[\x80-\x84][\x80-\xbf]")
"""Letters with accents, quotes, dashes and the euro in UTF-8."""

_NON_ASCII = re.compile(rb"[\x80-\xff]++")
_CUT_CHARACTER = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{0,2}")
_CELL_END = frozenset(b'",;\t|\r\n')
_LATIN = frozenset(("cp1252", "cp1250", "cp1254", "cp1257", "iso8859_2", "mac_roman", "latin-1"))
_DAMAGED_RATIO = 4
"""A line with this many UTF-8 characters for each invalid byte is UTF-8 with invalid bytes."""

_SAMPLE_BYTES = 64_000
_REPLACED = "each invalid byte was replaced by \ufffd"


class DecodedLines(NamedTuple):
    """The text of all lines, the encodings in order of their first use, and which lines have which; '' for a single one."""

    text: str
    encodings: tuple[str, ...]
    problem: str


class _Kind(Enum):
    ASCII = 0
    UTF8 = 1
    DAMAGED = 2
    OTHER = 3


def decode_lines(
    data: bytes, guess_whole: Callable[[], str], guess_encoding: Callable[[bytes], str]
) -> DecodedLines:
    """Decode a file that is not valid UTF-8.

    Args:
        data: the whole file.
        guess_whole: guesses the encoding of the whole file.
        guess_encoding: guesses the encoding of a sample.
    """
    lines = data.split(b"\n") if b"\n" in data else data.split(b"\r")
    line_end = "\n" if b"\n" in data else "\r"
    kinds = [_classify(line) for line in lines]
    if _Kind.OTHER not in kinds:
        texts = [line.decode("utf-8", "replace") for line in lines]
        damaged = list_line_numbers(
            number for number, kind in enumerate(kinds, start=1) if kind is _Kind.DAMAGED
        )
        return DecodedLines(line_end.join(texts), ("utf-8",), f"has invalid bytes in {damaged}; {_REPLACED}")
    has_utf8 = _Kind.UTF8 in kinds or _Kind.DAMAGED in kinds
    sample = b"\n".join(_take(lines, kinds))
    encoding = guess_encoding(sample) if has_utf8 else guess_whole()
    if _is_latin_utf8(sample):
        encoding = guess_encoding(_LATIN_SEQUENCE.sub(b" ", sample))
    if has_utf8 and encoding not in _LATIN:
        kinds = [_reconsider(line, kind, encoding) for line, kind in zip(lines, kinds, strict=True)]
    decoder = _LineDecoder(encoding, leads={match[0][0] for match in _SEQUENCE.finditer(data)})
    text = line_end.join(
        decoder.decode(number, line, kind)
        for number, (line, kind) in enumerate(zip(lines, kinds, strict=True), start=1)
    )
    encodings = (*(["utf-8"] if decoder.has_utf8 else []), *([encoding] if decoder.other_lines else []))
    problems = []
    if len(encodings) > 1:
        problems.append(
            f"has lines of two encodings: UTF-8, and {name_encoding(encoding)} in "
            f"{list_line_numbers(decoder.other_lines)}; check their letters"
        )
    if decoder.replaced_lines:
        problems.append(f"has invalid bytes in {list_line_numbers(decoder.replaced_lines)}; {_REPLACED}")
    return DecodedLines(text, encodings, "; ".join(problems))


class _LineDecoder:
    """Decodes lines of UTF-8 and of one other encoding, and lists where each was used."""

    def __init__(self, encoding: str, leads: set[int]) -> None:
        self._encoding = encoding
        self._leads = leads
        self._number = 0
        self.has_utf8 = False
        self.other_lines: dict[int, None] = {}
        self.replaced_lines: dict[int, None] = {}

    def decode(self, number: int, line: bytes, kind: _Kind) -> str:
        self._number = number
        if kind in (_Kind.UTF8, _Kind.DAMAGED):
            self.has_utf8 = True
            if kind is _Kind.DAMAGED:
                self.replaced_lines[number] = None
            return line.decode("utf-8", "replace")
        if self._encoding in _LATIN and _LATIN_SEQUENCE.search(line):
            self.has_utf8 = True
            return self._decode_both(line)
        return self._decode_other(line)

    def _decode_other(self, line: bytes) -> str:
        if line.isascii():
            return line.decode("ascii")
        self.other_lines[self._number] = None
        try:
            return line.decode(self._encoding)
        except UnicodeDecodeError:
            self.replaced_lines[self._number] = None
            return line.decode(self._encoding, "replace")

    def _decode_both(self, line: bytes) -> str:
        """Decode a line whose cells have different encodings: UTF-8 characters, and the bytes between them."""
        parts: list[str] = []
        position = 0
        for sequence in _LATIN_SEQUENCE.finditer(line):
            parts += (self._decode_between(line, position, sequence.start()), sequence[0].decode())
            position = sequence.end()
        return "".join((*parts, self._decode_between(line, position, len(line))))

    def _decode_between(self, line: bytes, start: int, end: int) -> str:
        """Decode bytes between UTF-8 characters; a character that a length limit cut off at the end of a cell is lost."""
        parts: list[str] = []
        position = start
        for stray in _NON_ASCII.finditer(line, start, end):
            is_cell_end = stray.end() == len(line) or line[stray.end()] in _CELL_END
            if is_cell_end and stray[0][0] in self._leads and _CUT_CHARACTER.fullmatch(stray[0]):
                self.replaced_lines[self._number] = None
                parts += (self._decode_other(line[position : stray.start()]), "\ufffd")
                position = stray.end()
        return "".join((*parts, self._decode_other(line[position:end])))


def _is_latin_utf8(sample: bytes) -> bool:
    """Whether every UTF-8 character of a sample is a letter with an accent or a sign, and they outnumber other bytes."""
    sequences = len(_LATIN_SEQUENCE.findall(sample))
    invalid = len(_NON_ASCII.findall(_LATIN_SEQUENCE.sub(b" ", sample)))
    return sequences >= max(invalid, len(_SEQUENCE.findall(sample)), 1)


def _classify(line: bytes) -> _Kind:
    if line.isascii():
        return _Kind.ASCII
    try:
        line.decode("utf-8")
        return _Kind.UTF8
    except UnicodeDecodeError:
        sequences = len(_SEQUENCE.findall(line))
        invalid = len(_NON_ASCII.findall(_SEQUENCE.sub(b" ", line)))
        return _Kind.DAMAGED if sequences > _DAMAGED_RATIO * invalid else _Kind.OTHER


def _reconsider(line: bytes, kind: _Kind, encoding: str) -> _Kind:
    """Classify a line as the other encoding if it is text of a language in it, and none in UTF-8."""
    if kind not in (_Kind.UTF8, _Kind.DAMAGED):
        return kind
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError:
        return kind
    is_utf8 = is_in_language(line.decode("utf-8", "replace"))
    return _Kind.OTHER if is_in_language(text, encoding) and not is_utf8 else kind


def _take(lines: Iterable[bytes], kinds: Iterable[_Kind]) -> Iterable[bytes]:
    """Take the lines of the other encoding, up to the size of a sample."""
    size = 0
    for line, kind in zip(lines, kinds, strict=True):
        if kind is _Kind.OTHER and size < _SAMPLE_BYTES:
            yield line[: _SAMPLE_BYTES - size]
            size += len(line)
