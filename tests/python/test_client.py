"""Tests of failures of PagerDuty and of the network: the error code, and the next step."""

import json
import re
import socket
from collections import Counter
from collections.abc import Iterator

import pytest
from doors import Session, connect

pytestmark = [pytest.mark.unit, pytest.mark.client]

TOKENS = ["sandbox-user", "wrong-secret-4711"]


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ({"status": {"code": 400}}, "API_ERROR", 400),
        ({"status": {"code": 401}}, "AUTHENTICATION_FAILED", 401),
        ({"status": {"code": 402}}, "MISSING_ABILITY", 402),
        ({"status": {"code": 403}}, "PERMISSION_DENIED", 403),
        ({"status": {"code": 404}}, "NOT_FOUND", 404),
        ({"status": {"code": 503}}, "API_ERROR", 503),
        ("html", "API_ERROR", 502),
        ("empty", "UNEXPECTED_RESPONSE", 200),
        ("reset", "NETWORK_ERROR", None),
        ({"wrong_json": {"nonsense": 1}}, "UNEXPECTED_RESPONSE", 200),
        ({"wrong_json": {"teams": [5]}}, "UNEXPECTED_RESPONSE", 200),
        ({"status": {"code": 200, "body": "<html>A portal.</html>"}}, "UNEXPECTED_RESPONSE", 200),
    ],
    ids=json.dumps,
)
def test_client_failures_have_error_codes(user: Session, sandbox, kind, code, status):
    sandbox.fail(kind, path="/teams", times=10)
    error = user.fail("get_teams")
    assert (error["code"], error.get("status")) == (code, status), error
    # A model should not have to read the page of a proxy.
    assert not re.search(r"<\w|Bad Gateway|portal", json.dumps(error)), error


def test_client_rate_limit_says_how_long_to_wait(user: Session, sandbox):
    limit = {"status": {"code": 429, "headers": {"ratelimit-reset": "45"}}}
    sandbox.fail(limit, path="/teams", times=10)
    error = user.fail("get_teams")
    assert (error["code"], error["retry_after_seconds"]) == ("RATE_LIMITED", 45)


@pytest.mark.parametrize(
    "kind",
    ["html", "reset", "truncated", {"status": {"code": 429, "headers": {"ratelimit-reset": "0"}}}],
    ids=json.dumps,
)
def test_client_retries_passing_faults(user: Session, sandbox, kind):
    sandbox.fail(kind, path="/teams")
    assert user.call("get_teams")["teams"]
    assert sandbox.requests().count("GET /teams") == 2


@pytest.mark.incidents
def test_client_verifies_writes_with_lost_answer(user: Session, sandbox):
    incident = user.call("get_incidents", statuses=["triggered"], limit=1)["incidents"][0]["id"]
    sandbox.fail("lost_response", path="/incidents/{id}/notes", method="POST")
    note = user.one("add_incident_note", incident_id=incident, content="Once.")
    assert note["content"] == "Once."
    sandbox.fail("lost_response", path="/incidents/{id}", method="PUT")
    assert user.one("resolve_incident", incident_id=incident)["status"] == "resolved"
    sent = Counter(sandbox.requests())
    assert sent[f"POST /incidents/{incident}/notes"] == 1
    assert sent[f"GET /incidents/{incident}/notes"] == 1, "it was verified"


def test_client_wrong_token_error_mentions_region(log_in):
    with log_in("wrong-secret-4711") as session:
        error = session.fail("get_teams")
    assert error["code"] == "AUTHENTICATION_FAILED"
    assert "region" in error["hint"]


def test_client_missing_token_error_names_three_sources(portal, mcp_door, nowhere):
    with connect(portal, mcp_door, cwd=nowhere) as session:
        assert len(session.ask("list_tools").tools) == 12
        error = session.fail("get_teams")
    assert error["code"] == "MISSING_CREDENTIALS"
    for way in ("PAGERDUTY_API_TOKEN", "X-PagerDuty-Token", "PAGERDUTY_CLIENT_ID"):
        assert way in error["hint"]


@pytest.fixture
def silence() -> Iterator[str]:
    """Return a host that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def closed_port() -> str:
    """Return a host on which no port listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_client_silent_host_times_out(log_in, silence):
    limits = {"PAGERDUTY_API_HOST": silence, "PAGERDUTY_TIMEOUT": "0.3"}
    with log_in("sandbox-user", **limits) as session:
        assert session.fail("get_teams")["code"] == "TIMEOUT"


def test_client_closed_port_is_network_error(log_in, closed_port):
    with log_in("sandbox-user", PAGERDUTY_API_HOST=closed_port) as session:
        assert session.fail("get_teams")["code"] == "NETWORK_ERROR"


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    "fault", [None, "html", "reset", {"status": {"code": 500}}], ids=json.dumps
)
def test_client_prints_no_token(door, nowhere, sandbox, token, fault):
    if fault:
        sandbox.fail(fault, times=10)
    done = door.run(
        *("call", "get_teams"),
        cwd=nowhere,
        PAGERDUTY_API_HOST=sandbox.url,
        PAGERDUTY_API_TOKEN=token,
        # Check all output, including that of the libraries.
        PAGERDUTY_LOG="trace,pagerduty_mcp_server=trace,hyper=trace,reqwest=trace",
    )
    assert "TRACE" in done.stderr
    assert token not in done.stdout + done.stderr
