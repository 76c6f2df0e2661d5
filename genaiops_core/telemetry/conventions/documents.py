"""Reads the documents of a retrieval or of a re-ranking."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genaiops_core.telemetry.conventions import names
from genaiops_core.telemetry.conventions.flattened import unflatten
from genaiops_core.telemetry.conventions.messages import parse_json_text, to_text


@dataclass(frozen=True, kw_only=True)
class Document:
    """One retrieved document; '' and None where unknown."""

    id: str = ""
    content: str = ""
    score: float | None = None
    source: str = ""
    """Its origin: an address, a file, a title."""
    version: str = ""
    """The version of the source."""
    metadata: Mapping[str, Any] = field(default_factory=dict)


_OUTPUT_ATTRIBUTES = (
    "output.value",
    "langfuse.observation.output",
    "traceloop.entity.output",
    "gen_ai.output.messages",
)
_LISTS = ("documents", "retrievalResults", "nodes", "results", "matches", "hits", "output", "outputs")


def read_documents(
    sources: Sequence[Mapping[str, Any]], events: Iterable[tuple[str, Mapping[str, Any]]]
) -> tuple[Document, ...]:
    """Read the documents of one span.

    Args:
        sources: attributes, of the span first.
        events: name and attributes of events.
    """
    for source in sources:
        for prefix in names.INDEXED_DOCUMENTS:
            documents = [_parse_document(entry) for entry in unflatten(source, prefix)]
            if documents:
                return tuple(documents)
        for name in names.DOCUMENTS:
            documents = _parse_list(source.get(name))
            if documents:
                return tuple(documents)
    documents = [
        _parse_document(
            {
                "id": fields.get(keys[0]),
                "score": fields.get(keys[1]),
                "content": fields.get(keys[2]),
                "metadata": fields.get("db.query.result.metadata"),
            }
        )
        for name, fields in events
        if (keys := names.DOCUMENT_EVENTS.get(name)) is not None
    ]
    if documents:
        return tuple(documents)
    for source in sources:
        for name in _OUTPUT_ATTRIBUTES:
            # Without a score or metadata a text in the output is no document.
            documents = [
                document
                for document in _parse_list(source.get(name))
                if document.content and (document.score is not None or document.metadata)
            ]
            if documents:
                return tuple(documents)
    return ()


def _parse_list(value: Any, depth: int = 0) -> list[Document]:
    value = parse_json_text(value) or value
    if isinstance(value, Mapping) and depth < 3:
        for key in _LISTS:
            if value.get(key):
                return _parse_list(value[key], depth + 1)
        return []
    if not isinstance(value, list):
        return []
    return [_parse_document(entry) for entry in value if isinstance(entry, (Mapping, str))]


def _parse_document(entry: Any) -> Document:
    if not isinstance(entry, Mapping):
        return Document(content=to_text(entry))
    inner: Mapping[str, Any] = next(
        (entry[key] for key in ("document", "node", "kwargs") if isinstance(entry.get(key), Mapping)), {}
    )
    fields = {**entry, **inner}
    metadata = fields.get("metadata") or fields.get("meta") or {}
    metadata = parse_json_text(metadata) or metadata
    if not isinstance(metadata, Mapping):
        metadata = {"metadata": metadata}
    location = fields.get("location")
    return Document(
        id=to_text(_find_first(fields, ("id", "document_id", "id_", "chunk_id", "_id")) or ""),
        content=_parse_content(_find_first(fields, ("content", "page_content", "text", "document", "chunk"))),
        score=_parse_number(_find_first(fields, ("score", "relevance_score", "similarity", "distance"))),
        source=to_text(
            _find_first(metadata, names.SOURCE_KEYS)
            or _find_first(fields, names.SOURCE_KEYS)
            or _find_address(location)
        ),
        version=to_text(
            _find_first(metadata, names.VERSION_KEYS) or _find_first(fields, names.VERSION_KEYS) or ""
        ),
        metadata=metadata,
    )


def _find_first(fields: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((fields[key] for key in keys if fields.get(key) not in (None, "", {})), None)


def _parse_content(value: Any) -> str:
    if isinstance(value, Mapping):
        return to_text(value.get("text") or value.get("content") or value)
    return to_text(value)


def _find_address(location: Any) -> str:
    """Find the address of a document as Bedrock writes it: {"type": "S3", "s3Location": {"uri": ...}}."""
    if not isinstance(location, Mapping):
        return to_text(location)
    for value in location.values():
        if isinstance(value, Mapping):
            address = value.get("uri") or value.get("url") or value.get("id")
            if address:
                return to_text(address)
    return ""


def _parse_number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
