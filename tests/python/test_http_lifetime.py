"""Tests of limits over HTTP, of clients that disconnect, and of the shutdown."""

import contextlib
import http.client
import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from doors import Door, native
from test_http_security import PING, head
from web import DEADLINE, JSON, Web, serve

pytestmark = [pytest.mark.unit, pytest.mark.server]

USER = "sandbox-user"
TEAMLESS = "sandbox-teamless-user"
SPARE = 1024
"""The number of connections that are allowed beyond the requests in flight."""

UNKNOWN = b'{"jsonrpc": "2.0", "id": 1, "method": "nonsense"}'
PING_2 = {"jsonrpc": "2.0", "id": 2, "method": "ping"}

INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def connect(web: Web) -> socket.socket:
    return socket.create_connection(("127.0.0.1", web.port), timeout=DEADLINE)


def metric(web: Web, name: str) -> int:
    (line,) = [
        line
        for line in web.send("/metrics").text.splitlines()
        if line.startswith((f"pagerduty_mcp_{name} ", f"pagerduty_mcp_{name}{{"))
    ] or ["none 0"]
    return int(line.split()[-1])


def call(tool: str, *headers: str) -> bytes:
    params = {"name": tool, "arguments": {}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    body = json.dumps(message).encode()
    return head("POST /mcp HTTP/1.1", "Host: localhost", *headers, body=body)


def open_session(web: Web, token: str = USER) -> dict[str, str]:
    opened = web.ask("initialize", INITIALIZE, X_PagerDuty_Token=token)
    assert opened.status == 200, opened.text
    return {"X_PagerDuty_Token": token, "Mcp_Session_Id": opened.headers["mcp-session-id"]}


def hang(web: Web, sandbox, opened: contextlib.ExitStack, *tokens: str) -> list[socket.socket]:
    """Start a call for each token. Each is in flight until the stack is unwound."""
    sandbox.fail("hang", path="/teams", times=len(tokens))
    before = sandbox.requests().count("GET /teams")
    connections = []
    for number, token in enumerate(tokens, 1):
        connections.append(opened.enter_context(connect(web)))
        connections[-1].sendall(call("get_teams", f"X-PagerDuty-Token: {token}"))
        while sandbox.requests().count("GET /teams") < before + number:
            pass
    return connections


def lines(headers: dict[str, str]) -> list[str]:
    return [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]


@pytest.mark.skipif("sys.platform == 'win32'", reason="Windows has no SIGTERM to send")
def test_http_shutdown_answers_calls_in_flight(door: Door, sandbox, nowhere: Path):
    with serve(
        door,
        *("--max-calls-per-credential", "200"),
        cwd=nowhere,
        PAGERDUTY_API_HOST=sandbox.url,
        PAGERDUTY_API_TOKEN=USER,
    ) as web:
        sandbox.fail({"delay": 2000}, path="/teams", times=100)
        with ThreadPoolExecutor(100) as threads:
            calls = [threads.submit(web.call, "get_teams", {"limit": 1}) for _ in range(100)]
            while sum(line == "GET /teams" for line in sandbox.requests()) < 100:
                assert not any(call.done() for call in calls)
            status = web.stop()
            answers = [call.result(DEADLINE) for call in calls]
        assert status == 0
        assert all(len(answer["teams"]) == 1 for answer in answers)
        with pytest.raises(OSError, match="refused"):
            web.send("/healthz")


@pytest.mark.skipif("sys.platform == 'win32'", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("sessions", [False, True], ids=["stateless", "sessions"])
def test_http_shutdown_does_not_wait_for_idle_connections(sandbox, nowhere: Path, sessions: bool):
    arguments = ["--sessions"] if sessions else []
    with (
        serve(native(), *arguments, cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web,
        contextlib.ExitStack() as opened,
    ):
        halves = [b"", b"P", b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"]
        idle = [opened.enter_context(connect(web)) for _ in range(6)]
        for connection, half in zip(idle, halves * 2, strict=True):
            connection.sendall(half)
        asked = opened.enter_context(connect(web))
        asked.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"alive" in asked.recv(4096)
        asked.sendall(halves[2])
        caller = [f"X-PagerDuty-Token: {USER}"]
        if sessions:
            # An endless stream with only an occasional comment.
            caller = lines(open_session(web))
            stream = opened.enter_context(connect(web))
            stream.sendall(head("GET /mcp HTTP/1.1", "Host: localhost", *caller, body=b""))
            assert stream.recv(12) == b"HTTP/1.1 200"
        # The server waits for a connection with a request in flight, which gets its whole answer.
        sandbox.fail({"delay": 4000}, path="/teams")
        busy = opened.enter_context(connect(web))
        busy.sendall(call("get_teams", *caller))
        while "GET /teams" not in sandbox.requests():
            pass
        web.process.send_signal(signal.SIGTERM)
        for connection in idle:
            # The others are closed while that request is still in flight.
            assert connection.recv(1) == b""
        answer = b"".join(iter(lambda: busy.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"teams"' in answer
        # This is well before the time limit of calls.
        assert web.process.wait(15) == 0


@pytest.mark.skipif("sys.platform == 'win32'", reason="Windows has no SIGTERM to send")
def test_http_shutdown_answers_requests_already_sent(sandbox, nowhere: Path):
    with (
        serve(native(), cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web,
        contextlib.ExitStack() as opened,
    ):
        fresh = [opened.enter_context(connect(web)) for _ in range(50)]
        for connection in fresh:
            connection.sendall(call("get_teams", f"X-PagerDuty-Token: {USER}"))
        web.process.send_signal(signal.SIGTERM)
        for connection in fresh:
            answer = b"".join(iter(lambda: connection.recv(65536), b""))  # noqa: B023 Used at once.
            assert answer.startswith(b"HTTP/1.1 200")
            assert b'"teams"' in answer
        assert web.process.wait(DEADLINE) == 0


@pytest.mark.skipif("sys.platform == 'win32'", reason="Windows has no SIGTERM to send")
def test_http_shutdown_is_announced_while_calls_are_served(sandbox, nowhere: Path):
    with serve(native(), "--drain", "20", cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web:
        web.process.send_signal(signal.SIGTERM)
        while (ready := web.send("/readyz")).status == 200:
            pass
        assert (ready.status, ready.text) == (503, "shutting down\n")
        assert web.send("/healthz").status == 200
        assert web.call("get_teams", {"limit": 1}, X_PagerDuty_Token=USER)["teams"]
        web.kill()


def test_http_single_caller_may_use_all_slots(sandbox, nowhere: Path):
    limits = ["--max-calls", "4", "--max-calls-per-credential", "4"]
    with (
        serve(native(), *limits, cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web,
        contextlib.ExitStack() as opened,
    ):
        hang(web, sandbox, opened, USER, USER, USER, USER)
        full = web.ask("ping", X_PagerDuty_Token=USER)
        assert full.status == 429
        assert "the server is at its limit" in full.error["message"]


def test_http_busy_caller_gets_429_for_its_share(sandbox, nowhere: Path):
    limits = ["--max-calls", "5", "--max-calls-per-credential", "4"]
    with (
        serve(native(), *limits, cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web,
        contextlib.ExitStack() as opened,
    ):
        hang(web, sandbox, opened, USER, USER, TEAMLESS)
        refused = web.ask("ping", X_PagerDuty_Token=USER)
        assert refused.status == 429
        assert "other credentials" in refused.error["message"], "not a limit of the credential"
        assert web.ask("ping", X_PagerDuty_Token=TEAMLESS).status == 200


def test_http_unsent_body_takes_no_slot(nowhere: Path):
    limits = ["--max-calls", "2", "--read-timeout", "30"]
    with (
        serve(native(), "--sandbox", *limits, cwd=nowhere) as web,
        contextlib.ExitStack() as opened,
    ):
        senders = [opened.enter_context(connect(web)) for _ in range(8)]
        for number, sender in enumerate(senders):
            token = f"X-PagerDuty-Token: fabricated-{number}"
            sender.sendall(head("POST /mcp HTTP/1.1", "Host: localhost", token)[:-1])
        for _ in range(20):
            assert web.ask("ping", X_PagerDuty_Token=USER).status == 200
        assert metric(web, "http_in_flight") == 0
        # A request that replaces it is served as well.
        senders[0].sendall(PING[-1:])
        assert senders[0].recv(12) == b"HTTP/1.1 200"


def test_http_unsent_bodies_yield_to_probes(nowhere: Path):
    limits = ["--max-calls", "1", "--read-timeout", "30"]
    with (
        serve(native(), "--sandbox", *limits, cwd=nowhere) as web,
        contextlib.ExitStack() as opened,
    ):
        for number in range(SPARE + 10):
            sender = opened.enter_context(connect(web))
            token = f"X-PagerDuty-Token: fabricated-{number}"
            sender.sendall(head("POST /mcp HTTP/1.1", "Host: localhost", token)[:-1])
        assert web.send("/healthz").text == "alive\n"
        assert web.ask("ping", X_PagerDuty_Token=USER).status == 200


def test_http_session_at_limit_can_cancel_call(sandbox, nowhere: Path):
    limits = ["--sessions", "--max-calls-per-credential", "1"]
    with (
        serve(native(), *limits, cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web,
        contextlib.ExitStack() as opened,
    ):
        session = open_session(web)
        sandbox.fail("hang", path="/teams")
        calling = opened.enter_context(connect(web))
        calling.sendall(call("get_teams", *lines(session)))
        while "GET /teams" not in sandbox.requests():
            pass
        assert web.send(body=PING_2, **session).status == 429
        cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
        answer = web.send(body=cancelled | {"params": {"requestId": 1}}, **session)
        assert answer.status == 202, answer.text
        # A response without a request is not a call either.
        answer = web.send(body={"jsonrpc": "2.0", "id": 7, "result": {}}, **session)
        assert answer.status == 202, answer.text
        while metric(web, "http_in_flight"):
            pass
        assert web.ask("ping", **session).status == 200


@pytest.mark.parametrize("arguments", [[], ["--sessions"]], ids=["stateless", "sessions"])
def test_http_initialize_with_bad_parameters_is_refused(nowhere: Path, arguments: list[str]):
    with serve(native(), "--sandbox", *arguments, cwd=nowhere) as web:
        refused = web.ask("initialize", INITIALIZE | {"protocolVersion": 7})
        assert refused.status == 200, refused.text
        assert (refused.json["id"], refused.error["code"]) == (1, -32602)
        assert web.ask("initialize", INITIALIZE).status == 200


def test_http_probes_are_answered_at_connection_limit(nowhere: Path):
    most = 1 + SPARE
    with serve(native(), "--sandbox", "--max-calls", "1", cwd=nowhere) as web:
        with contextlib.ExitStack() as opened:
            first = opened.enter_context(connect(web))
            for number in range(most + 10):
                idle = opened.enter_context(connect(web))
                if number % 2:
                    idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
            assert web.send("/healthz").text == "alive\n"
            assert web.send("/readyz").status == 200
            assert web.call("get_teams", {"limit": 1})["teams"]
            assert first.recv(1) == b"", "the oldest made room"
            assert metric(web, "http_connections") <= most
        assert web.send("/healthz").status == 200


@pytest.mark.skipif("sys.platform == 'win32'", reason="the limit is one of Unix")
def test_http_probes_are_answered_without_descriptors(nowhere: Path):
    import resource

    with serve(native(), "--sandbox", cwd=nowhere) as web, contextlib.ExitStack() as opened:
        resource.prlimit(web.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        for _ in range(100):
            opened.enter_context(connect(web))
        assert web.send("/healthz").text == "alive\n"
        assert web.send("/readyz").status == 200


def test_http_busy_connection_is_not_evicted(sandbox, nowhere: Path):
    with serve(native(), *("--max-calls", "1"), cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web:
        sandbox.fail({"delay": 2000}, path="/teams")
        with connect(web) as busy, contextlib.ExitStack() as opened:
            busy.sendall(call("get_teams", f"X-PagerDuty-Token: {USER}"))
            while "GET /teams" not in sandbox.requests():
                pass
            for _ in range(SPARE + 10):
                opened.enter_context(connect(web))
            assert web.send("/healthz").status == 200
            assert busy.recv(12) == b"HTTP/1.1 200"


def test_http_connection_is_reusable(nowhere: Path):
    with serve(native(), "--sandbox", cwd=nowhere) as web:
        connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=DEADLINE)
        connection.connect()
        first = connection.sock
        for _ in range(5):
            for method, path, body in [
                ("GET", "/healthz", None),
                ("HEAD", "/healthz", None),
                ("POST", "/mcp", PING),
                ("POST", "/mcp", UNKNOWN),
                ("OPTIONS", "/mcp", None),
            ]:
                connection.request(method, path, body, JSON)
                connection.getresponse().read()
                assert connection.sock is first, f"{method} {path}"
        connection.close()


def test_http_session_calls_count_until_they_end(sandbox, nowhere: Path):
    with serve(
        native(),
        *("--sessions", "--max-calls-per-credential", "1"),
        cwd=nowhere,
        PAGERDUTY_API_HOST=sandbox.url,
    ) as web:
        session = open_session(web)
        sandbox.fail({"delay": 3000}, path="/teams")
        with connect(web) as leaving:
            leaving.sendall(call("get_teams", *lines(session)))
            while "GET /teams" not in sandbox.requests():
                pass
        # The client has disconnected, but the call goes on: its answer could still be fetched.
        while metric(web, "http_connections") > 1:
            pass
        assert metric(web, "http_in_flight") == 1
        assert web.send(body=PING_2, **session).status == 429
        while metric(web, "http_in_flight"):
            pass
        assert web.ask("ping", **session).status == 200
        assert 'calls_total{tool="get_teams",outcome="ok"} 1' in web.send("/metrics").text


def test_http_session_limit_refuses_only_new_sessions(sandbox, nowhere: Path):
    with serve(native(), "--sessions", cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web:
        sessions = [open_session(web) for _ in range(64)]
        refused = web.ask("initialize", INITIALIZE, X_PagerDuty_Token=USER)
        assert refused.status == 429
        assert refused.headers["retry-after"] == "60"
        assert "this credential" in refused.error["message"]
        assert metric(web, "http_sessions") == 64
        # Neither other credentials nor requests without a session are affected.
        open_session(web, TEAMLESS)
        assert web.ask("ping", **sessions[0]).status == 200
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        versioned = {"Mcp_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/list"}
        listed = web.ask("tools/list", {"_meta": meta}, X_PagerDuty_Token=USER, **versioned)
        assert listed.status == 200, listed.text
        # A session that ends makes room for another one.
        assert web.send(method="DELETE", **sessions[0]).status in (200, 202)
        open_session(web)


def test_http_canceled_calls_are_counted(sandbox, nowhere: Path):
    with serve(native(), cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web:
        sandbox.fail("hang", path="/teams")
        with connect(web) as leaving:
            leaving.sendall(call("get_teams", f"X-PagerDuty-Token: {USER}"))
            while "GET /teams" not in sandbox.requests():
                pass
        while metric(web, "http_in_flight"):
            pass
        withdrawn = 'pagerduty_mcp_calls_total{tool="get_teams",outcome="CANCELLED"} 1'
        while withdrawn not in web.send("/metrics").text:
            pass
