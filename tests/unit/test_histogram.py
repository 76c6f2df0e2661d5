"""The packed log-histogram: exact counts, percentiles within one per cent, order of merging irrelevant."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import histogram
from tests.histograms import histogram_of

durations = st.lists(st.integers(1, 10**14), min_size=1, max_size=300)


def exact(values: list[int], share: float) -> int:
    return sorted(values)[max(1, math.ceil(share * len(values) - 1e-9)) - 1]


@given(durations)
def test_percentiles_are_within_one_percent_of_the_nearest_rank(values: list[int]) -> None:
    percentiles = histogram.percentiles([histogram_of(values)])
    assert percentiles is not None
    for share, value in zip((0.5, 0.95, 0.99), percentiles, strict=True):
        assert value == pytest.approx(exact(values, share), rel=0.01, abs=1)


@given(durations, durations, durations)
def test_merging_is_the_histogram_of_all_values_in_any_order(
    a: list[int], b: list[int], c: list[int]
) -> None:
    blobs = [histogram_of(values) for values in (a, b, c)]
    whole = histogram_of(a + b + c)
    assert histogram.merge(blobs) == histogram.merge(reversed(blobs)) == whole
    assert histogram.merge([histogram.merge(blobs[:2]), blobs[2]]) == whole
    assert histogram.count(whole) == len(a) + len(b) + len(c)


def test_a_known_case_worked_by_hand() -> None:
    # 1.02^35 = 1.99989 < 2 <= 1.02^36 = 2.03989: the value 2 is in bucket 36.
    assert histogram.bucket_of(2) == 36
    assert histogram.bucket_of(1) == 0
    assert histogram_of([2, 2]) == (36).to_bytes(2, "little") + b"\x01\x02"


def test_counts_grow_beyond_one_byte() -> None:
    blob = histogram.merge([histogram_of([5] * 200)] * 1_000)
    assert histogram.count(blob) == 200_000
    assert blob[2] == 4


def test_nothing_has_no_percentile() -> None:
    assert histogram.percentiles([]) is None
    assert histogram.percentiles([histogram.EMPTY]) is None
    assert histogram.merge([histogram.EMPTY]) == histogram.EMPTY


@pytest.mark.parametrize("strange", [0, -5, 10**30])
def test_absurd_durations_are_kept_at_the_ends(strange: int) -> None:
    assert histogram.count(histogram_of([strange])) == 1


@given(
    st.lists(st.integers(1, 10**12), max_size=40),
    st.lists(st.integers(1, 10**12), max_size=40),
    st.integers(1, 400),
)
def test_a_negative_blob_cancels_the_same_values(
    values: list[int], removed_values: list[int], times: int
) -> None:
    added = histogram_of([*values, *removed_values * times])
    negative = histogram.subtract(histogram.EMPTY, histogram_of(removed_values * times))
    assert histogram.merge((negative, added)) == histogram_of(values)
    assert histogram.subtract(added, histogram_of(removed_values * times)) == histogram_of(values)
    assert histogram.count(negative) == -len(removed_values) * times
    assert histogram.percentiles((added, negative)) == histogram.percentiles([histogram_of(values)])
    blobs = [added, negative, histogram_of(values)]
    assert histogram.merge_by_group(blobs, [0, 0, 1], 2) == [histogram_of(values)] * 2
    first, second = histogram.percentiles_by_group(blobs, [0, 0, 1], 2)
    assert first == second


def test_taking_away_all_leaves_nothing() -> None:
    blob = histogram_of([5, 7])
    assert histogram.subtract(blob, blob) == histogram.EMPTY
    assert histogram.subtract(blob, histogram.EMPTY) == blob
