"""A loopback server with scripted replies, one per request, that records the received requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import LIMIT_S


@dataclass(frozen=True)
class ScriptedReply:
    """One reply; a text body is sent unchanged."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReceivedRequest:
    path: str
    headers: Mapping[str, str]
    body: Any


class ScriptedServer:
    """Sends `answers` in order; the last one is repeated."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[ScriptedReply] = []
        self.received: list[ReceivedRequest] = []
        self._lock = threading.Lock()

    def script(self, *answers: ScriptedReply) -> None:
        self.answers = list(answers)

    def next(self, request: ReceivedRequest) -> ScriptedReply:
        with self._lock:
            self.received.append(request)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def run_scripted_server() -> Iterator[ScriptedServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
            reply = server.next(ReceivedRequest(self.path, dict(self.headers), json.loads(data or b"null")))
            body = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
            self.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        server = ScriptedServer(f"http://127.0.0.1:{http.server_address[1]}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        http.shutdown()
        thread.join(LIMIT_S)
