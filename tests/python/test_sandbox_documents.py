"""Tests that the stored objects of the sandbox match PagerDuty's OpenAPI description.

The tests create, update and delete objects of each kind through the API, and check the documents of
the initial account.
"""

import json
from pathlib import Path

import pytest
from contract import ACCOUNT, LISTS, READ_ONLY, ids, singular

pytestmark = [pytest.mark.unit, pytest.mark.client]


POLICY = {"type": "escalation_policy", "name": "Cooks", "escalation_rules": []}
WRITABLE = {
    "/teams": {"type": "team", "name": "Kitchen", "description": "Cooks for all"},
    "/users": {"type": "user", "name": "Ada Cook", "email": "ada@acme.example"},
    "/escalation_policies": POLICY,
    "/services": {"type": "service", "name": "Oven"},
}


def body_of(api, path):
    """The body that creates an object."""
    fields = WRITABLE[path]
    if path == "/services":
        policy = api.get("/escalation_policies")["escalation_policies"][0]
        fields = fields | {"escalation_policy": {"id": policy["id"], "type": "escalation_policy_reference"}}
    return {singular(path.strip("/")): fields}


@pytest.mark.parametrize("path", WRITABLE)
def test_object_is_created_updated_and_deleted(api, path):
    kind = singular(path.strip("/"))
    body = body_of(api, path)
    created = api.send("POST", path, body=body, status=201)[kind]
    assert created["name"] == created["summary"] == body[kind]["name"] and created["type"] == kind
    one = {"id": created["id"]}
    assert api.get(path + "/{id}", **one)[kind] == created
    assert created["id"] in ids(api.get(path, [("query", created["name"])])[path.strip("/")])
    update = {kind: created | {"name": "Brigade", "summary": "ignored", "id": "PIGNORED"}}
    updated = api.send("PUT", path + "/{id}", body=update, **one)[kind]
    assert updated == created | {"name": "Brigade", "summary": "Brigade"}
    assert api.get(path + "/{id}", **one)[kind] == updated
    api.send("DELETE", path + "/{id}", status=204, **one)
    assert api.get(path + "/{id}", status=404, **one)["error"]["code"] == 2100
    for method in ("PUT", "DELETE"):
        api.send(method, path + "/{id}", body=update, status=404, **one)


@pytest.mark.parametrize("path", WRITABLE)
def test_invalid_object_is_refused(api, path):
    kind = singular(path.strip("/"))
    body = body_of(api, path)
    known = api.get(path)
    nameless = {kind: {name: value for name, value in body[kind].items() if name != "name"}}
    for wrong, part in [
        ({}, f'needs an object "{kind}"'),
        (nameless, "name is missing"),
        ({kind: body[kind] | {"name": 7}}, "name must be a string, not 7"),
        ({kind: body[kind] | {"name": ""}}, "name must not be empty"),
        ({kind: body[kind] | {"name": " "}}, "name must not be empty"),
    ]:
        error = api.send("POST", path, body=wrong, status=400)["error"]
        assert error["code"] == 2001 and part in error["errors"][0]
    api.send("POST", path, body=body, status=403, token=READ_ONLY)
    api.send("POST", path, body=body, status=400, token=ACCOUNT)
    api.send("POST", path, body=body, status=400, sender="stranger@elsewhere.example")
    assert api.get(path) == known


def test_object_in_use_is_not_deleted(api):
    service = next(one for one in api.get("/services", [("limit", 100)])["services"] if one["last_incident_timestamp"])
    for path, one in [
        ("/services", service["id"]),
        ("/escalation_policies", service["escalation_policy"]["id"]),
        ("/teams", api.me()["teams"][0]["id"]),
        ("/users", api.me()["id"]),
    ]:
        assert api.send("DELETE", path + "/{id}", status=400, id=one)["error"]["code"] == 2001
        api.get(path + "/{id}", id=one)


def test_reference_to_unknown_object_is_refused(api):
    body = {"service": {"type": "service", "name": "Oven"}}
    body["service"]["escalation_policy"] = {"id": "PNONE", "type": "escalation_policy_reference"}
    error = api.send("POST", "/services", body=body, status=400)["error"]
    assert "escalation_policy refers to the escalation_policy" in error["errors"][0]
    assert not api.get("/services", [("query", "oven")])["services"]


def test_email_of_another_user_is_refused(api):
    one, other = api.get("/users")["users"][:2]
    for email in (other["email"], other["email"].upper()):
        user = {"user": {"type": "user", "name": "Ada Cook", "email": email}}
        for method, path, more in [("POST", "/users", {}), ("PUT", "/users/{id}", {"id": one["id"]})]:
            error = api.send(method, path, body=user, status=400, **more)["error"]
            assert error["code"] == 2001 and "both have the email" in error["errors"][0]
    assert api.get("/users/{id}", id=one["id"])["user"] == one
    own = {"user": {"type": "user", "name": one["name"], "email": one["email"]}}
    assert api.send("PUT", "/users/{id}", body=own, id=one["id"])["user"] == one


