"""Tests of the types: the reports of type checkers for users, and the accuracy of the stub."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
from doors import ROOT, environment

pytestmark = [pytest.mark.unit, pytest.mark.utils]

USE = '''
"""Code of a user, with everything annotated."""

import asyncio
from typing import Any

import pagerduty_mcp_server
from pagerduty_mcp_server import (
    PagerDuty,
    PagerDutyError,
    SyncPagerDuty,
    ValidationError,
    call,
    incidents,
    main,
    mcp,
    sandbox,
    tools,
    users,
)
from pagerduty_mcp_server.client import create_client
from pagerduty_mcp_server.errors import PagerDutyAuthError
from pagerduty_mcp_server.testing import Account
from pagerduty_mcp_server.types import Incident, IncidentList, IncidentMetadata, Reference
from pagerduty_mcp_server.utils import RESPONSE_LIMIT


async def use(pd: PagerDuty) -> list[Incident]:
    envelope: IncidentList = await pd.get_incidents(statuses=["triggered"], limit=RESPONSE_LIMIT)
    metadata: IncidentMetadata = envelope["metadata"]
    counts: dict[str, int] = metadata.get("status_counts", {})
    service: Reference = envelope["incidents"][0].get("service", {})
    teams: list[str] = (await pd.build_user_context())["team_ids"]
    print(metadata["count"] + counts["triggered"], service.get("summary"), *teams)
    me: dict[str, Any] = await users.build_user_context()
    await incidents.list_incidents(team_ids=me["team_ids"], limit=1)
    definitions: list[dict[str, Any]] = tools("anthropic", read_only=True) + pd.tools("mcp")
    await call("get_teams", "{}")
    async with PagerDuty(region="eu", timeout=1.5) as other:
        await other.call("get_teams", {"limit": 1})
    [tool.inputSchema for tool in await mcp.list_tools()]
    found = [incident async for incident in create_client().iter_incidents(limit=3)]
    stream = pd.iter_oncalls()
    await stream.aclose()
    print(definitions)
    return [*found, *envelope["incidents"]]


def use_sync() -> str:
    with sandbox() as account, SyncPagerDuty() as pd:
        there: Account = account
        there.fail_next(kind="reset", times=2)
        try:
            services = pd.iter_services()
            for service in services:
                name: str | None = service.get("name")
                print(name)
                services.close()
        except ValidationError as error:
            return error.code
        except (PagerDutyAuthError, PagerDutyError) as error:
            return error.hint or error.message
    return pagerduty_mcp_server.__version__


if __name__ == "__main__":
    asyncio.run(use(PagerDuty()))
    raise SystemExit(main())
'''

WRONG = """
from pagerduty_mcp_server import PagerDuty, tools

async def use(pd: PagerDuty) -> None:
    await pd.get_incidents(limit="2")
    await pd.get_incidents(incidents=["P1"])
    await pd.list_users_oncall()
    tools("gemini")
    for incident in pd.iter_incidents():
        pass
    answer = await pd.get_incidents()
    answer["incident"]
    answer["incidents"][0].get("title", "").bit_length()
    [row["titel"] async for row in pd.iter_incidents()]
"""


def check(command: list[str], cwd) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=cwd,
        check=False,
    )


def pyright(path, cwd) -> subprocess.CompletedProcess[str]:
    if find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    done = check(["pyright", "--pythonpath", sys.executable, str(path)], cwd)
    if "error" in done.stderr.lower() and not done.stdout.strip():
        pytest.skip(f"pyright cannot be had here: {done.stderr.strip()[-200:]}")
    return done


@pytest.fixture
def users_folder(tmp_path):
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    strict = '[tool.pyright]\ntypeCheckingMode = "strict"\n'
    (tmp_path / "pyproject.toml").write_text(strict, encoding="utf-8")
    return tmp_path


def test_mypy_accepts_correct_code(users_folder):
    done = check(["mypy", "--strict", "use.py"], users_folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_reports_mistakes(users_folder):
    done = check(["mypy", "--strict", "wrong.py"], users_folder)
    assert "Found 8 errors" in done.stdout, done.stdout + done.stderr


def test_pyright_accepts_correct_code(users_folder):
    done = pyright("use.py", users_folder)
    assert "0 errors, 0 warnings" in done.stdout, done.stdout + done.stderr


def test_pyright_reports_mistakes(users_folder):
    done = pyright("wrong.py", users_folder)
    for line in (5, 6, 7, 8, 9, 12, 13, 14):
        assert f"wrong.py:{line}:" in done.stdout, done.stdout + done.stderr


def test_pyright_accepts_package(nowhere):
    done = pyright(ROOT / "python", ROOT)
    assert done.stdout.startswith("0 errors"), done.stdout + done.stderr


STUBTEST = """
import inspect, sys
from pagerduty_mcp_server import _methods
for owner in (_methods.AsyncTools, _methods.SyncTools):
    inspect.getmembers(owner)  # Methods are compiled by the first access.
from mypy import stubtest
sys.argv[1:] = ["pagerduty_mcp_server._core", "pagerduty_mcp_server._methods"]
sys.exit(stubtest.main())
"""


def test_stubs_match_modules():
    """Compare `_core.pyi` and `_methods.pyi` with the modules."""
    done = subprocess.run(
        [sys.executable, "-c", STUBTEST],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 modules" in done.stdout


def test_mypy_accepts_package():
    done = check(["mypy"], ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_public_names_are_documented():
    """Check stubs, too: an editor shows their documentation."""
    done = check(
        ["ruff", "check", "--isolated", "--select", "D1", "--ignore", "D105", "python"], ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
