"""Scripts and styles are compressed once; every other request passes through unchanged."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from pages.parts.serving import static_gzip

SCRIPT = b"const answer = 42;\n" * 500
FONT = bytes(range(256)) * 20


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    (tmp_path / "app.js").write_bytes(SCRIPT)
    (tmp_path / "tiny.js").write_bytes(b"1;")
    (tmp_path / "font.woff2").write_bytes(FONT)
    routes = [
        Mount("/static", app=StaticFiles(directory=tmp_path)),
        Route("/page", lambda _request: PlainTextResponse("x" * 5000)),
        WebSocketRoute("/static/stream", echo),
    ]
    # The socket's route comes first, because the folder takes every path below it.
    app = Starlette(routes=routes[::-1], middleware=[Middleware(static_gzip.StaticGzip)])
    return TestClient(app)


def test_script_is_compressed_and_whole(client: TestClient) -> None:
    answer = client.get("/static/app.js", headers={"accept-encoding": "gzip"})
    assert answer.content == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(SCRIPT) / 10
    assert answer.headers["vary"].lower() == "accept-encoding"
    assert answer.headers["etag"].startswith('W/"')


def test_script_is_compressed_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = []

    def compress(body: bytes, level: int) -> bytes:
        bodies.append(body)
        return gzip_compress(body, level)

    gzip_compress = gzip.compress
    monkeypatch.setattr(static_gzip.gzip, "compress", compress)
    with client:
        answers = [client.get("/static/app.js", headers={"accept-encoding": "gzip"}) for _ in range(3)]
    assert [answer.content for answer in answers] == [SCRIPT] * 3
    assert bodies == [SCRIPT]


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", "gzip; q=0.0", ""])
def test_script_is_plain_for_others(client: TestClient, accepted: str) -> None:
    answer = client.get("/static/app.js", headers={"accept-encoding": accepted})
    assert answer.content == SCRIPT
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"].lower() == "accept-encoding"


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip", "gzip;q=0.5", "*", "GZIP;q=1"])
def test_accepted_encodings(client: TestClient, accepted: str) -> None:
    answer = client.get("/static/app.js", headers={"accept-encoding": accepted})
    assert answer.content == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"


def test_ranges_are_ranges_of_the_file(client: TestClient) -> None:
    answer = client.get("/static/app.js", headers={"accept-encoding": "gzip", "range": "bytes=6-11"})
    assert (answer.status_code, answer.content) == (206, b"answer")
    assert "content-encoding" not in answer.headers


def test_known_file_is_not_sent_again(client: TestClient) -> None:
    etag = client.get("/static/app.js", headers={"accept-encoding": "gzip"}).headers["etag"]
    answer = client.get("/static/app.js", headers={"accept-encoding": "gzip", "if-none-match": etag})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize("path", ["/static/tiny.js", "/static/font.woff2", "/page", "/static/missing.js"])
def test_other_answers_pass_through(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_head_names_the_length_of_the_file(client: TestClient) -> None:
    answer = client.head("/static/app.js", headers={"accept-encoding": "gzip"})
    assert int(answer.headers["content-length"]) == len(SCRIPT)


def test_websockets_pass_through(client: TestClient) -> None:
    with client.websocket_connect("/static/stream") as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


def test_memory_is_bounded(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_gzip, "MAX_FILES", 0)
    answer = client.get("/static/app.js", headers={"accept-encoding": "gzip"})
    assert answer.content == SCRIPT
    assert "content-encoding" not in answer.headers
