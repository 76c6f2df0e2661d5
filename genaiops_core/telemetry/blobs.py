"""Decompresses the Zstandard blobs of tables `payload` and `log_record`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import zstandard

_MAX_BLOB_BYTES = 1 << 30
"""Limit of a decompressed blob: a corrupt or hostile frame must not exhaust the memory."""


def make_decompressor() -> Callable[[bytes], bytes]:
    """A function that decompresses one blob. Use it for all blobs of a read; threads must not share it."""
    return partial(zstandard.ZstdDecompressor().decompress, max_output_size=_MAX_BLOB_BYTES)
