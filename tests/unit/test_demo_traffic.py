"""The demo's traffic: pure, decided by a seed, and bad in the ways the story wants."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from genaiops_core.demo.arrivals import DAYS, Arrival, find_phase, generate_arrivals, route_user
from genaiops_core.demo.otlp_json import export_request
from genaiops_core.demo.profiles import APPLICATIONS, SUPPORT_AGENT, ApplicationProfile
from genaiops_core.demo.traces import DemoTrace, TraceBuilder

NOW = dt.datetime(2026, 11, 20, 3, 17, 5, tzinfo=dt.UTC)  # a Friday night: the quietest hour
NOW_NS = int(NOW.timestamp()) * 10**9
DAY_NS = 24 * 3600 * 10**9
HOUR_NS = 3600 * 10**9


def traces_of(profile: ApplicationProfile, seed: int = 1) -> list[DemoTrace]:
    builder = TraceBuilder(profile, random.Random(f"{seed}/{profile.application}"))
    return [
        builder.build(arrival, profile.release(arrival.release))
        for arrival in generate_arrivals(profile, NOW, seed)
    ]


def test_the_seed_determines_the_traffic() -> None:
    assert traces_of(SUPPORT_AGENT, 7) == traces_of(SUPPORT_AGENT, 7)
    assert traces_of(SUPPORT_AGENT, 7) != traces_of(SUPPORT_AGENT, 8)


@pytest.mark.parametrize("profile", APPLICATIONS, ids=lambda profile: profile.application)
def test_traffic_spans_thirty_days_and_ends_before_now(profile: ApplicationProfile) -> None:
    traces = traces_of(profile)
    starts = [trace.start_ns for trace in traces]
    assert NOW_NS - min(starts) > (DAYS - 1) * DAY_NS
    assert NOW_NS - min(starts) <= DAYS * DAY_NS
    assert max(span.end_ns for trace in traces for span in trace.spans) < NOW_NS
    recent = sum(1 for start in starts if NOW_NS - start < DAY_NS)
    assert recent == pytest.approx(profile.recent_requests, rel=0.1)


def test_newest_hour_has_requests_at_night() -> None:
    starts = [trace.start_ns for trace in traces_of(SUPPORT_AGENT)]
    minutes = {start // (60 * 10**9) for start in starts if NOW_NS - start < HOUR_NS}
    assert len(minutes) > 20


def test_weekends_and_nights_are_quiet() -> None:
    by_hour = [0] * 24
    by_weekday = [0] * 7
    for arrival in generate_arrivals(SUPPORT_AGENT, NOW, 1):
        if NOW_NS - arrival.start_ns > 2 * DAY_NS:
            at = dt.datetime.fromtimestamp(arrival.start_ns / 1e9, dt.UTC)
            by_hour[at.hour] += 1
            by_weekday[at.weekday()] += 1
    assert max(by_hour[0:5]) * 3 < min(by_hour[9:12])
    assert max(by_weekday[5:]) < min(by_weekday[:5])


def test_spans_form_one_tree_inside_their_root() -> None:
    for profile in APPLICATIONS:
        for trace in traces_of(profile)[:300]:
            root = trace.spans[0]
            known = {span.span_id for span in trace.spans}
            assert root.parent_span_id == ""
            assert len(known) == len(trace.spans)
            assert all(span.parent_span_id in known for span in trace.spans[1:])
            assert all(root.start_ns <= span.start_ns <= span.end_ns <= root.end_ns for span in trace.spans)


def test_failed_request_has_a_reason_and_no_later_span() -> None:
    failed = [trace for profile in APPLICATIONS for trace in traces_of(profile) if trace.spans[0].error]
    assert any("ThrottlingException" in trace.spans[0].error for trace in failed)
    for trace in failed:
        culprits = [span for span in trace.spans[1:] if span.error]
        assert [span.error for span in culprits] == [trace.spans[0].error]
        assert "error.type" in culprits[0].attributes
        assert trace.scores == []


def test_bad_canary_stays_below_default_thresholds() -> None:
    recent = [trace for trace in traces_of(SUPPORT_AGENT) if NOW_NS - trace.start_ns < DAY_NS]
    canary = [trace for trace in recent if trace.release == "v15"]
    stable = [trace for trace in recent if trace.release == "v14"]
    assert len(canary) > 100
    assert slow(canary) > 1.3 * slow(stable)
    assert slow(canary) < 5_000
    assert quality(stable) - quality(canary) > 0.05
    assert quality(canary) > 0.75
    half = len(canary) // 2
    assert quality(canary[half:]) < quality(canary[:half])


def test_history_leaves_two_releases_undecided() -> None:
    outcomes = {release.outcome for profile in APPLICATIONS for release in profile.releases}
    assert outcomes == {"routed", "pending", "approved"}
    phase, share = find_phase(SUPPORT_AGENT, 0.0)
    assert (phase.canary, phase.percent, share) == ("v15", 25, 1.0)
    assert find_phase(SUPPORT_AGENT, 30.0)[0].stable == "v12"


def test_larger_canary_share_keeps_its_users() -> None:
    narrow, wide = SUPPORT_AGENT.phases[-2:]
    for user in range(500):
        if route_user("support-agent", narrow, f"user-{user}") == "v15":
            assert route_user("support-agent", wide, f"user-{user}") == "v15"


def test_an_export_request_is_otlp_json() -> None:
    builder = TraceBuilder(SUPPORT_AGENT, random.Random(1))
    arrival = Arrival(start_ns=NOW_NS, user_id="u", session_id="s", release="v14", phase_share=1.0)
    trace = builder.build(arrival, SUPPORT_AGENT.release("v14"), fails=False)
    body = export_request([trace])
    (group,) = body["resourceSpans"]
    assert {"key": "service.name", "value": {"stringValue": "support-agent"}} in group["resource"][
        "attributes"
    ]
    spans = group["scopeSpans"][0]["spans"]
    assert len(spans) == len(trace.spans)
    assert "parentSpanId" not in spans[0]
    assert all(len(span["traceId"]) == 32 and len(span["spanId"]) == 16 for span in spans)
    assert spans[0]["startTimeUnixNano"] == str(NOW_NS)
    calls = [s for s in spans if any(a["key"] == "gen_ai.usage.input_tokens" for a in s["attributes"])]
    assert all(span["kind"] == 3 for span in calls)
    assert len(calls) == 2


def slow(traces: list[DemoTrace]) -> float:
    """The 95th percentile of successful requests in ms, nearest rank."""
    durations = sorted(
        (trace.spans[0].end_ns - trace.spans[0].start_ns) / 1e6
        for trace in traces
        if not trace.spans[0].error
    )
    return durations[int(len(durations) * 0.95)]


def quality(traces: list[DemoTrace]) -> float:
    values = [score.value for trace in traces for score in trace.scores if score.value is not None]
    return sum(values) / len(values)
