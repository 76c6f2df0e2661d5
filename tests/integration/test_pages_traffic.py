"""The screens of single requests: search, views, downloads, one trace, conversations, users and the map."""

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


def url(engine: sa.Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def trace_screen(trace_id: str, **query: str) -> AppTest:
    screen = open_screen("traces")
    screen.query_params.update(trace_id=trace_id, **query)
    return check(screen.run())


def send(engine: sa.Engine, *spans: dict[str, object], application: str = "shop") -> None:
    ingest(engine, decode_json(body(*spans, application=application)))


def recent_ns() -> int:
    return int((now() - dt.timedelta(minutes=5)).timestamp()) * SECOND_NS


def test_a_search_narrows_the_list(demo_engine: sa.Engine) -> None:
    # A day of the demo may have no error of so small an application.
    screen = open_screen("traces", window="30d")
    check(screen.text_input(key=keys.TRACE_QUERY).set_value("app:policy-search status:error").run())
    table = screen.dataframe[0].value
    assert len(table) and set(table["application"]) == {"policy-search"}
    assert {tuple(one) for one in table["status"]} == {("error",)}


def test_the_status_buttons_join_the_search(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces", window="30d")
    screen.text_input(key=keys.TRACE_QUERY).set_value("app:policy-search OR app:support-agent")
    screen.segmented_control(key=trace_keys.TRACE_STATUS).set_value("error")
    table = check(screen.run()).dataframe[0].value
    assert {tuple(one) for one in table["status"]} == {("error",)}
    assert "claims-summarizer" not in set(table["application"])


def test_a_search_that_makes_no_sense_is_said_with_its_place(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces")
    check(screen.text_input(key=keys.TRACE_QUERY).set_value("latency>3s colour:red").run())
    assert "at character 12" in screen.error[0].value
    assert screen.code[0].value == "latency>3s colour:red\n           ^"
    assert not screen.dataframe


def test_words_in_messages_say_how_far_was_read(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces")
    check(screen.text_input(key=keys.TRACE_QUERY).set_value('"tracking link"').run())
    assert "searched the messages of" in read_texts(screen)
    assert screen.dataframe


def test_an_example_fills_the_search(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces")
    check(screen.button(key=trace_keys.search_example(1)).click().run())
    assert screen.text_input(key=keys.TRACE_QUERY).value == language.EXAMPLES[1]


def test_older_and_newer_pages_hold_every_request_once(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces")
    first = list(screen.dataframe[0].value["trace"])
    check(screen.button(key="trace_older").click().run())
    assert not set(first) & set(screen.dataframe[0].value["trace"])
    check(screen.button(key="trace_newer").click().run())
    assert list(screen.dataframe[0].value["trace"]) == first


def test_a_view_is_saved_shared_and_deleted(demo_engine: sa.Engine) -> None:
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


def test_a_view_without_a_name_is_refused_in_the_dialog(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces")
    check(screen.button(key=trace_keys.VIEW_SAVE).click().run())
    submit_dialog(screen, "view_save")
    assert "name of a view" in screen.session_state[keys.dialog_problem("view_save")]


def test_others_cannot_delete_a_shared_view(demo_engine: sa.Engine) -> None:
    saved_views.save(demo_engine, actor="ada", name="hers", screen="traces", query="q=x", is_shared=True)
    screen = open_screen("traces")
    assert not any("view_delete_open" in str(one.key) for one in screen.button)


@pytest.mark.parametrize(
    ("form", "start"), [("csv", b"trace_id"), ("jsonl", b"{"), ("parquet", b"PAR1"), ("otlp", b"{")]
)
def test_what_was_found_is_downloaded_in_each_format(demo_engine: sa.Engine, form: str, start: bytes) -> None:
    open_screen("traces")
    made = traces.export_traces(url(demo_engine), Filters.last("30d"), "status:error app:policy-search", form)
    assert made.startswith(start)
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(made.decode())))
        assert rows and {row["application"] for row in rows} == {"policy-search"}


def test_any_value_can_be_asked_for() -> None:
    asked = trace_search.asking("user", 'a "b" \\ c')
    assert str(language.parse(asked))


def newest(engine: sa.Engine, where: str) -> str:
    with reading(engine) as connection:
        found = connection.exec_driver_sql(
            f"select trace_id from request where {where} order by start_ns desc limit 1"
        )
        return str(found.scalar())


def test_a_trace_says_why_beside_its_evidence_and_what_it_cost(demo_engine: sa.Engine) -> None:
    screen = trace_screen(newest(demo_engine, "is_error = 1"))
    said = read_texts(screen)
    assert "Diagnosis: error" in said and "It cost" in said
    assert [one.label for one in screen.metric] == [
        "Duration",
        "Cost",
        "Model calls",
        "Tokens in / out",
        "Steps",
        "Errors",
    ]
    assert screen.button(key="trace_evidence_0").label == "Show step"


@pytest.mark.parametrize(
    ("tab", "words"),
    [
        ("Messages", "Call 1"),
        ("Retrieved documents", "Searched for"),
        ("Tools", "No tool ran"),
        ("Attributes", "Attributes"),
        ("Errors", "No step failed"),
        ("Scores and feedback", "chosen for scoring"),
        ("Time and cost", "Steps"),
    ],
)
def test_each_tab_of_a_trace(demo_engine: sa.Engine, tab: str, words: str) -> None:
    screen = trace_screen(
        newest(demo_engine, "is_error = 0 and calls > 1 and application = 'support-agent'"), tab=tab
    )
    assert words in read_texts(screen)


def big_trace(engine: sa.Engine, *, branches: int, leaves: int) -> str:
    start = recent_ns()
    spans = [span(1, trace=7, name="request", start_ns=start, duration_ns=60 * SECOND_NS)]
    for branch in range(branches):
        number = 2 + branch * (leaves + 1)
        begin = start + branch * 1_000_000
        spans.append(span(number, trace=7, parent=1, name=f"branch {branch}", start_ns=begin))
        spans += [
            span(number + 1 + leaf, trace=7, parent=number, name="leaf", start_ns=begin + leaf * 1_000)
            for leaf in range(leaves)
        ]
    send(engine, *spans)
    return f"{7:032x}"


def test_a_big_trace_is_shown_in_pages_and_can_be_folded(empty_engine: sa.Engine) -> None:
    screen = trace_screen(big_trace(empty_engine, branches=4, leaves=99))
    assert "1 to 300 of 401" in read_texts(screen)
    assert len(screen.selectbox[-1].options) == 300
    check(screen.button(key=trace_keys.TRACE_LATER).click().run())
    assert "301 to 401 of 401" in read_texts(screen)
    check(screen.button(key=trace_keys.TRACE_EARLIER).click().run())
    check(screen.button(key=trace_keys.TRACE_FOLD_ALL).click().run())
    # The fourth branch begins on the second page, so only three were folded.
    assert "1 to 104 of 104, 297 folded away" in read_texts(screen)
    check(screen.button(key=trace_keys.TRACE_UNFOLD_ALL).click().run())
    assert "1 to 300 of 401" in read_texts(screen)


def test_a_call_told_twice_is_marked(empty_engine: sa.Engine) -> None:
    start = recent_ns()
    send(
        empty_engine,
        span(1, trace=9, name="request", start_ns=start, duration_ns=9 * SECOND_NS),
        call(2, trace=9, parent=1, name="outer", start_ns=start, duration_ns=8 * SECOND_NS),
        call(3, trace=9, parent=2, name="inner", start_ns=start + 1_000, duration_ns=7 * SECOND_NS),
    )
    screen = trace_screen(f"{9:032x}")
    assert "tell again" in read_texts(screen) or "tells again" in read_texts(screen)
    assert next(one.value for one in screen.metric if one.label == "Model calls") == "1"


def test_what_came_with_a_span_is_never_markup(empty_engine: sa.Engine) -> None:
    evil = "![x](http://evil.test/x.png) **bold** <script>alert(1)</script>"
    messages = f'[{{"role": "user", "parts": [{{"type": "text", "content": "{evil}"}}]}}]'
    start = recent_ns()
    send(
        empty_engine,
        call(1, trace=5, name=evil, start_ns=start, gen_ai__input__messages=messages),
        application="shop",
    )
    screen = trace_screen(f"{5:032x}")
    assert any(one.value == evil for one in screen.text)
    for one in [*screen.markdown, *screen.caption, *screen.subheader]:
        assert "![x](http" not in str(one.value)


def test_colours_of_components_do_not_depend_on_the_trace() -> None:
    def bar(component: str) -> waterfall.Bar:
        return waterfall.Bar(
            label=component, component=component, depth=0, start_ms=0, duration_ms=1, is_error=False
        )

    def order(*components: str) -> list[str]:
        return [one.name for one in waterfall.figure([bar(name) for name in components]).data]

    assert order("tool") == order("retrieval", "generation") == list(waterfall.COMPONENTS.values())


def test_a_session_reads_as_a_conversation_with_its_running_cost(demo_engine: sa.Engine) -> None:
    with reading(demo_engine) as connection:
        page = sessions.list_sessions(connection, Filters.last("24h"))
        chosen = max(page.rows, key=lambda one: one.requests)
        told = sessions.read_conversation(connection, chosen.session_id)
    assert told is not None
    listed = open_screen("sessions").dataframe[0].value
    assert chosen.session_id in set(listed["session"])
    screen = open_screen("sessions")
    screen.query_params[keys.SESSION] = chosen.session_id
    check(screen.run())
    assert len(screen.chat_message) == 2 * len(told.turns)
    assert [one.value for one in screen.text if one.value == told.turns[0].question]
    assert f"Turn {told.total_turns}" in read_texts(screen) and "so far" in read_texts(screen)


def test_an_unknown_session_and_user_are_said(demo_engine: sa.Engine) -> None:
    for name, key in (("sessions", keys.SESSION), ("users", keys.USER)):
        screen = open_screen(name)
        screen.query_params[key] = "**nobody**"
        assert "Nothing has come" in read_texts(check(screen.run()))


def test_users_are_listed_and_one_is_opened(demo_engine: sa.Engine) -> None:
    screen = open_screen("users")
    table = screen.dataframe[0].value
    assert table["cost"].dropna().is_monotonic_decreasing
    check(screen.selectbox(key=traffic_keys.USER_ORDER).set_value("requests").run())
    table = screen.dataframe[0].value
    assert table["requests"].is_monotonic_decreasing
    screen = open_screen("users")
    screen.query_params[keys.USER] = str(table["user"][0])
    check(screen.run())
    assert next(one.value for one in screen.metric if one.label == "Requests") == str(table["requests"][0])
    assert len(screen.get("plotly_chart")) == 2


def test_the_map_says_how_much_was_read_and_what_stands_out(demo_engine: sa.Engine) -> None:
    screen = open_screen("service_map")
    assert "all requests" in read_texts(screen) or "sample" in read_texts(screen)
    assert {"Slowest", "Most failing", "Dearest"} <= {str(one.value) for one in screen.subheader}
    table = screen.dataframe[-1].value
    assert {"retrieval", "generation"} <= set(table["kind"])


def test_old_traffic_is_said_to_be_old(empty_engine: sa.Engine) -> None:
    start = int((now() - dt.timedelta(hours=2, minutes=5)).timestamp()) * SECOND_NS
    send(empty_engine, call(1, trace=3, start_ns=start))
    assert "last traffic 2 h ago" in read_texts(open_screen("overview"))


def test_fresh_traffic_is_said_to_be_up_to_date(empty_engine: sa.Engine) -> None:
    send(empty_engine, call(1, trace=3, start_ns=recent_ns()))
    assert "updated" in read_texts(open_screen("overview"))
