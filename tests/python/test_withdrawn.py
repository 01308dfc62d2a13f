"""Tests of writes whose client gave up: by canceling, disconnecting or ending the process.

The gate in front of the account holds answers back. Meanwhile the write has taken effect, but the
server has no answer.
"""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import SandboxProcess
from doors import DEADLINE, INITIALIZE, Door
from gate import Gate, gate
from pagerduty_mcp_server import PagerDuty
from test_kill import CONTENT, TOKEN, ask, in_a_call, notes, send
from web import JSON, Web, serve

GONE = "the client has gone, and its change was sent"

pytestmark = [pytest.mark.unit, pytest.mark.server]


@pytest.fixture
def between(portal, sandbox: SandboxProcess) -> Iterator[Gate]:
    """Return a gate in front of the account."""
    with gate(portal, sandbox.url) as between:
        yield between


@pytest.fixture
def incident(sandbox: SandboxProcess) -> str:
    (incident,) = ask(sandbox, "/incidents?statuses[]=triggered&limit=1")["incidents"]
    return incident["id"]


@pytest.fixture
def variables(between: Gate) -> dict[str, str]:
    return {"PAGERDUTY_API_HOST": between.url, "PAGERDUTY_API_TOKEN": TOKEN}


def was_withdrawn(answer: Any) -> bool:
    return "An earlier call" in "".join(answer["metadata"].get("warnings", []))


def wait_until_logged(web: Web, text: str) -> None:
    while not any(text in line for line in web.log):
        assert web.process.poll() is None, "".join(web.log)


def test_note_is_written_once_when_http_connection_closes(
    door: Door, tmp_path: Path, variables: dict[str, str], between: Gate, sandbox, incident: str
):
    arguments = {"incident_id": incident, "content": CONTENT}
    between.hold("POST")
    variables |= {"PAGERDUTY_LOG": "info"}
    with serve(door, cwd=tmp_path, **variables) as web, ThreadPoolExecutor(1) as threads:
        with socket.create_connection(("127.0.0.1", web.port), timeout=DEADLINE) as connection:
            connection.sendall(request(web, "add_incident_note", arguments))
            between.wait_until_an_answer_is_held()
        wait_until_logged(web, GONE)
        repeated = threads.submit(web.call, "add_incident_note", arguments)
        between.release()
        assert was_withdrawn(repeated.result(DEADLINE))
    assert len(notes(sandbox, incident)) == 1
    (written, repeated) = [line for line in web.log if "audit: change" in line]
    assert "withdrawn=true" in written
    assert "sent=false" in repeated


def wait_until_only_this_one_is_connected(web: Web) -> None:
    while not re.search(r"^\w*http_connections 1$", web.send("/metrics").text, re.MULTILINE):
        assert web.process.poll() is None, "".join(web.log)


def test_note_is_written_once_when_session_connection_closes(
    door: Door, tmp_path: Path, variables: dict[str, str], between: Gate, sandbox, incident: str
):
    arguments = {"incident_id": incident, "content": CONTENT}
    call = {"name": "add_incident_note", "arguments": arguments}
    between.hold("POST")
    with serve(door, "--sessions", cwd=tmp_path, **variables) as web:
        opened = web.ask("initialize", INITIALIZE["params"])
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        web.send(body={"jsonrpc": "2.0", "method": "notifications/initialized"}, **session)
        with socket.create_connection(("127.0.0.1", web.port), timeout=DEADLINE) as connection:
            connection.sendall(request(web, "add_incident_note", arguments, session))
            between.wait_until_an_answer_is_held()
        wait_until_only_this_one_is_connected(web)
        between.release()
        wait_until_logged(web, " change tool=")
        assert "An earlier call" in web.ask("tools/call", call, **session).text
    assert len(notes(sandbox, incident)) == 1


