"""A loopback server that speaks the protocols of the Bedrock runtime and of OpenAI, and records what it bills."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from benchmarks.dialects import bedrock, openai
from benchmarks.dialects.scenarios import Bill, Ledger, Usage, find_kind, find_scenario

_MODEL_PATH = re.compile(r"^/model/([^/]+)/(converse|converse-stream|invoke|invoke-with-response-stream)$")
_EVENT_STREAM = "application/vnd.amazon.eventstream"


@dataclass(frozen=True)
class Provider:
    """A running server."""

    url: str
    ledger: Ledger


@contextmanager
def run_provider() -> Iterator[Provider]:
    """Serve until the block ends."""
    ledger = Ledger()
    handler = type("Handler", (_Handler,), {"ledger": ledger})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Provider(f"http://127.0.0.1:{server.server_address[1]}", ledger)
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ledger: Ledger

    def do_POST(self) -> None:
        body = json.loads(self._read_body() or b"{}")
        match = _MODEL_PATH.match(self.path)
        if match:
            self._answer_bedrock(unquote(match[1]), match[2], body)
        else:
            self._answer_openai(self.path.split("?")[0], body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def _read_body(self) -> bytes:
        if "chunked" not in (self.headers.get("transfer-encoding") or ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer_bedrock(self, model: str, operation: str, body: dict[str, Any]) -> None:
        if self._is_error(model, body):
            message = {"message": "Too many requests, please wait before trying again."}
            self._send(429, message, {"x-amzn-ErrorType": "ThrottlingException"})
            return
        if operation == "converse":
            reply, usage = bedrock.answer_converse(body)
        elif operation == "invoke":
            reply, usage = bedrock.answer_invoke(model, body)
        else:
            is_converse = operation == "converse-stream"
            data, usage = bedrock.stream_converse(body) if is_converse else bedrock.stream_invoke(model, body)
            self._bill(model, body, usage)
            more = {} if is_converse else {"x-amzn-bedrock-content-type": "application/json"}
            self._send_stream(data, _EVENT_STREAM, more)
            return
        self._bill(model, body, usage)
        counts = {
            "x-amzn-bedrock-input-token-count": str(usage.uncached),
            "x-amzn-bedrock-output-token-count": str(usage.output),
        }
        self._send(200, reply, counts if operation == "invoke" else {})

    def _answer_openai(self, path: str, body: dict[str, Any]) -> None:
        model = str(body.get("model", ""))
        if self._is_error(model, body):
            error = {"message": "Rate limit reached for requests", "type": "requests", "code": None}
            self._send(429, {"error": {**error, "param": None, "code": "rate_limit_exceeded"}})
            return
        usage: Usage | None
        if path.endswith("/embeddings"):
            reply, usage = openai.answer_embedding(body)
        elif body.get("stream"):
            is_chat = path.endswith("/chat/completions")
            data, usage = openai.stream_chat(body) if is_chat else openai.stream_response(body)
            self._bill(model, body, usage)
            self._send_stream(data, "text/event-stream", {})
            return
        elif path.endswith("/chat/completions"):
            reply, usage = openai.answer_chat(body)
        else:
            reply, usage = openai.answer_response(body)
        self._bill(model, body, usage)
        self._send(200, reply)

    def _is_error(self, model: str, body: dict[str, Any]) -> bool:
        scenario = find_scenario(body)
        if find_kind(scenario) != "error":
            return False
        self.ledger.bills.append(Bill(scenario=scenario, model=model, usage=None, is_error=True))
        return True

    def _bill(self, model: str, body: dict[str, Any], usage: Usage | None) -> None:
        self.ledger.bills.append(Bill(scenario=find_scenario(body), model=model, usage=usage))

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in self._identify(headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_stream(self, data: bytes, content_type: str, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in self._identify(headers).items():
            self.send_header(name, value)
        self.send_header("content-type", content_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        # Small pieces, so that events are split between reads as on a real connection.
        for start in range(0, len(data), 300):
            piece = data[start : start + 300]
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _identify(self, headers: dict[str, str]) -> dict[str, str]:
        request_id = str(uuid.uuid4())
        return {"x-amzn-RequestId": request_id, "x-request-id": f"req_{request_id}", **headers}
