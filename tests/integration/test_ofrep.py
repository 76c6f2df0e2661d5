"""Routing over HTTP: a real server, the real OpenFeature client, on both databases."""

from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa
from openfeature import api as openfeature
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode

from genaiops_core.releases import prompts
from genaiops_core.rollbacks import procedure
from genaiops_core.rollouts import rollouts
from tests.integration.operating import APP, canary, create_approved_release, start
from tests.integration.routing_server import ONE_FLAG, ask, run_server, wait_until_routed
from tests.waiting import LIMIT_S

ALL_FLAGS = "/ofrep/v1/evaluate/flags"
OPERATOR = {"X-GenAIOps-Actor": "linus"}


@pytest.fixture
def http(database_url: str) -> Iterator[httpx.Client]:
    with run_server(database_url) as address, httpx.Client(base_url=address, timeout=LIMIT_S) as client:
        yield client


def test_an_openfeature_client_follows_a_rollout(engine: sa.Engine, http: httpx.Client) -> None:
    users = [f"user-{number}" for number in range(300)]
    provider = OFREPProvider(str(http.base_url))
    openfeature.set_provider_and_wait(provider, domain="ofrep-test")
    client = openfeature.get_client(domain="ofrep-test")

    def canary_users() -> set[str]:
        answers = {
            user: client.get_object_details(
                "release", {}, EvaluationContext(targeting_key=user, attributes={"application": APP})
            )
            for user in users
        }
        assert all(answer.error_code is None for answer in answers.values())
        return {user for user, answer in answers.items() if answer.variant == "canary"}

    try:
        wait_until_routed(http, canary(engine, percent=10).version)
        narrow = canary_users()
        wide_rollout = rollouts.set_canary(engine, actor="linus", application=APP, percent=50)
        wait_until_routed(http, wide_rollout.version)
        wide = canary_users()
        # 300 draws: three standard deviations are 5 and 9 points.
        assert abs(len(narrow) / 3 - 10) < 6
        assert abs(len(wide) / 3 - 50) < 10
        assert narrow < wide
        done = procedure.roll_back(engine, actor="linus", application=APP, reason="wrong answers")
        wait_until_routed(http, done.routing_version)
        assert canary_users() == set()
        model = client.get_string_value(
            "model", "none", EvaluationContext(targeting_key="user-1", attributes={"application": APP})
        )
        assert model == "model-of-v1"
        nobody = client.get_string_details("model", "fallback", EvaluationContext(targeting_key="user-1"))
        assert (nobody.value, nobody.error_code) == ("fallback", ErrorCode.INVALID_CONTEXT)
    finally:
        openfeature.clear_providers()
        provider.session.close()


def test_the_release_flag_tells_everything(engine: sa.Engine, http: httpx.Client) -> None:
    for name in ("zeta", "answer"):
        prompts.add(engine, actor="ada", application=APP, name=name, text=f"Text of {name}.")
    release = create_approved_release(
        engine, "v1", model="m-1", prompts=["zeta@1", "answer@1"], parameters={"top_k": 8}
    )
    wait_until_routed(http, start(engine, release).version)
    assert ask(http, None).json() == {
        "key": "release",
        "value": {
            "release": "v1",
            "model_id": "m-1",
            "prompts": {
                "zeta": {"version": 1, "text": "Text of zeta."},
                "answer": {"version": 1, "text": "Text of answer."},
            },
            "parameters": {"top_k": 8},
            "variant": "stable",
        },
        "reason": "STATIC",
        "variant": "stable",
        "metadata": {"application": APP, "version": 1},
    }
    values = {flag: ask(http, "u", flag).json()["value"] for flag in ("model", "prompt", "prompt:answer")}
    assert values == {"model": "m-1", "prompt": "Text of zeta.", "prompt:answer": "Text of answer."}


