"""Tests of arguments: the refused ones, with their codes, and the accepted slips."""

from datetime import datetime, timedelta, timezone

import pytest
from doors import TOOLS, Session

pytestmark = [pytest.mark.unit, pytest.mark.validation]

TODAY = datetime.now(timezone.utc).date()
LAST_WEEK = TODAY - timedelta(days=7)

LISTS = [name for name in TOOLS if name.startswith("get_")]

REFUSED = [
    # Numbers.
    ("get_teams", {"limit": -1}, "INVALID_PARAMETER"),
    ("get_teams", {"limit": 1.5}, "INVALID_PARAMETER"),
    ("get_teams", {"limit": "abc"}, "INVALID_PARAMETER"),
    ("get_teams", {"limit": [1]}, "INVALID_PARAMETER"),
    ("get_teams", {"offset": -1}, "INVALID_PARAMETER"),
    ("get_teams", {"offset": 10_000}, "INVALID_PARAMETER"),
    # Texts and switches.
    ("get_users", {"current_user_context": "maybe"}, "INVALID_PARAMETER"),
    ("add_incident_note", {"incident_id": "PABC123", "content": " \n"}, "INVALID_PARAMETER"),
    # IDs: each resource has its own code.
    ("get_incidents", {"incident_id": "../users/me"}, "INVALID_INCIDENT_ID"),
    ("resolve_incident", {"incident_id": "PABC 123"}, "INVALID_INCIDENT_ID"),
    ("acknowledge_incident", {"incident_id": "PÄBC"}, "INVALID_INCIDENT_ID"),
    ("get_teams", {"team_id": "P?x=1"}, "INVALID_TEAM_ID"),
    ("get_users", {"user_id": "P#"}, "INVALID_USER_ID"),
    ("get_services", {"service_id": "a/b"}, "INVALID_SERVICE_ID"),
    ("get_schedules", {"schedule_id": "%2e%2e"}, "INVALID_SCHEDULE_ID"),
    ("get_escalation_policies", {"policy_id": "a.b"}, "INVALID_ESCALATION_POLICY_ID"),
    ("get_oncalls", {"schedule_ids": ["PABC123", "a/b"]}, "INVALID_SCHEDULE_ID"),
    # Missing.
    ("resolve_incident", {}, "MISSING_PARAMETER"),
    ("add_incident_note", {"incident_id": "PABC123"}, "MISSING_PARAMETER"),
    ("list_users_oncall", {}, "MISSING_PARAMETER"),
    # A query needs a filter without the context.
    ("get_incidents", {"current_user_context": False}, "MISSING_PARAMETER"),
    ("get_oncalls", {"current_user_context": False}, "MISSING_PARAMETER"),
    ("get_services", {"current_user_context": False}, "MISSING_PARAMETER"),
    ("get_users", {"current_user_context": False}, "MISSING_PARAMETER"),
    ("get_escalation_policies", {"current_user_context": False}, "MISSING_PARAMETER"),
    # A list that names nothing is not a valid list.
    ("get_users", {"current_user_context": False, "team_ids": [" "]}, "INVALID_PARAMETER"),
    ("get_services", {"team_ids": ["", " "]}, "INVALID_PARAMETER"),
    ("get_incidents", {"statuses": [None]}, "INVALID_PARAMETER"),
    # Extras need an incident ID
    ("get_incidents", {"include_notes": True}, "MISSING_PARAMETER"),
    ("get_incidents", {"include_past_incidents": True}, "MISSING_PARAMETER"),
    ("get_incidents", {"include_related_incidents": True}, "MISSING_PARAMETER"),
    ("get_incidents", {"include": ["id", "notes"]}, "MISSING_PARAMETER"),
    # An ID and a filter.
    ("get_incidents", {"incident_id": "P1", "urgencies": ["high"]}, "CONFLICTING_PARAMETERS"),
    ("get_teams", {"team_id": "P1", "query": "a"}, "CONFLICTING_PARAMETERS"),
    ("get_users", {"user_id": "P1", "team_ids": ["P2"]}, "CONFLICTING_PARAMETERS"),
    ("get_services", {"service_id": "P1", "query": "a"}, "CONFLICTING_PARAMETERS"),
    ("get_schedules", {"schedule_id": "P1", "query": "a"}, "CONFLICTING_PARAMETERS"),
    ("get_escalation_policies", {"policy_id": "P1", "query": "a"}, "CONFLICTING_PARAMETERS"),
    # The context and a filter that contradicts it.
    ("get_incidents", {"team_ids": ["P1"]}, "CONFLICTING_PARAMETERS"),
    ("get_incidents", {"service_ids": ["P1"]}, "CONFLICTING_PARAMETERS"),
    ("get_oncalls", {"user_ids": ["P1"]}, "CONFLICTING_PARAMETERS"),
    ("get_oncalls", {"escalation_policy_ids": ["P1"]}, "CONFLICTING_PARAMETERS"),
    ("get_services", {"team_ids": ["P1"]}, "CONFLICTING_PARAMETERS"),
    ("get_users", {"team_ids": ["P1"]}, "CONFLICTING_PARAMETERS"),
    ("get_escalation_policies", {"user_ids": ["P1"]}, "CONFLICTING_PARAMETERS"),
    ("get_escalation_policies", {"team_ids": ["P1"]}, "CONFLICTING_PARAMETERS"),
    # Fields.
    ("get_incidents", {"include": ["titel"]}, "INVALID_INCLUDE"),
    ("get_teams", {"include": [""]}, "INVALID_INCLUDE"),
    ("get_teams", {"include": ["id", 5]}, "INVALID_INCLUDE"),
    # Choices: ignoring all of them would request everything.
    ("get_incidents", {"statuses": ["open"]}, "INVALID_PARAMETER"),
    ("get_incidents", {"urgencies": ["urgent", "critical"]}, "INVALID_PARAMETER"),
    # Times.
    ("get_incidents", {"since": "yesterday"}, "INVALID_TIMESTAMP"),
    ("get_incidents", {"until": "2026-02-30"}, "INVALID_TIMESTAMP"),
    ("get_incidents", {"since": 1772100000}, "INVALID_TIMESTAMP"),
    ("get_incidents", {"since": "2026-02-02", "until": "2026-02-01"}, "INVALID_TIME_RANGE"),
    ("get_incidents", {"since": "2026-02-02", "until": "2026-02-02"}, "INVALID_TIME_RANGE"),
    ("get_incidents", {"since": "2026-01-01", "until": "2026-07-01"}, "INVALID_TIME_RANGE"),
    ("get_oncalls", {"since": "2026-02-02", "until": "2026-02-01"}, "INVALID_TIME_RANGE"),
    (
        "get_schedules",
        {"schedule_id": "P1", "since": "2026-01-01", "until": "2026-07-01"},
        "INVALID_TIME_RANGE",
    ),
    # Names.
    ("get_teams", {"name": "Checkout"}, "UNKNOWN_PARAMETER"),
    ("build_user_context", {"user_id": "P1"}, "UNKNOWN_PARAMETER"),
]


