"""Tests that dependencies, maintenance windows and automations have the form of PagerDuty's API.

Every answer is checked against its response schema in PagerDuty's OpenAPI description.
"""

import pytest
from contract import BASIC_PLAN, ids

pytestmark = [pytest.mark.unit, pytest.mark.client]


def service(api, name):
    """Return a service by its name."""
    return api.get("/services", [("query", name)])["services"][0]


def open_incidents(api, service):
    """Return the open incidents of a service."""
    return api.incidents(
        ("service_ids[]", service["id"]),
        ("statuses[]", "triggered"),
        ("statuses[]", "acknowledged"),
    )


def test_dependencies_lead_from_both_ends(api):
    checkout, payments = service(api, "Checkout API"), service(api, "Payments API")
    of = {
        one["id"]: api.get("/service_dependencies/technical_services/{id}", id=one["id"])[
            "relationships"
        ]
        for one in (checkout, payments)
    }
    between = [
        one for one in of[checkout["id"]] if one["supporting_service"]["id"] == payments["id"]
    ]
    assert between
    assert between[0] in of[payments["id"]]
    assert between[0]["supporting_service"]["type"] == "technical_service_reference"
    above = [one["dependent_service"] for one in of[payments["id"]]]
    business = next(one for one in above if one["type"] == "business_service_reference")
    template = "/service_dependencies/business_services/{id}"
    below = api.get(template, id=business["id"])["relationships"]
    assert payments["id"] in {one["supporting_service"]["id"] for one in below}
    api.get(template, status=404, id=payments["id"])
    api.get("/service_dependencies/technical_services/{id}", status=404, id=business["id"])


def test_business_services_are_listed_and_shown(api):
    rows = api.get("/business_services")["business_services"]
    assert len(rows) > 5
    assert api.get("/business_services", [("limit", 2)])["more"] is True
    for row in rows:
        assert api.get("/business_services/{id}", id=row["id"])["business_service"] == row
    api.get("/business_services/{id}", status=404, id="PNONE")


def test_impact_follows_open_incidents(api):
    fields = [
        ("additional_fields[]", "services.highest_impacting_priority"),
        ("additional_fields[]", "total_impacted_count"),
    ]
    answer = api.get("/business_services/impacts", fields)
    impacted = [one["status"] == "impacted" for one in answer["services"]]
    assert impacted == sorted(impacted, reverse=True)
    assert True in impacted
    assert False in impacted
    assert answer["additional_fields"]["total_impacted_count"] == sum(impacted)
    checkout = next(one for one in answer["services"] if one["name"] == "Online Checkout")
    assert checkout["status"] == "impacted"
    assert checkout["additional_fields"]["highest_impacting_priority"]["id"]
    (cards,) = api.get("/business_services/{id}/supporting_services/impacts", id=checkout["id"])[
        "services"
    ]
    assert cards["name"] == "Card Payments"
    assert ids(api.get("/business_services/impacts", [("ids[]", cards["id"])])["services"]) == {
        cards["id"]
    }
    assert cards["id"] not in ids(answer["services"]), "it supports others, so it is not at the top"
    (incident,) = (
        one for one in open_incidents(api, service(api, "Payments API")) if one["urgency"] == "high"
    )
    of_incident = api.get("/incidents/{id}/business_services/impacts", id=incident["id"])[
        "services"
    ]
    assert {checkout["id"], cards["id"]} <= ids(of_incident)
    api.send(
        "PUT",
        "/incidents/{id}",
        body={"incident": {"type": "incident", "status": "resolved"}},
        id=incident["id"],
    )
    assert api.get("/incidents/{id}/business_services/impacts", id=incident["id"])["services"] == []
    api.get("/incidents/{id}/business_services/impacts", status=404, id="QNONE")


def test_maintenance_windows_are_filtered_by_time_service_and_team(api):
    def listed(*query):
        return api.get("/maintenance_windows", [("limit", 100), *query])["maintenance_windows"]

    everything = listed()
    states = {
        state: ids(listed(("filter", state)))
        for state in ("past", "ongoing", "future", "open", "all")
    }
    assert states["past"]
    assert states["ongoing"]
    assert states["future"]
    assert states["open"] == states["ongoing"] | states["future"]
    assert states["all"] == states["open"] | states["past"] == ids(everything)
    window = next(one for one in everything if one["id"] in states["ongoing"])
    assert window["summary"] == window["description"]
    of_service = listed(("service_ids[]", window["services"][0]["id"]), ("filter", "open"))
    assert ids(of_service) == {window["id"]}
    assert window["id"] in ids(listed(("team_ids[]", window["teams"][0]["id"])))
    assert listed(("query", "no such window")) == []
    whole = [("include[]", include) for include in ("teams", "services", "users")]
    shown = api.get("/maintenance_windows/{id}", whole, id=window["id"])["maintenance_window"]
    assert shown["services"][0]["status"] == "maintenance"
    assert shown["created_by"]["email"]
    api.get("/maintenance_windows/{id}", status=404, id="PNONE")