def request(
    web: Web, tool: str, arguments: dict[str, Any], session: dict[str, str] | None = None
) -> bytes:
    """Return a call in the form that is sent over a connection."""
    params = {"name": tool, "arguments": arguments}
    body = json.dumps({"jsonrpc": "2.0", "id": "closed", "method": "tools/call", "params": params})
    headers = (
        {"Host": f"127.0.0.1:{web.port}", "Content-Length": str(len(body))} | JSON | (session or {})
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /mcp HTTP/1.1\r\n{head}\r\n{body}".encode()


def test_note_is_written_once_when_asyncio_task_is_canceled(between: Gate, sandbox, incident: str):
    async def twice() -> Any:
        client = PagerDuty(TOKEN, base_url=between.url)
        arguments = {"incident_id": incident, "content": CONTENT}
        first = asyncio.ensure_future(client.add_incident_note(**arguments))
        await asyncio.to_thread(between.wait_until_an_answer_is_held)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await client.get_teams()
        second = asyncio.ensure_future(client.add_incident_note(**arguments))
        between.release()
        return await second

    between.hold("POST")
    assert was_withdrawn(asyncio.run(twice()))
    assert len(notes(sandbox, incident)) == 1


INTERRUPTED = """
import signal
import sys
from pagerduty_mcp_server import SyncPagerDuty

# A shell ignores Ctrl-C in the programs that it starts in the background, and so would this one.
signal.signal(signal.SIGINT, signal.default_int_handler)
client = SyncPagerDuty(sys.argv[1], base_url=sys.argv[2])
for attempt in range(2):
    try:
        answer = client.add_incident_note(incident_id=sys.argv[3], content=sys.argv[4])
        print("answered", *answer["metadata"].get("warnings", []), flush=True)
    except KeyboardInterrupt:
        client.get_teams()
        print("interrupted", flush=True)
"""


@pytest.fixture
def program(between: Gate, incident: str) -> Iterator[subprocess.Popen[str]]:
    """Return a program that writes a note twice, the second time after Ctrl-C."""
    arguments = [TOKEN, between.url, incident, CONTENT]
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *arguments], stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def test_note_is_written_once_when_blocking_call_interrupted(
    program: subprocess.Popen[str], between: Gate, sandbox, incident: str
):
    between.hold("POST")
    between.wait_until_an_answer_is_held()
    program.send_signal(signal.SIGINT)
    assert program.stdout.readline() == "interrupted\n"
    between.release()
    assert "An earlier call" in program.stdout.readline()
    assert program.wait(DEADLINE) == 0
    assert len(notes(sandbox, incident)) == 1


@pytest.mark.parametrize(
    "end", ["SIGTERM", "end of input", "closed output", "closed output and SIGTERM"]
)
def test_process_end_waits_for_sent_change(
    door: Door, tmp_path: Path, variables: dict[str, str], between: Gate, sandbox, incident, end
):
    between.hold("POST")
    variables |= {"PAGERDUTY_LOG": "info"}
    arguments = {"incident_id": incident, "content": CONTENT}
    with in_a_call(door, tmp_path, variables, "add_incident_note", **arguments) as process:
        between.wait_until_an_answer_is_held()
        if end == "SIGTERM":
            process.send_signal(signal.SIGTERM)
            wait_for(process, "waiting for the answer to a change")
        elif end.startswith("closed output"):
            process.stdout.close()
            wait_for(process, "waiting for the answer to a change")
            if end.endswith("SIGTERM"):
                process.send_signal(signal.SIGTERM)
                wait_for(process, "another signal ends the process at once")
        else:
            process.stdin.close()
        between.release()
        if end == "end of input":
            assert json.loads(process.stdout.readline())["result"]["isError"] is False
        left = process.stderr.read()
        assert process.wait(DEADLINE) == (143 if end == "SIGTERM" else 0)
    assert ' change tool="add_incident_note"' in left
    assert 'outcome="applied"' in left
    assert len(notes(sandbox, incident)) == 1


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"it ended without {text!r}")


def test_second_signal_ends_process_at_once(
    door: Door, tmp_path: Path, variables: dict[str, str], between: Gate, incident: str
):
    between.hold("POST")
    variables |= {"PAGERDUTY_LOG": "info"}
    arguments = {"incident_id": incident, "content": CONTENT}
    with in_a_call(door, tmp_path, variables, "add_incident_note", **arguments) as process:
        between.wait_until_an_answer_is_held()
        process.send_signal(signal.SIGTERM)
        wait_for(process, "waiting for the answer to a change")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 143


def test_closed_output_ends_process_during_read(
    door: Door, tmp_path: Path, variables: dict[str, str], between: Gate
):
    between.hold("GET")
    with in_a_call(door, tmp_path, variables, "get_teams") as process:
        between.wait_until_an_answer_is_held()
        # The input stays open, and nothing is written.
        process.stdout.close()
        assert process.wait(DEADLINE) == 0


def test_hanging_read_is_refused_after_end_of_input(
    door: Door, tmp_path: Path, variables: dict[str, str], between: Gate
):
    between.hold("GET")
    with in_a_call(door, tmp_path, variables, "get_teams") as process:
        between.wait_until_an_answer_is_held()
        process.stdin.close()
        refused = json.loads(process.stdout.readline())
        assert "the input ended" in refused["error"]["message"]
        assert process.wait(DEADLINE) == 0


def test_note_is_written_once_when_canceled_over_stdio(
    door: Door, tmp_path: Path, variables: dict[str, str], between: Gate, sandbox, incident: str
):
    between.hold("POST")
    variables |= {"PAGERDUTY_LOG": "info"}
    arguments = {"incident_id": incident, "content": CONTENT}
    with in_a_call(door, tmp_path, variables, "add_incident_note", **arguments) as process:
        between.wait_until_an_answer_is_held()
        send(process, {"method": "notifications/cancelled", "params": {"requestId": 2}})
        wait_for(process, GONE)
        params = {"name": "add_incident_note", "arguments": arguments}
        send(process, {"id": 3, "method": "tools/call", "params": params})
        between.release()
        answer = json.loads(process.stdout.readline())
        assert answer["id"] == 3
        assert was_withdrawn(answer["result"]["structuredContent"])
    assert len(notes(sandbox, incident)) == 1
