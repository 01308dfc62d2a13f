"""Tests of the command line."""

import json
from pathlib import Path

import pytest
from doors import TOOLS, Door, Session

pytestmark = [pytest.mark.unit, pytest.mark.server]


def test_cli_version_is_printed(door: Door, nowhere: Path):
    done = door.run("--version", cwd=nowhere)
    assert (done.returncode, done.stderr) == (0, "")
    name, version = done.stdout.split()
    assert name == "pagerduty-mcp-server"
    assert version[0].isdigit()


@pytest.mark.parametrize("command", [[], ["call"], ["tools"], ["sandbox"]])
def test_cli_help_goes_to_stdout(door: Door, nowhere: Path, command):
    done = door.run(*command, "--help", cwd=nowhere)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: pagerduty-mcp-server" in done.stdout


def test_cli_call_prints_answer(door: Door, nowhere: Path):
    done = door.run("call", "get_incidents", "limit=2", "--sandbox", cwd=nowhere)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["metadata"]["count"] == 2


@pytest.mark.validation
@pytest.mark.parametrize(
    "statuses",
    [["statuses=triggered,acknowledged"], ["statuses=triggered", "statuses=acknowledged"]],
)
def test_cli_lists_accept_two_notations(door: Door, nowhere: Path, statuses):
    done = door.run("call", "get_incidents", *statuses, "--sandbox", cwd=nowhere)
    counts = json.loads(done.stdout)["metadata"]["status_counts"]
    assert counts["triggered"] > 0 < counts["acknowledged"]
    assert counts["resolved"] == 0


def test_cli_failed_call_prints_error_and_exits_with_1(door: Door, nowhere: Path):
    done = door.run("call", "get_teams", "limit=-1", "--sandbox", cwd=nowhere)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["error"]["code"] == "INVALID_PARAMETER"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["serve"],
        ["call"],
        ["call", "get_team", "--sandbox"],
        ["call", "get_teams", "limit", "--sandbox"],
        ["call", "get_teams", "=1", "--sandbox"],
        ["tools", "--tools", "get_team"],
        ["tools", "--toolsets", "team"],
        ["tools", "--region", "asia"],
        ["sandbox", "--port", "many"],
    ],
)
def test_cli_wrong_use_goes_to_stderr_and_exits_with_2(door: Door, nowhere: Path, arguments):
    done = door.run(*arguments, cwd=nowhere)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error:" in done.stderr
    assert "hint:" in done.stderr


def test_cli_tools_equal_tools_of_mcp(door: Door, nowhere: Path, mcp_session: Session):
    done = door.run("tools", "--json", cwd=nowhere)
    listed = mcp_session.ask("list_tools").tools
    assert json.loads(done.stdout) == [
        tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in listed
    ]


@pytest.mark.parametrize(
    ("options", "offered"),
    [
        ([], TOOLS),
        (["--tools", "get_teams,get_users"], ["get_teams", "get_users"]),
        (["--toolsets", "schedules"], ["get_schedules", "list_users_oncall"]),
        (["--read-only", "--toolsets", "incidents"], ["get_incidents"]),
        (["--toolsets", "teams", "--tools", "get_users"], []),
    ],
)
def test_cli_options_select_tools(door: Door, nowhere: Path, options, offered):
    done = door.run("tools", *options, cwd=nowhere)
    assert [line.split()[0] for line in done.stdout.splitlines()] == offered


def test_cli_sandbox_prints_its_address(door: Door, nowhere: Path):
    with door.start("sandbox", cwd=nowhere) as process:
        try:
            lines = [process.stdout.readline() for _ in range(4)]
        finally:
            process.kill()
    assert lines[0].startswith("PAGERDUTY_API_HOST=http://127.0.0.1:")
    assert lines[1] == "PAGERDUTY_API_TOKEN=sandbox-user\n"
    assert lines[3].startswith("SANDBOX_TOKEN=")