def test_errors_speak_ofrep(engine: sa.Engine, http: httpx.Client) -> None:
    wait_until_routed(http, canary(engine).version)
    cases = [
        (ask(http, None), 400, "TARGETING_KEY_MISSING", "context.targetingKey is required"),
        (ask(http, ""), 400, "TARGETING_KEY_MISSING", "context.targetingKey is required"),
        (ask(http, "u", "colour"), 404, "FLAG_NOT_FOUND", "there is no flag 'colour'; there are release, model"),
        (ask(http, "u", application="nobody"), 404, "FLAG_NOT_FOUND", "no release of application 'nobody'"),
        (http.post(ONE_FLAG + "release", json={"context": {"targetingKey": "u"}}), 400, "INVALID_CONTEXT",
         "context.application is required"),
        (http.post(ONE_FLAG + "release", json={}), 400, "INVALID_CONTEXT", "context.application is required"),
        (http.post(ONE_FLAG + "release", json=[1]), 400, "INVALID_CONTEXT", "context.application is required"),
        (http.post(ONE_FLAG + "release", content=b"{"), 400, "PARSE_ERROR", "not valid JSON"),
        (http.post(ONE_FLAG + "release"), 400, "PARSE_ERROR", "not valid JSON"),
    ]  # fmt: skip
    for answer, status, code, details in cases:
        assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
        assert details in answer.json()["errorDetails"]
        assert answer.json()["key"]
    bulk = http.post(ALL_FLAGS, json={"context": {"application": APP}})
    assert (bulk.status_code, bulk.json()["errorCode"]) == (400, "TARGETING_KEY_MISSING")
    assert "key" not in bulk.json()


def test_bulk_answers_304_until_something_changes(engine: sa.Engine, http: httpx.Client) -> None:
    wait_until_routed(http, canary(engine, percent=50).version)
    body = {"context": {"application": APP, "targetingKey": "user-1"}}
    first = http.post(ALL_FLAGS, json=body)
    assert {flag["key"] for flag in first.json()["flags"]} == {"release", "model"}
    assert len({flag["variant"] for flag in first.json()["flags"]}) == 1
    tag = first.headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}'):
        second = http.post(ALL_FLAGS, json=body, headers={"If-None-Match": sent})
        assert (second.status_code, second.content, second.headers["etag"]) == (304, b"", tag)
    moved = rollouts.set_canary(engine, actor="linus", application=APP, percent=60)
    wait_until_routed(http, moved.version)
    after = http.post(ALL_FLAGS, json=body, headers={"If-None-Match": tag})
    assert after.status_code == 200
    assert after.headers["etag"] != tag


def test_operations_over_http(engine: sa.Engine, http: httpx.Client) -> None:
    start(engine, create_approved_release(engine, "v1", model="m-1"))
    create_approved_release(engine, "v2", model="m-2")
    base = f"/api/v1/rollouts/{APP}"
    steps = [
        http.post(f"{base}/start", json={"release": "v2", "percent": 5, "reason": "try"}, headers=OPERATOR),
        http.post(f"{base}/set", json={"percent": 25}, headers=OPERATOR),
        http.post(f"{base}/pause", headers=OPERATOR),
        http.post(f"{base}/resume", json={"reason": "fixed"}, headers=OPERATOR),
    ]
    assert [(step.status_code, step.json()["percent"], step.json()["state"]) for step in steps] == [
        (200, 5, "running"),
        (200, 25, "running"),
        (200, 25, "paused"),
        (200, 25, "running"),
    ]
    # The process that changed the routing answers by it at once.
    assert ask(http, "user-1").json()["metadata"]["version"] == steps[1].json()["version"]
    assert http.get("/api/v1/rollouts").json()["rollouts"][0]["canary"] == "v2"
    assert http.post(f"{base}/rollback", json={"reason": "no"}, headers=OPERATOR).status_code == 400
    done = http.post(
        "/api/v1/rollback", json={"application": APP, "reason": "wrong answers"}, headers=OPERATOR
    )
    assert (done.status_code, done.json()["actor"], done.json()["to_release"]) == (200, "linus", "v1")
    assert http.get(f"/api/v1/rollouts?application={APP}").json()["rollouts"][0]["state"] == "rolled_back"
    refused = http.post(f"{base}/promote")
    assert (refused.status_code, "all its traffic goes to v1" in refused.json()["error"]) == (409, True)


def test_operations_refuse_what_they_do_not_know(engine: sa.Engine, http: httpx.Client) -> None:
    canary(engine)
    base = f"/api/v1/rollouts/{APP}"
    assert http.post(f"{base}/set", json={"percent": 5, "percentage": 7}).status_code == 400
    assert http.post(f"{base}/set", json={}).status_code == 400
    assert http.post(f"{base}/set", json={"percent": 50}, headers={"X-GenAIOps-Actor": ""}).status_code == 400
    elsewhere = http.post(f"{base}/pause", headers={"Origin": "https://elsewhere.example"})
    assert elsewhere.status_code == 403
    assert "may not operate" in elsewhere.json()["error"]
    assert http.post("/api/v1/rollouts/nobody/pause").status_code == 404
