"""Answers of a run's target: asked for once, kept with what they took, and then judged like answers of a file."""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping, Sequence

import sqlalchemy as sa

from db.tables.evaluations import generated_answer
from genaiops_core.clock import now
from genaiops_core.errors import GenAIOpsError
from genaiops_core.evaluation.calls.call_session import Desk
from genaiops_core.evaluation.calls.prices import text_tokens
from genaiops_core.evaluation.calls.records import KeptAnswer, KeptScore
from genaiops_core.evaluation.calls.unit import Unit
from genaiops_core.evaluation.calls.unit_calls import made
from genaiops_core.evaluation.calls.unit_clock import UnitClock
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.models.protocol import CallFailed, Usage
from genaiops_core.evaluation.targets import Answered, answered_case, priced
from genaiops_core.evaluation.targets.spec_fields import DEFAULT_TIMEOUT_S

Answers = Mapping[tuple[int, int], KeptAnswer]
"""(case number, repetition) -> answer."""

_MOST_ANSWER_TOKENS = 4096
"""Where the target names no limit."""


def load(connection: sa.Connection, id: str, numbers: Sequence[int]) -> dict[tuple[int, int], KeptAnswer]:
    """The answers that a run has for these cases."""
    query = sa.select(generated_answer).where(
        generated_answer.c.evaluation_id == id, generated_answer.c.case_no.in_(numbers)
    )
    return {
        (row.case_no, row.repetition): KeptAnswer(
            case_no=row.case_no,
            repetition=row.repetition,
            answer=row.answer,
            contexts=None if row.contexts is None else tuple(row.contexts),
            problem=row.problem,
            latency_ms=row.latency_ms,
            usage=Usage(input_tokens=row.input_tokens, output_tokens=row.output_tokens),
            cost_nano_usd=row.cost_nano_usd,
            is_paid=row.latency_ms is not None,
            answered_at=row.answered_at,
        )
        for row in connection.execute(query)
    }


async def answer(
    desk: Desk, case: Case, which: tuple[int, int], found: MutableMapping[tuple[int, int], KeptAnswer]
) -> None:
    """Ask the target once and put what came into `found`; a target that fails gives no answer, with the reason."""
    target = desk.target
    assert target is not None

    async def keep(came: Answered | CallFailed) -> tuple[KeptAnswer, int | None]:
        is_failed = isinstance(came, CallFailed)
        answered = (
            Answered(text=None, problem=str(came), usage=came.usage or Usage())
            if isinstance(came, CallFailed)
            else came
        )
        kept = _kept(
            which, priced(answered, target, desk.means.prices.list, time.time_ns()), is_failed=is_failed
        )
        found[which] = kept
        await desk.keeper.put(kept)
        return kept, kept.cost_nano_usd

    async with desk.units:
        spec = desk.run.config.get("target") or {}
        # A target has a time limit of its own.
        limit_s = max(desk.pace.unit_timeout_s, float(spec.get("timeout_s") or DEFAULT_TIMEOUT_S) + 5.0)
        clock = UnitClock(limit_s)
        tokens = text_tokens(case.input, *(case.contexts or ()))
        limit = int((spec.get("parameters") or {}).get("max_tokens") or _MOST_ANSWER_TOKENS)
        most = desk.means.prices.most(target.provider, target.model, tokens, limit)
        try:
            async with clock:
                await made(desk.means, clock, most, lambda: target.answer(case, which[1]), keep)
            return
        except TimeoutError:
            problem = f"took longer than {limit_s:g} s"
        except CallFailed as error:
            problem = str(error)
        except GenAIOpsError as error:  # a setting is missing or wrong, for every case alike
            desk.fail(str(error))
            return
    if which not in found:  # a failure that was paid is there already
        found[which] = _kept(which, Answered(text=None, problem=problem), is_failed=True, is_paid=False)
        desk.keeper.put(found[which])


def judged_case(case: Case, kept: KeptAnswer) -> Case:
    """The case with the target's answer and contexts."""
    return answered_case(case, Answered(text=kept.answer, contexts=kept.contexts))


def unanswered(unit: Unit, kept: KeptAnswer) -> KeptScore:
    """The score of a unit whose case the target did not answer; it failed where the call did."""
    return KeptScore(
        unit=unit,
        value=None,
        reason=f"no answer: {kept.problem or 'the target said nothing'}",
        is_failed=kept.latency_ms is None,
        cost_nano_usd=0,
        latency_ms=0.0,
    )


def _kept(
    which: tuple[int, int], answered: Answered, *, is_failed: bool = False, is_paid: bool = True
) -> KeptAnswer:
    return KeptAnswer(
        case_no=which[0],
        repetition=which[1],
        answer=answered.text,
        contexts=answered.contexts,
        problem=answered.problem,
        # Its absence tells a call that failed, and is worth another attempt, from one that brought no answer.
        latency_ms=None if is_failed else answered.latency_ms,
        usage=answered.usage,
        cost_nano_usd=answered.cost_nano_usd if is_paid else None,
        is_paid=is_paid,
        answered_at=now(),
    )
