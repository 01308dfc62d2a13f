"""Tests of faults in the embedded account: `--sandbox-faults`."""

import json
from pathlib import Path

import pytest
from doors import Door

pytestmark = [pytest.mark.unit, pytest.mark.client]


def call(door: Door, nowhere: Path, faults: str, *arguments: str, **variables: str):
    options = ["--sandbox", "--sandbox-faults", faults] if faults else ["--sandbox"]
    done = door.run("call", "get_teams", *arguments, *options, cwd=nowhere, **variables)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ("status=500", "API_ERROR"),
        ("html", "API_ERROR"),
        ("reset", "NETWORK_ERROR"),
        ("truncated", "NETWORK_ERROR"),
        ("wrong_json", "UNEXPECTED_RESPONSE"),
        ("garbage", "UNEXPECTED_RESPONSE"),
        ("bomb=100", "UNEXPECTED_RESPONSE"),
        ("replaced=502", "API_ERROR"),
        ("redirect=http://127.0.0.1:9/", "API_ERROR"),
        ("late=1", "NETWORK_ERROR"),
        ("limited=100", "RATE_LIMITED"),
        ("/teams status=403", "PERMISSION_DENIED"),
        ('[{"path": "/teams", "times": 9, "kind": {"status": {"code": 404}}}]', "NOT_FOUND"),
    ],
)
def test_sandbox_fault_affects_every_request(door: Door, nowhere: Path, faults: str, code: str):
    status, answer = call(door, nowhere, faults)
    assert (status, answer["error"]["code"]) == (1, code)


@pytest.mark.parametrize(
    "faults", ["status=503 x2", "/users reset", "PUT reset", "0% reset", "slow_body=50", "delay=5"]
)
def test_sandbox_passing_or_other_fault_is_harmless(door: Door, nowhere: Path, faults: str):
    status, answer = call(door, nowhere, faults)
    assert status == 0, answer


def test_sandbox_replaced_answer_of_write_is_verified(door: Door, nowhere: Path):
    listed = door.run("call", "get_incidents", "limit=1", "--sandbox", cwd=nowhere)
    incident = json.loads(listed.stdout)["incidents"][0]["id"]
    note = ("call", "add_incident_note", f"incident_id={incident}", "content=on it", "--sandbox")
    for faults, status, error in [
        ("POST replaced=502", 0, None),
        ("POST reset", 1, "OUTCOME_UNKNOWN"),
    ]:
        done = door.run(*note, "--sandbox-faults", faults, cwd=nowhere)
        answer = json.loads(done.stdout)
        assert (done.returncode, answer.get("error", {}).get("code")) == (status, error), answer


def test_sandbox_slow_body_is_slow(door: Door, nowhere: Path):
    status, answer = call(door, nowhere, "slow_body=60000", PAGERDUTY_TIMEOUT="0.5")
    assert (status, answer["error"]["code"]) == (1, "TIMEOUT")


def test_sandbox_faults_variable_equals_option(door: Door, nowhere: Path):
    status, answer = call(door, nowhere, "", PAGERDUTY_SANDBOX_FAULTS="status=401")
    assert (status, answer["error"]["code"]) == (1, "AUTHENTICATION_FAILED")


def test_sandbox_invalid_faults_exit_with_2(door: Door, nowhere: Path):
    status, said = call(door, nowhere, "status=503; explode")
    assert status == 2
    assert '"explode"' in said
    assert "hint: " in said
