"""DNS rebinding: only hosts of this machine and of the setting are served, by real servers with real sockets."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from db.engine import make_engine
from db.migrate import upgrade
from genaiops_core.access.host_patterns import Host, is_loopback, matches_any, parse_host, parse_patterns
from genaiops_core.api.app import create_app
from genaiops_core.api.host_guard import HostGuard
from genaiops_core.errors import Misconfigured
from genaiops_core.settings import Settings
from tests.integration.operating import APP, canary
from tests.integration.routing_server import run_server
from tests.waiting import LIMIT_S, wait_for

ROOT = Path(__file__).resolve().parents[2]
REBOUND = ("evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "localhost.evil.example", "",
           "localhost@evil.example", "localhost/evil", "10.0.0.1:{port}", "0.0.0.0:{port}", "[::]:{port}")  # fmt: skip
OWN = ("localhost", "localhost:{port}", "LOCALHOST:{port}", "127.0.0.1:{port}", "127.0.0.1", "[::1]:{port}",
       "console.example", "console.example:{port}", "eu.corp.example")  # fmt: skip
ROUTES = (
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/api/v1/traces"),
    ("GET", "/nowhere"),
    ("POST", "/v1/traces"),
    ("POST", "/v1/logs"),
    ("POST", "/v1/feedback"),
    ("POST", "/ofrep/v1/evaluate/flags"),
    ("POST", f"/api/v1/rollouts/{APP}/set"),
    ("POST", "/api/v1/rollback"),
)


def send(port: int, method: str, path: str, **headers: str) -> tuple[int, str]:
    """Status and body of a request whose Host header is exactly `Host`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    body = b'{"percent": 50, "reason": "none"}'
    for name, value in {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    result = answer.status, answer.read().decode("utf-8", "replace")
    connection.close()
    return result


@pytest.fixture
def port(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The API on a database with a canary."""
    monkeypatch.setenv("GENAIOPS_ALLOWED_HOSTS", "console.example, *.corp.example")
    canary(engine)
    with run_server(engine.url.render_as_string(hide_password=False)) as url:
        yield int(url.rpartition(":")[2])


def test_rebound_host_is_refused_on_every_route(port: int) -> None:
    for method, path in ROUTES:
        for host in REBOUND:
            host = host.format(port=port)
            status, body = send(port, method, path, Host=host, Origin=f"http://{host}")
            # An empty or malformed Host may be refused by the server itself.
            assert status in (400, 403), (method, path, host)
            assert "evil" not in host or status == 400 or "GENAIOPS_ALLOWED_HOSTS" in body


def test_rebound_page_moves_no_traffic(port: int, engine: sa.Engine) -> None:
    before = TestClient(create_app(Settings(database_url=engine.url.render_as_string(hide_password=False))))
    host = f"evil.example:{port}"
    assert send(port, "POST", f"/api/v1/rollouts/{APP}/set", Host=host, Origin=f"http://{host}")[0] == 403
    with before as client:
        rollout = client.get("/api/v1/rollouts", headers={"Host": "localhost"}).json()["rollouts"][0]
    assert rollout["percent"] != 50


def test_own_and_configured_hosts_are_served(port: int) -> None:
    for host in OWN:
        assert send(port, "GET", "/healthz", Host=host.format(port=port)) == (200, "ok\n")


def test_changes_need_an_origin_of_the_same_host(port: int) -> None:
    host = f"localhost:{port}"
    path = f"/api/v1/rollouts/{APP}/set"
    for origin in (
        "http://evil.example",
        "null",
        f"http://localhost:{port + 1}",
        "https://localhost",
        "file://",
        "x",
    ):
        for method, route in (("POST", path), ("POST", "/v1/feedback"), ("PUT", path), ("DELETE", path)):
            status, body = send(port, method, route, Host=host, Origin=origin)
            assert (status, "may not operate" in body) == (403, True), (method, route, origin)
        assert send(port, "GET", "/healthz", Host=host, Origin=origin)[0] == 200
    for origin in (f"http://localhost:{port}", "https://console.example", "https://a.corp.example:8443"):
        assert send(port, "POST", path, Host=host, Origin=origin)[0] == 200, origin
    assert send(port, "POST", path, Host="console.example", Origin="https://console.example")[0] == 200
    assert send(port, "POST", path, Host=host)[0] == 200


def test_two_hosts_are_refused(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        )
        status = raw.makefile("rb").readline().split()[1]
    assert status in (b"400", b"403")


@pytest.fixture(scope="module")
def console_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The console as `genaiops ui` runs it."""
    home = tmp_path_factory.mktemp("ui")
    engine = make_engine(f"sqlite:///{home}/genaiops.db")
    upgrade(engine)
    engine.dispose()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "genaiops_core.cli.main", "ui", "--port", str(port)],
        env={**os.environ, "GENAIOPS_HOME": str(home), "GENAIOPS_ALLOWED_HOSTS": "console.example"},
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )

    def is_up() -> bool:
        assert process.poll() is None, "the console ended while starting"
        try:
            return send(port, "GET", "/_stcore/health", Host="localhost")[0] == 200
        except OSError:
            return False

    try:
        wait_for(is_up)
        yield port
    finally:
        process.kill()
        process.wait(LIMIT_S)


