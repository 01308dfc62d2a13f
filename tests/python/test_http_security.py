"""Tests of hostile requests over HTTP. Each is answered as specified, and the server survives."""

import http.client
import json
import socket
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from doors import native
from web import DEADLINE, Answer, Web, serve

pytestmark = [pytest.mark.unit, pytest.mark.server]

PING = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'
LIMIT = 128 * 1024


@pytest.fixture(scope="module")
def running(nowhere: Path):
    with serve(
        native(), "--sandbox", *("--read-timeout", "1"), *("--idle-timeout", "1"), cwd=nowhere
    ) as web:
        yield web


@pytest.fixture
def web(running: Web):
    """Return a server that must still work after each test."""
    yield running
    assert running.call("get_teams", {"limit": 1})["teams"]


def head(*lines: str, body: bytes = PING, length: bool = True) -> bytes:
    """Return the head of a handwritten request."""
    fixed = ["Content-Type: application/json", "Accept: application/json, text/event-stream"]
    size = [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join([*lines, *fixed, *size, "Connection: close", "", ""]).encode() + body


def status(answer: bytes) -> int:
    assert answer.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), answer
    return int(answer.split()[1])


@pytest.mark.parametrize("path", ["/mcp", "/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://evil.example:8000",
        "https://127.0.0.1.evil.example",
        "file://",
        "nonsense",
        "http://localhost@evil.example",
    ],
)
def test_http_bad_origin_is_refused(web: Web, path, origin):
    answer = web.send(path, PING if path == "/mcp" else None, Origin=origin)
    assert answer.status == 403
    assert answer.error["data"]["hint"]


@pytest.mark.parametrize(
    "origin", ["http://localhost", "http://localhost:6274", "http://127.0.0.1:1", "http://[::1]:9"]
)
def test_http_loopback_accepts_local_origins(web: Web, origin):
    assert web.send(body=PING, Origin=origin).status == 200


@pytest.mark.parametrize("path", ["/mcp", "/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:80"]
)
def test_http_bad_host_is_refused(web: Web, path, host):
    assert web.send(path, PING if path == "/mcp" else None, Host=host).status == 403


def test_http_probe_without_host_is_answered(web: Web):
    # Health checks of gateways speak HTTP/1.0.
    for path in ["/healthz", "/readyz", "/metrics"]:
        assert status(web.raw(f"GET {path} HTTP/1.0\r\n\r\n".encode())) == 200
    page = b"GET /metrics HTTP/1.0\r\nOrigin: https://evil.example\r\n\r\n"
    assert status(web.raw(page)) == 403
    assert status(web.raw(b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")) == 400
    post = b"POST /mcp HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    assert status(web.raw(post)) == 400


def test_http_dns_rebinding_is_refused(web: Web):
    # A page of rebound.example, whose name now resolves to 127.0.0.1. The browser treats it as
    # local.
    host = f"rebound.example:{web.port}"
    answer = web.send(body=PING, Host=host, Origin=f"http://{host}")
    assert answer.status == 403
    assert "access-control-allow-origin" not in {key.lower() for key in answer.headers}
    # Addresses of other machines are refused as well.
    assert web.send(body=PING, Host="192.0.2.1").status == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8000"])
def test_http_loopback_names_are_accepted(web: Web, host):
    assert web.send(body=PING, Host=host).status == 200


@pytest.mark.parametrize(
    "lines",
    [
        ["POST /mcp HTTP/1.1"],
        ["POST /mcp HTTP/1.1", "Host:"],
        ["POST /mcp HTTP/1.1", "Host: localhost", "Host: evil.example"],
        ["POST /mcp HTTP/1.1", "Host: evil@localhost"],
        ["POST /mcp HTTP/1.1", "Host: localhost:80:80"],
        ["POST /mcp HTTP/1.1", "Host: localhost:99999"],
        ["POST http://evil.example/mcp HTTP/1.1", "Host: localhost"],
    ],
)
def test_http_ambiguous_host_is_refused(web: Web, lines):
    assert status(web.raw(head(*lines))) == 400


def test_http_allowed_hosts_and_origins_are_accepted(nowhere: Path):
    allowed = ["--allowed-host", "mcp.example,api.example:8443"]
    allowed += ["--allowed-origin", "https://App.example,http://dev.example:3000"]
    with serve(native(), "--sandbox", *allowed, cwd=nowhere) as web:
        for host, expected in {
            "mcp.example": 200,
            "MCP.example:1": 200,
            "api.example:8443": 200,
            "api.example": 403,
            "other.example": 403,
        }.items():
            assert web.send(body=PING, Host=host).status == expected, host
        for origin, expected in {
            "https://app.example": 200,
            "https://app.example:443": 200,
            "http://dev.example:3000": 200,
            "http://app.example": 403,
            "https://app.example:8443": 403,
            "http://dev.example": 403,
        }.items():
            assert web.send(body=PING, Origin=origin).status == expected, origin
        page = {"Origin": "https://app.example", "Access_Control_Request_Method": "POST"}
        asked = web.send(
            method="OPTIONS", Access_Control_Request_Headers="x-pagerduty-token", **page
        )
        assert asked.status == 200
        assert asked.headers["access-control-allow-origin"] == "https://app.example"
        assert "x-pagerduty-token" in asked.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--allowed-host", "https://mcp.example"),
        ("--allowed-host", "*"),
        ("--allowed-host", "a b"),
        ("--allowed-origin", "app.example"),
        ("--allowed-origin", "https://app.example/path"),
        ("--allowed-origin", "null"),
    ],
)
def test_http_invalid_allowed_name_stops_start(nowhere: Path, option, value):
    done = native().run("--sandbox", *("--transport", "http", option, value), cwd=nowhere)
    assert done.returncode == 2
    assert value in done.stderr
    assert "hint:" in done.stderr