def test_service_status_takes_effect(api):
    service = api.send("POST", "/services", body=body_of(api, "/services"), status=201)["service"]
    assert service["status"] == "active"

    def write(value, **options):
        body = {"service": service | {"status": value}}
        return api.send("PUT", "/services/{id}", body=body, id=service["id"], **options)

    # An enabled service is in one of three states, which its incidents determine.
    for written, shown in [("disabled", "disabled"), ("warning", "active"), ("maintenance", "maintenance"), ("active", "active")]:
        assert write(written)["service"]["status"] == shown
        assert api.get("/services/{id}", id=service["id"])["service"]["status"] == shown
    for wrong in ("paused", None, 7):
        assert "status must be active, warning," in write(wrong, status=400)["error"]["errors"][0]
    body = body_of(api, "/services")
    body["service"] = body["service"] | {"status": "disabled"}
    error = api.send("POST", "/services", body=body, status=400)["error"]
    assert "status of a new service must be active" in error["errors"][0]


def test_service_status_sent_back_stays_computed(api):
    service = api.get("/services/{id}", id=api.open_incident()["service"]["id"])["service"]
    assert service["status"] == "critical"
    assert api.send("PUT", "/services/{id}", body={"service": service}, id=service["id"])["service"] == service
    for incident in api.incidents(("service_ids[]", service["id"]), ("statuses[]", "triggered"), ("statuses[]", "acknowledged")):
        body = {"incident": {"type": "incident", "status": "resolved"}}
        api.send("PUT", "/incidents/{id}", body=body, id=incident["id"])
    assert api.get("/services/{id}", id=service["id"])["service"]["status"] == "active"


@pytest.mark.parametrize("path", WRITABLE)
def test_object_with_expanded_references_can_be_sent_back(api, path):
    _, includes = LISTS[path]
    rows = api.get(path, [("limit", 100)])[path.strip("/")]
    one = {"id": next(row["id"] for row in rows if row.get("teams", True))}
    plain = api.get(path + "/{id}", **one)
    whole = api.get(path + "/{id}", [("include[]", include) for include in includes], **one)
    assert api.send("PUT", path + "/{id}", body=whole, **one) == plain == api.get(path + "/{id}", **one)


SEED = Path(__file__).resolve().parents[2] / "crates" / "sandbox" / "seed"
SCHEMAS = {
    "teams": "Team",
    "users": "User",
    "priorities": "Priority",
    "schedules": "Schedule",
    "shift_schedules": "ScheduleResponse",
    "escalation_policies": "EscalationPolicy",
    "services": "Service",
    "business_services": "BusinessService",
    "maintenance_windows": "MaintenanceWindow",
    "incident_workflows": "IncidentWorkflow",
    "templates": "Template",
}
# Documents whose answers have another form, which test_sandbox_automations.py checks.
OTHER_FORM = {"service_dependencies", "workflow_triggers", "automation_actions", "memories"}
# And test_sandbox_communications.py.
OTHER_FORM |= {"status_pages", "status_page_posts"}
# Events and the script of a scenario, from which alerts, changes and incidents are made.
OTHER_FORM |= {"change_events", "signals", "outage"}
# Fields that the schemas do not have.
NOT_IN_SCHEMA = {
    "schedules": {"overrides"},  # The sandbox computes other fields from it.
    "shift_schedules": {"custom_shifts", "overrides"},
    "users": {"deleted_at"},  # References to a deleted user have it.
    "business_services": {"subscribers"},  # They have a separate list.
    "teams": {"parent"},  # Examples of the description have it.
}


@pytest.mark.parametrize("many", SCHEMAS)
def test_stored_objects_match_schema(contract, many):
    documents = json.loads((SEED / f"{many}.json").read_text(encoding="utf-8"))
    assert documents
    for document in documents:
        for layer in document.get("schedule_layers", []):
            layer["rotation_virtual_start"] = layer["start"]  # Answers have it, too.
        if many == "shift_schedules":
            unknown = check_shift_schedule(contract, document)
        else:
            unknown = contract.check_stored(SCHEMAS[many], {"type": singular(many), **document})
        assert unknown <= NOT_IN_SCHEMA.get(many, set()), f"{document['id']}: {unknown}"


def check_shift_schedule(contract, document):
    """Check a schedule with the types that its answers have, and return the fields that its schema lacks."""
    for rotation in document.get("rotations", []):
        rotation["type"] = "schedule_rotation"
        for event in rotation["events"]:
            event["type"] = "schedule_event"
    for many, schema, kind in PARTS:
        for part in document.get(many, []):
            unknown = contract.check_stored(schema, {"type": kind, **part})
            assert not unknown, f"{part['id']}: {unknown}"
    whole = {"type": "schedule_v3", **document}
    contract.validate({"$ref": f"{contract.BASE}#/components/schemas/ScheduleResponse"}, {"schedule": whole}, document["id"])
    schema = contract.description["components"]["schemas"]["ScheduleResponse"]["properties"]["schedule"]
    return document.keys() - contract.properties(schema)


PARTS = [("custom_shifts", "CustomShift", "custom_shift"), ("overrides", "OverrideShift", "override_shift")]


def test_stored_objects_are_all_checked():
    assert {file.stem for file in SEED.iterdir()} == SCHEMAS.keys() | OTHER_FORM
