"""Everything a span said beyond its columns: one compressed blob a trace and batch.

A blob is Zstandard over a JSON object {span_id: {attributes, resource, scope, kind[, events][, links]
[, trace_state][, notes]}}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import zstandard

from genaiops_core.telemetry.bounds import to_json
from genaiops_core.telemetry.spans import SpanFacts

_LEVEL = 1
_MAX_BLOB_BYTES = 1 << 30


def build_payload_rows(spans: Iterable[SpanFacts]) -> list[dict[str, Any]]:
    """One row of table `payload` for each trace and application among `spans`, sorted by them."""
    traces: dict[tuple[str, str], dict[str, Any]] = {}
    starts: dict[tuple[str, str], int] = {}
    for span in spans:
        key = (span.trace_id, span.application)
        traces.setdefault(key, {})[span.span_id] = span.payload
        starts[key] = min(starts.get(key, span.start_ns), span.start_ns)
    # Made here, because a compressor must not be shared by threads; reused for every blob of the batch.
    compress = zstandard.ZstdCompressor(level=_LEVEL).compress
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
    """Span id -> payload, of all `blobs` together."""
    decompressor = zstandard.ZstdDecompressor()
    spans: dict[str, Any] = {}
    for blob in blobs:
        spans.update(orjson.loads(decompressor.decompress(blob, max_output_size=_MAX_BLOB_BYTES)))
    return spans
