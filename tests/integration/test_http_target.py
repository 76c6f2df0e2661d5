"""An HTTP application as a target, on loopback: requests, replies and failures."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from genaiops_core.errors import BadInput, GenAIOpsError, Misconfigured
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.models.protocol import CallFailed, Refused, Throttled
from genaiops_core.evaluation.targets import TargetAnswer, build_target, parse_allowed_hosts
from tests.application_server import Application, run_application

REPLY = {
    "answer": "result.text",
    "contexts": "result.sources[].text",
    "input_tokens": "usage.in",
    "output_tokens": "usage.out",
    "cost_usd": "cost",
    "model": "model",
}
CASE = Case(
    input="Why?", answer="kept back", reference="Because.", metadata={"tier": {"name": "gold"}, "n": 3}
)


TOKEN = {"Authorization": "Bearer ${GENAIOPS_TARGET_TOKEN}"}


@pytest.fixture(scope="module")
def _application() -> Iterator[Application]:
    with run_application() as running_application:
        yield running_application


@pytest.fixture
def application(_application: Application) -> Application:
    _application.seen.clear()
    return _application


def ask(url: str, case: Case = CASE, *, repetition: int = 1, hosts: str = "", **fields: Any) -> TargetAnswer:
    document = {"kind": "http", "url": url, "reply": REPLY, **fields}

    async def answer_once() -> TargetAnswer:
        target = build_target(document, allowed_hosts=parse_allowed_hosts(hosts))
        try:
            return await target.answer(case, repetition)
        finally:
            await target.close()

    return asyncio.run(answer_once())


def test_reply_is_read_by_paths(application: Application) -> None:
    answer = ask(f"{application.url}/answer")
    assert orjson.loads(answer.text or "") == {"question": "Why?"}
    assert answer.contexts == ("First source.", "Second source.")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 3)
    assert (answer.cost_nano_usd, answer.model, answer.problem) == (120_000, "my-model", "")
    assert answer.latency_ms > 0


def test_template_is_filled_with_values(application: Application) -> None:
    template = {
        "q": "{{ input }}",
        "say": "Asked #{repetition}: {question}",
        "tier": "{metadata.tier.name}",
        "n": "{metadata.n}",
        "all": "{metadata}",
        "contexts": "{contexts}",
        "none": "{metadata.nothing}",
        "fixed": [1, None, "{not one of ours}"],
    }
    ask(f"{application.url}/answer", repetition=2, template=template, method="PUT")
    assert application.seen[0][2] == {
        "q": "Why?",
        "say": "Asked #2: Why?",
        "tier": "gold",
        "n": 3,
        "all": {"tier": {"name": "gold"}, "n": 3},
        "contexts": None,
        "none": None,
        "fixed": [1, None, "{not one of ours}"],
    }


@pytest.mark.parametrize(
    "question",
    [
        '", "admin": true, "x": "',
        "{reference} {{metadata}} {input}",
        "\\\\ \n \t \x7f \u2028 {",
        "${HOME} %s",
    ],
)
def test_question_is_never_parsed_as_a_template(application: Application, question: str) -> None:
    template = {"a": "{input}", "b": "<<{input}>>"}
    ask(f"{application.url}/answer", Case(input=question, reference="SECRET"), template=template)
    assert application.seen[0][2] == {"a": question, "b": f"<<{question}>>"}


def test_question_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(CallFailed, match="The case cannot be serialised as JSON"):
        ask("http://127.0.0.1:9/", Case(input="half a pair \ud800"))


def test_reference_is_sent_only_if_the_template_has_it(application: Application) -> None:
    ask(f"{application.url}/answer")
    ask(f"{application.url}/answer", template={"q": "{input}", "gold": "{reference}"})
    assert [body for _, _, body in application.seen] == [
        {"question": "Why?"},
        {"q": "Why?", "gold": "Because."},
    ]
    assert "kept back" not in repr(application.seen)


def test_headers_are_read_from_environment_per_call(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAIOPS_TARGET_TOKEN", "s3cret")
    ask(f"{application.url}/answer", headers=TOKEN, hosts="127.0.0.1")
    assert application.seen[0][1]["authorization"] == "Bearer s3cret"


@pytest.mark.parametrize("hosts", ["", "my.app", "127.0.0.1:1"])
def test_secret_is_sent_only_to_named_hosts(
    application: Application, monkeypatch: pytest.MonkeyPatch, hosts: str
) -> None:
    monkeypatch.setenv("GENAIOPS_TARGET_TOKEN", "s3cret")
    with pytest.raises(BadInput, match="GENAIOPS_TARGET_HOSTS"):
        ask(f"{application.url}/answer", headers=TOKEN, hosts=hosts)
    assert application.seen == []


PRIVATE = (
    "10.0.0.1",
    "192.168.1.1",
    "172.16.0.9",
    "100.64.0.1",
    "[fd12::1]",
    "[::ffff:10.0.0.1]",
    "167772161",
)


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_refused_by_default(host: str) -> None:
    with pytest.raises(Refused, match="an address of a private network; name the host or the network"):
        ask(f"http://{host}/answer")


def test_missing_variable_is_named(application: Application) -> None:
    with pytest.raises(Misconfigured, match="GENAIOPS_TARGET_TOKEN, which the target refers to, is not set"):
        ask(f"{application.url}/answer", headers={"X-Key": "${GENAIOPS_TARGET_TOKEN}"}, hosts="127.0.0.1")
    assert application.seen == []


def test_echoed_secret_is_masked(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAIOPS_TARGET_TOKEN", "s3cret")
    with pytest.raises(Refused) as failure:
        ask(f"{application.url}/denied", headers=TOKEN, hosts="127.0.0.1")
    text = str(failure.value)
    assert "returned 401: 'bad token Bearer ... [31mxxx" in text
    assert "s3cret" not in text and text.isprintable() and len(text) < 350


def test_connections_are_reused_and_cookies_are_not(application: Application) -> None:
    async def answer_twice() -> None:
        target = build_target({"kind": "http", "url": f"{application.url}/answer", "reply": REPLY})
        await target.answer(CASE)
        await target.answer(CASE)
        await target.close()

    asyncio.run(answer_twice())
    assert all("cookie" not in headers for _, headers, _ in application.seen)
    assert len(application.seen) == 2


@pytest.mark.parametrize(("path", "wait_s"), [("throttled", 7.0), ("busy", 0.0), ("full", None)])
def test_too_many_requests_is_throttling(application: Application, path: str, wait_s: float | None) -> None:
    with pytest.raises(Throttled, match=r"returned (429|503)") as failure:
        ask(f"{application.url}/{path}")
    assert failure.value.retry_after_s == wait_s


@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("broken", CallFailed, 'returned 500: \'{"message": "the model fell over"}\''),
        ("html", CallFailed, "returned 200 with text/html that is not JSON: '<html><b>Log in</b></html>'"),
        ("huge", CallFailed, "returned more than 4 MB"),
        ("gzip", CallFailed, "returned a compressed reply"),
        ("hang-up", CallFailed, "failed: "),
        ("elsewhere", CallFailed, "has no value at result.text; it has output, took."),
        (
            "moved-as-get",
            Refused,
            "redirects (302) to http://127.0.0.1:PORT/answer, which is not followed",
        ),
        (
            "moved-away",
            Refused,
            "redirects (307) to http://localhost:1/answer, which is not followed",
        ),
        ("moved-round", Refused, "redirects more than 3 times"),
    ],
)
def test_failure_is_described(
    application: Application, path: str, kind: type[GenAIOpsError], sentence: str
) -> None:
    with pytest.raises(CallFailed) as failure:
        ask(f"{application.url}/{path}")
    assert type(failure.value) is kind
    message = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", str(failure.value))
    assert message.startswith("POST http://127.0.0.1:PORT/" + path) or path == "elsewhere"
    assert sentence in message


def test_target_without_answer_times_out(application: Application) -> None:
    with pytest.raises(CallFailed, match=r"did not answer within 0\.05 s"):
        ask(f"{application.url}/slow", timeout_s=0.05)


def test_refused_connection_is_described() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(CallFailed, match="failed: "):
        ask(f"http://127.0.0.1:{port}/answer")


def test_redirect_within_the_host_resends_the_body(application: Application) -> None:
    answer = ask(f"{application.url}/moved-here")
    assert orjson.loads(answer.text or "") == {"question": "Why?"}
    assert [path for path, _, _ in application.seen] == ["/moved-here", "/answer"]


def test_empty_answer_is_no_failure(application: Application) -> None:
    answer = ask(f"{application.url}/empty")
    assert answer.text is None
    assert "no answer at result.text: it is empty" in answer.problem


def test_invalid_number_is_unknown_and_not_zero(application: Application) -> None:
    answer = ask(f"{application.url}/strange")
    assert (answer.text, answer.contexts, answer.cost_nano_usd) == ("42", None, None)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (None, None)
    assert "result.sources[].text is not a list of texts" in answer.problem


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",  # the same, as one number
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "169.254.170.2",
        "100.100.100.200",
        "0.0.0.0",
    ],
)
def test_metadata_and_link_local_addresses_are_refused(host: str) -> None:
    with pytest.raises(Refused, match="a link-local or metadata address, which targets must not use"):
        ask(f"http://{host}/latest/meta-data")


def test_name_of_a_metadata_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("127.0.0.1", "169.254.169.254")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(Refused, match=r"rebind\.example resolves to 169\.254\.169\.254"):
        ask("http://rebind.example/answer")


def test_call_goes_to_the_checked_address(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(application.url.rpartition(":")[2])
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]]
    real = socket.getaddrinfo

    def resolve(host: Any, *rest: Any, **more: Any) -> list[Any]:
        return answers.pop() if host == "my.app" else real(host, *rest, **more)  # a second look-up would fail

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert ask(f"http://my.app:{port}/answer").text is not None
    assert application.seen[0][1]["host"] == f"my.app:{port}"


@pytest.mark.parametrize(
    ("setting", "is_allowed"),
    [
        ("", True),
        ("127.0.0.1", True),
        ("other.example, 127.0.0.1:PORT", True),
        ("127.0.0.1:1", False),
        ("*.0.0.1", True),
        ("my.app", False),
    ],
)
def test_operator_allows_hosts(application: Application, setting: str, is_allowed: bool) -> None:
    hosts = setting.replace("PORT", application.url.rpartition(":")[2])
    if is_allowed:
        assert ask(f"{application.url}/answer", hosts=hosts).text is not None
    else:
        with pytest.raises(BadInput, match="is not among the hosts that GENAIOPS_TARGET_HOSTS allows"):
            ask(f"{application.url}/answer", hosts=hosts)
        assert application.seen == []