def test_workflows_have_steps_and_triggers(api):
    rows = api.get("/incident_workflows")["incident_workflows"]
    assert all("steps" not in row for row in rows)
    assert not all(row["is_enabled"] for row in rows)
    whole = api.get("/incident_workflows", [("include[]", "steps"), ("include[]", "team")])[
        "incident_workflows"
    ]
    assert all(row["steps"] for row in whole)
    for row in whole:
        assert (
            api.get("/incident_workflows/{id}", id=row["id"])["incident_workflow"]["steps"]
            == row["steps"]
        )
    name = rows[0]["name"]
    assert [
        row["name"]
        for row in api.get("/incident_workflows", [("query", name)])["incident_workflows"]
    ] == [name]
    api.get("/incident_workflows/{id}", status=404, id="PNONE")


def test_triggers_are_read_by_cursor_and_filtered(api):
    def listed(*query):
        return api.get("/incident_workflows/triggers", [("limit", 100), *query])["triggers"]

    everything = listed()
    pages, cursor = [], None
    while cursor or not pages:
        query = [("limit", 3), *([("cursor", cursor)] if cursor else [])]
        page = api.get("/incident_workflows/triggers", query)
        pages += page["triggers"]
        cursor = page["next_cursor"]
        assert page["more"] is (cursor is not None)
    assert pages == everything
    payments = service(api, "Payments API")
    of_service = listed(("service_id", payments["id"]))
    incident = open_incidents(api, payments)[0]
    assert listed(("incident_id", incident["id"])) == of_service
    assert len(of_service) < len(everything)
    assert all(
        one["is_subscribed_to_all_services"] or payments["id"] in ids(one["services"])
        for one in of_service
    )
    manual = listed(("trigger_type", "manual"))
    assert manual
    assert all(one["trigger_type"] == "manual" and "condition" not in one for one in manual)
    assert all(
        one["workflow_name"] == "Open a bridge"
        for one in listed(("workflow_name_contains", "BRIDGE"))
    )
    assert [one["is_disabled"] for one in listed(("is_disabled", "true"))] == [True]
    api.get("/incident_workflows/triggers", [("cursor", "nowhere")], status=400)


def test_actions_and_their_runs(api):
    payments = service(api, "Payments API")
    actions = api.get("/automation_actions/actions", [("service_id", payments["id"])])["actions"]
    names = [action["name"] for action in actions]
    assert names == sorted(names)
    assert "Check certificates" in names, "it is for all services"
    first = api.get("/automation_actions/actions", [("limit", 1)])
    assert len(first["actions"]) == 1
    assert first["next_cursor"]
    second = api.get(
        "/automation_actions/actions", [("limit", 1), ("cursor", first["next_cursor"])]
    )
    assert second["actions"] != first["actions"]
    restart = next(action for action in actions if action["name"] == "Restart payments-api")
    shown = api.get("/automation_actions/actions/{id}", id=restart["id"])["action"]
    assert shown["teams"]
    assert restart.items() <= shown.items()
    found = api.get(
        "/automation_actions/actions", [("name", "RESTART"), ("classification", "remediation")]
    )["actions"]
    assert restart["id"] in ids(found)
    incident = next(
        one
        for one in open_incidents(api, payments)
        if api.get("/automation_actions/invocations", [("incident_id", one["id"])])["invocations"]
    )
    runs = api.get("/automation_actions/invocations", [("incident_id", incident["id"])])[
        "invocations"
    ]
    assert all(run["metadata"]["incident"]["id"] == incident["id"] for run in runs)
    times = [run["timing"][0]["timestamp"] for run in runs]
    assert times == sorted(times, reverse=True)
    assert (
        api.get("/automation_actions/invocations/{id}", id=runs[0]["id"])["invocation"] == runs[0]
    )
    of_action = api.get("/automation_actions/invocations", [("action_id", runs[0]["action_id"])])[
        "invocations"
    ]
    assert runs[0] in of_action
    everything = api.get("/automation_actions/invocations")["invocations"]
    failed = api.get("/automation_actions/invocations", [("invocation_state", "error")])[
        "invocations"
    ]
    others = api.get("/automation_actions/invocations", [("not_invocation_state", "error")])[
        "invocations"
    ]
    assert failed
    assert others
    assert len(failed) + len(others) == len(everything)
    last = max(run["timing"][0]["timestamp"] for run in of_action)
    ran = api.get("/automation_actions/actions/{id}", id=runs[0]["action_id"])["action"]
    assert ran["last_run"] == last
    assert ran["last_run_by"]["type"] == "user_reference"
    for template in ("/automation_actions/actions/{id}", "/automation_actions/invocations/{id}"):
        api.get(template, status=404, id="NONE")


def test_memories_are_found_by_service_and_type(api):
    payments = service(api, "Payments API")
    memories = api.get("/sre_agent/memories", [("service_id", payments["id"])])["memories"]
    assert {one["attributes"]["type"] for one in memories} >= {"runbook", "service_profile"}
    (runbook,) = api.get(
        "/sre_agent/memories", [("service_id", payments["id"]), ("type", "runbook")]
    )["memories"]
    assert runbook in memories
    assert len(api.get("/sre_agent/memories", [("limit", 2)])["memories"]) == 2


def test_basic_plan_has_no_automations(api):
    for template in (
        "/incident_workflows",
        "/incident_workflows/triggers",
        "/automation_actions/actions",
        "/automation_actions/invocations",
    ):
        api.get(template, status=402, token=BASIC_PLAN)
    api.get("/sre_agent/memories", status=403, token=BASIC_PLAN)
    assert api.get("/business_services/impacts", token=BASIC_PLAN)["services"]
