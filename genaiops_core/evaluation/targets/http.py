"""An HTTP application as a target: a JSON body from a template, and a JSON reply read by paths."""

from __future__ import annotations

import asyncio
import http.cookiejar
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

import httpx
import orjson

from genaiops_core.access.outbound import OutboundRule
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.models.checked_transport import NO_PRIVATE_HOSTS, CheckedTransport
from genaiops_core.evaluation.models.connection_errors import describe_connection_error
from genaiops_core.evaluation.models.protocol import CallFailed, Refused, Throttled, Usage
from genaiops_core.evaluation.models.retry_after import THROTTLED, parse_retry_after
from genaiops_core.evaluation.readers.encodings import replace_unstorable
from genaiops_core.evaluation.targets import hosts, placeholders, reply_paths, secret_references, specs
from genaiops_core.evaluation.targets.protocol import TargetAnswer

MAX_REPLY_BYTES = 4_000_000
MAX_REDIRECTS = 3
_MAX_QUOTED_CHARACTERS = 200
# An application answers 503 while it starts or is overloaded.
_THROTTLED = THROTTLED | {503}
_RETRYABLE = (408, 409, 425)
"""The only client errors for which another attempt may succeed."""
_SAME_REQUEST = (307, 308)
"""Redirects that preserve method and body; the others would turn the request into a GET."""


