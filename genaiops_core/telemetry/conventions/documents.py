"""Documents that a retrieval found, or that a re-ranking put in order."""

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
    """One document found; '' and None where it is not told."""

    id: str = ""
    content: str = ""
    score: float | None = None
    source: str = ""
    """Where it is from: an address, a file, a title."""
    version: str = ""
    """Which state of the source was read."""
    metadata: Mapping[str, Any] = field(default_factory=dict)


_OUTPUT_ATTRIBUTES = (
    "output.value",
    "langfuse.observation.output",
    "traceloop.entity.output",
    "gen_ai.output.messages",
)
_LISTS = ("documents", "retrievalResults", "nodes", "results", "matches", "hits", "output", "outputs")


def read_documents(
    sources: Sequence[Mapping[str, Any]], told: Iterable[tuple[str, Mapping[str, Any]]]
) -> tuple[Document, ...]:
    """The documents of one span.

    Args:
        sources: attributes, of the span first.
        told: name and attributes of events.
    """
    for source in sources:
        for prefix in names.INDEXED_DOCUMENTS:
            found = [_parse_document(entry) for entry in unflatten(source, prefix)]
            if found:
                return tuple(found)
        for name in names.DOCUMENTS:
            found = _parse_list(source.get(name))
            if found:
                return tuple(found)
    found = [
        _parse_document(
            {
                "id": said.get(keys[0]),
                "score": said.get(keys[1]),
                "content": said.get(keys[2]),
                "metadata": said.get("db.query.result.metadata"),
            }
        )
        for name, said in told
        if (keys := names.DOCUMENT_EVENTS.get(name)) is not None
    ]
    if found:
        return tuple(found)
    for source in sources:
        for name in _OUTPUT_ATTRIBUTES:
            found = [
                one
                for one in _parse_list(source.get(name))
                if one.content and (one.score is not None or one.metadata)
            ]
            if found:
                return tuple(found)
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
    said = {**entry, **inner}
    metadata = said.get("metadata") or said.get("meta") or {}
    metadata = parse_json_text(metadata) or metadata
    if not isinstance(metadata, Mapping):
        metadata = {"metadata": metadata}
    location = said.get("location")
    return Document(
        id=to_text(_find_first(said, ("id", "document_id", "id_", "chunk_id", "_id")) or ""),
        content=_parse_content(_find_first(said, ("content", "page_content", "text", "document", "chunk"))),
        score=_parse_number(_find_first(said, ("score", "relevance_score", "similarity", "distance"))),
        source=to_text(
            _find_first(metadata, names.SOURCE_KEYS) or _find_first(said, names.SOURCE_KEYS) or _find_address(location)
        ),
        version=to_text(_find_first(metadata, names.VERSION_KEYS) or _find_first(said, names.VERSION_KEYS) or ""),
        metadata=metadata,
    )


def _find_first(said: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((said[key] for key in keys if said.get(key) not in (None, "", {})), None)


def _parse_content(value: Any) -> str:
    if isinstance(value, Mapping):
        return to_text(value.get("text") or value.get("content") or value)
    return to_text(value)


def _find_address(location: Any) -> str:
    """Where Bedrock says a document lies: {"type": "S3", "s3Location": {"uri": ...}}."""
    if not isinstance(location, Mapping):
        return to_text(location)
    for value in location.values():
        if isinstance(value, Mapping):
            found = value.get("uri") or value.get("url") or value.get("id")
            if found:
                return to_text(found)
    return ""


def _parse_number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
