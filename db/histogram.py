"""Latency histograms with logarithmic buckets of growth 1.02, packed into a blob.

A value v > 0 falls in bucket ceil(log(v) / log(1.02)); a bucket is read back as 2 * 1.02^b / 2.02, which is within
0.991 % of every value in it (the construction of DDSketch, Masson, Rim & Lee, VLDB 2019). Histograms merge by adding
counts, so percentiles of any union of cells are as exact as those of one.

Blob layout, little endian: int16 first bucket, uint8 bytes per count (1, 2, 4 or 8; 128 more when the counts are
signed), then the counts. Empty bytes are the empty histogram. Values are nanoseconds; values below 1 become 1 ns.

A negative count subtracts values of another blob of the same union. Every reader merges the blobs first, so a writer
can remove values that another writer added.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

GAMMA = 1.02
_LOG_GAMMA = math.log(GAMMA)
_SIGNED = 0x80
_DTYPES: dict[int, np.dtype[np.integer]] = {
    **{width: np.dtype(f"<u{width}") for width in (1, 2, 4, 8)},
    **{_SIGNED | width: np.dtype(f"<i{width}") for width in (1, 2, 4, 8)},
}
_HEADER = np.dtype([("first", "<i2"), ("width", "u1")])
_DENSE_CELLS = 2_000_000
"""Largest number of counts in memory while many unions are merged (16 MB)."""

EMPTY = b""
MAX_BUCKET = 2400
"""Longer durations than 1.02^2400 ns (about 13,700 years) share this bucket."""


def bucket_of(duration_ns: int) -> int:
    """The bucket of a duration in nanoseconds."""
    if duration_ns <= 1:
        return 0
    # Rounding may put a power of 1.02 just above its bucket; the tolerance keeps it there.
    return min(MAX_BUCKET, math.ceil(math.log(duration_ns) / _LOG_GAMMA - 1e-12))


def from_buckets(buckets: Sequence[int]) -> bytes:
    """Build a histogram from buckets, one entry per value."""
    if not buckets:
        return EMPTY
    first = min(buckets)
    counts = [0] * (max(buckets) - first + 1)
    for bucket in buckets:
        counts[bucket - first] += 1
    # The usual case, one minute of one cell: plain bytes are faster than an array.
    if max(counts) < 256:
        return first.to_bytes(2, "little", signed=True) + b"\x01" + bytes(counts)
    return _pack(first, np.asarray(counts, dtype=np.int64))


def merge(blobs: Iterable[bytes]) -> bytes:
    """Merge histograms into one with the values of all `blobs`."""
    filled = [blob for blob in blobs if blob]
    if not filled:
        return EMPTY
    if len(filled) == 1:
        return filled[0]
    first, counts = _sum(filled)
    return _pack(first, counts)


def subtract(blob: bytes, removed: bytes) -> bytes:
    """Subtract the values of `removed` from `blob`; counts become negative for values that `blob` lacks."""
    if not removed:
        return blob
    first, taken = _sum([removed])
    negative = _pack(first, -taken)
    return merge((blob, negative)) if blob else negative


def count(blob: bytes) -> int:
    """The number of values in the histogram."""
    return int(_counts(blob).sum()) if blob else 0


def percentiles(blobs: Iterable[bytes], shares: Sequence[float] = (0.5, 0.95, 0.99)) -> list[float] | None:
    """Nearest-rank percentiles of the union of `blobs`, in nanoseconds.

    Args:
        blobs: histograms; empty ones are skipped.
        shares: ranks in (0, 1].

    Returns:
        One value a share, within 1 % of the exact one, or None when there is no value at all.
    """
    filled = [blob for blob in blobs if blob]
    if not filled:
        return None
    first, counts = _sum(filled)
    cumulated = np.cumsum(counts)
    total = int(cumulated[-1])
    if total <= 0:
        return None
    # Rounding may put share * total just above an integer; the tolerance keeps that rank.
    ranks = [max(1, math.ceil(share * total - 1e-9)) for share in shares]
    indexes = np.searchsorted(cumulated, ranks, side="left")
    return [2 * GAMMA ** (first + int(index)) / (GAMMA + 1) for index in indexes]


def percentiles_by_group(
    blobs: Sequence[bytes], groups: Sequence[int], size: int, shares: Sequence[float] = (0.5, 0.95, 0.99)
) -> list[list[float] | None]:
    """`percentiles` of many unions at once, vectorised over all blobs.

    Args:
        blobs: histograms; empty ones are skipped.
        groups: for each blob the union it belongs to, in [0, size).
        size: how many unions there are.
        shares: ranks in (0, 1].

    Returns:
        One entry per union: its percentiles in nanoseconds, or None when it has no value.
    """
    answers: list[list[float] | None] = [None] * size
    for first_group, lowest, counts in _count_by_group(blobs, groups, size):
        cumulated = np.cumsum(counts, axis=1)
        totals = cumulated[:, -1]
        filled = np.flatnonzero(totals)
        ranks = np.maximum(1.0, np.ceil(np.outer(totals[filled], shares) - 1e-9))
        # The first bucket whose cumulated count reaches the rank is the number of those that do not.
        indexes = (cumulated[filled, None, :] < ranks[:, :, None]).sum(axis=2)
        values = 2 * GAMMA ** (lowest + indexes) / (GAMMA + 1)
        for group, row in zip(filled.tolist(), values.tolist(), strict=True):
            answers[first_group + group] = row
    return answers


def merge_by_group(blobs: Sequence[bytes], groups: Sequence[int], size: int) -> list[bytes]:
    """`merge` of many unions at once: one histogram per union, empty when it has no value."""
    answers = [EMPTY] * size
    for first_group, lowest, counts in _count_by_group(blobs, groups, size):
        for group in np.flatnonzero(counts.any(axis=1)).tolist():
            answers[first_group + group] = _pack(lowest, counts[group].astype(np.int64))
    return answers


def _first(blob: bytes) -> int:
    return int.from_bytes(blob[:2], "little", signed=True)


def _counts(blob: bytes) -> npt.NDArray[np.integer]:
    return np.frombuffer(blob, _DTYPES[blob[2]], offset=3)


def _sum(blobs: Sequence[bytes]) -> tuple[int, npt.NDArray[np.int64]]:
    firsts = [_first(blob) for blob in blobs]
    # Widened before the addition, because sums of small unsigned counts would overflow.
    arrays = [_counts(blob).astype(np.int64) for blob in blobs]
    lowest = min(firsts)
    highest = max(first + len(counts) for first, counts in zip(firsts, arrays, strict=True))
    total = np.zeros(highest - lowest, dtype=np.int64)
    for first, counts in zip(firsts, arrays, strict=True):
        offset = first - lowest
        total[offset : offset + len(counts)] += counts
    return lowest, total


def _count_by_group(
    blobs: Sequence[bytes], groups: Sequence[int], size: int
) -> Iterator[tuple[int, int, npt.NDArray[np.float64]]]:
    """Blocks of (first union, lowest bucket, counts by union and bucket); counts are exact below 2^53."""
    selected = [index for index, blob in enumerate(blobs) if blob]
    if not selected:
        return
    owners = np.asarray(groups, dtype=np.int64)[selected]
    filled = [blobs[index] for index in selected]
    headers = np.frombuffer(b"".join([blob[:3] for blob in filled]), dtype=_HEADER)
    firsts, widths = headers["first"].astype(np.int64), headers["width"].astype(np.int64)
    lengths = (np.fromiter(map(len, filled), dtype=np.int64, count=len(filled)) - 3) // (widths & ~_SIGNED)
    lowest, span = int(firsts.min()), int((firsts + lengths).max() - firsts.min())
    # Unions are merged in blocks, so that memory stays bounded for any number of them.
    block = max(1, _DENSE_CELLS // span)
    for start in range(0, size, block):
        rows = min(block, size - start)
        counts = np.zeros(rows * span)
        for width in np.unique(widths).tolist():
            chosen = np.flatnonzero((widths == width) & (owners >= start) & (owners < start + rows))
            if not len(chosen):
                continue
            values = np.frombuffer(b"".join([filled[index][3:] for index in chosen.tolist()]), _DTYPES[width])
            ends = np.cumsum(lengths[chosen])
            # Offset from the position of a count among the values to its cell in `counts`, for each blob.
            shifts = (owners[chosen] - start) * span + firsts[chosen] - lowest - (ends - lengths[chosen])
            places, owned = np.arange(len(values)), lengths[chosen]
            is_filled = values != 0
            if np.count_nonzero(is_filled) < len(values) // 3:
                # Histograms of few values consist mostly of zeros; skipping them is faster.
                places = np.flatnonzero(is_filled)
                owned = np.diff(np.searchsorted(places, ends), prepend=0)
                values = values[places]
            cells = np.repeat(shifts, owned) + places
            counts += np.bincount(cells, weights=values, minlength=rows * span)
        yield start, lowest, counts.reshape(rows, span)


def _pack(first: int, counts: npt.NDArray[np.int64]) -> bytes:
    filled = np.flatnonzero(counts)
    if not len(filled):
        return EMPTY
    start, end = int(filled[0]), int(filled[-1]) + 1
    counts = counts[start:end]
    lowest, highest = int(counts.min()), int(counts.max())
    if lowest < 0:
        # Two's complement: a negative x needs the bits of ~x, and one more for the sign.
        bits = max((~lowest).bit_length(), highest.bit_length()) + 1
        width = _SIGNED | _width(bits)
    else:
        width = _width(highest.bit_length())
    header = (first + start).to_bytes(2, "little", signed=True) + bytes([width])
    return header + counts.astype(_DTYPES[width]).tobytes()


def _width(bits: int) -> int:
    """Bytes per count for numbers of `bits` bits."""
    return next(width for width in (1, 2, 4, 8) if bits <= 8 * width)
