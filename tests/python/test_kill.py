"""Tests of servers that are killed, of clients that disappear, and of outages of PagerDuty.

Processes and connections are real. The order of events is determined by the account's record of
requests and by the gate in front of it, never by waiting.
"""

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal
from conftest import COMMANDS, Entrance, SandboxProcess, embedded
from doors import DEADLINE, INITIALIZE, Door, Session, connect, http, over_typescript
from gate import Gate, gate
from web import serve

pytestmark = [pytest.mark.unit, pytest.mark.server]

TOKEN = "sandbox-user"
CONTENT = "The disk is full again."


@pytest.fixture(scope="module", params=[*COMMANDS, "http"])
def any_door(request: pytest.FixtureRequest) -> Door:
    """Return each kind of process in turn: the two commands over standard streams, and HTTP."""
    return (COMMANDS | {"http": http})[request.param]()


@pytest.fixture(params=["http", "https"])
def account(request: pytest.FixtureRequest, nowhere: Path) -> Iterator[SandboxProcess]:
    """Return an account over HTTP/1.1, or over TLS and HTTP/2 like PagerDuty."""
    with embedded(*["--tls"] * (request.param == "https"), cwd=nowhere) as account:
        yield account


@pytest.fixture
def between(portal, sandbox: SandboxProcess) -> Iterator[Gate]:
    """Return a gate in front of the account, over HTTP/1.1."""
    with gate(portal, sandbox.url) as between:
        yield between


