"""Tests of the requests by which a responder opens an incident and acts on it.

Every body is checked against the response schema in PagerDuty's OpenAPI description.
"""

from datetime import UTC, datetime, timedelta

import pytest
from contract import ACCOUNT, BASIC_PLAN, READ_ONLY

pytestmark = [pytest.mark.unit, pytest.mark.client]

CHECKOUT = {"id": "P7KEX0S", "type": "service_reference"}
STEP = timedelta(minutes=1)


def opened(api, key, *, status=201, **more):
    incident = {
        "type": "incident",
        "title": f"Checkout is down ({key})",
        "service": CHECKOUT,
        "incident_key": key,
    }
    answer = api.send("POST", "/incidents", body={"incident": incident | more}, status=status)
    return answer["incident"] if status == 201 else answer["error"]


def in_minutes(minutes):
    at = datetime.now(UTC) + minutes * STEP
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_incident_is_opened_once_for_a_key(api):
    details = {"type": "incident_body", "details": "Every order fails"}
    incident = opened(api, "opened-once", urgency="low", body=details)
    assert (incident["status"], incident["urgency"]) == ("triggered", "low")
    assert incident["assignments"]
    assert opened(api, "opened-once", status=400)["code"] == 2002
    resolved = {"incident": {"type": "incident_reference", "status": "resolved"}}
    api.send("PUT", "/incidents/{id}", body=resolved, id=incident["id"])
    assert opened(api, "opened-once")["id"] != incident["id"]


def test_incident_that_cannot_be_opened_is_refused(api):
    user = api.me()
    both = {
        "assignments": [{"assignee": {"id": user["id"], "type": "user_reference"}}],
        "escalation_policy": {"id": "PJBDDA3", "type": "escalation_policy_reference"},
    }
    for more in (
        {"title": " "},
        {"type": "incident_reference"},
        {"service": {"id": "PCMD9YY", "type": "service_reference"}},
        {"service": {"id": "PNONE", "type": "service_reference"}},
        both,
    ):
        assert opened(api, "refused", status=400, **more)["code"] == 2001
    body = {"incident": {"type": "incident", "title": "Down", "service": CHECKOUT}}
    api.send("POST", "/incidents", body=body, token=ACCOUNT, status=400)
    api.send("POST", "/incidents", body=body, token=ACCOUNT, sender=user["email"], status=201)
    api.send("POST", "/incidents", body=body, token=READ_ONLY, status=403)


def test_responders_are_requested_and_canceled(api):
    incident = opened(api, "responders")
    me = api.me()["id"]
    policy = {"id": "PJBDDA3", "type": "escalation_policy_reference"}
    user = {"id": me, "type": "user_reference"}
    targets = [{"responder_request_target": target} for target in (user, policy)]
    path = "/incidents/{id}/responder_requests"
    body = {"requester_id": me, "message": "join", "responder_request_targets": targets}
    made = api.send("POST", path, body=body, id=incident["id"])["responder_request"]
    assert len(made["responder_request_targets"]) == 2
    shown = api.get("/incidents/{id}", id=incident["id"])["incident"]
    assert {one["state"] for one in shown["incidents_responders"]} == {"pending"}
    assert shown["responder_requests"] == [made]
    canceled = {"requester_id": me, "responder_request_targets": [user, policy]}
    for result in ("cancelled", "not_found"):
        answer = api.send("PUT", path + "/cancel", body=canceled, id=incident["id"])
        assert answer["responder_request_targets"][0]["result"] == result
    api.send("POST", path, body=body, id=incident["id"], token=BASIC_PLAN, status=402)
    api.send("POST", path, body=body | {"message": " "}, id=incident["id"], status=400)
    api.send("POST", path, body=body, id="PNONE", status=404)


def test_automations_run_on_an_incident(api):
    incident = opened(api, "runs")
    body = {"invocation": {"metadata": {"incident_id": incident["id"]}}}
    path = "/automation_actions/actions/{id}/invocations"
    action = "01K3YX9ZFZA0AMXZJXQVT4BQ11"
    made = api.send("POST", path, body=body, id=action, status=201)["invocation"]
    shown = api.get("/automation_actions/invocations/{id}", id=made["id"])["invocation"]
    assert shown["metadata"] == made["metadata"]
    for other in ("01KBT2M1V3Z27TSW40R9YT65YD", "01KKMYZV5Q9KR35M8P00D4JG69"):
        api.send("POST", path, body=body, id=other, status=400)
    reference = {"id": incident["id"], "type": "incident_reference"}
    start = {"incident_workflow_instance": {"incident": reference}}
    path = "/incident_workflows/{id}/instances"
    api.send("POST", path, body=start, id="PFF2OLD", status=201)
    api.send("POST", path, body=start, id="PFF2OLD", token=BASIC_PLAN, status=402)
    query = [("include[]", "conference_bridge")]
    shown = api.get("/incidents/{id}", query, id=incident["id"])["incident"]
    assert shown["conference_bridge"]["conference_url"]


def test_maintenance_windows_are_opened_changed_and_ended(api):
    path = "/maintenance_windows/{id}"
    window = {
        "type": "maintenance_window",
        "start_time": in_minutes(-60),
        "end_time": in_minutes(60),
        "description": "deploy",
        "services": [CHECKOUT],
    }
    body = {"maintenance_window": window}
    made = api.send("POST", "/maintenance_windows", body=body, status=201)["maintenance_window"]
    assert made["start_time"] > window["start_time"]
    assert made["created_by"]["id"] == api.me()["id"]
    api.send("PUT", path, body=body, id=made["id"], status=400)
    longer = {"maintenance_window": made | {"end_time": in_minutes(120)}}
    changed = api.send("PUT", path, body=longer, id=made["id"])["maintenance_window"]
    assert changed["end_time"] > made["end_time"]
    for more in ({"end_time": in_minutes(-1)}, {"services": []}):
        refused = {"maintenance_window": window | more}
        api.send("POST", "/maintenance_windows", body=refused, status=400)
    future = {"maintenance_window": window | {"start_time": in_minutes(30)}}
    other = api.send("POST", "/maintenance_windows", body=future, status=201)["maintenance_window"]
    api.send("DELETE", path, id=other["id"], status=204)
    api.get(path, id=other["id"], status=404)
    api.send("DELETE", path, id="PWKQH7D", status=204)
    assert api.get(path, id="PWKQH7D")["maintenance_window"]["end_time"] <= in_minutes(1)
