"""Parses lists that are written as text: JSON, Python and numpy, LangChain documents, bullets and numbers."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import Any

from genaiops_core.evaluation.readers.conversations import decode_cell

_BULLET = re.compile(r"\s*(?:[-*+–—•◦▪‣●○■□·・※►]|(?P<number>\(?\d{1,3}[.)]|\[\d{1,3}\]))(?:\s+|$)")
_SURE_BULLET = re.compile(r"\s*[•◦▪‣●■►]\s*")
"""Signs that begin a line of a list and nothing else."""

_MAX_LITERAL_CHARACTERS = 1_000_000
"""A longer Python literal is no list: Python's parser takes 100 times its memory."""


def parse_list(text: str) -> list[Any] | None:
    """Parse a list written as JSON or as Python prints it; None for any other text."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    decoded = decode_cell(text)
    return decoded if isinstance(decoded, list) else _parse_python_list(text)


def _parse_python_list(text: str) -> list[Any] | None:
    # numpy prints ['a' 'b'] without commas, which Python would parse as one text; so the tokens are read.
    if len(text) > _MAX_LITERAL_CHARACTERS:
        return None
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        strings = [token.string for token in tokens if token.type == tokenize.STRING]
        is_plain_list = all(t.type != tokenize.OP or t.string in "[]," for t in tokens)
        if is_plain_list and strings and not any(t.type in (tokenize.NAME, tokenize.NUMBER) for t in tokens):
            return [ast.literal_eval(string) for string in strings]
        value = _read_documents(text) or ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError):
        return None
    return list(value) if isinstance(value, (list, tuple)) else None


def _read_documents(text: str) -> list[Any] | None:
    """Read what Python prints for LangChain's documents: [Document(page_content='...', metadata={...})]."""
    node = ast.parse(text, mode="eval").body
    if not isinstance(node, ast.List) or not node.elts:
        return None
    documents: list[Any] = []
    for element in node.elts:
        if not isinstance(element, ast.Call):
            return None
        documents.append({key.arg: ast.literal_eval(key.value) for key in element.keywords if key.arg})
    return documents


def split_bullets(text: str, *, is_column: bool = False) -> tuple[str, ...] | None:
    """Split a bulleted or numbered list into its items, without the bullets; None for any other text.

    Numbers count up from the first. A line without a bullet belongs to the item above it, unless a blank line parts them.

    Args:
        text: the cell.
        is_column: whether other cells of the column are lists, so that a single bullet is one too.
    """
    lines = text.splitlines()
    bullets = [_BULLET.match(line) or _SURE_BULLET.match(line) for line in lines]
    has_lead = not lines or bullets[0] is None
    # Prose of several paragraphs may contain a list; a single line of prose above a list is a heading of it.
    if has_lead and (sum(bullet is not None for bullet in bullets) < 2 or not all(map(str.strip, lines))):
        return None
    items: list[str] = []
    numbers: list[int] = []
    is_open = False
    for line, bullet in zip(lines, bullets, strict=True):
        if bullet is None:
            if line.strip() and is_open:
                items[-1] += "\n" + line.strip()
            elif line.strip():
                items.append(line.strip())
            is_open = bool(line.strip()) and is_open
            continue
        is_open = True
        if bullet.re is _BULLET and bullet["number"]:
            numbers.append(int(bullet["number"].strip("()[].")))
        items.append(line[bullet.end() :].strip())
    bulleted = sum(bullet is not None for bullet in bullets)
    is_counted = numbers == list(range(numbers[0], numbers[0] + bulleted)) if numbers else True
    is_single = bulleted == 1 and not is_column and not _SURE_BULLET.match(lines[0])
    return None if is_single or not is_counted else tuple(filter(None, items))
