"""Flattens records with several cases, or with nested cases: SQuAD articles and Bedrock evaluation jobs.

Sources:
    Amazon Bedrock user guide, "Create a prompt dataset for a RAG evaluation" and "... for a model evaluation job that
    uses a model as judge"; SQuAD 1.1 and 2.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def flatten_record(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Flatten a record into rows; an ordinary record is one row."""
    if _are_objects(item.get("paragraphs")):
        yield from _flatten_article(item)
    elif _are_objects(item.get("conversationTurns")):
        yield from _flatten_turns(item)
    elif _are_objects(item.get("modelResponses")) and len(item["modelResponses"]) == 1:
        rest = {name: value for name, value in item.items() if name != "modelResponses"}
        yield {**rest, **item["modelResponses"][0]}
    else:
        yield item


def _flatten_article(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Flatten {"title", "paragraphs": [{"context", "qas": [{"question", "answers": [...]}]}]}."""
    for paragraph in item["paragraphs"]:
        for question in paragraph.get("qas") or []:
            if isinstance(question, dict):
                yield {"title": item.get("title"), "context": paragraph.get("context"), **question}


def _flatten_turns(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Flatten {"conversationTurns": [{"prompt", "referenceResponses", "output": {"text", "retrievedPassages"}}]}."""
    rest = {name: value for name, value in item.items() if name != "conversationTurns"}
    for number, turn in enumerate(item["conversationTurns"], start=1):
        output = turn.get("output") if isinstance(turn.get("output"), dict) else {}
        passages = output.get("retrievedPassages")
        results = passages.get("retrievalResults") if isinstance(passages, dict) else None
        row = {
            "prompt": _extract_text(turn.get("prompt")),
            "response": output.get("text"),
            "contexts": [_extract_text(result) for result in results] if isinstance(results, list) else None,
            "referenceResponses": [_extract_text(result) for result in turn.get("referenceResponses") or []]
            or None,
            "model": output.get("modelIdentifier"),
            "knowledgeBase": output.get("knowledgeBaseIdentifier"),
        }
        if len(item["conversationTurns"]) > 1:
            row["turn"] = number
        yield {**rest, **row}


def _extract_text(message: Any) -> Any:
    """Extract the text of {"content": [{"text": ...}]} or {"content": {"text": ...}}."""
    content = message.get("content") if isinstance(message, dict) else message
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str)) or None


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
