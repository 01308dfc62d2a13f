"""Tests of `get_incidents`, and of the tools that change an incident."""

import pytest
from doors import Session

pytestmark = [pytest.mark.unit, pytest.mark.incidents]


def first(session: Session, **filters) -> dict:
    return session.call("get_incidents", limit=1, **filters)["incidents"][0]


def test_incidents_list_counts_statuses(session: Session):
    answer = session.call("get_incidents", limit=50)
    metadata, incidents = answer["metadata"], answer["incidents"]
    assert metadata["count"] == len(incidents) == 50
    assert metadata["description"] == "Found 50 results for resource type incidents"
    assert sum(metadata["status_counts"].values()) == 50
    assert metadata["status_counts"].keys() == {"triggered", "acknowledged", "resolved"}
    assert {"autoresolve_count", "no_data_count", "has_more"} <= metadata.keys()


def test_incidents_newest_first(session: Session):
    created = [one["created_at"] for one in session.call("get_incidents")["incidents"]]
    assert created == sorted(created, reverse=True)


def test_incidents_pages_continue_at_next_offset(session: Session):
    first_two = session.call("get_incidents", limit=2, statuses=["resolved"])
    assert first_two["metadata"]["has_more"] is True
    offset = first_two["metadata"]["next_offset"]
    third = first(session, statuses=["resolved"], offset=offset)
    three = session.call("get_incidents", limit=3, statuses=["resolved"])["incidents"]
    assert [*first_two["incidents"], third] == three


@pytest.mark.parametrize(
    ("filters", "field", "values"),
    [
        ({"statuses": ["triggered"]}, "status", {"triggered"}),
        ({"statuses": ["triggered", "acknowledged"]}, "status", {"triggered", "acknowledged"}),
        ({"urgencies": ["low"]}, "urgency", {"low"}),
    ],
)
def test_filters_narrow_list(session: Session, filters, field, values):
    incidents = session.call("get_incidents", **filters)["incidents"]
    assert incidents
    assert {incident[field] for incident in incidents} <= values


def test_context_limits_list_to_own_teams(session: Session):
    mine = set(session.call("build_user_context")["team_ids"])
    for incident in session.call("get_incidents")["incidents"]:
        assert mine & {team["id"] for team in incident["teams"]}


def test_incidents_of_other_teams_need_team_ids(session: Session):
    mine = session.call("build_user_context")["team_ids"]
    other = next(t["id"] for t in session.call("get_teams")["teams"] if t["id"] not in mine)
    incidents = session.call("get_incidents", current_user_context=False, team_ids=[other])
    assert all(other in {t["id"] for t in one["teams"]} for one in incidents["incidents"])


def test_incidents_id_and_number_are_equivalent(session: Session):
    listed = first(session)
    by_id = session.one("get_incidents", incident_id=listed["id"])
    assert by_id["title"] == listed["title"]
    assert session.one("get_incidents", incident_id=listed["incident_number"]) == by_id


def test_incidents_extras_have_counts(session: Session):
    answer = session.call(
        "get_incidents",
        incident_id=first(session)["id"],
        include_past_incidents=True,
        include_related_incidents=True,
        include_notes=True,
    )
    (incident,) = answer["incidents"]
    for extra in ("past_incidents", "related_incidents", "notes"):
        assert answer["metadata"].get(f"{extra}_count", 0) == len(incident.get(extra, []))
    scores = [past["similarity_score"] for past in incident.get("past_incidents", [])]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.client
def test_incidents_failed_extra_is_warning(log_in):
    with log_in("sandbox-basic-plan-user") as session:
        incident = first(session)["id"]
        answer = session.call("get_incidents", incident_id=incident, include_past_incidents=True)
    assert answer["incidents"][0]["id"] == incident
    (warning,) = answer["metadata"]["warnings"]
    assert "past_incidents" in warning


def test_acknowledge_is_visible_in_next_call(own_session: Session):
    incident = first(own_session, statuses=["triggered"])["id"]
    assert own_session.one("acknowledge_incident", incident_id=incident)["status"] == "acknowledged"
    assert own_session.one("get_incidents", incident_id=incident)["status"] == "acknowledged"


def test_resolve_twice_is_error(own_session: Session):
    incident = first(own_session, statuses=["triggered"])["id"]
    assert own_session.one("resolve_incident", incident_id=incident)["status"] == "resolved"
    error = own_session.fail("resolve_incident", incident_id=incident)
    assert error["code"] == "ALREADY_RESOLVED"
    assert incident in error["message"]


def test_acknowledge_of_resolved_incident_is_error(own_session: Session):
    incident = first(own_session, statuses=["resolved"])["id"]
    error = own_session.fail("acknowledge_incident", incident_id=incident)
    assert error["code"] == "ALREADY_RESOLVED"


def test_writes_accept_numbers_and_include(own_session: Session):
    number = first(own_session, statuses=["triggered"])["incident_number"]
    changed = own_session.one(
        "acknowledge_incident", incident_id=number, include=["status", "incident_number"]
    )
    assert changed == {"status": "acknowledged", "incident_number": number}


def test_add_note_is_visible_in_next_call(own_session: Session):
    incident = first(own_session)["id"]
    content = "Rolled back.\n“Ünïcode” stays 🙂"
    note = own_session.one("add_incident_note", incident_id=incident, content=content)
    assert note["content"] == content
    shown = own_session.one("get_incidents", incident_id=incident, include_notes=True)
    assert note["id"] in {one["id"] for one in shown["notes"]}


@pytest.mark.client
@pytest.mark.parametrize(
    ("token", "code"),
    [("sandbox-read-only-user", "PERMISSION_DENIED"), ("sandbox-account-key", "NO_USER_CONTEXT")],
)
def test_writes_with_insufficient_token_fail(log_in, token, code):
    with log_in("sandbox-user") as session:
        incident = first(session)["id"]
    with log_in(token) as session:
        for tool, more in [("resolve_incident", {}), ("add_incident_note", {"content": "Hello."})]:
            assert session.fail(tool, incident_id=incident, **more)["code"] == code


@pytest.mark.client
def test_writes_with_account_level_key_use_configured_author(portal, entrance, nowhere, sandbox):
    own = {
        "PAGERDUTY_API_HOST": sandbox.url,
        # Over HTTP this name also belongs to the server, not to each request.
        "PAGERDUTY_USER_API_KEY": "sandbox-account-key",
        "PAGERDUTY_USER_EMAIL": sandbox.control("GET", "/sandbox")["current_user"]["email"],
    }
    with entrance(portal, cwd=nowhere, **own) as session:
        team = session.call("get_teams", limit=1)["teams"][0]["id"]
        incident = first(session, current_user_context=False, team_ids=[team])["id"]
        note = session.one("add_incident_note", incident_id=incident, content="Hello.")
    assert note["user"]["id"] == sandbox.control("GET", "/sandbox")["current_user"]["id"]


@pytest.mark.client
def test_incidents_without_teams_are_the_users_own(log_in):
    with log_in("sandbox-teamless-user") as session:
        me = session.call("build_user_context")
        answer = session.call("get_incidents")
    assert me["team_ids"] == []
    assert answer["incidents"]
    for incident in answer["incidents"]:
        assert me["user_id"] in {one["assignee"]["id"] for one in incident["assignments"]}
    assert any("team" in warning for warning in answer["metadata"]["warnings"])
