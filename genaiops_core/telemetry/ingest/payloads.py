"""What a span has beyond its columns: one compressed blob per trace and batch.

A blob is Zstandard over a JSON object {span_id: {attributes, resource, scope, kind[, events][, links][, flags]
[, trace_state][, notes]}}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import zstandard

from genaiops_core.telemetry.blobs import make_decompressor
from genaiops_core.telemetry.bounds import to_json
from genaiops_core.telemetry.spans import SpanFacts

LEVEL = 1


def build_payload_rows(spans: Iterable[SpanFacts]) -> list[dict[str, Any]]:
    """Build one row of table `payload` for each trace and application among `spans`, sorted by both."""
    traces: dict[tuple[str, str], dict[str, Any]] = {}
    starts: dict[tuple[str, str], int] = {}
    for span in spans:
        key = (span.trace_id, span.application)
        traces.setdefault(key, {})[span.span_id] = span.payload
        starts[key] = min(starts.get(key, span.start_ns), span.start_ns)
    # One per batch: threads must not share a compressor.
    compress = zstandard.ZstdCompressor(level=LEVEL).compress
    return [
        {
            "trace_id": key[0],
            "application": key[1],
            "spans_zstd": compress(to_json(traces[key])),
            "start_ns": starts[key],
        }
        for key in sorted(traces)
    ]


def unpack(blobs: Sequence[bytes]) -> dict[str, Any]:
    """Decompress `blobs` into span id -> payload."""
    decompress = make_decompressor()
    spans: dict[str, Any] = {}
    for blob in blobs:
        spans.update(orjson.loads(decompress(blob)))
    return spans