def test_http_public_server_refuses_foreign_origins(nowhere: Path):
    with serve(native(), "--sandbox", "--host", "0.0.0.0", cwd=nowhere) as web:
        assert web.send(body=PING, X_PagerDuty_Token="sandbox-user").status == 200
        local = {"Origin": "http://localhost:3000"}
        assert web.send(body=PING, X_PagerDuty_Token="sandbox-user", **local).status == 403
        assert web.send(body=PING, Host="mcp.example").status == 403
        assert web.send(body=PING).status == 401


@pytest.mark.parametrize("size", [LIMIT + 1, 16 * LIMIT])
def test_http_oversized_body_is_refused(web: Web, size):
    answer = web.send(body=PING + b" " * (size - len(PING)))
    assert answer.status == 413
    assert str(LIMIT) in answer.error["message"]
    assert web.send(body=PING + b" " * (LIMIT - len(PING))).status == 200


def test_http_body_with_too_many_values_is_refused(web: Web):
    def called(arguments: dict) -> Answer:
        params = {"name": "get_teams", "arguments": arguments}
        return web.ask("tools/call", params)

    answer = called({"query": [""] * 3000})
    assert answer.status == 413
    assert "2048 values" in answer.error["message"]
    assert called({"query": "[{,}]" * 2000}).status == 200, "in a text it is no value"


def test_http_oversized_chunked_body_is_refused(web: Web):
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    lines = ["POST /mcp HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked"]
    start = head(*lines, body=b"", length=False)
    assert status(web.raw(start, *[chunk] * 17, b"0\r\n\r\n")) == 413


def test_http_endless_body_is_refused(web: Web):
    # Some of it is read, so that the client gets to reading the answer.
    start = head(
        "POST /mcp HTTP/1.1", "Host: localhost", f"Content-Length: {1 << 40}", length=False
    )
    with socket.create_connection(("127.0.0.1", web.port), timeout=DEADLINE) as connection:
        connection.sendall(start)
        endless = iter(lambda: connection.sendall(b" " * LIMIT), "never")
        with pytest.raises(OSError, match=r"reset|[Bb]roken|aborted"):
            deque(endless, maxlen=0)


def test_http_slow_body_times_out(web: Web):
    partial = head("POST /mcp HTTP/1.1", "Host: localhost", body=PING)[:-1]
    assert status(web.raw(partial)) == 408


@pytest.mark.parametrize("start", [b"", b"POST /mcp HTTP/1.1\r\nHost: loc"])
def test_http_unfinished_request_times_out(web: Web, start):
    assert web.raw(start) == b"", "closed without a word"


def test_http_idle_connection_is_closed(web: Web):
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=DEADLINE)
    connection.request("GET", "/healthz")
    assert connection.getresponse().read() == b"alive\n"
    assert connection.sock.recv(1) == b""


def test_http_client_not_reading_is_disconnected(web: Web):
    message = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
    request = head("POST /mcp HTTP/1.1", "Host: localhost", body=message)
    # Megabytes of answers, far more than the buffers on the way can hold.
    requests = request.replace(b"Connection: close\r\n", b"") * 500
    with socket.create_connection(("127.0.0.1", web.port), timeout=DEADLINE) as stalled:
        stalled.sendall(requests)
        assert stalled.recv(15) == b"HTTP/1.1 200 OK"
        open_now = "pagerduty_mcp_http_connections "
        assert f"{open_now}2" in web.send("/metrics").text, "it is still being served"
        while f"{open_now}1\n" not in web.send("/metrics").text:
            pass


@pytest.mark.parametrize(
    "refused",
    [
        head("POST /mcp HTTP/1.1", "Host: localhost", body=b"{"),
        head("POST /mcp HTTP/1.1", "Host: localhost", "X-PagerDuty-Token: "),
        head("POST /mcp HTTP/1.1", "Host: evil.example"),
        head("POST /nothing HTTP/1.1", "Host: localhost"),
    ],
    ids=["message", "credential", "host", "path"],
)
def test_http_refusal_closes_connection(web: Web, refused):
    kept_alive = refused.replace(b"Connection: close\r\n", b"")
    answer = web.raw(kept_alive * 2)
    assert status(answer) >= 400
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close\r\n" in answer


