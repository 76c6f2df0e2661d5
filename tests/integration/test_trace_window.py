"""One trace read in pages: totals of the whole trace, collapsed spans, evidence from all spans."""

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
from genaiops_core.telemetry.scores import Score, record_scores
from genaiops_core.telemetry.traces import outline, trace
from genaiops_core.telemetry.traces.context_record import build_context_record
from genaiops_core.telemetry.traces.trace import Trace
from tests.otlp_samples import SECOND_NS, T0_NS, body, call, span

TRACE = f"{1:032x}"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"


def span_ids(*numbers: int) -> list[str]:
    return [f"{number:016x}" for number in numbers]


def read_trace(engine: sa.Engine, **options: object) -> Trace:
    with reading(engine) as connection:
        result = trace.get_trace(connection, TRACE, **options)  # type: ignore[arg-type]
    assert result is not None
    return result


@pytest.fixture
def engine_with_trace(engine: sa.Engine) -> sa.Engine:
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


def test_page_has_the_totals_of_the_whole_trace(engine_with_trace: sa.Engine) -> None:
    page = read_trace(engine_with_trace, offset=2, limit=2)
    assert [item.span_id for item in page.spans] == span_ids(3, 4)
    assert (page.total_spans, page.visible_spans, page.offset) == (6, 6, 2)
    assert (page.calls, page.input_tokens, page.error_count, page.duration_ms) == (2, 1050, 1, 10_000.0)
    assert [item.span_id for item in page.errors] == span_ids(4)
    assert sum(share.spans for share in page.components) == 6
    assert read_trace(engine_with_trace, offset=99).spans == ()
    assert read_trace(engine_with_trace, limit=0).calls == 2


def test_collapsed_span_hides_its_descendants(engine_with_trace: sa.Engine) -> None:
    page = read_trace(engine_with_trace, collapse=span_ids(2))
    assert [(item.span_id, item.is_collapsed, item.descendants) for item in page.spans] == [
        (span_ids(1)[0], False, 5),
        (span_ids(2)[0], True, 2),
        (span_ids(5)[0], False, 1),
        (span_ids(6)[0], False, 0),
    ]
    assert (page.visible_spans, page.total_spans, page.spans[0].children) == (4, 6, 2)
    # A leaf has no descendants to hide.
    assert [item.is_collapsed for item in read_trace(engine_with_trace, collapse=span_ids(6)).spans] == [
        False
    ] * 6
    assert len(read_trace(engine_with_trace, collapse=span_ids(1, 2)).spans) == 1


def test_totals_include_spans_beyond_the_tree_limit(
    engine_with_trace: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outline, "MAX_SPANS", 3)
    page = read_trace(engine_with_trace)
    assert (len(page.spans), page.total_spans, page.is_cut, page.calls) == (3, 6, True, 2)
    assert page.duration_ms == 10_000.0


@pytest.mark.parametrize("options", [{"offset": -1}, {"limit": -1}, {"limit": 5_001}])
def test_invalid_offset_or_limit_is_refused(engine_with_trace: sa.Engine, options: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        read_trace(engine_with_trace, **options)


QUESTION = "How long do refunds for damaged parcels take?"
PASSAGE = "Refunds for damaged parcels take five working days after the claim is approved."


def rag_spans(answer: str, **generation: object) -> list[dict[str, object]]:
    documents = json.dumps(
        [{"id": "d1", "score": 0.8, "content": PASSAGE, "metadata": {"source": "faq.md", "version": "7"}}]
    )
    prompt = json.dumps(
        [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": f"Context:\n{PASSAGE}\n{QUESTION}"}]},
        ]
    )
    output = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": answer}]}])
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
            gen_ai__output__messages=output,
            gen_ai__prompt__name="answer",
            gen_ai__prompt__version="3",
            **generation,
        ),
    ]


def ingest_spans(engine: sa.Engine, *spans: dict[str, object]) -> None:
    ingest(engine, decode_json(body(*spans, service__version="v1")))


def test_evidence_includes_spans_outside_the_page(engine: sa.Engine) -> None:
    ingest_spans(engine, *rag_spans("Ring our friendly telephone hotline tomorrow morning before lunch."))
    page = read_trace(engine, limit=1)
    assert page.diagnosis.verdict == "generation failed"
    assert page.diagnosis.evidence[0] == "retrieval 'search' found 1 document, the best scored 0.8"
    assert page.diagnosis.cost == "It cost $0.00165: 1 model call (1,000 tokens in, 100 out)."


def test_scores_and_feedback_are_evidence(engine: sa.Engine) -> None:
    ingest_spans(engine, *rag_spans(PASSAGE))
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
    diagnosis = read_trace(engine).diagnosis
    assert diagnosis.verdict == "retrieval failed"
    assert "context_recall 0.10 by j" in diagnosis.evidence
    assert diagnosis.evidence[-1] == "the user gave a thumb down: no"


def test_guardrail_action_is_read_from_attributes(engine: sa.Engine) -> None:
    guard = span(
        4,
        parent=1,
        name="check",
        openinference__span__kind="GUARDRAIL",
        genaiops__guardrail__action="GUARDRAIL_INTERVENED",
    )
    ingest_spans(engine, *rag_spans(PASSAGE), guard)
    assert read_trace(engine).diagnosis.verdict == "guardrail cut"


def test_finish_reason_at_the_limit_means_truncated(engine: sa.Engine) -> None:
    ingest_spans(engine, *rag_spans(PASSAGE, gen_ai__completion__0__finish_reason="max_tokens"))
    assert read_trace(engine).diagnosis.verdict == "truncated"


def test_empty_retrieval_result_means_retrieval_failed(engine: sa.Engine) -> None:
    empty = span(
        2, parent=1, gen_ai__operation__name="retrieval", gen_ai__retrieval__documents="[]", name="search"
    )
    ingest_spans(engine, span(1, name="ask"), empty, call(3, parent=1))
    assert read_trace(engine).diagnosis.verdict == "retrieval failed"


def test_context_record_has_sources_versions_and_messages(engine: sa.Engine) -> None:
    ingest_spans(engine, *rag_spans("Five working days."))
    with reading(engine) as connection:
        record = build_context_record(connection, TRACE.upper())
        assert build_context_record(connection, "00" * 16) is None
    assert record is not None
    assert (record.question, record.answer) == (QUESTION, "Five working days.")
    (document,) = record.documents
    assert (document.id, document.source, document.version, document.score) == ("d1", "faq.md", "7", 0.8)
    assert (document.in_prompt, document.rank, document.span_id) == (True, 1, span_ids(2)[0])
    assert [(message.direction, message.role) for message in record.messages] == [
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


def test_log_records_belong_to_their_span_or_trace(engine: sa.Engine) -> None:
    ingest_spans(engine, span(1, name="ask"), call(2, parent=1))
    with writing(engine) as connection:
        for number, (span_id, text) in enumerate(((span_ids(2)[0], "Where is it?"), ("", "started"))):
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
    page = read_trace(engine)
    assert [message.text for message in page.spans[1].content.messages_in] == ["Where is it?"]
    assert [record.body for record in page.logs] == [{"content": "started", "role": "user"}]


def test_negative_duration_counts_as_zero(engine: sa.Engine) -> None:
    ingest_spans(engine, span(1, name="ask", duration_ns=-5 * SECOND_NS))
    page = read_trace(engine)
    assert (page.duration_ms, page.spans[0].own_ms) == (0.0, 0.0)
