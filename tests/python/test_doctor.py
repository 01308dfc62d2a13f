"""Tests of `doctor`: its checks and their hints."""

import json
import sys
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import pytest
from conftest import SandboxProcess
from doors import Door

pytestmark = [pytest.mark.unit, pytest.mark.client]

USER = "sandbox-user"

NO_KEYRING = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}
"""Prevents Linux from asking the user who runs the tests to unlock their keyring."""

linux = pytest.mark.skipif(sys.platform != "linux", reason="the place of the file, and of the bus")


def examine(
    door: Door, nowhere: Path, *arguments: str, **variables: str
) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run `doctor`. Return its exit status, and its checks by name."""
    done = door.run("doctor", "--json", *arguments, cwd=nowhere, **(NO_KEYRING | variables))
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert answer["ok"] is (done.returncode == 0)
    for check in answer["checks"]:
        assert check["status"] in ("ok", "warn", "fail")
        assert check["message"]
        assert check["status"] == "ok" or check["hint"], check
    return done.returncode, {check["name"]: check for check in answer["checks"]}


def bad(checks: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the checks that are not ok."""
    return {name: check["status"] for name, check in checks.items() if check["status"] != "ok"}


@pytest.fixture
def to_sandbox(sandbox: SandboxProcess) -> dict[str, str]:
    return {"PAGERDUTY_API_HOST": sandbox.url, "PAGERDUTY_API_TOKEN": USER}


def test_doctor_healthy_account_is_ok(door: Door, nowhere: Path, to_sandbox):
    status, checks = examine(door, nowhere, **to_sandbox)
    assert (status, bad(checks)) == (0, {})
    assert "PAGERDUTY_API_TOKEN" in checks["credential"]["message"]
    assert "@" in checks["user"]["message"]
    assert "of 960 requests left" in checks["rate_limit"]["message"]


def test_doctor_prints_table_without_credential(door: Door, nowhere: Path, to_sandbox):
    done = door.run("doctor", cwd=nowhere, **NO_KEYRING, **to_sandbox)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(line.startswith("ok    ") for line in done.stdout.splitlines())
    assert USER not in done.stdout


def test_doctor_checks_sandbox_without_network(door: Door, nowhere: Path):
    status, checks = examine(door, nowhere, "--sandbox")
    assert (status, bad(checks)) == (0, {"sandbox": "warn"})
    assert "all calls use the sandbox instead of PagerDuty" in checks["sandbox"]["message"]


def test_doctor_checks_host_without_credential(door: Door, nowhere: Path, sandbox: SandboxProcess):
    status, checks = examine(door, nowhere, PAGERDUTY_API_HOST=sandbox.url)
    assert (status, bad(checks)) == (1, {"credential": "fail"})
    assert "MISSING_CREDENTIALS" in checks["credential"]["message"]
    assert checks["host"]["status"] == checks["clock"]["status"] == "ok"


def test_doctor_refused_credential_fails(door: Door, nowhere: Path, to_sandbox):
    wrong = to_sandbox | {"PAGERDUTY_API_TOKEN": "wrong-key"}
    status, checks = examine(door, nowhere, **wrong)
    assert (status, bad(checks)) == (1, {"credential": "fail"})
    assert "AUTHENTICATION_FAILED" in checks["credential"]["message"]
    assert "wrong-key" not in json.dumps(checks)


def test_doctor_unreachable_host_fails(door: Door, nowhere: Path):
    status, checks = examine(
        door, nowhere, PAGERDUTY_API_HOST="http://127.0.0.1:9", PAGERDUTY_API_TOKEN=USER
    )
    assert status == 1
    assert checks["host"]["status"] == "fail"
    assert "NETWORK_ERROR" in checks["host"]["message"]
    assert checks["credential"]["status"] == "warn"


@pytest.mark.parametrize("kind", ["html", "empty", {"wrong_json": []}, {"status": {"code": 503}}])
def test_doctor_unhealthy_or_foreign_host_fails(
    door: Door, nowhere: Path, sandbox: SandboxProcess, to_sandbox, kind
):
    sandbox.fail(kind, "/abilities")
    status, checks = examine(door, nowhere, **to_sandbox)
    assert (status, checks["host"]["status"]) == (1, "fail")


@pytest.mark.parametrize("kind", ["reset", "truncated", "lost_response"])
def test_doctor_broken_connection_fails(
    door: Door, nowhere: Path, sandbox: SandboxProcess, to_sandbox, kind
):
    sandbox.fail(kind, "/abilities")
    status, checks = examine(door, nowhere, **to_sandbox)
    assert (status, checks["host"]["status"]) == (1, "fail")


def test_doctor_account_level_key_warns(door: Door, nowhere: Path, to_sandbox):
    account = to_sandbox | {"PAGERDUTY_API_TOKEN": "sandbox-account-key"}
    status, checks = examine(door, nowhere, **account)
    assert (status, bad(checks)) == (0, {"user": "warn"})
    assert "PAGERDUTY_USER_EMAIL" in checks["user"]["hint"]


def test_doctor_different_author_warns(door: Door, nowhere: Path, to_sandbox):
    status, checks = examine(door, nowhere, PAGERDUTY_USER_EMAIL="boss@acme.example", **to_sandbox)
    assert (status, bad(checks)) == (0, {"user": "warn", "author": "warn"})
    assert "boss@acme.example" in checks["user"]["message"]


def test_doctor_user_without_team_warns(door: Door, nowhere: Path, to_sandbox):
    teamless = to_sandbox | {"PAGERDUTY_API_TOKEN": "sandbox-teamless-user"}
    status, checks = examine(door, nowhere, **teamless)
    assert (status, bad(checks)) == (0, {"user": "warn"})


