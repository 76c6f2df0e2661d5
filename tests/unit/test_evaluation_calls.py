"""The calls of a run: shares of limits, rate limiter, clock, cache keys, packed replies, batches, remaining time."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.evaluation.calls.prices import bound_text_tokens
from genaiops_core.evaluation.calls.rate_limiter import (
    RateLimiter,
    retry_throttled,
    share_limit,
)
from genaiops_core.evaluation.calls.records import pack_reply, unpack_reply, unpack_vector
from genaiops_core.evaluation.calls.unit import UnitKey, hash_call
from genaiops_core.evaluation.calls.unit_clock import UnitClock
from genaiops_core.evaluation.models.protocol import (
    CallFailed,
    Embedding,
    Message,
    Prompt,
    Reply,
    Throttled,
    Usage,
)
from genaiops_core.evaluation.models.retry_after import parse_retry_after
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.runs.cases import choose_batch_size, sample_cases, split_into_batches
from genaiops_core.evaluation.runs.evaluation import estimate_remaining_s

START = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
UNIT = UnitKey(7, 1, "faithfulness")


@given(st.integers(1, 256), st.integers(1, 64))
def test_limit_shares_add_up_with_at_least_one_each(total: int, workers: int) -> None:
    shares = [share_limit(total, workers, place) for place in range(workers)]
    assert sum(shares) == max(total, workers)
    assert max(shares) - min(shares) <= 1


def test_slots_follow_the_share() -> None:
    async def slots() -> list[int]:
        limiter = RateLimiter(RateLimits(concurrency=10))
        slot_counts = [limiter.slots]
        for workers, place in ((3, 0), (3, 2), (1, 0)):
            limiter.share(workers, place)
            slot_counts.append(limiter.slots)
        return slot_counts

    assert asyncio.run(slots()) == [10, 4, 3, 10]


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps over every wait, and stands still while code runs, however slow the host is."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        wait = self._selector.select

        def jump(timeout: float | None = None) -> Any:
            self._now += timeout or 0.0
            return wait(0)

        self._selector.select = jump

    def time(self) -> float:
        return self._now


def test_rate_limit_spaces_call_starts() -> None:
    async def begun() -> list[float]:
        limiter = RateLimiter(RateLimits(concurrency=5, calls_per_minute=6000))
        loop = asyncio.get_running_loop()
        started, at = loop.time(), []
        for _ in range(4):
            give_back = await limiter.acquire()
            at.append(loop.time() - started)
            give_back()
        return at

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        times = runner.run(begun())
    for number, at in enumerate(times):
        assert at >= number * 0.01 - 1e-9


def test_throttled_calls_are_retried_within_their_limit() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def tries(error: Exception, max_wait_s: float = 120.0) -> int:
        count = 0
        waits.clear()
        with pytest.raises(type(error)):
            async for attempt in retry_throttled(sleep, max_wait_s):
                with attempt:
                    count += 1
                    raise error
        return count

    assert (asyncio.run(tries(CallFailed("broken"))), waits) == (1, [])
    # The provider names 45 s: two waits of that and of a little more for the second, the third is cut.
    assert asyncio.run(tries(Throttled("later", retry_after_s=45.0))) == 4
    assert sum(waits) == 120.0 and all(45.0 <= wait <= 60.0 for wait in waits[:2])
    # No wait is longer than a minute, and one last attempt is made at the limit.
    assert asyncio.run(tries(Throttled("later", retry_after_s=7_200.0))) == 3
    assert waits == [60.0, 60.0]
    assert asyncio.run(tries(Throttled("later", retry_after_s=7_200.0), 5.0)) == 2
    assert waits == [5.0]
    # Without a time of the provider the waits grow.
    asyncio.run(tries(Throttled("later")))
    assert sum(waits) == pytest.approx(120.0) and waits[0] < 1.5 and max(waits) <= 30.5


@given(st.floats(0, 1e6), st.floats(0.001, 86_400))
def test_waits_for_a_provider_never_exceed_the_limit(requested_s: float, max_wait_s: float) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def call() -> None:
        async for attempt in retry_throttled(sleep, max_wait_s):
            with attempt:
                raise Throttled("later", retry_after_s=requested_s)

    with pytest.raises(Throttled):
        asyncio.run(call())
    assert sum(waits) == pytest.approx(max_wait_s)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "20", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(headers) == seconds


def test_limiter_knows_until_when_calls_are_throttled() -> None:
    async def wait() -> list[float]:
        limiter = RateLimiter(RateLimits())
        seen = [limiter.throttled_s]
        with limiter.wait_throttled(40.0):
            with limiter.wait_throttled(90.0):
                seen.append(limiter.throttled_s)
            await asyncio.sleep(10.0)
            seen.append(limiter.throttled_s)
        return [*seen, limiter.throttled_s]

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(wait()) == [0.0, 90.0, pytest.approx(30.0), 0.0]


def test_paused_clock_does_not_expire() -> None:
    async def wait() -> bool:
        clock = UnitClock(60)
        async with clock:
            with clock.pause(), clock.pause():
                await asyncio.sleep(120)
        return clock.is_expired

    async def work() -> None:
        async with UnitClock(60):
            await asyncio.sleep(61)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert not runner.run(wait())
        with pytest.raises(TimeoutError):
            runner.run(work())


def test_call_key_depends_on_unit_content_and_occurrence() -> None:
    prompt = Prompt(messages=(Message(role="user", text="Is it so?"),), schema={"b": 1, "a": 2})
    same = Prompt(messages=(Message(role="user", text="Is it so?"),), schema={"a": 2, "b": 1})
    name = hash_call(UNIT, ["p", "m", prompt], "1:1")
    assert name == hash_call(UNIT, ["p", "m", same], "1:1")
    others = [
        hash_call(UNIT._replace(repetition=2), ["p", "m", prompt], "1:1"),
        hash_call(UNIT, ["p", "other", prompt], "1:1"),
        hash_call(UNIT, ["p", "m", dataclasses.replace(prompt, max_tokens=1)], "1:1"),
        hash_call(UNIT, ["p", "m", prompt], "2:1"),
    ]
    assert len({name, *others}) == 5


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50))
def test_vector_round_trips(vector: list[float]) -> None:
    packed = pack_reply(Embedding(vector=tuple(vector), usage=Usage(), latency_ms=1.0))
    assert unpack_vector(packed) == tuple(vector)


def test_reply_round_trips() -> None:
    reply = Reply(text='{"x": "é"}', usage=Usage(cache_read_tokens=3), latency_ms=4.0, stop_reason="end_turn")
    packed = pack_reply(reply)
    assert packed["cache_read"] == 3
    unpacked = unpack_reply(packed, 4.0)
    assert (unpacked.text, unpacked.stop_reason) == (reply.text, reply.stop_reason)


def test_token_bounds_are_not_too_low() -> None:
    assert bound_text_tokens("word " * 1000) > 1000
    assert bound_text_tokens("漢字" * 1000) > 2000


def test_batch_size_depends_on_run_size() -> None:
    assert choose_batch_size(48_000, is_computed=True) == 1000
    assert [choose_batch_size(units, is_computed=False) for units in (4, 240, 1200, 48_000)] == [
        20,
        20,
        100,
        200,
    ]
    assert split_into_batches([1, 2, 3, 4, 5], 4, 8) == [[1, 2], [3, 4], [5]]
    assert split_into_batches([1, 2], 100, 20) == [[1], [2]]
    assert sample_cases("d", 1, [1, 2, 3], None) == [1, 2, 3]


def run(**changes: Any) -> Evaluation:
    values: dict[str, Any] = {field.name: None for field in dataclasses.fields(Evaluation)}
    values |= {"state": "running", "units": 400, "units_done": 100, "units_at_resume": 0, "resumed_at": START}
    return Evaluation(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "after_s", "left_s"),
    [
        ({}, 50, 150.0),  # two a second, 300 left
        ({"units_at_resume": 50}, 50, 300.0),  # one a second since the resume
        ({"units_done": 19}, 50, None),  # too few to say
        ({}, 2, None),  # too soon to say
        ({"units_done": 400}, 50, 0.0),
        ({"state": "paused"}, 50, None),
        ({"resumed_at": None}, 50, None),
    ],
)
def test_remaining_time_is_estimated_or_unknown(
    changes: dict[str, Any], after_s: float, left_s: float | None
) -> None:
    assert estimate_remaining_s(run(**changes), START + dt.timedelta(seconds=after_s)) == left_s