def open_websocket(port: int, host: str, origin: str) -> int:
    """The status of a websocket handshake; 101 is a connection."""
    handshake = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    lines = [f"{name}: {value}" for name, value in {"Host": host, "Origin": origin, **handshake}.items()]
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as raw:
        raw.sendall("\r\n".join(["GET /_stcore/stream HTTP/1.1", *lines, "", ""]).encode())
        return int(raw.makefile("rb").readline().split()[1])


def test_console_and_its_websocket_refuse_rebound_hosts(console_port: int) -> None:
    own = f"localhost:{console_port}"
    rebound = f"evil.example:{console_port}"
    for path in ("/", "/overview", "/_stcore/health", "/_stcore/host-config", "/app/static/icon.svg"):
        assert send(console_port, "GET", path, Host=rebound)[0] == 403, path
    assert send(console_port, "GET", "/overview", Host=own)[0] == 200
    assert send(console_port, "GET", "/overview", Host="console.example")[0] == 200
    assert open_websocket(console_port, own, f"http://{own}") == 101
    assert open_websocket(console_port, "console.example", "https://console.example") == 101
    assert open_websocket(console_port, rebound, f"http://{rebound}") == 403
    assert open_websocket(console_port, own, f"http://{rebound}") == 403
    # Another server of this machine is another site.
    assert open_websocket(console_port, own, f"http://localhost:{console_port + 1}") == 403


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(["GET", "POST"]))
def test_any_header_is_served_or_refused(host: str, origin: str, method: str) -> None:
    headers = [(b"host", host.encode("latin-1", "ignore")), (b"origin", origin.encode("latin-1", "ignore"))]
    guard = HostGuard(create_app, ("a.example",))  # type: ignore[arg-type]
    problem = guard.find_problem({"type": "http", "method": method, "headers": headers})
    parsed = parse_host(host.lower())
    assert problem or (parsed is not None and (is_loopback(parsed.name) or parsed.name == "a.example"))


def test_patterns_name_hosts_ports_and_subdomains() -> None:
    patterns = parse_patterns(" A.example ,*.corp.example, b.example:8443,", "X")
    assert matches_any(Host("a.example", 1), patterns) and matches_any(Host("b.example", 8443), patterns)
    assert matches_any(Host("x.corp.example", None), patterns)
    for name, number in (
        ("corp.example", None),
        ("b.example", None),
        ("xa.example", None),
        ("a.example.x", 1),
    ):
        assert not matches_any(Host(name, number), patterns)
    with pytest.raises(Misconfigured, match="X: 'http://a' is not a host"):
        parse_patterns("http://a", "X")
