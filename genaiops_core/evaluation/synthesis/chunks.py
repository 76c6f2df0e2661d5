"""Splits documents into passages: whole paragraphs up to a size, each with its heading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.encodings import decode_text, replace_unstorable

ACCEPTED_ENDINGS = (".txt", ".md", ".markdown", ".rst", ".text")
MAX_DOCUMENT_BYTES = 20 * 1024 * 1024
MAX_PASSAGE_CHARACTERS = 1_500
"""Maximum length of a passage: about 350 tokens, a few paragraphs."""
MIN_PASSAGE_CHARACTERS = 80
"""Minimum length of a passage; a shorter one is a heading, a rule or a lone link."""

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_HEADING = re.compile(r"#{1,6}\s+(?P<text>.+?)\s*#*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, kw_only=True)
class Document:
    """The text of a file, with the file name."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Consecutive paragraphs of a document under one heading."""

    document: str
    position: int
    """In its document, from 1."""
    heading: str
    """The heading above it; '' for none."""
    text: str


def read_document(data: bytes, filename: str) -> Document:
    """Read a text or Markdown file.

    Raises:
        BadInput: the file has another format, is too large or is empty.
    """
    name = PurePath(filename).name
    ending = PurePath(filename).suffix.lower()
    if ending not in ACCEPTED_ENDINGS or data.startswith((b"%PDF", b"PK\x03\x04")):
        raise BadInput(
            f"{name} has an unsupported format; use text or Markdown ({', '.join(ACCEPTED_ENDINGS)})."
        )
    if len(data) > MAX_DOCUMENT_BYTES:
        raise BadInput(
            f"{name} has {len(data) / 1e6:,.0f} MB; the maximum is {MAX_DOCUMENT_BYTES / 1e6:,.0f} MB. Split the file."
        )
    text = replace_unstorable(decode_text(data, name)).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise BadInput(f"{name} is empty.")
    return Document(name=name, text=text)


def split_passages(document: Document, max_characters: int = MAX_PASSAGE_CHARACTERS) -> list[Passage]:
    """Split a document into passages of at most `max_characters`; only a longer paragraph is cut."""
    passages: list[Passage] = []
    heading, text = "", ""

    def close() -> None:
        nonlocal text
        if len(text) >= MIN_PASSAGE_CHARACTERS:
            passages.append(
                Passage(document=document.name, position=len(passages) + 1, heading=heading, text=text)
            )
        text = ""

    for paragraph in _iterate_paragraphs(document.text):
        title = _HEADING.fullmatch(paragraph)
        if title is not None:
            close()
            heading = title["text"]
            continue
        for piece in _split_paragraph(paragraph, max_characters):
            if text and len(text) + 2 + len(piece) > max_characters:
                close()
            text = f"{text}\n\n{piece}" if text else piece
    close()
    return passages


def select_passages(passages_by_document: Sequence[Sequence[Passage]], count: int) -> list[Passage]:
    """Select `count` passages, spread evenly over and within documents; passages repeat when there are too few."""
    documents = [list(passages) for passages in passages_by_document if passages]
    if not documents:
        return []
    selected: list[Passage] = []
    shares = _apportion([len(passages) for passages in documents], count)
    for document, share in zip(documents, shares, strict=True):
        # The modulo repeats passages from the beginning when there are fewer than requested.
        selected += [document[position * len(document) // share % len(document)] for position in range(share)]
    return selected


def _apportion(sizes: Sequence[int], count: int) -> list[int]:
    """Apportion `count` by size (Sainte-Laguë); every document gets one first, and none exceeds its size before all do."""
    shares = [0] * len(sizes)
    # Each seat goes to the highest quotient size / (2 * seats + 1); the first two keys enforce the constraints.
    for _ in range(count):
        neediest = max(
            range(len(sizes)),
            key=lambda index: (
                shares[index] < sizes[index],
                shares[index] == 0,
                sizes[index] / (2 * shares[index] + 1),
            ),
        )
        shares[neediest] += 1
    return shares


def _iterate_paragraphs(text: str) -> Iterator[str]:
    for block in _BLANK_LINE.split(text):
        lines: list[str] = []
        for line in block.strip("\n").split("\n"):
            # A heading ends a paragraph even without a blank line before it.
            if _HEADING.fullmatch(line.strip()):
                if lines:
                    yield "\n".join(lines)
                yield line.strip()
                lines = []
            elif line.strip():
                lines.append(line.rstrip())
        if lines:
            yield "\n".join(lines)


def _split_paragraph(paragraph: str, max_characters: int) -> Iterator[str]:
    """Split a paragraph that is too long at ends of sentences; split a sentence that is too long anywhere."""
    if len(paragraph) <= max_characters:
        yield paragraph
        return
    piece = ""
    for sentence in _SENTENCE_END.split(paragraph):
        if piece and len(piece) + 1 + len(sentence) > max_characters:
            yield piece
            piece = ""
        piece = f"{piece} {sentence}" if piece else sentence
        while len(piece) > max_characters:
            yield piece[:max_characters]
            piece = piece[max_characters:]
    if piece:
        yield piece
