"""A loopback application for tests of HTTP targets: the path selects a way to answer, mostly a faulty one."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import LIMIT_S


class Application:
    """A running server; `seen` records the received requests (path, headers, body)."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        self.released = threading.Event()


@contextmanager
def run_application() -> Iterator[Application]:
    """Serve until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.application = application = Application(server)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield application
    finally:
        application.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._application.seen.append((self.path, headers, body))
        getattr(self, "_answer_" + self.path.strip("/").partition("?")[0].replace("-", "_"))(body)

    do_PUT = do_POST

    @property
    def _application(self) -> Application:
        return self.server.application  # type: ignore[attr-defined,no-any-return]

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def _send_reply(self, status: int, body: Any, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content_type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer_answer(self, sent: Any) -> None:
        usage = {"in": 11, "out": 3}
        sources = [{"text": "First source."}, {"title": "no text"}, {"text": "Second source."}]
        result = {"text": json.dumps(sent), "sources": sources}
        body = {"result": result, "usage": usage, "cost": "0.00012", "model": "my-model"}
        self._send_reply(200, body, set_cookie="session=1; Path=/")

    def _answer_empty(self, _sent: Any) -> None:
        self._send_reply(200, {"result": {"text": None}})

    def _answer_strange(self, _sent: Any) -> None:
        usage = {"in": "many", "out": True}
        self._send_reply(
            200, {"result": {"text": 42, "sources": [{"text": 1}]}, "usage": usage, "cost": "free"}
        )

    def _answer_elsewhere(self, _sent: Any) -> None:
        self._send_reply(200, {"output": "x", "took": 1})

    def _answer_throttled(self, _sent: Any) -> None:
        self._send_reply(429, {"message": "slow down"}, retry_after="7")

    def _answer_busy(self, _sent: Any) -> None:
        self._send_reply(503, b"busy", retry_after="Wed, 21 Oct 2015 07:28:00 GMT", content_type="text/plain")

    def _answer_full(self, _sent: Any) -> None:
        self._send_reply(503, b"full")

    def _answer_denied(self, _sent: Any) -> None:
        message = f"bad token {self.headers['authorization']}\r\n\x1b[31m" + "x" * 5000
        self._send_reply(401, message.encode(), content_type="text/plain")

    def _answer_broken(self, _sent: Any) -> None:
        self._send_reply(500, {"message": "the model fell over"})

    def _answer_html(self, _sent: Any) -> None:
        self._send_reply(200, b"<html><b>Log in</b></html>", content_type="text/html; charset=utf-8")

    def _answer_huge(self, _sent: Any) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            while True:  # until the client closes the connection
                self.wfile.write(b" " * 100_000)
        except OSError:
            return

    def _answer_gzip(self, _sent: Any) -> None:
        self._send_reply(200, gzip.compress(b'{"result": {"text": "x"}}'), content_encoding="gzip")

    def _answer_slow(self, _sent: Any) -> None:
        self._application.released.wait(LIMIT_S)
        self.close_connection = True

    def _answer_hang_up(self, _sent: Any) -> None:
        self.close_connection = True

    def _answer_moved_here(self, _sent: Any) -> None:
        self._send_reply(307, b"", location="/answer")

    def _answer_moved_as_get(self, _sent: Any) -> None:
        self._send_reply(302, b"", location="/answer?token=x")

    def _answer_moved_away(self, _sent: Any) -> None:
        self._send_reply(307, b"", location="http://localhost:1/answer")

    def _answer_moved_round(self, _sent: Any) -> None:
        self._send_reply(308, b"", location="/moved-round")
