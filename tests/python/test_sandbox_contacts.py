"""Tests of the contact methods and notification rules of the sandbox's users, and of deleted users.

Every answer is checked against PagerDuty's OpenAPI description.
"""

import pytest
from contract import ACCOUNT, READ_ONLY, ids

pytestmark = [pytest.mark.unit, pytest.mark.client]

METHODS = "/users/{id}/contact_methods"
RULES = "/users/{id}/notification_rules"
METHOD, RULE = METHODS + "/{contact_method_id}", RULES + "/{notification_rule_id}"

PHONE = {
    "type": "phone_contact_method",
    "label": "Desk",
    "address": "2025550100",
    "country_code": 1,
}
NEW = [
    {"type": "email_contact_method", "label": "Home", "address": "home@acme.example"},
    PHONE,
    PHONE | {"type": "sms_contact_method"},
    {
        "type": "push_notification_contact_method",
        "label": "Pixel",
        "address": "4f1c",
        "device_type": "android",
    },
]


@pytest.mark.parametrize("method", NEW, ids=lambda method: method["type"])
def test_contact_method_is_created_updated_and_deleted(api, method):
    me = api.me()["id"]
    before = api.get(METHODS, id=me)["contact_methods"]
    created = api.send("POST", METHODS, body={"contact_method": method}, status=201, id=me)[
        "contact_method"
    ]
    assert created.items() >= method.items()
    assert created["summary"] == method["label"]
    one = {"id": me, "contact_method_id": created["id"]}
    assert api.get(METHOD, **one)["contact_method"] == created
    assert api.get(METHODS, id=me)["contact_methods"] == [*before, created]
    included = api.get("/users/{id}", [("include[]", "contact_methods")], id=me)["user"][
        "contact_methods"
    ]
    assert included == [*before, created]
    rule = {
        "type": "assignment_notification_rule",
        "start_delay_in_minutes": 3,
        "urgency": "high",
        "contact_method": {"id": created["id"], "type": created["type"]},
    }
    rule = api.send("POST", RULES, body={"notification_rule": rule}, status=201, id=me)[
        "notification_rule"
    ]
    assert rule["contact_method"]["id"] == created["id"]
    of_it = {"id": me, "notification_rule_id": rule["id"]}
    assert api.get(RULE, **of_it)["notification_rule"] == rule
    body = {"notification_rule": rule | {"start_delay_in_minutes": 9}}
    assert (
        api.send("PUT", RULE, body=body, **of_it)["notification_rule"]["start_delay_in_minutes"]
        == 9
    )
    body = {"contact_method": {"label": "Other"}}
    changed = api.send("PUT", METHOD, body=body, **one)["contact_method"]
    assert changed == created | {"label": "Other", "summary": "Other"}
    api.send("DELETE", METHOD, status=204, **one)
    api.get(METHOD, status=404, **one)
    api.get(RULE, status=404, **of_it)
    assert api.get(METHODS, id=me)["contact_methods"] == before


def test_notification_rule_is_deleted(api):
    me = api.me()["id"]
    [rule, *rest] = api.get(RULES, id=me)["notification_rules"]
    one = {"id": me, "notification_rule_id": rule["id"]}
    api.send("DELETE", RULE, status=204, **one)
    api.send("DELETE", RULE, status=404, **one)
    assert api.get(RULES, id=me)["notification_rules"] == rest


def test_invalid_contact_is_refused(api):
    me = api.me()["id"]
    before = api.get("/users/{id}", id=me)
    known = api.get(METHODS, id=me)["contact_methods"][0]
    for wrong, part in [
        ({}, "label and address"),
        (PHONE | {"address": " "}, "label and address"),
        (PHONE | {"country_code": 0}, "country_code must be"),
        (PHONE | {"type": "fax_contact_method"}, "type must be"),
        (NEW[3] | {"device_type": "pager"}, "device_type must be"),
        (NEW[0] | {"address": known["address"]}, "must be unique"),
    ]:
        error = api.send("POST", METHODS, body={"contact_method": wrong}, status=400, id=me)[
            "error"
        ]
        assert part in error["errors"][0], error
    rule = {
        "type": "assignment_notification_rule",
        "start_delay_in_minutes": 0,
        "urgency": "low",
        "contact_method": {"id": known["id"], "type": known["type"]},
    }
    for wrong, part in [
        (rule | {"urgency": "medium"}, "urgency must be"),
        (rule | {"start_delay_in_minutes": -1}, "start_delay_in_minutes must be"),
        (rule | {"contact_method": {"id": "PNOBODY"}}, "contact_method must be"),
        (rule | {"type": "rule"}, "type must be"),
    ]:
        error = api.send("POST", RULES, body={"notification_rule": wrong}, status=400, id=me)[
            "error"
        ]
        assert part in error["errors"][0], error
    api.send(
        "PUT",
        METHOD,
        body={"contact_method": PHONE},
        status=400,
        id=me,
        contact_method_id=known["id"],
    )
    for template in (METHODS, RULES):
        api.send("POST", template, body={}, status=400, id=me)
        api.send("POST", template, body={}, status=403, id=me, token=READ_ONLY)
        api.send("POST", template, body={}, status=404, id="PNOBODY")
        api.get(template, status=404, id="PNOBODY")
        api.get(template, id=me, token=ACCOUNT)
    assert api.get("/users/{id}", id=me) == before


def test_deleted_user_is_only_in_references(api):
    now = api.sandbox.control("GET", "/sandbox")["now"]
    weeks = [("since", now)]  # Two weeks.
    [schedule] = api.get("/schedules", [("query", "Legacy Batch Primary")])["schedules"]
    deleted = [user for user in schedule["users"] if user.get("deleted_at")]
    assert [(user["self"], user["html_url"]) for user in deleted] == [(None, None)]
    user = deleted[0]["id"]
    api.get("/users/{id}", status=404, id=user)
    assert user not in ids(
        api.get("/users", [("query", deleted[0]["summary"].split()[0])])["users"]
    )
    rendered = api.get("/schedules/{id}", weeks, id=schedule["id"])["schedule"]["final_schedule"]
    shifts = [entry["user"] for entry in rendered["rendered_schedule_entries"]]
    assert deleted[0] in shifts
    assert user not in ids(api.get("/schedules/{id}/users", weeks, id=schedule["id"])["users"])
    override = {"start": now, "end": "2100-01-01", "user": {"id": user, "type": "user_reference"}}
    [refused] = api.send(
        "POST",
        "/schedules/{id}/overrides",
        body={"overrides": [override]},
        status=201,
        id=schedule["id"],
    )
    assert refused["status"] == 400