class HttpTarget:
    """Sends cases to one address; connections are reused between cases."""

    def __init__(
        self,
        spec: specs.TargetSpec,
        *,
        allowed_hosts: Sequence[str] = (),
        outbound_rule: OutboundRule = NO_PRIVATE_HOSTS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        hosts.require_allowed(spec.url, allowed_hosts, "The target's url", has_secret=bool(spec.headers))
        self._spec = spec
        self._paths = {
            name: reply_paths.parse_path(path, f"reply.{name}") for name, path in spec.reply.items()
        }
        self._client = httpx.AsyncClient(
            transport=transport or CheckedTransport(rule=outbound_rule),
            timeout=spec.timeout_s,
            # `_follow_redirect` does, and only within one origin, so that headers with secrets go nowhere
            # else.
            follow_redirects=False,
            # Cookies are discarded, so that cases are independent of each other.
            cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])),
        )

    @property
    def name(self) -> str:
        return self._spec.name

    @property
    def provider(self) -> str:
        """Unknown: the model's own name decides its price."""
        return ""

    @property
    def model(self) -> str:
        return self._spec.model

    def prompt(self, case: Case, repetition: int = 1) -> None:
        """Return None: the prompts of the application are unknown."""

    async def answer(self, case: Case, repetition: int = 1) -> TargetAnswer:
        """Send one request."""
        body = placeholders.fill_json(self._spec.template, placeholders.collect_values(case, repetition))
        headers = {
            name: secret_references.resolve_secret(reference)
            for name, reference in self._spec.headers.items()
        }
        try:
            # Before the clock starts: the latency is that of the application.
            content = orjson.dumps(body)
        except TypeError as error:
            raise CallFailed(f"The case cannot be serialised as JSON: {error}.") from error
        start = time.perf_counter()
        try:
            async with asyncio.timeout(self._spec.timeout_s):
                reply = await self._exchange(content, headers)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise CallFailed(f"{self._endpoint} did not answer within {self._spec.timeout_s:g} s.") from error
        except httpx.TransportError as error:
            reason = describe_connection_error(error)
            raise CallFailed(f"{self._endpoint} failed: {reason}.") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise CallFailed(f"{self._endpoint} failed: {error or type(error).__name__}.") from error
        latency_ms = (time.perf_counter() - start) * 1000
        return self._parse_reply(reply, latency_ms)

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    @property
    def _endpoint(self) -> str:
        return f"{self._spec.method} {self._spec.url.partition('?')[0]}"

    async def _exchange(self, body: bytes, headers: Mapping[str, str]) -> Any:
        """Send the body and return the reply as JSON."""
        url = self._spec.url
        request_headers = {
            "accept": "application/json",
            # Uncompressed, so that the size limit also limits the memory.
            "accept-encoding": "identity",
            "content-type": "application/json",
            **headers,
        }
        for _ in range(MAX_REDIRECTS + 1):
            async with self._client.stream(
                self._spec.method, url, content=body, headers=request_headers
            ) as response:
                if response.is_redirect:
                    url = self._follow_redirect(url, response)
                    continue
                content = await self._read_content(response)
                if response.status_code in _THROTTLED:
                    raise Throttled(
                        self._describe_response(response, content, headers),
                        retry_after_s=parse_retry_after(response.headers),
                    )
                if not response.is_success:
                    is_refused = response.is_client_error and response.status_code not in _RETRYABLE
                    raise (Refused if is_refused else CallFailed)(
                        self._describe_response(response, content, headers)
                    )
                return self._parse_json(response, content)
        raise Refused(f"{self._endpoint} redirects more than {MAX_REDIRECTS} times.")

    def _follow_redirect(self, url: str, response: httpx.Response) -> str:
        location: str = urljoin(url, response.headers.get("location", ""))
        if response.status_code not in _SAME_REQUEST or _read_origin(location) != _read_origin(url):
            printable_location = _make_printable(location.partition("?")[0])
            raise Refused(
                f"{self._endpoint} redirects ({response.status_code}) to {printable_location}, which is not followed; "
                "if that is the right address, set it as url."
            )
        return location

    async def _read_content(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise CallFailed(
                f"{self._endpoint} returned a compressed reply, although the request excludes compression."
            )
        # The size is counted while streaming, because Content-Length may be absent or wrong.
        content = bytearray()
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > MAX_REPLY_BYTES:
                raise CallFailed(f"{self._endpoint} returned more than {MAX_REPLY_BYTES / 1e6:g} MB.")
        return bytes(content)

    def _parse_json(self, response: httpx.Response, content: bytes) -> Any:
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            kind = _make_printable(response.headers.get("content-type", "no content type").partition(";")[0])
            raise CallFailed(
                f"{self._endpoint} returned {response.status_code} with {kind} that is not JSON: {_quote_content(content)}"
            ) from error

    def _describe_response(self, response: httpx.Response, content: bytes, headers: Mapping[str, str]) -> str:
        for value in headers.values():  # an error page may echo the secret of a header
            content = content.replace(value.rpartition(" ")[2].encode(), b"...")
        return f"{self._endpoint} returned {response.status_code}: {_quote_content(content)}"

    def _parse_reply(self, reply: Any, latency_ms: float) -> TargetAnswer:
        values = {name: reply_paths.find_value(reply, steps) for name, steps in self._paths.items()}
        if values["answer"] is reply_paths.MISSING:
            self._raise_missing_answer(reply)
        text, problem = _parse_text(values["answer"], self._spec.reply["answer"])
        contexts, contexts_problem = _parse_contexts(
            values.get("contexts"), self._spec.reply.get("contexts", "")
        )
        model = values.get("model")
        return TargetAnswer(
            text=text,
            contexts=contexts,
            usage=Usage(
                input_tokens=_parse_count(values.get("input_tokens")),
                output_tokens=_parse_count(values.get("output_tokens")),
            ),
            latency_ms=latency_ms,
            cost_nano_usd=_parse_cost(values.get("cost_usd")),
            model=_make_printable(model) if isinstance(model, str) else "",
            problem=" ".join(part for part in (problem, contexts_problem) if part),
        )

    def _raise_missing_answer(self, reply: Any) -> NoReturn:
        content = (
            f"it has {', '.join(map(str, list(reply)[:10]))}"
            if isinstance(reply, dict)
            else "it is not an object"
        )
        raise CallFailed(
            f"The reply of {self._endpoint} has no value at {self._spec.reply['answer']}; {_make_printable(content)}."
        )


def _read_origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _parse_text(value: Any, path: str) -> tuple[str | None, str]:
    """Parse an answer, and return its problem; '' if there is none."""
    if value is None or value == "" or value == []:
        return None, f"The reply has no answer at {path}: it is empty."
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = "\n".join(value)
    return replace_unstorable(value if isinstance(value, str) else orjson.dumps(value).decode()), ""


def _parse_contexts(value: Any, path: str) -> tuple[tuple[str, ...] | None, str]:
    if value is None or value is reply_paths.MISSING:
        return None, f"The reply has no contexts at {path}." if path else ""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        return (
            None,
            f"The value at {path} is not a list of texts; use the path of the text in each item, such as {path}[].text.",
        )
    return tuple(replace_unstorable(item) for item in items), ""


def _parse_count(value: Any) -> int | None:
    # Above 2^53 a JSON number is not exact in every reader; no answer has as many tokens.
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else None


def _parse_cost(value: Any) -> int | None:
    """Convert US dollars (a number or text) to nano-USD; None if the value is not an amount."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    # A cost of a million dollars per answer is an error of the reply, not a price.
    return int((amount * 1_000_000_000).to_integral_value()) if 0 <= amount < 1_000_000 else None


def _quote_content(content: bytes) -> str:
    text = _make_printable(content[: 4 * _MAX_QUOTED_CHARACTERS].decode("utf-8", "replace"))
    return f"'{text}'" if text else "with an empty body."


def _make_printable(text: str) -> str:
    spaced = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(spaced.split())[:_MAX_QUOTED_CHARACTERS]
