"""PagerDuty and the network misbehave; the caller is told what it is and what to do."""

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
def test_what_goes_wrong_gets_its_code(user: Session, sandbox, kind, code, status):
    sandbox.fail(kind, path="/teams", times=10)
    error = user.fail("get_teams")
    assert (error["code"], error.get("status")) == (code, status), error
    # The page of a proxy is nothing a model should have to read.
    assert not re.search(r"<\w|Bad Gateway|portal", json.dumps(error)), error


def test_a_rate_limit_says_how_long_to_wait(user: Session, sandbox):
    limit = {"status": {"code": 429, "headers": {"ratelimit-reset": "45"}}}
    sandbox.fail(limit, path="/teams", times=10)
    error = user.fail("get_teams")
    assert (error["code"], error["retry_after_seconds"]) == ("RATE_LIMITED", 45)


@pytest.mark.parametrize(
    "kind",
    ["html", "reset", "truncated", {"status": {"code": 429, "headers": {"ratelimit-reset": "0"}}}],
    ids=json.dumps,
)
def test_what_passes_is_waited_for(user: Session, sandbox, kind):
    sandbox.fail(kind, path="/teams")
    assert user.call("get_teams")["teams"]
    assert sandbox.requests().count("GET /teams") == 2


@pytest.mark.incidents
def test_a_lost_answer_neither_repeats_a_note_nor_denies_a_change(user: Session, sandbox):
    incident = user.call("get_incidents", statuses=["triggered"], limit=1)["incidents"][0]["id"]
    sandbox.fail("lost_response", path="/incidents/{id}/notes", method="POST")
    note = user.one("add_incident_note", incident_id=incident, content="Once.")
    assert note["content"] == "Once."
    sandbox.fail("lost_response", path="/incidents/{id}", method="PUT")
    assert user.one("resolve_incident", incident_id=incident)["status"] == "resolved"
    sent = Counter(sandbox.requests())
    assert sent[f"POST /incidents/{incident}/notes"] == 1
    assert sent[f"GET /incidents/{incident}/notes"] == 1, "it was looked for"


def test_a_wrong_token_is_refused_with_a_word_about_the_region(log_in):
    with log_in("wrong-secret-4711") as session:
        error = session.fail("get_teams")
    assert error["code"] == "AUTHENTICATION_FAILED"
    assert "region" in error["hint"]


def test_without_a_token_three_ways_are_named(portal, mcp_door, nowhere):
    with connect(portal, mcp_door, cwd=nowhere) as session:
        assert len(session.ask("list_tools").tools) == 12
        error = session.fail("get_teams")
    assert error["code"] == "MISSING_CREDENTIALS"
    for way in ("PAGERDUTY_API_TOKEN", "X-PagerDuty-Token", "PAGERDUTY_CLIENT_ID"):
        assert way in error["hint"]


@pytest.fixture
def silence() -> Iterator[str]:
    """A host that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def nobody() -> str:
    """A host where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_host_that_does_not_answer_is_given_up(log_in, silence):
    limits = {"PAGERDUTY_API_HOST": silence, "PAGERDUTY_TIMEOUT": "0.3"}
    with log_in("sandbox-user", **limits) as session:
        assert session.fail("get_teams")["code"] == "TIMEOUT"


def test_a_host_where_nobody_listens(log_in, nobody):
    with log_in("sandbox-user", PAGERDUTY_API_HOST=nobody) as session:
        assert session.fail("get_teams")["code"] == "NETWORK_ERROR"


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    "fault", [None, "html", "reset", {"status": {"code": 500}}], ids=json.dumps
)
def test_no_token_is_ever_printed(door, nowhere, sandbox, token, fault):
    if fault:
        sandbox.fail(fault, times=10)
    done = door.run(
        *("call", "get_teams"),
        cwd=nowhere,
        PAGERDUTY_API_HOST=sandbox.url,
        PAGERDUTY_API_TOKEN=token,
        # Everything, including what the libraries have to say.
        PAGERDUTY_LOG="trace,pagerduty_mcp_server=trace,hyper=trace,reqwest=trace",
    )
    assert "TRACE" in done.stderr
    assert token not in done.stdout + done.stderr
