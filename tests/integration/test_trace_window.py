"""One trace read in stretches: totals of the whole, collapsed parts, evidence from anywhere in it."""

from __future__ import annotations

import json

import orjson
import pytest
import sqlalchemy as sa
import zstandard

from db.tables.telemetry import log_record
from db.transaction import reading, writing
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.sampling import feedback
from genaiops_core.telemetry.traces import outline, trace
from genaiops_core.telemetry.traces.trace import Trace, build_context_record
from genaiops_core.telemetry.traffic.quality import Score, record_scores
from tests.otlp_samples import SECOND_NS, T0_NS, body, call, span

TRACE = f"{1:032x}"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"


def ids(*numbers: int) -> list[str]:
    return [f"{number:016x}" for number in numbers]


def get(engine: sa.Engine, **wanted: object) -> Trace:
    with reading(engine) as connection:
        found = trace.get_trace(connection, TRACE, **wanted)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.fixture
def deep(engine: sa.Engine) -> sa.Engine:
    """Root 1 over 2 (over 3, 4) and 5 (over 6): two calls, one failure."""
    at = {number: T0_NS + number * SECOND_NS for number in range(1, 7)}
    ingest(
        engine,
        decode_json(
            body(
                span(1, name="root", start_ns=at[1], duration_ns=10 * SECOND_NS),
                span(2, parent=1, start_ns=at[2]),
                call(3, parent=2, start_ns=at[3], model=HAIKU),
                span(4, parent=2, start_ns=at[4], error=True, genaiops__component="tool"),
                span(5, parent=1, start_ns=at[5]),
                call(6, parent=5, start_ns=at[6], model=HAIKU, tokens=(50, 5)),
            )
        ),
    )
    return engine


def test_a_stretch_has_the_totals_of_the_whole(deep: sa.Engine) -> None:
    found = get(deep, offset=2, limit=2)
    assert [one.span_id for one in found.spans] == ids(3, 4)
    assert (found.total_spans, found.visible_spans, found.offset) == (6, 6, 2)
    assert (found.calls, found.input_tokens, found.error_count, found.duration_ms) == (2, 1050, 1, 10_000.0)
    assert [one.span_id for one in found.errors] == ids(4)
    assert sum(share.spans for share in found.components) == 6
    assert get(deep, offset=99).spans == ()
    assert get(deep, limit=0).calls == 2


def test_what_is_below_a_collapsed_span_is_left_out(deep: sa.Engine) -> None:
    found = get(deep, collapse=ids(2))
    assert [(one.span_id, one.is_collapsed, one.descendants) for one in found.spans] == [
        (ids(1)[0], False, 5),
        (ids(2)[0], True, 2),
        (ids(5)[0], False, 1),
        (ids(6)[0], False, 0),
    ]
    assert (found.visible_spans, found.total_spans, found.spans[0].children) == (4, 6, 2)
    # A leaf has nothing to hide.
    assert [one.is_collapsed for one in get(deep, collapse=ids(6)).spans] == [False] * 6
    assert len(get(deep, collapse=ids(1, 2)).spans) == 1


def test_totals_are_of_all_spans_even_where_the_tree_is_cut(
    deep: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outline, "MAX_SPANS", 3)
    found = get(deep)
    assert (len(found.spans), found.total_spans, found.is_cut, found.calls) == (3, 6, True, 2)
    assert found.duration_ms == 10_000.0


