"""Documents that describe targets: parsing, and errors for invalid fields."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput, Misconfigured
from genaiops_core.evaluation.targets import hosts, parse_allowed_hosts, parse_spec, secret_references, specs

BEDROCK = {"kind": "bedrock", "model": "amazon.nova-pro-v1:0"}
OPENAI = {"kind": "openai", "model": "qwen3", "base_url": "http://127.0.0.1:8000/v1"}
HTTP = {"kind": "http", "url": "https://my.app/answer"}

FULL: list[dict[str, Any]] = [
    {
        **BEDROCK,
        "system": "Be short.",
        "parameters": {"max_tokens": 9, "temperature": 0, "top_p": 0.5},
        "region": "eu-west-1",
    },
    {**OPENAI, "api_key": "${GENAIOPS_TARGET_KEY}", "timeout_s": 5.0, "notes": ["x is not sent."]},
    {
        **HTTP,
        "method": "PUT",
        "template": {"q": ["{input}"]},
        "reply": {"answer": "a.0"},
        "headers": {"X-Key": "${GENAIOPS_TARGET_KEY}"},
    },
]


@pytest.mark.parametrize("document", [BEDROCK, OPENAI, HTTP, *FULL], ids=lambda d: f"{d['kind']}-{len(d)}")
def test_stored_document_is_parsed_back(document: dict[str, Any]) -> None:
    spec = parse_spec(document)
    assert parse_spec(spec.as_json()) == spec
    assert document.items() <= spec.as_json().items()


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (BEDROCK, "bedrock:amazon.nova-pro-v1:0"),
        (OPENAI, "openai:qwen3@http://127.0.0.1:8000/v1"),
        ({**HTTP, "url": "https://my.app/answer?v=2"}, "http:https://my.app/answer"),
    ],
)
def test_target_name_identifies_the_model(document: dict[str, Any], name: str) -> None:
    assert parse_spec(document).name == name


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (None, "must be an object with fields such as kind and model"),
        ({"kind": "grpc"}, "kind must be one of bedrock, openai, http, not 'grpc'"),
        ({"kind": "bedrock"}, "model is missing"),
        ({"kind": "openai", "model": "m"}, "base_url is missing"),
        ({"kind": "http"}, "url is missing"),
        ({**BEDROCK, "modle": "x"}, "unknown field 'modle'; did you mean model"),
        ({**BEDROCK, "url": "x"}, "unknown field 'url'; a target of kind bedrock has"),
        ({**BEDROCK, "timeout_s": 0}, "timeout_s must be above 0 and at most 600 seconds, not '0'"),
        ({**BEDROCK, "timeout_s": True}, "timeout_s must be above 0"),
        ({**BEDROCK, "parameters": {"stop": ["x"]}}, "parameters.stop is not a parameter of this target"),
        ({**BEDROCK, "parameters": {"max_tokens": 1.5}}, "parameters.max_tokens must be a whole number"),
        ({**BEDROCK, "parameters": {"top_p": 2}}, "parameters.top_p must be a number from 0 to 1, not '2'"),
        ({**BEDROCK, "parameters": {"temperature": float("nan")}}, "parameters.temperature must be a number"),
        ({**BEDROCK, "system": "Say {reference}."}, "a model must not see the reference answer"),
        ({**HTTP, "url": "ftp://my.app/x"}, "url: 'ftp://my.app/x' must be an http or https address"),
        ({**HTTP, "url": "file:///etc/passwd"}, "must be an http or https address"),
        ({**HTTP, "url": "https://my.app:99999/"}, "is not a valid address"),
        ({**HTTP, "method": "DELETE"}, "method must be one of POST, PUT, not 'DELETE'"),
        ({**HTTP, "template": {"q": "hello"}}, "has no placeholder {input}"),
        (
            {**HTTP, "template": {"q": "{inputs}", "x": "{input}"}},
            "has the unknown placeholder {inputs}; use {input}",
        ),
        ({**HTTP, "template": {"q": "{input}", "x": {1, 2}}}, "template must be plain JSON"),
        ({**HTTP, "template": {"q": "{input}" + "x" * 200_001}}, "must fit in 200,000 bytes"),
        ({**HTTP, "reply": {"contexts": "a"}}, "reply must contain the path of the answer"),
        ({**HTTP, "reply": {"answer": "a", "tokens": "b"}}, "reply: 'tokens' is not one of answer, contexts"),
        ({**HTTP, "reply": {"answer": "a..b"}}, "reply.answer: 'a..b' is not a valid path"),
        ({**HTTP, "reply": {"answer": "a[x]"}}, "reply.answer: 'a[x]' is not a valid path"),
        ({**HTTP, "headers": {"Host": "${GENAIOPS_TARGET_X}"}}, "headers.Host is set by the client"),
        ({**HTTP, "headers": {"a b": "${GENAIOPS_TARGET_X}"}}, "is not a valid header name"),
        (
            {**HTTP, "headers": {"X": "${AWS_SECRET_ACCESS_KEY}"}},
            "must be a reference such as ${GENAIOPS_TARGET_TOKEN}",
        ),
    ],
)
def test_errors_name_the_field(document: Any, sentence: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parse_spec(document, "my.yaml")
    assert str(refusal.value).startswith("my.yaml") and sentence in str(refusal.value)


@pytest.mark.parametrize(
    "document",
    [
        {**HTTP, "headers": {"Authorization": "Bearer hunter2"}},
        {**HTTP, "url": "https://ada:hunter2@my.app/"},
        {**HTTP, "url": "https://my.app/?api_key=hunter2"},
        {**HTTP, "url": "https://my.app/?X-Amz-Signature=hunter2"},
        {**OPENAI, "api_key": "hunter2"},
        {**OPENAI, "base_url": "https://ada:hunter2@my.app/v1"},
    ],
)
def test_secret_is_neither_stored_nor_shown(document: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refusal:
        parse_spec(document)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("value", ["", "two\nlines", "h\u00e4"])
def test_invalid_secret_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(Misconfigured, match="The environment variable GENAIOPS_TARGET_X") as refusal:
        secret_references.resolve_secret("Bearer ${GENAIOPS_TARGET_X}", {"GENAIOPS_TARGET_X": value})
    assert not value or value not in str(refusal.value)


@pytest.mark.parametrize("repetitions", [0, 21])
def test_repetitions_have_a_range(repetitions: int) -> None:
    with pytest.raises(BadInput, match="must be 1 to 20"):
        specs.validate_repetitions(repetitions)
    assert specs.validate_repetitions(20) == 20


def test_allowed_hosts_are_comma_separated() -> None:
    assert parse_allowed_hosts(" My.App., *.corp:8443 ,,[::1]:80") == ("my.app", "*.corp:8443", "[::1]:80")
    hosts.require_allowed("http://[::1]/", ["[::1]:80"], "url")
    hosts.require_allowed("https://A.corp:8443/x", ["*.corp:8443"], "url")


@pytest.mark.parametrize("setting", ["my.app:x", "https://my.app", "my.app/answer", ":80", "[::1"])
def test_invalid_host_is_refused(setting: str) -> None:
    with pytest.raises(Misconfigured, match="is not a host; write host, host:port or"):
        parse_allowed_hosts(setting)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted({name for fields in specs._FIELDS.values() for name in fields} - {"kind"})


@given(st.sampled_from([BEDROCK, OPENAI, HTTP]), st.sampled_from(FIELDS), JSON)
def test_any_value_is_parsed_or_refused(base: dict[str, Any], name: str, value: Any) -> None:
    try:
        spec = parse_spec({**base, name: value})
    except BadInput as refusal:
        assert str(refusal).startswith("the target") and str(refusal).rstrip()[-1] in ".?"
    else:
        assert parse_spec(spec.as_json()) == spec