@pytest.mark.parametrize(("tool", "arguments", "code"), REFUSED)
def test_invalid_arguments_are_refused(session: Session, tool, arguments, code):
    error = session.fail(tool, **arguments)
    assert error["code"] == code, error
    assert error["hint"]


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("get_teams", {"limit": -2}, ["limit", "-2"]),
        ("get_incidents", {"incident_id": "../users/me"}, ["incident_id", "../users/me"]),
        ("get_incidents", {"include": ["titel"]}, ["titel", "title"]),
        ("get_incidents", {"status": ["triggered"]}, ["status", "statuses", "urgencies"]),
        ("get_users", {"user_id": "P1", "query": "a"}, ["user_id", "query"]),
        ("get_incidents", {"since": "2026-02-02", "until": "2026-02-01"}, ["since", "until"]),
    ],
)
def test_argument_error_names_fault_and_remedy(session, tool, arguments, words):
    error = session.fail(tool, **arguments)
    text = f"{error['message']} {error['hint']}"
    assert all(word in text for word in words), text


@pytest.mark.parametrize(
    ("tool", "slip", "meant"),
    [
        ("get_teams", {"limit": "2"}, {"limit": 2}),
        ("get_teams", {"limit": 2.0}, {"limit": 2}),
        ("get_incidents", {"statuses": "triggered"}, {"statuses": ["triggered"]}),
        ("get_incidents", {"statuses": '["triggered"]'}, {"statuses": ["triggered"]}),
        ("get_incidents", {"statuses": ["Triggered"]}, {"statuses": ["triggered"]}),
        (
            "get_incidents",
            {"statuses": "triggered,acknowledged"},
            {"statuses": ["triggered", "acknowledged"]},
        ),
        ("get_services", {"current_user_context": "true"}, {}),
        ("get_services", {"team_ids": [], "query": " ", "limit": 0, "include": []}, {}),
        ("get_incidents", {"incident_id": "", "since": "", "statuses": "[]"}, {}),
        ("get_teams", {"query": None}, {}),
        ("get_oncalls", {"include": "user"}, {"include": ["user"]}),
        (
            "get_incidents",
            {"since": f"{LAST_WEEK}", "until": f"{TODAY}T00:00"},
            {"since": f"{LAST_WEEK}T00:00:00Z", "until": f"{TODAY}T00:00:00+00:00"},
        ),
    ],
)
def test_argument_slips_are_accepted(session: Session, tool, slip, meant):
    assert session.call(tool, **slip) == session.call(tool, **meant)


def test_id_may_have_surrounding_space(session: Session):
    team = session.call("get_teams", limit=1)["teams"][0]
    assert session.one("get_teams", team_id=f" {team['id']}\n") == team


def test_unknown_status_beside_known_one_is_warning(session: Session):
    answer = session.call("get_incidents", statuses=["triggered", "open"], limit=1)
    (warning,) = answer["metadata"]["warnings"]
    assert "open" in warning
    assert answer["incidents"][0]["status"] == "triggered"


def test_refused_call_sends_no_request(user: Session, sandbox):
    for tool in LISTS:
        assert user.fail(tool, limit=-1)["code"] == "INVALID_PARAMETER"
    user.fail("resolve_incident", incident_id="../users/me")
    assert sandbox.requests() == []