@pytest.mark.parametrize(
    "lines",
    [
        # Two lengths, a length and chunks, and chunks by another name: gateways disagree on their
        # meaning.
        ["Content-Length: 4", "Content-Length: 45"],
        ["Content-Length: 4, 45"],
        ["Content-Length: +45"],
        ["Content-Length: 45", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding : chunked"],
        ["Transfer-Encoding:\x0bchunked"],
        # Line ends and folded lines.
        ["X: a\rContent-Length: 45"],
        ["X: a", " Content-Length: 45"],
        ["X: \0"],
    ],
    ids=repr,
)
def test_http_ambiguous_framing_is_refused(web: Web, lines):
    smuggled = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    request = head("POST /mcp HTTP/1.1", "Host: localhost", *lines, body=b"", length=False)
    kept_alive = request.replace(b"Connection: close\r\n", b"")
    answer = web.raw(kept_alive + b"0\r\n\r\n" + smuggled)
    assert status(answer) == 400
    assert answer.count(b"HTTP/1.1 ") == 1, "what follows is not read as a request"


@pytest.mark.parametrize("header", ["X-PagerDuty-Token", "X-MCP-Tools", "X-MCP-Readonly", "Origin"])
def test_http_repeated_header_is_refused(web: Web, header):
    value = {"X-MCP-Tools": "get_teams", "X-MCP-Readonly": "true", "Origin": "http://localhost"}
    line = f"{header}: {value.get(header, 'sandbox-user')}"
    answer = web.raw(head("POST /mcp HTTP/1.1", "Host: localhost", line, line.swapcase()))
    assert status(answer) == 400


def test_http_oversized_headers_are_refused(web: Web):
    many = [f"X-{number}: 1" for number in range(200)]
    assert status(web.raw(head("POST /mcp HTTP/1.1", "Host: localhost", *many))) == 431
    large = f"X: {'a' * 40_000}"
    assert status(web.raw(head("POST /mcp HTTP/1.1", "Host: localhost", large))) == 431


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//mcp",
        "/./mcp",
        "/mcp/../metrics",
        "/%6dcp",
        "/MCP",
        "/mcp;x",
        "/mcp%00",
        "/mcp%2f",
    ],
)
def test_http_odd_paths_are_not_found(web: Web, path):
    assert status(web.raw(head(f"POST {path} HTTP/1.1", "Host: localhost"))) == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", None),
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[]", -32600),
        (b"7", -32600),
        (b"{}", -32600),
    ],
)
def test_http_body_without_message_is_refused(web: Web, body, code):
    answer = web.send(body=body)
    assert 400 <= answer.status < 500
    if code:
        assert (answer.status, answer.error["code"]) == (400, code)


def test_http_deep_json_is_refused(web: Web):
    assert web.send(body=b'{"a":' * 2000).status == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE"])
def test_http_other_methods_are_refused(web: Web, method):
    assert web.send(method=method, Accept="text/event-stream").status == 405


def test_http_too_many_concurrent_requests_get_429(sandbox, nowhere: Path):
    options = ["--max-calls", "3", "--max-calls-per-credential", "2"]
    with serve(native(), *options, cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web:
        sandbox.fail("hang", path="/teams", times=3)

        def hang(token: str) -> None:
            with pytest.raises(OSError):  # noqa: PT011 Whatever the end of the server looks like.
                web.call("get_teams", X_PagerDuty_Token=token)

        with ThreadPoolExecutor(3) as threads:
            for number, token in enumerate(
                ["sandbox-user", "sandbox-user", "sandbox-teamless-user"]
            ):
                threads.submit(hang, token)
                while len(sandbox.requests()) <= number:
                    pass
                if number == 1:
                    mine = web.send(body=PING, X_PagerDuty_Token="sandbox-user")
                    assert mine.status == 429
                    assert "this credential" in mine.error["message"]
                    theirs = web.send(body=PING, X_PagerDuty_Token="sandbox-teamless-user")
                    assert theirs.status == 200
            full = web.send(body=PING, X_PagerDuty_Token="sandbox-read-only-user")
            assert full.status == 429
            assert full.headers["retry-after"] == "1"
            assert full.error["data"]["code"] == "RATE_LIMITED"
            assert full.error["data"]["retry_after_seconds"] == 1
            assert web.send("/healthz").status == 200
            web.kill()


def test_http_disconnected_client_stops_its_call(sandbox, nowhere: Path):
    with serve(native(), "--max-calls", "1", cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web:
        sandbox.fail("hang", path="/teams")
        token = "X-PagerDuty-Token: sandbox-user"
        params = {"name": "get_teams"}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        body = json.dumps(message).encode()
        with socket.create_connection(("127.0.0.1", web.port)) as connection:
            connection.sendall(head("POST /mcp HTTP/1.1", "Host: localhost", token, body=body))
            while not sandbox.requests():
                pass
            assert web.send(body=PING).status == 429
        while (answer := web.send(body=PING)).status == 429:
            pass
        assert answer.status == 200
