"""Tests of the conversion of PagerDuty's answers: envelopes, fields, sizes."""

import pytest
from doors import Session

pytestmark = [pytest.mark.unit, pytest.mark.parsers]

INCIDENT = {
    "id", "incident_number", "title", "status", "urgency", "created_at", "updated_at", "summary",
    "description", "last_status_change_at", "resolved_at", "alert_counts", "body_details",
    "client_url", "service", "escalation_policy", "last_status_change_by", "assignments",
    "acknowledgements", "teams",
}  # fmt: skip

RESOURCES = [
    pytest.param(tool, fields, marks=getattr(pytest.mark, tool.removeprefix("get_")), id=tool)
    for tool, fields in {
        "get_escalation_policies": {
            "id", "name", "description", "escalation_rules", "services", "teams",
        },
        "get_incidents": INCIDENT,
        "get_oncalls": {
            "user", "schedule", "escalation_policy", "escalation_level", "start", "end",
        },
        "get_schedules": {
            "id", "name", "summary", "time_zone", "description", "kind", "escalation_policies",
            "teams", "schedule_layers",
        },
        "get_services": {
            "id", "name", "status", "created_at", "updated_at", "description", "teams",
            "integrations",
        },
        "get_teams": {"id", "name", "description", "parent"},
        "get_users": {
            "id", "name", "email", "type", "description", "teams", "contact_methods",
            "notification_rules",
        },
    }.items()
]  # fmt: skip


def empty(value) -> bool:
    """Return whether a value contains an empty value."""
    if isinstance(value, dict):
        return not value or any(empty(part) for part in value.values())
    if isinstance(value, list):
        return not value or any(empty(part) for part in value)
    return value is None or value == ""


@pytest.mark.parametrize(("tool", "fields"), RESOURCES)
def test_answers_have_envelope_and_default_fields(session: Session, tool, fields):
    many = tool.removeprefix("get_")
    answer = session.call(tool)
    assert list(answer) == ["metadata", many]
    count = len(answer[many])
    assert answer["metadata"]["count"] == count > 1
    assert answer["metadata"]["description"] == f"Found {count} results for resource type {many}"
    assert isinstance(answer["metadata"]["has_more"], bool)
    for item in answer[many]:
        assert item.keys() <= fields
        assert not empty(item), item


@pytest.mark.parametrize(("tool", "fields"), RESOURCES)
def test_include_replaces_fields_in_given_order(session: Session, tool, fields):
    wanted = sorted(fields - {"summary"}, reverse=True)
    for item in session.call(tool, limit=3, include=wanted)[tool.removeprefix("get_")]:
        assert list(item) == [field for field in wanted if field in item]


@pytest.mark.incidents
def test_include_accepts_non_default_fields(session: Session):
    fields = ["html_url", "incident_key", "priority"]
    incidents = session.call("get_incidents", limit=20, include=fields)["incidents"]
    assert all(one["html_url"].startswith("https://") for one in incidents)
    assert all(one.keys() <= set(fields) for one in incidents)


@pytest.mark.incidents
def test_include_accepts_fields_that_need_requests(session: Session):
    incident = session.call("get_incidents", limit=1)["incidents"][0]["id"]
    shown = session.one("get_incidents", incident_id=incident, include=["past_incidents", "id"])
    assert list(shown)[-1] == "id"
    assert shown.keys() <= {"past_incidents", "id"}


@pytest.mark.incidents
@pytest.mark.client
@pytest.mark.parametrize(
    ("details", "shown"),
    [
        ("Disk full", {"body_details": {"description": "Disk full"}}),
        (
            {
                "__pd_cef_payload": {
                    "details": {"title": "x", "disk": "90%"},
                    "client_url": "https://a.example",
                }
            },
            {"body_details": {"disk": "90%"}, "client_url": "https://a.example"},
        ),
        ({"__pd_cef_payload": {"details": "Disk full"}}, None),
        (None, {}),
        ([], {}),
    ],
)
def test_incident_body_is_shown(user: Session, sandbox, details, shown):
    body = {"type": "incident_body", "details": details}
    wrong = {"incident": {"id": "PABC123", "type": "incident", "body": body}}
    sandbox.fail({"wrong_json": wrong}, path="/incidents/{id}")
    incident = user.one("get_incidents", incident_id="PABC123")
    assert incident.pop("id") == "PABC123"
    # The form of an unusual payload is not specified, but some of it must be shown.
    assert shown is None or incident == shown


@pytest.mark.utils
def test_answer_over_budget_ends_at_whole_item(log_in):
    with log_in("sandbox-user", PAGERDUTY_MAX_RESPONSE_TOKENS="1000") as session:
        answer = session.call("get_incidents")
        metadata, incidents = answer["metadata"], answer["incidents"]
        assert 0 < metadata["count"] == len(incidents) == metadata["next_offset"] < 100
        assert metadata["has_more"] is True
        assert metadata["warnings"]
        rest = session.call("get_incidents", offset=metadata["next_offset"])["incidents"]
    assert rest[0] not in incidents


@pytest.mark.utils
def test_hundred_incidents_fit_default_budget(session: Session):
    metadata = session.call("get_incidents")["metadata"]
    assert metadata["count"] == 100
    assert "warnings" not in metadata