def test_doctor_missing_abilities_warn(door: Door, nowhere: Path, to_sandbox):
    basic = to_sandbox | {"PAGERDUTY_API_TOKEN": "sandbox-basic-plan-user"}
    status, checks = examine(door, nowhere, **basic)
    assert (status, bad(checks)) == (0, {"similar_incidents": "warn"})
    assert "MISSING_ABILITY" in checks["similar_incidents"]["message"]


def test_doctor_plan_without_teams_warns(
    door: Door, nowhere: Path, sandbox: SandboxProcess, to_sandbox
):
    sandbox.fail({"wrong_json": {"abilities": ["sso"]}}, "/abilities")
    status, checks = examine(door, nowhere, **to_sandbox)
    assert (status, checks["teams"]["status"]) == (0, "warn")


def test_doctor_abilities_outside_scope_are_unknown(
    door: Door, nowhere: Path, sandbox: SandboxProcess, to_sandbox
):
    sandbox.fail({"status": {"code": 403}}, "/abilities")
    status, checks = examine(door, nowhere, **to_sandbox)
    assert status == 0
    assert checks["teams"]["message"].startswith("unknown: PERMISSION_DENIED")


def answer(**headers: str) -> dict[str, Any]:
    """Return a successful answer of `GET /abilities` with these headers."""
    body = json.dumps({"abilities": ["teams"]})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"status": {"code": 200, "body": body, "headers": named}}


def test_doctor_low_rate_limit_warns(
    door: Door, nowhere: Path, sandbox: SandboxProcess, to_sandbox
):
    sandbox.fail(
        answer(ratelimit_limit="960", ratelimit_remaining="9", ratelimit_reset="7"), "/abilities"
    )
    status, checks = examine(door, nowhere, **to_sandbox)
    assert (status, checks["rate_limit"]["status"]) == (0, "warn")
    assert "9 of 960 requests left, resets in 7 s" in checks["rate_limit"]["message"]


def test_doctor_exhausted_rate_limit_fails(
    door: Door, nowhere: Path, sandbox: SandboxProcess, to_sandbox
):
    sandbox.fail({"status": {"code": 429}}, "/abilities")
    status, checks = examine(door, nowhere, **to_sandbox)
    assert (status, checks["rate_limit"]["status"]) == (1, "fail")


@pytest.mark.parametrize(("ahead", "side"), [(7200, "ahead of"), (-7200, "behind")])
def test_doctor_wrong_clock_warns(
    door: Door, nowhere: Path, sandbox: SandboxProcess, to_sandbox, ahead, side
):
    sandbox.fail(answer(date=formatdate(time() - ahead, usegmt=True)), "/abilities")
    status, checks = examine(door, nowhere, **to_sandbox)
    assert (status, checks["clock"]["status"]) == (0, "warn")
    assert f"s {side} the host's" in checks["clock"]["message"]


@pytest.fixture
def oauth(sandbox: SandboxProcess, tmp_path: Path) -> dict[str, str]:
    """Return the variables of a login stored in a file below a separate home."""
    return {
        "PAGERDUTY_API_HOST": sandbox.url,
        "PAGERDUTY_IDENTITY_HOST": sandbox.url,
        "PAGERDUTY_CLIENT_ID": "client",
        "PAGERDUTY_TOKEN_STORE": "file",
        "XDG_STATE_HOME": str(tmp_path),
    }


def keep(oauth: dict[str, str], **tokens: str) -> None:
    """Write the token file."""
    (folder := Path(oauth["XDG_STATE_HOME"]) / "pagerduty_mcp_server").mkdir()
    (file := folder / "tokens.json").write_text(json.dumps(tokens), encoding="utf-8")
    file.chmod(0o600)


@linux
def test_doctor_login_without_keyring_fails(door: Door, nowhere: Path, oauth):
    status, checks = examine(door, nowhere, **(oauth | {"PAGERDUTY_TOKEN_STORE": "keyring"}))
    assert (status, bad(checks)) == (1, {"credential": "fail", "token_store": "fail"})
    for check in ("credential", "token_store"):
        assert "TOKEN_STORE_UNAVAILABLE" in checks[check]["message"]
        assert "PAGERDUTY_API_TOKEN" in checks[check]["hint"]


@linux
def test_doctor_missing_login_fails(door: Door, nowhere: Path, oauth):
    status, checks = examine(door, nowhere, **oauth)
    assert (status, bad(checks)) == (1, {"credential": "fail"})
    assert "auth login" in checks["credential"]["hint"]
    assert "no login" in checks["token_store"]["message"]


@linux
def test_doctor_valid_login_is_ok(door: Door, nowhere: Path, oauth):
    keep(oauth, oauth_token="pdus+_sandbox-oauth", token_expiry=str(int(time()) + 3600))
    status, checks = examine(door, nowhere, **oauth)
    assert (status, bad(checks)) == (0, {})
    assert "OAuth login" in checks["credential"]["message"]


@linux
@pytest.mark.parametrize(("secret", "status"), [("", "fail"), ("secret", "warn")])
def test_doctor_expired_login_is_reported(
    door: Door, nowhere: Path, sandbox: SandboxProcess, oauth, secret, status
):
    keep(oauth, oauth_token="old", token_expiry="1", refresh_token="refresh")
    _, checks = examine(door, nowhere, PAGERDUTY_CLIENT_SECRET=secret, **oauth)
    assert bad(checks) == {"credential": status}
    assert not [request for request in sandbox.requests() if "oauth" in request], "it only looks"
