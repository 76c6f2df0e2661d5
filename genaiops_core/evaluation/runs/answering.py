"""Answers of the target: each case is answered once per repetition, recorded, and then scored like a dataset's answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import generated_answer
from genaiops_core.clock import now
from genaiops_core.errors import GenAIOpsError
from genaiops_core.evaluation.calls.call_session import CallSession
from genaiops_core.evaluation.calls.prices import bound_text_tokens
from genaiops_core.evaluation.calls.records import AnswerRecord, ScoreRecord
from genaiops_core.evaluation.calls.unit import UnitKey
from genaiops_core.evaluation.calls.unit_calls import make_call
from genaiops_core.evaluation.calls.unit_clock import UnitClock
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.models.protocol import CallFailed, Usage
from genaiops_core.evaluation.targets import TargetAnswer, apply_answer, price_answer
from genaiops_core.evaluation.targets.spec_fields import DEFAULT_TIMEOUT_S

AnswerKey = tuple[int, int]
"""(case number, repetition)."""

_DEFAULT_MAX_TOKENS = 4096
"""Bound of an answer's output tokens where the target sets no limit."""
_TIMEOUT_MARGIN_S = 5.0


def load_answers(connection: sa.Connection, id: str, numbers: Sequence[int]) -> dict[AnswerKey, AnswerRecord]:
    """The recorded answers to these cases."""
    query = sa.select(generated_answer).where(
        generated_answer.c.evaluation_id == id, generated_answer.c.case_no.in_(numbers)
    )
    return {
        (row.case_no, row.repetition): AnswerRecord(
            case_no=row.case_no,
            repetition=row.repetition,
            answer=row.answer,
            contexts=None if row.contexts is None else tuple(row.contexts),
            problem=row.problem,
            latency_ms=row.latency_ms,
            usage=Usage(input_tokens=row.input_tokens, output_tokens=row.output_tokens),
            cost_nano_usd=row.cost_nano_usd,
            # A failed call that was billed looks unpaid here; its cost was counted when the row was written.
            is_paid=row.latency_ms is not None,
            answered_at=row.answered_at,
        )
        for row in connection.execute(query)
    }


async def answer_case(
    session: CallSession,
    spec: Mapping[str, Any],
    case: Case,
    key: AnswerKey,
    answers: MutableMapping[AnswerKey, AnswerRecord],
) -> None:
    """Call the target once and add its answer, or the reason of its failure, to `answers`.

    Args:
        session: of the evaluation; it has a target.
        spec: the document of the target.
        case: the case to answer.
        key: of the answer.
        answers: gets the record.
    """
    target = session.target
    assert target is not None

    async def store(result: TargetAnswer | CallFailed) -> tuple[AnswerRecord, int | None]:
        is_failed = isinstance(result, CallFailed)
        answer = (
            TargetAnswer(text=None, problem=str(result), usage=result.usage or Usage())
            if isinstance(result, CallFailed)
            else result
        )
        priced = price_answer(answer, target, session.context.prices.price_list, time.time_ns())
        # Added before the write: a unit that times out during it must not record a second answer.
        record = answers[key] = _build_record(key, priced, is_failed=is_failed)
        await session.writer.write(record)
        return record, record.cost_nano_usd

    async with session.units:
        # The target has a timeout of its own, which must expire before the unit's.
        target_timeout_s = float(spec.get("timeout_s") or DEFAULT_TIMEOUT_S)
        limit_s = max(session.rate_limits.unit_timeout_s, target_timeout_s + _TIMEOUT_MARGIN_S)
        clock = UnitClock(limit_s)
        # Limit of the bound: the target's own prompt is not counted.
        tokens = bound_text_tokens(case.input, *(case.contexts or ()))
        max_tokens = int((spec.get("parameters") or {}).get("max_tokens") or _DEFAULT_MAX_TOKENS)
        max_cost = session.context.prices.max_cost(target.provider, target.model, tokens, max_tokens)
        try:
            async with clock:
                await make_call(session.context, clock, max_cost, lambda: target.answer(case, key[1]), store)
            return
        except TimeoutError:
            problem = f"took longer than {limit_s:g} s"
        except CallFailed as error:
            problem = str(error)
        except GenAIOpsError as error:  # a setting is missing or invalid, for every case alike
            session.fail(str(error))
            return
    if key not in answers:  # a failure that was billed is recorded already
        answer = TargetAnswer(text=None, problem=problem)
        answers[key] = _build_record(key, answer, is_failed=True, is_paid=False)
        session.writer.write(answers[key])


def build_answered_case(case: Case, record: AnswerRecord) -> Case:
    """The case with the target's answer and contexts."""
    return apply_answer(case, TargetAnswer(text=record.answer, contexts=record.contexts))


def build_unanswered_score(unit: UnitKey, record: AnswerRecord) -> ScoreRecord:
    """The score of a unit whose case has no answer; it is failed if the call failed."""
    return ScoreRecord(
        unit=unit,
        value=None,
        reason=f"no answer: {record.problem or 'the target returned nothing'}",
        is_failed=record.latency_ms is None,
        cost_nano_usd=0,
        latency_ms=0.0,
    )


def _build_record(
    key: AnswerKey, answer: TargetAnswer, *, is_failed: bool = False, is_paid: bool = True
) -> AnswerRecord:
    return AnswerRecord(
        case_no=key[0],
        repetition=key[1],
        answer=answer.text,
        contexts=answer.contexts,
        problem=answer.problem,
        # NULL marks a call that failed, which a resume repeats, as opposed to a call without an answer.
        latency_ms=None if is_failed else answer.latency_ms,
        usage=answer.usage,
        cost_nano_usd=answer.cost_nano_usd if is_paid else None,
        is_paid=is_paid,
        answered_at=now(),
    )
