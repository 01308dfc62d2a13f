"""Tests of the MCP server with the official client."""

import json
import signal
import sys
import time
from pathlib import Path

import pytest
from doors import DEADLINE, INITIALIZE, TOOLS, Door, Session, connect
from mcp import MCPError

pytestmark = [pytest.mark.unit, pytest.mark.server]

WRITES = {"acknowledge_incident", "resolve_incident", "add_incident_note"}


@pytest.mark.parametrize(
    ("mode", "revision"), [("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28")]
)
def test_session_opens_with_and_without_initialize(portal, mcp_door, nowhere, mode, revision):
    with connect(portal, mcp_door, "--sandbox", cwd=nowhere, mode=mode) as session:
        assert session.client.protocol_version == revision
        assert len(session.call("get_teams")["teams"]) > 0


def test_server_info_names_server(mcp_session: Session):
    assert mcp_session.client.server_info.name == "pagerduty_mcp_server"
    assert mcp_session.client.server_info.version
    assert mcp_session.client.instructions


def test_tools_are_exactly_twelve_in_order(mcp_session: Session):
    assert [tool.name for tool in mcp_session.ask("list_tools").tools] == TOOLS


def test_tools_have_annotations(mcp_session: Session):
    for tool in mcp_session.ask("list_tools").tools:
        assert tool.title
        assert tool.description
        assert tool.annotations.read_only_hint is (tool.name not in WRITES)
        assert tool.annotations.destructive_hint is (tool.name == "resolve_incident")
        assert tool.annotations.idempotent_hint is (tool.name != "add_incident_note")
        assert tool.annotations.open_world_hint is True


def test_schemas_are_closed_objects_without_references(mcp_session: Session):
    for tool in mcp_session.ask("list_tools").tools:
        assert tool.input_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        text = json.dumps(tool.input_schema)
        assert not any(keyword in text for keyword in ("$ref", "anyOf", "oneOf", "allOf")), tool


def test_tools_all_succeed(own_session: Session):
    incident = own_session.call("get_incidents", statuses=["triggered"], limit=1)["incidents"][0]
    schedule = own_session.call("get_schedules", limit=1)["schedules"][0]
    arguments = {
        "list_users_oncall": {"schedule_id": schedule["id"]},
        "acknowledge_incident": {"incident_id": incident["id"]},
        "resolve_incident": {"incident_id": incident["id"]},
        "add_incident_note": {"incident_id": incident["id"], "content": "Hello."},
    }
    for tool in TOOLS:
        assert own_session.call(tool, **arguments.get(tool, {}))


def test_unknown_tool_error_names_tools(mcp_session: Session):
    with pytest.raises(MCPError) as error:
        mcp_session.ask("call_tool", "get_incident", {})
    assert error.value.error.code == -32602
    assert "get_incidents" in error.value.error.message


def test_documentation_is_resource(mcp_session: Session):
    (resource,) = mcp_session.ask("list_resources").resources
    assert str(resource.uri) == "docs://tools"
    (content,) = mcp_session.ask("read_resource", "docs://tools").contents
    assert content.mime_type == "text/markdown"
    assert all(f"## {name}" in content.text for name in TOOLS)
    with pytest.raises(MCPError):
        mcp_session.ask("read_resource", "docs://nothing")


def test_read_only_lists_and_runs_no_write(portal, mcp_door, nowhere):
    with connect(portal, mcp_door, "--sandbox", "--read-only", cwd=nowhere) as session:
        offered = [tool.name for tool in session.ask("list_tools").tools]
        assert offered == [name for name in TOOLS if name not in WRITES]
        with pytest.raises(MCPError):
            session.ask("call_tool", "resolve_incident", {"incident_id": "PABC123"})


def test_calls_run_concurrently(portal, door, nowhere, sandbox):
    sandbox.fail({"delay": 300}, path="/teams", times=10)
    account = {"PAGERDUTY_API_HOST": sandbox.url, "PAGERDUTY_API_TOKEN": "sandbox-user"}
    with connect(portal, door, cwd=nowhere, **account) as session:
        begin = time.monotonic()
        call = session.client.call_tool
        calls = [portal.start_task_soon(call, "get_teams", {}) for _ in range(10)]
        assert not any(call.result(DEADLINE).is_error for call in calls)
        assert time.monotonic() - begin < 10 * 0.3


def test_end_of_input_exits_with_0(door: Door, nowhere: Path):
    done = door.run("--sandbox", cwd=nowhere)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_requests_before_end_of_input_are_answered(door: Door, nowhere: Path):
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "get_teams"}}
    messages = [INITIALIZE, {"jsonrpc": "2.0", "method": "notifications/initialized"}, call]
    stdin = "".join(json.dumps(message) + "\n" for message in messages)
    done = door.run("--sandbox", cwd=nowhere, stdin=stdin)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [1, 2]
    assert done.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_ctrl_c_ends_server_at_once_and_silently(door: Door, nowhere: Path):
    with door.start("--sandbox", cwd=nowhere) as process:
        process.stdin.write(json.dumps(INITIALIZE) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            # The input stays open: only the signal can end the process.
            status = process.wait(DEADLINE)
        finally:
            process.kill()
        assert time.monotonic() - begin < 1
        assert status == 130
        assert process.stderr.read() == ""
