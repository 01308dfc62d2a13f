"""Tests of one wheel on all versions of Python: other versions use that of this environment."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from doors import ROOT, environment

pytestmark = [pytest.mark.unit, pytest.mark.server]

VERSIONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]

PROGRAM = """
import asyncio, json, sys, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import pagerduty_mcp_server
from pagerduty_mcp_server import PagerDuty, PagerDutyError, SyncPagerDuty, incidents, mcp, sandbox

async def use():
    async with PagerDuty() as pd:
        rows = [one["id"] async for one in pd.iter_incidents(limit=120)]
    answers = await asyncio.gather(*(incidents.list_incidents(limit=5) for _ in range(50)))
    return len(set(rows)), {answer["metadata"]["count"] for answer in answers} == {5}

with sandbox() as account:
    count, same = asyncio.run(use())
    raised = account.trigger(title="Too hot")
    pd = SyncPagerDuty()
    acknowledged = pd.acknowledge_incident(incident_id=raised["id"])["incidents"][0]["status"]
    try:
        pd.get_teams(limit=-1)
    except PagerDutyError as error:
        code = error.code
print(json.dumps({
    "version": sys.version_info[:2],
    "says it is a debug build": ["debug build" in str(one.message) for one in caught],
    "results": [count, same, acknowledged, code, len(asyncio.run(mcp.list_tools()))],
}))
"""


def interpreter(version: str) -> str:
    """Return an interpreter of that version, if the machine has one."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    if pyenv:
        return str(pyenv[-1])
    try:
        command = ["uv", "python", "find", "--offline", "--no-project", version]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        found = None
    if found is None or found.returncode != 0:
        pytest.skip(f"this machine has no Python {version}")
    return found.stdout.strip()


SUBINTERPRETER = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

inner = '''
import sys
try:
    import pagerduty_mcp_server
except ImportError as error:
    print(error)
print("pagerduty_mcp_server._core" in sys.modules)
sys.stdout.flush()
'''
alive = interpreters.create()
interpreters.run_string(alive, inner)
import pagerduty_mcp_server
with pagerduty_mcp_server.sandbox():
    print(len(pagerduty_mcp_server.SyncPagerDuty().get_teams(limit=2)["teams"]))
"""


def run(version: str, program: str, nowhere: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end with an interpreter of that version."""
    done = subprocess.run(
        [interpreter(version), "-c", program],
        capture_output=True,
        text=True,
        # The sources, into which `uv run` has put the extension module.
        env=environment(PYTHONPATH=str(ROOT / "python"), PYTHONWARNINGS="default"),
        cwd=nowhere,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("version", VERSIONS)
def test_live_subinterpreter_does_not_keep_program_alive(version, nowhere):
    refusal, loaded, teams = run(version, SUBINTERPRETER, nowhere).stdout.splitlines()
    assert "cannot be imported in a subinterpreter" in refusal
    assert (loaded, teams) == ("False", "2")


@pytest.mark.parametrize("version", VERSIONS)
def test_wheel_works_on_python_version(version, nowhere):
    done = run(version, PROGRAM, nowhere)
    results = json.loads(done.stdout)
    assert results["version"] == [int(part) for part in version.split(".")]
    assert results["results"] == [120, True, "acknowledged", "INVALID_PARAMETER", 12]
    # An editable installation is a development build, and all others are release builds.
    source = metadata.distribution("pagerduty-mcp-server").read_text("direct_url.json")
    editable = json.loads(source or "{}").get("dir_info", {}).get("editable", False)
    assert results["says it is a debug build"] == ([True] if editable else [])