@pytest.fixture
def variables(between: Gate, sandbox: SandboxProcess, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a server."""
    return sandbox.variables | {"PAGERDUTY_API_HOST": between.url} | everywhere(tmp_path)


def everywhere(folder: Path) -> dict[str, str]:
    """Return variables that make this folder the only place where a server could leave files."""
    folders = ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"]
    folders += ["XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "APPDATA", "LOCALAPPDATA"]
    return dict.fromkeys(folders, str(folder))


def triggered(account: SandboxProcess) -> str:
    """Return an incident that is not acknowledged."""
    (incident,) = ask(account, "/incidents?statuses[]=triggered&limit=1")["incidents"]
    return incident["id"]


def ask(sandbox: SandboxProcess, path: str) -> Any:
    """Send a request directly to the account."""
    request = urllib.request.Request(sandbox.url + path)
    request.add_header("Authorization", f"Token token={TOKEN}")
    return json.loads(sandbox.open(request))


def notes(sandbox: SandboxProcess, incident: str) -> list[str]:
    written = ask(sandbox, f"/incidents/{incident}/notes")["notes"]
    return [note["content"] for note in written if note["content"] == CONTENT]


def status(sandbox: SandboxProcess, incident: str) -> str:
    return ask(sandbox, f"/incidents/{incident}")["incident"]["status"]


def send(process: subprocess.Popen[str], *messages: dict[str, Any]) -> None:
    for message in messages:
        process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
    process.stdin.flush()


def call_message(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


@contextmanager
def in_a_call(
    door: Door, folder: Path, variables: dict[str, str], tool: str, **arguments: Any
) -> Iterator[subprocess.Popen[str]]:
    """Start a server on standard streams, initialize it and send it one more message."""
    with door.start(cwd=folder, **variables) as process:
        try:
            send(process, INITIALIZE)
            assert json.loads(process.stdout.readline())["id"] == INITIALIZE["id"]
            send(process, call_message(tool, arguments))
            yield process
        finally:
            process.kill()


def kill_in_a_call(
    door: Door,
    folder: Path,
    variables: dict[str, str],
    until: Callable[[], None],
    tool: str,
    **arguments: Any,
) -> None:
    """Kill a server during a call, when `until` returns true. The call gets no answer."""
    if not door.http:
        with in_a_call(door, folder, variables, tool, **arguments) as process:
            until()
            process.kill()
            assert process.stdout.read() == ""
        return
    with serve(door, cwd=folder, **variables) as web, ThreadPoolExecutor(1) as threads:
        call = threads.submit(web.call, tool, arguments, X_PagerDuty_Token=TOKEN)
        until()
        web.kill()
        with pytest.raises(OSError):  # noqa: PT011 Whatever the end of a process looks like.
            call.result(DEADLINE)


@pytest.fixture
def killed(any_door: Door, tmp_path: Path, account: SandboxProcess) -> Callable[..., None]:
    """Kill a server in the middle of a write, either before or after the write has taken effect."""
    variables = account.variables | everywhere(tmp_path)

    def killed(when: str, tool: str, took_effect: Callable[[], bool], **arguments: Any) -> None:
        # After the effect: the answer has begun and does not end.
        kind = "hang" if when == "before" else {"slow_body": 600_000}
        for method in ("PUT", "POST"):
            account.fail(kind, method=method)

        def until() -> None:
            while not any(request.startswith(("PUT", "POST")) for request in account.requests()):
                pass
            while when == "after" and not took_effect():
                pass

        kill_in_a_call(any_door, tmp_path, variables, until, tool, **arguments)
        assert list(tmp_path.rglob("*")) == [], "something is left behind"
        account.control("DELETE", "/sandbox/faults")

    return killed


@pytest.fixture
def next_server(
    portal: BlockingPortal, any_door: Door, tmp_path: Path, account: SandboxProcess
) -> Callable[[], AbstractContextManager[Session]]:
    """Start the server that replaces the killed one."""
    variables = account.variables | everywhere(tmp_path)
    return partial(connect, portal, any_door, cwd=tmp_path, **variables)


@pytest.mark.parametrize("when", ["before", "after"])
def test_kill_during_note_writes_it_at_most_once(
    killed, next_server, account: SandboxProcess, when: str
):
    incident = triggered(account)

    def written() -> bool:
        return bool(notes(account, incident))

    killed(when, "add_incident_note", written, incident_id=incident, content=CONTENT)
    assert len(notes(account, incident)) == (when == "after")
    with next_server() as session:
        shown = session.one("get_incidents", incident_id=incident, include_notes=True)
        assert len([note for note in shown.get("notes", []) if note["content"] == CONTENT]) == (
            when == "after"
        ), "the next server shows what there is"
        session.call("add_incident_note", incident_id=incident, content="It works again.")
    assert len(notes(account, incident)) == (when == "after"), "and repeats nothing"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("tool", "changed"),
    [("acknowledge_incident", "acknowledged"), ("resolve_incident", "resolved")],
)
def test_kill_during_status_change_leaves_valid_status(
    killed, next_server, account: SandboxProcess, when: str, tool: str, changed: str
):
    incident = triggered(account)
    killed(when, tool, lambda: status(account, incident) == changed, incident_id=incident)
    left = changed if when == "after" else "triggered"
    assert status(account, incident) == left
    with next_server() as session:
        assert session.one("get_incidents", incident_id=incident)["status"] == left
        if left == "resolved":
            error = session.fail(tool, incident_id=incident)
            assert error["code"] == "ALREADY_RESOLVED"
        else:
            assert session.one(tool, incident_id=incident)["status"] == changed
    assert status(account, incident) == changed


def test_closed_input_lets_call_in_flight_finish(
    door: Door, tmp_path: Path, variables: dict[str, str], between: Gate
):
    between.hold("GET")
    with in_a_call(door, tmp_path, variables, "get_teams") as process:
        between.wait_until_an_answer_is_held()
        process.stdin.close()
        between.release()
        (answer,) = process.stdout.readlines()
        answer = json.loads(answer)
        assert (answer["id"], answer["result"]["isError"]) == (2, False)
        assert process.wait(DEADLINE) == 0


def test_closed_input_ends_process_with_hanging_call(
    door: Door, tmp_path: Path, variables: dict[str, str], sandbox: SandboxProcess
):
    sandbox.fail("hang", path="/teams", times=9)
    variables = variables | {"PAGERDUTY_TIMEOUT": "1"}
    with in_a_call(door, tmp_path, variables, "get_teams") as process:
        while not sandbox.requests():
            pass
        process.stdin.close()
        (answer,) = process.stdout.readlines()
        error = json.loads(answer)["result"]["structuredContent"]["error"]
        assert error["code"] == "TIMEOUT"
        assert process.wait(DEADLINE) == 0


def test_closed_input_ends_process_with_canceled_call(
    door: Door, tmp_path: Path, variables: dict[str, str], between: Gate
):
    between.hold("GET")
    with in_a_call(door, tmp_path, variables, "get_teams") as process:
        between.wait_until_an_answer_is_held()
        send(process, {"method": "notifications/cancelled", "params": {"requestId": 2}})
        process.stdin.close()
        assert process.wait(DEADLINE) == 0
        assert process.stdout.read() == ""


def test_killed_client_leaves_no_process(
    door: Door, tmp_path: Path, variables: dict[str, str], between: Gate
):
    between.hold("GET")
    with in_a_call(door, tmp_path, variables, "get_teams") as process:
        between.wait_until_an_answer_is_held()
        process.stdin.close()
        process.stdout.close()
        between.release()
        assert process.wait(DEADLINE) == 0
        assert process.stderr.read() == ""


def test_pagerduty_outage_is_reported_and_recovered(
    portal: BlockingPortal, entrance: Entrance, nowhere: Path, account: SandboxProcess
):
    incident = triggered(account)
    with (
        gate(portal, account.url) as between,
        entrance(
            portal, cwd=nowhere, **account.variables | {"PAGERDUTY_API_HOST": between.url}
        ) as session,
    ):
        # The first call opens several connections, and the second one fills the user cache.
        before = session.call("get_incidents", limit=150)
        context = session.call("build_user_context")
        between.shut()
        for tool, arguments in [
            ("get_incidents", {"limit": 150}),
            ("build_user_context", {}),
            ("get_incidents", {"incident_id": incident, "include_notes": True}),
            ("acknowledge_incident", {"incident_id": incident}),
            ("add_incident_note", {"incident_id": incident, "content": CONTENT}),
        ]:
            error = session.fail(tool, **arguments)
            assert error["code"] == "NETWORK_ERROR", tool
            assert "127.0.0.1" in error["message"], "it says who is gone"
        between.open()
        assert session.call("get_incidents", limit=150)["incidents"] == before["incidents"]
        assert session.call("build_user_context") == context
        acknowledged = session.one("acknowledge_incident", incident_id=incident)
        assert acknowledged["status"] == "acknowledged"
        session.call("add_incident_note", incident_id=incident, content=CONTENT)
        shown = session.one("get_incidents", incident_id=incident, include_notes=True)
        assert [note["content"] for note in shown["notes"]].count(CONTENT) == 1


def test_dead_connections_are_abandoned(
    portal: BlockingPortal, entrance: Entrance, nowhere: Path, between: Gate
):
    account = {"PAGERDUTY_API_HOST": between.url, "PAGERDUTY_API_TOKEN": TOKEN}
    with entrance(portal, cwd=nowhere, PAGERDUTY_TIMEOUT="2", **account) as session:
        teams = session.call("get_teams")
        # No more data arrives, and no error is reported, as when a router has lost its table.
        between.hold("GET")
        assert session.fail("get_teams")["code"] == "TIMEOUT"
        between.shut()
        between.release()
        between.open()
        assert session.call("get_teams") == teams


def test_lost_notes_are_reported_before_client_timeout(
    portal: BlockingPortal, nowhere: Path, account: SandboxProcess
):
    incidents = ask(account, "/incidents?statuses[]=triggered&statuses[]=acknowledged&limit=12")
    for method in ("POST", "GET"):
        account.fail("hang", path="/incidents/{id}/notes", method=method, times=1000)
    # The server's default is 45 s, and that of the official TypeScript client 60 s.
    server, client = 6, 8
    variables = account.variables | {"PAGERDUTY_TIMEOUT": str(server)}
    with connect(portal, over_typescript(), cwd=nowhere, **variables) as session:

        def lost(incident: dict[str, Any]) -> str:
            arguments = {"incident_id": incident["id"], "content": CONTENT}
            result = session.ask("call_tool", "add_incident_note", arguments, client)
            return result.structured_content["error"]["code"]

        with ThreadPoolExecutor(12) as threads:
            codes = list(threads.map(lost, incidents["incidents"]))
    assert codes == ["OUTCOME_UNKNOWN"] * len(incidents["incidents"])
    assert len(codes) > 5
