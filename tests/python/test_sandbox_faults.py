"""The embedded account, told to fail: `--sandbox-faults`."""

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
def test_a_fault_is_met_by_every_request(door: Door, nowhere: Path, faults: str, code: str):
    status, answer = call(door, nowhere, faults)
    assert (status, answer["error"]["code"]) == (1, code)


@pytest.mark.parametrize(
    "faults", ["status=503 x2", "/users reset", "PUT reset", "0% reset", "slow_body=50", "delay=5"]
)
def test_a_fault_that_passes_or_is_elsewhere_does_no_harm(door: Door, nowhere: Path, faults: str):
    status, answer = call(door, nowhere, faults)
    assert status == 0, answer


def test_a_change_whose_answer_is_replaced_is_looked_for(door: Door, nowhere: Path):
    listed = door.run("call", "get_incidents", "limit=1", "--sandbox", cwd=nowhere)
    incident = json.loads(listed.stdout)["incidents"][0]["id"]
    note = ("call", "add_incident_note", f"incident_id={incident}", "content=on it", "--sandbox")
    for faults, status, told in [
        ("POST replaced=502", 0, None),
        ("POST reset", 1, "OUTCOME_UNKNOWN"),
    ]:
        done = door.run(*note, "--sandbox-faults", faults, cwd=nowhere)
        answer = json.loads(done.stdout)
        assert (done.returncode, answer.get("error", {}).get("code")) == (status, told), answer


def test_a_slow_body_takes_its_time(door: Door, nowhere: Path):
    status, answer = call(door, nowhere, "slow_body=60000", PAGERDUTY_TIMEOUT="0.5")
    assert (status, answer["error"]["code"]) == (1, "TIMEOUT")


def test_the_variable_does_the_same(door: Door, nowhere: Path):
    status, answer = call(door, nowhere, "", PAGERDUTY_SANDBOX_FAULTS="status=401")
    assert (status, answer["error"]["code"]) == (1, "AUTHENTICATION_FAILED")


def test_what_makes_no_sense_is_wrong_use(door: Door, nowhere: Path):
    status, said = call(door, nowhere, "status=503; explode")
    assert status == 2
    assert '"explode"' in said
    assert "hint: " in said
