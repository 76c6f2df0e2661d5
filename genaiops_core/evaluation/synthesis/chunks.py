"""Documents to passages: whole paragraphs together up to a size, each under the heading it stands beneath."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.encodings import decode_text, replace_unstorable

READ = (".txt", ".md", ".markdown", ".rst", ".text")
MAX_DOCUMENT_BYTES = 20 * 1024 * 1024
MOST_CHARACTERS = 1_500
"""Of a passage: about 350 tokens, a few paragraphs."""
LEAST_CHARACTERS = 80
"""Less than this holds nothing to ask about: a heading, a rule, a lone link."""

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_HEADING = re.compile(r"#{1,6}\s+(?P<text>.+?)\s*#*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A text by the name of its file."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Some paragraphs of a document that belong together."""

    document: str
    position: int
    """In its document, from 1."""
    heading: str
    """The heading above it; '' for none."""
    text: str


def read_document(data: bytes, filename: str) -> Document:
    """A text or Markdown file.

    Raises:
        BadInput: it is of another kind, too large or empty.
    """
    name = PurePath(filename).name
    ending = PurePath(filename).suffix.lower()
    if ending not in READ or data.startswith((b"%PDF", b"PK\x03\x04")):
        raise BadInput(
            f"{name} is not read; questions are made from text and Markdown ({', '.join(READ)}). Save it as text."
        )
    if len(data) > MAX_DOCUMENT_BYTES:
        raise BadInput(
            f"{name} has {len(data) / 1e6:,.0f} MB; at most {MAX_DOCUMENT_BYTES / 1e6:,.0f} MB are read. Split it."
        )
    text = replace_unstorable(decode_text(data, name)).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise BadInput(f"{name} is empty.")
    return Document(name=name, text=text)


def passages(document: Document, most_characters: int = MOST_CHARACTERS) -> list[Passage]:
    """The document in passages of at most `most_characters`; paragraphs are only cut where one is longer by itself."""
    found: list[Passage] = []
    heading, gathered = "", ""

    def close() -> None:
        nonlocal gathered
        if len(gathered) >= LEAST_CHARACTERS:
            found.append(
                Passage(document=document.name, position=len(found) + 1, heading=heading, text=gathered)
            )
        gathered = ""

    for paragraph in _paragraphs(document.text):
        title = _HEADING.fullmatch(paragraph)
        if title is not None:
            close()
            heading = title["text"]
            continue
        for piece in _pieces(paragraph, most_characters):
            if gathered and len(gathered) + 2 + len(piece) > most_characters:
                close()
            gathered = f"{gathered}\n\n{piece}" if gathered else piece
    close()
    return found


def spread(found: Sequence[Sequence[Passage]], count: int) -> list[Passage]:
    """`count` passages spread evenly over documents and over each document; some come again when there are too few."""
    per_document = [list(one) for one in found if one]
    if not per_document:
        return []
    chosen: list[Passage] = []
    shares = _shares([len(one) for one in per_document], count)
    for document, share in zip(per_document, shares, strict=True):
        chosen += [document[at * len(document) // share % len(document)] for at in range(share)]
    return chosen


def _shares(sizes: Sequence[int], count: int) -> list[int]:
    """`count` parted by size (Sainte-Laguë): each has one before any has two, none more than it has before all have."""
    shares = [0] * len(sizes)
    for _ in range(count):
        best = max(
            range(len(sizes)),
            key=lambda at: (shares[at] < sizes[at], shares[at] == 0, sizes[at] / (2 * shares[at] + 1)),
        )
        shares[best] += 1
    return shares


def _paragraphs(text: str) -> Iterator[str]:
    for block in _BLANK_LINE.split(text):
        lines: list[str] = []
        for line in block.strip("\n").split("\n"):
            # A heading ends a paragraph even without a blank line around it.
            if _HEADING.fullmatch(line.strip()):
                if lines:
                    yield "\n".join(lines)
                yield line.strip()
                lines = []
            elif line.strip():
                lines.append(line.rstrip())
        if lines:
            yield "\n".join(lines)


def _pieces(paragraph: str, most_characters: int) -> Iterator[str]:
    """The paragraph, cut at ends of sentences where it is too long, and anywhere where a sentence is."""
    if len(paragraph) <= most_characters:
        yield paragraph
        return
    gathered = ""
    for sentence in _SENTENCE_END.split(paragraph):
        if gathered and len(gathered) + 1 + len(sentence) > most_characters:
            yield gathered
            gathered = ""
        gathered = f"{gathered} {sentence}" if gathered else sentence
        while len(gathered) > most_characters:
            yield gathered[:most_characters]
            gathered = gathered[most_characters:]
    if gathered:
        yield gathered
