"""An application behind HTTP as a target, on loopback: what is sent, what is read, and everything that goes wrong."""

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
from genaiops_core.evaluation.targets import TargetAnswer, parse_allowed_hosts, build_target
from tests.application_server import Application, running

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


@pytest.fixture(scope="module")
def _application() -> Iterator[Application]:
    with running() as started:
        yield started


@pytest.fixture
def application(_application: Application) -> Application:
    _application.seen.clear()
    return _application


def ask(url: str, case: Case = CASE, *, repetition: int = 1, hosts: str = "", **fields: Any) -> TargetAnswer:
    document = {"kind": "http", "url": url, "reply": REPLY, **fields}

    async def once() -> TargetAnswer:
        asked = build_target(document, allowed_hosts=parse_allowed_hosts(hosts))
        try:
            return await asked.answer(case, repetition)
        finally:
            await asked.close()

    return asyncio.run(once())


def test_answer_contexts_tokens_cost_and_model_are_read_where_they_stand(application: Application) -> None:
    found = ask(f"{application.url}/answer")
    assert orjson.loads(found.text or "") == {"question": "Why?"}
    assert found.contexts == ("First source.", "Second source.")
    assert (found.usage.input_tokens, found.usage.output_tokens) == (11, 3)
    assert (found.cost_nano_usd, found.model, found.problem) == (120_000, "my-model", "")
    assert found.latency_ms > 0


def test_places_of_the_template_are_filled_by_value(application: Application) -> None:
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
def test_a_question_is_never_read_as_a_template(application: Application, question: str) -> None:
    template = {"a": "{input}", "b": "<<{input}>>"}
    ask(f"{application.url}/answer", Case(input=question, reference="SECRET"), template=template)
    assert application.seen[0][2] == {"a": question, "b": f"<<{question}>>"}


def test_a_question_that_is_no_text_is_said() -> None:
    with pytest.raises(CallFailed, match="The case cannot be written as JSON"):
        ask("http://127.0.0.1:9/", Case(input="half a pair \ud800"))


def test_the_reference_is_sent_only_where_the_template_names_it(application: Application) -> None:
    ask(f"{application.url}/answer")
    ask(f"{application.url}/answer", template={"q": "{input}", "gold": "{reference}"})
    assert [sent for _, _, sent in application.seen] == [
        {"question": "Why?"},
        {"q": "Why?", "gold": "Because."},
    ]
    assert "kept back" not in repr(application.seen)


def test_headers_come_from_the_environment_at_the_time_of_the_call(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAIOPS_TARGET_TOKEN", "s3cret")
    ask(f"{application.url}/answer", headers={"Authorization": "Bearer ${GENAIOPS_TARGET_TOKEN}"})
    assert application.seen[0][1]["authorization"] == "Bearer s3cret"


def test_a_missing_variable_is_said_by_its_name(application: Application) -> None:
    with pytest.raises(Misconfigured, match="GENAIOPS_TARGET_TOKEN, which the target refers to, is not set"):
        ask(f"{application.url}/answer", headers={"X-Key": "${GENAIOPS_TARGET_TOKEN}"})
    assert application.seen == []


def test_a_reply_that_repeats_the_secret_does_not_give_it_away(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAIOPS_TARGET_TOKEN", "s3cret")
    with pytest.raises(Refused) as failure:
        ask(f"{application.url}/denied", headers={"Authorization": "Bearer ${GENAIOPS_TARGET_TOKEN}"})
    text = str(failure.value)
    assert "answered 401: 'bad token Bearer ... [31mxxx" in text
    assert "s3cret" not in text and text.isprintable() and len(text) < 350


def test_connections_are_kept_and_cookies_are_not(application: Application) -> None:
    async def twice() -> None:
        asked = build_target({"kind": "http", "url": f"{application.url}/answer", "reply": REPLY})
        await asked.answer(CASE)
        await asked.answer(CASE)
        await asked.close()

    asyncio.run(twice())
    assert all("cookie" not in headers for _, headers, _ in application.seen)
    assert len(application.seen) == 2


@pytest.mark.parametrize(("path", "wait_s"), [("throttled", 7.0), ("busy", 0.0), ("full", None)])
def test_too_many_requests_are_throttling(application: Application, path: str, wait_s: float | None) -> None:
    with pytest.raises(Throttled, match=r"answered (429|503)") as failure:
        ask(f"{application.url}/{path}")
    assert failure.value.retry_after_s == wait_s


@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("broken", CallFailed, 'answered 500: \'{"message": "the model fell over"}\''),
        ("html", CallFailed, "answered 200 with text/html that is not JSON: '<html><b>Log in</b></html>'"),
        ("huge", CallFailed, "answered with more than 4 MB"),
        ("gzip", CallFailed, "answered compressed"),
        ("hang-up", CallFailed, "failed: "),
        ("elsewhere", CallFailed, "has nothing at result.text; it has output, took."),
        (
            "moved-as-get",
            Refused,
            "answered 302 and points to http://127.0.0.1:PORT/answer, which is not followed",
        ),
        (
            "moved-away",
            Refused,
            "answered 307 and points to http://localhost:1/answer, which is not followed",
        ),
        ("moved-round", Refused, "redirects more than 3 times"),
    ],
)
def test_a_failure_is_one_sentence(
    application: Application, path: str, kind: type[GenAIOpsError], sentence: str
) -> None:
    with pytest.raises(CallFailed) as failure:
        ask(f"{application.url}/{path}")
    assert type(failure.value) is kind
    told = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", str(failure.value))
    assert told.startswith("POST http://127.0.0.1:PORT/" + path) or path == "elsewhere"
    assert sentence in told


