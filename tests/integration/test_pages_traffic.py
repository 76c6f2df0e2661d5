"""The screens of requests: search, views, exports, one trace, sessions, users and the service map."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.transaction import reading
from genaiops_core.clock import now
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.search import language, saved_views
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import sessions
from pages.parts.charts import waterfall
from pages.parts.reads import traces
from pages.parts.shared import keys
from pages.parts.traces import trace_keys, trace_search
from pages.parts.traffic import traffic_keys
from tests.integration.screens import check, open_screen, read_texts, submit_dialog
from tests.otlp_samples import SECOND_NS, body, call, span


def get_url(engine: sa.Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def open_trace(trace_id: str, **query: str) -> AppTest:
    screen = open_screen("traces")
    screen.query_params.update(trace_id=trace_id, **query)
    return check(screen.run())


def ingest_spans(engine: sa.Engine, *spans: dict[str, object], application: str = "shop") -> None:
    ingest(engine, decode_json(body(*spans, application=application)))


def find_recent_ns() -> int:
    return int((now() - dt.timedelta(minutes=5)).timestamp()) * SECOND_NS


def test_search_filters_the_list(demo_engine: sa.Engine) -> None:
    # A day of the demo may have no error of so small an application.
    screen = open_screen("traces", window="30d")
    check(screen.text_input(key=keys.TRACE_QUERY).set_value("app:policy-search status:error").run())
    table = screen.dataframe[0].value
    assert len(table) and set(table["application"]) == {"policy-search"}
    assert {tuple(status) for status in table["status"]} == {("error",)}


def test_status_buttons_extend_the_search(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces", window="30d")
    screen.text_input(key=keys.TRACE_QUERY).set_value("app:policy-search OR app:support-agent")
    screen.segmented_control(key=trace_keys.TRACE_STATUS).set_value("error")
    table = check(screen.run()).dataframe[0].value
    assert {tuple(status) for status in table["status"]} == {("error",)}
    assert "claims-summarizer" not in set(table["application"])


def test_invalid_search_names_its_position(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces")
    check(screen.text_input(key=keys.TRACE_QUERY).set_value("latency>3s colour:red").run())
    assert "at character 12" in screen.error[0].value
    assert screen.code[0].value == "latency>3s colour:red\n           ^"
    assert not screen.dataframe


def test_message_search_reports_searched_requests(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces")
    check(screen.text_input(key=keys.TRACE_QUERY).set_value('"tracking link"').run())
    assert "searched the messages of" in read_texts(screen)
    assert screen.dataframe


def test_example_fills_the_search(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces")
    check(screen.button(key=trace_keys.search_example(1)).click().run())
    assert screen.text_input(key=keys.TRACE_QUERY).value == language.EXAMPLES[1]


def test_pages_list_every_request_once(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces")
    first = list(screen.dataframe[0].value["trace"])
    check(screen.button(key="trace_older").click().run())
    assert not set(first) & set(screen.dataframe[0].value["trace"])
    check(screen.button(key="trace_newer").click().run())
    assert list(screen.dataframe[0].value["trace"]) == first


def test_view_is_saved_shared_and_deleted(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces")
    screen.text_input(key=keys.TRACE_QUERY).set_value("status:error").run()
    check(screen.button(key=trace_keys.VIEW_SAVE).click().run())
    screen.text_input(key=trace_keys.VIEW_NAME).set_value("what failed")
    screen.checkbox(key=trace_keys.VIEW_SHARED).check()
    submit_dialog(screen, "view_save")
    with reading(demo_engine) as connection:
        [view] = saved_views.list_views(connection, actor="somebody else", screen="traces")
    assert (view.name, view.owner, view.is_shared) == ("what failed", "grace", True)
    assert "q=status%3Aerror" in view.query
    screen = open_screen("traces")
    check(screen.button(key=trace_keys.view_delete(view.id)).click().run())
    submit_dialog(screen, "view_delete")
    with reading(demo_engine) as connection:
        assert not saved_views.list_views(connection, actor="grace", screen="traces")


def test_view_without_name_is_rejected_in_the_dialog(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces")
    check(screen.button(key=trace_keys.VIEW_SAVE).click().run())
    submit_dialog(screen, "view_save")
    assert "name of a view" in screen.session_state[keys.dialog_problem("view_save")]


def test_only_the_owner_deletes_a_shared_view(demo_engine: sa.Engine) -> None:
    saved_views.save(demo_engine, actor="ada", name="hers", screen="traces", query="q=x", is_shared=True)
    screen = open_screen("traces")
    assert not any("view_delete_open" in str(button.key) for button in screen.button)


@pytest.mark.parametrize(
    ("form", "start"), [("csv", b"trace_id"), ("jsonl", b"{"), ("parquet", b"PAR1"), ("otlp", b"{")]
)
def test_search_result_is_exported_in_each_format(demo_engine: sa.Engine, form: str, start: bytes) -> None:
    open_screen("traces")
    content = traces.export_traces(
        get_url(demo_engine), Filters.last("30d"), "status:error app:policy-search", form
    )
    assert content.startswith(start)
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        assert rows and {row["application"] for row in rows} == {"policy-search"}


def test_exact_query_escapes_any_value() -> None:
    query = trace_search.build_exact_query("user", 'a "b" \\ c')
    assert str(language.parse(query))


def find_newest_trace(engine: sa.Engine, where: str) -> str:
    with reading(engine) as connection:
        result = connection.exec_driver_sql(
            f"select trace_id from request where {where} order by start_ns desc limit 1"
        )
        return str(result.scalar())


def test_trace_shows_diagnosis_evidence_and_cost(demo_engine: sa.Engine) -> None:
    screen = open_trace(find_newest_trace(demo_engine, "is_error = 1"))
    texts = read_texts(screen)
    assert "Diagnosis: error" in texts and "It cost" in texts
    assert [metric.label for metric in screen.metric] == [
        "Duration",
        "Cost",
        "Model calls",
        "Tokens in / out",
        "Steps",
        "Errors",
    ]
    assert screen.button(key="trace_evidence_0").label == "Show step"


@pytest.mark.parametrize(
    ("tab", "text"),
    [
        ("Messages", "Call 1"),
        ("Retrieved documents", "Searched for"),
        ("Tools", "No tool ran"),
        ("Attributes", "Attributes"),
        ("Errors", "No step failed"),
        ("Scores and feedback", "sampled for scoring"),
        ("Time and cost", "Steps"),
    ],
)
def test_tab_of_a_trace_shows_its_content(demo_engine: sa.Engine, tab: str, text: str) -> None:
    screen = open_trace(
        find_newest_trace(demo_engine, "is_error = 0 and calls > 1 and application = 'support-agent'"),
        tab=tab,
    )
    assert text in read_texts(screen)


def send_large_trace(engine: sa.Engine, *, branches: int, leaves: int) -> str:
    start = find_recent_ns()
    spans = [span(1, trace=7, name="request", start_ns=start, duration_ns=60 * SECOND_NS)]
    for branch in range(branches):
        number = 2 + branch * (leaves + 1)
        begin = start + branch * 1_000_000
        spans.append(span(number, trace=7, parent=1, name=f"branch {branch}", start_ns=begin))
        spans += [
            span(number + 1 + leaf, trace=7, parent=number, name="leaf", start_ns=begin + leaf * 1_000)
            for leaf in range(leaves)
        ]
    ingest_spans(engine, *spans)
    return f"{7:032x}"


def test_large_trace_is_paged_and_collapsed(empty_engine: sa.Engine) -> None:
    screen = open_trace(send_large_trace(empty_engine, branches=4, leaves=99))
    assert "1 to 300 of 401" in read_texts(screen)
    assert len(screen.selectbox[-1].options) == 300
    check(screen.button(key=trace_keys.TRACE_LATER).click().run())
    assert "301 to 401 of 401" in read_texts(screen)
    check(screen.button(key=trace_keys.TRACE_EARLIER).click().run())
    check(screen.button(key=trace_keys.TRACE_FOLD_ALL).click().run())
    # The fourth branch begins on the second page, so only three were collapsed.
    assert "1 to 104 of 104, 297 collapsed" in read_texts(screen)
    check(screen.button(key=trace_keys.TRACE_UNFOLD_ALL).click().run())
    assert "1 to 300 of 401" in read_texts(screen)


def test_duplicate_model_call_is_marked(empty_engine: sa.Engine) -> None:
    start = find_recent_ns()
    ingest_spans(
        empty_engine,
        span(1, trace=9, name="request", start_ns=start, duration_ns=9 * SECOND_NS),
        call(2, trace=9, parent=1, name="outer", start_ns=start, duration_ns=8 * SECOND_NS),
        call(3, trace=9, parent=2, name="inner", start_ns=start + 1_000, duration_ns=7 * SECOND_NS),
    )
    screen = open_trace(f"{9:032x}")
    assert "duplicate a model call" in read_texts(screen) or "Duplicate of a model call" in read_texts(screen)
    assert next(metric.value for metric in screen.metric if metric.label == "Model calls") == "1"


def test_content_of_a_span_is_never_markup(empty_engine: sa.Engine) -> None:
    evil = "![x](http://evil.test/x.png) **bold** <script>alert(1)</script>"
    messages = f'[{{"role": "user", "parts": [{{"type": "text", "content": "{evil}"}}]}}]'
    start = find_recent_ns()
    ingest_spans(
        empty_engine,
        call(1, trace=5, name=evil, start_ns=start, gen_ai__input__messages=messages),
        application="shop",
    )
    screen = open_trace(f"{5:032x}")
    assert any(element.value == evil for element in screen.text)
    for element in [*screen.markdown, *screen.caption, *screen.subheader]:
        assert "![x](http" not in str(element.value)


def test_component_has_one_colour_in_every_trace() -> None:
    def bar(component: str) -> waterfall.Bar:
        return waterfall.Bar(
            label=component, component=component, depth=0, start_ms=0, duration_ms=1, is_error=False
        )

    def order(*components: str) -> list[str]:
        return [trace.name for trace in waterfall.build_figure([bar(name) for name in components]).data]

    assert order("tool") == order("retrieval", "generation") == list(waterfall.COMPONENTS.values())


def test_session_is_a_conversation_with_running_cost(demo_engine: sa.Engine) -> None:
    with reading(demo_engine) as connection:
        page = sessions.list_sessions(connection, Filters.last("24h"))
        session = max(page.rows, key=lambda session: session.requests)
        conversation = sessions.read_conversation(connection, session.session_id)
    assert conversation is not None
    table = open_screen("sessions").dataframe[0].value
    assert session.session_id in set(table["session"])
    screen = open_screen("sessions")
    screen.query_params[keys.SESSION] = session.session_id
    check(screen.run())
    assert len(screen.chat_message) == 2 * len(conversation.turns)
    assert [element.value for element in screen.text if element.value == conversation.turns[0].question]
    assert f"Turn {conversation.total_turns}" in read_texts(screen) and "so far" in read_texts(screen)


def test_unknown_session_and_user_are_reported(demo_engine: sa.Engine) -> None:
    for name, key in (("sessions", keys.SESSION), ("users", keys.USER)):
        screen = open_screen(name)
        screen.query_params[key] = "**nobody**"
        assert "was received" in read_texts(check(screen.run()))


def test_users_are_listed_and_opened(demo_engine: sa.Engine) -> None:
    screen = open_screen("users")
    table = screen.dataframe[0].value
    assert table["cost"].dropna().is_monotonic_decreasing
    check(screen.selectbox(key=traffic_keys.USER_ORDER).set_value("requests").run())
    table = screen.dataframe[0].value
    assert table["requests"].is_monotonic_decreasing
    screen = open_screen("users")
    screen.query_params[keys.USER] = str(table["user"][0])
    check(screen.run())
    assert next(metric.value for metric in screen.metric if metric.label == "Requests") == str(
        table["requests"][0]
    )
    assert len(screen.get("bidi_component")) == 2


def test_map_shows_its_sample_and_the_top_components(demo_engine: sa.Engine) -> None:
    screen = open_screen("service_map")
    assert "all requests" in read_texts(screen) or "sample" in read_texts(screen)
    assert {"Slowest", "Highest error rate", "Highest cost"} <= {
        str(element.value) for element in screen.subheader
    }
    table = screen.dataframe[-1].value
    assert {"retrieval", "generation"} <= set(table["kind"])


def test_overview_shows_the_age_of_old_traffic(empty_engine: sa.Engine) -> None:
    start = int((now() - dt.timedelta(hours=2, minutes=5)).timestamp()) * SECOND_NS
    ingest_spans(empty_engine, call(1, trace=3, start_ns=start))
    assert "last traffic 2 h ago" in read_texts(open_screen("overview"))


def test_overview_shows_recent_traffic_as_updated(empty_engine: sa.Engine) -> None:
    ingest_spans(empty_engine, call(1, trace=3, start_ns=find_recent_ns()))
    assert "updated" in read_texts(open_screen("overview"))