@pytest.mark.parametrize("wanted", [{"offset": -1}, {"limit": -1}, {"limit": 5_001}])
def test_stretches_that_make_no_sense_are_refused(deep: sa.Engine, wanted: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        get(deep, **wanted)


QUESTION = "How long do refunds for damaged parcels take?"
PASSAGE = "Refunds for damaged parcels take five working days after the claim is approved."


def rag(answer: str, **generation: object) -> list[dict[str, object]]:
    documents = json.dumps(
        [{"id": "d1", "score": 0.8, "content": PASSAGE, "metadata": {"source": "faq.md", "version": "7"}}]
    )
    prompt = json.dumps(
        [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": f"Context:\n{PASSAGE}\n{QUESTION}"}]},
        ]
    )
    said = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": answer}]}])
    return [
        span(1, name="ask", input__value=QUESTION, output__value=answer, genaiops__component="chain"),
        span(
            2,
            parent=1,
            name="search",
            gen_ai__operation__name="retrieval",
            gen_ai__retrieval__query__text="refund damaged parcel",
            gen_ai__retrieval__documents=documents,
        ),
        call(
            3,
            parent=1,
            model=HAIKU,
            gen_ai__input__messages=prompt,
            gen_ai__output__messages=said,
            gen_ai__prompt__name="answer",
            gen_ai__prompt__version="3",
            **generation,
        ),
    ]


def tell(engine: sa.Engine, *spans: dict[str, object]) -> None:
    ingest(engine, decode_json(body(*spans, service__version="v1")))


def test_evidence_comes_from_spans_outside_the_stretch(engine: sa.Engine) -> None:
    tell(engine, *rag("Ring our friendly telephone hotline tomorrow morning before lunch."))
    found = get(engine, limit=1)
    assert found.diagnosis.verdict == "generation failed"
    assert found.diagnosis.evidence[0] == "retrieval 'search' found 1 document, the best scored 0.8"
    assert found.diagnosis.cost == "It cost $0.00165: 1 model call (1,000 tokens in, 100 out)."


def test_scores_and_feedback_are_evidence(engine: sa.Engine) -> None:
    tell(engine, *rag(PASSAGE))
    with writing(engine) as connection:
        record_scores(
            connection,
            [
                Score(
                    application="shop",
                    trace_id=TRACE,
                    metric="context_recall",
                    judge="j",
                    value=0.1,
                    start_ns=T0_NS,
                )
            ],
        )
    feedback.record_feedback(engine, trace_id=TRACE, thumb="down", comment="no")
    found = get(engine).diagnosis
    assert found.verdict == "retrieval failed"
    assert "context_recall 0.10 by j" in found.evidence
    assert found.evidence[-1] == "the user gave a thumb down: no"


def test_a_guardrail_and_a_limit_are_seen_in_attributes(engine: sa.Engine) -> None:
    guard = span(
        4,
        parent=1,
        name="check",
        openinference__span__kind="GUARDRAIL",
        genaiops__guardrail__action="GUARDRAIL_INTERVENED",
    )
    tell(engine, *rag(PASSAGE), guard)
    assert get(engine).diagnosis.verdict == "guardrail cut"


def test_an_answer_that_stopped_at_its_limit(engine: sa.Engine) -> None:
    tell(engine, *rag(PASSAGE, gen_ai__completion__0__finish_reason="max_tokens"))
    assert get(engine).diagnosis.verdict == "truncated"


def test_a_retrieval_that_says_it_found_nothing(engine: sa.Engine) -> None:
    empty = span(
        2, parent=1, gen_ai__operation__name="retrieval", gen_ai__retrieval__documents="[]", name="search"
    )
    tell(engine, span(1, name="ask"), empty, call(3, parent=1))
    assert get(engine).diagnosis.verdict == "retrieval failed"


def test_the_record_names_sources_versions_and_messages(engine: sa.Engine) -> None:
    tell(engine, *rag("Five working days."))
    with reading(engine) as connection:
        record = build_context_record(connection, TRACE.upper())
        assert build_context_record(connection, "00" * 16) is None
    assert record is not None
    assert (record.question, record.answer) == (QUESTION, "Five working days.")
    (document,) = record.documents
    assert (document.id, document.source, document.version, document.score) == ("d1", "faq.md", "7", 0.8)
    assert (document.in_prompt, document.rank, document.span_id) == (True, 1, ids(2)[0])
    assert [(one.direction, one.role) for one in record.messages] == [
        ("in", "system"),
        ("in", "user"),
        ("out", "assistant"),
    ]
    assert (record.prompts, record.models, record.queries) == (
        ("answer@3",),
        (HAIKU,),
        ("refund damaged parcel",),
    )
    assert (record.release, record.missing, record.is_complete) == ("v1", (), True)


def test_log_records_join_their_span_and_their_trace(engine: sa.Engine) -> None:
    tell(engine, span(1, name="ask"), call(2, parent=1))
    with writing(engine) as connection:
        for number, (span_id, text) in enumerate(((ids(2)[0], "Where is it?"), ("", "started"))):
            record = {"body": {"content": text, "role": "user"}, "attributes": {}}
            connection.execute(
                log_record.insert(),
                {
                    "application": "shop",
                    "trace_id": TRACE,
                    "span_id": span_id,
                    "time_ns": T0_NS,
                    "digest": str(number),
                    "event_name": "gen_ai.user.message",
                    "record_zstd": zstandard.compress(orjson.dumps(record)),
                },
            )
    found = get(engine)
    assert [message.text for message in found.spans[1].content.messages_in] == ["Where is it?"]
    assert [record.body for record in found.logs] == [{"content": "started", "role": "user"}]


def test_an_unknown_duration_does_not_turn_time_back(engine: sa.Engine) -> None:
    tell(engine, span(1, name="ask", duration_ns=-5 * SECOND_NS))
    found = get(engine)
    assert (found.duration_ms, found.spans[0].own_ms) == (0.0, 0.0)