def test_a_target_that_never_answers_is_given_up(application: Application) -> None:
    with pytest.raises(CallFailed, match=r"gave no answer within 0\.05 s"):
        ask(f"{application.url}/slow", timeout_s=0.05)


def test_nobody_listening_is_said() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(CallFailed, match="failed: "):
        ask(f"http://127.0.0.1:{port}/answer")


def test_a_redirect_within_the_host_keeps_the_question(application: Application) -> None:
    found = ask(f"{application.url}/moved-here")
    assert orjson.loads(found.text or "") == {"question": "Why?"}
    assert [path for path, _, _ in application.seen] == ["/moved-here", "/answer"]


def test_an_empty_answer_is_no_answer_and_no_failure(application: Application) -> None:
    found = ask(f"{application.url}/empty")
    assert found.text is None
    assert "no answer at result.text: it is empty" in found.problem


def test_what_is_no_number_is_unknown_not_zero(application: Application) -> None:
    found = ask(f"{application.url}/strange")
    assert (found.text, found.contexts, found.cost_nano_usd) == ("42", None, None)
    assert (found.usage.input_tokens, found.usage.output_tokens) == (None, None)
    assert "result.sources[].text is no list of texts" in found.problem


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
    with pytest.raises(Refused, match="a link-local or metadata address; targets there are refused"):
        ask(f"http://{host}/latest/meta-data")


def test_a_name_that_leads_to_a_metadata_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("127.0.0.1", "169.254.169.254")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with pytest.raises(Refused, match=r"rebind\.example leads to 169\.254\.169\.254"):
        ask("http://rebind.example/answer")


def test_the_call_goes_to_the_address_that_was_checked(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(application.url.rpartition(":")[2])
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]]
    real = socket.getaddrinfo

    def resolved(host: Any, *rest: Any, **more: Any) -> list[Any]:
        return answers.pop() if host == "my.app" else real(host, *rest, **more)  # a second look-up would fail

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
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
def test_the_operator_says_which_hosts_are_allowed(
    application: Application, setting: str, is_allowed: bool
) -> None:
    hosts = setting.replace("PORT", application.url.rpartition(":")[2])
    if is_allowed:
        assert ask(f"{application.url}/answer", hosts=hosts).text is not None
    else:
        with pytest.raises(BadInput, match="is not among the hosts that GENAIOPS_TARGET_HOSTS allows"):
            ask(f"{application.url}/answer", hosts=hosts)
        assert application.seen == []
