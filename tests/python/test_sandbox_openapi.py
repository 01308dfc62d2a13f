"""Tests that the answers of the sandbox have PagerDuty's wire format.

The tests request lists, single objects, filters, pages, changes of incidents and errors. They check
every body against the response schema in PagerDuty's OpenAPI description for that path and status.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from contract import (
    ACCOUNT,
    BASIC_PLAN,
    LISTS,
    OAUTH,
    READ_ONLY,
    TEAMLESS,
    USER,
    ids,
    singular,
)

pytestmark = [pytest.mark.unit, pytest.mark.client]


@pytest.mark.parametrize("path", LISTS)
def test_openapi_lists_are_paged(api, path):
    key, _ = LISTS[path]
    first = api.get(path)
    assert (first["limit"], first["offset"], first["total"]) == (25, 0, None)
    assert len(first[key]) == min(25, len(first[key])) and first["more"] is (len(first[key]) == 25)
    whole = api.get(path, [("limit", 400), ("total", "true")])
    assert whole["limit"] == 100 and whole["total"] >= len(whole[key])
    second = api.get(path, [("limit", 5), ("offset", 5)])
    assert second[key] == whole[key][5:10]
    beyond = api.get(path, [("offset", 9000)])
    assert beyond[key] == [] and beyond["more"] is False


@pytest.mark.parametrize("path", LISTS)
def test_openapi_invalid_paging_is_refused(api, path):
    assert api.get(path, [("limit", 100), ("offset", 9901)], status=400)["error"]["code"] == 2002
    for query in [("limit", "-1"), ("limit", "ten"), ("offset", "-5"), ("offset", "x")]:
        assert api.get(path, [query], status=400)["error"]["code"] == 2001


@pytest.mark.parametrize("path", LISTS)
def test_openapi_includes_match_schema(api, path):
    key, includes = LISTS[path]
    for include in includes:
        api.get(path, [("limit", 100), ("include[]", include)])
    assert api.get(path, [("include", include) for include in includes])[key] == api.get(path)[key], (
        "an array needs its []"
    )


@pytest.mark.parametrize("path", [path for path in LISTS if path != "/oncalls"])
def test_openapi_listed_objects_can_be_shown(api, path):
    key, includes = LISTS[path]
    for row in api.get(path)[key]:
        shown = api.get(path + "/{id}", id=row["id"])[singular(key)]
        assert shown["id"] == row["id"] and shown["type"] == singular(key)
        api.get(path + "/{id}", [("include[]", include) for include in includes], id=row["id"])
    assert api.get(path + "/{id}", status=404, id="PNOBODY")["error"]["code"] == 2100


@pytest.mark.parametrize("path", [path for path in LISTS if path not in {"/oncalls", "/incidents"}])
def test_openapi_query_matches_part_of_name(api, path):
    key, _ = LISTS[path]
    rows = api.get(path, [("limit", 100)])[key]
    part = rows[3]["name"][1:5].upper()
    found = api.get(path, [("limit", 100), ("query", part)])[key]
    assert rows[3]["id"] in ids(found) and all(
        part.lower() in json.dumps(row, ensure_ascii=False).lower() for row in found
    )
    assert api.get(path, [("query", "no such name")])[key] == []


@pytest.mark.parametrize("path", ["/users", "/services", "/escalation_policies", "/schedules", "/incidents"])
def test_openapi_team_ids_filter(api, path):
    key, _ = LISTS[path]
    team = api.me()["teams"][0]["id"]
    rows = api.get(path, [("team_ids[]", team), ("limit", 100)])[key]
    assert rows and all(team in ids(row["teams"]) for row in rows)
    assert api.get(path, [("team_ids", team)])[key] == api.get(path)[key], "an array without [] is ignored"
    assert api.get(path, [("team_ids[]", "PNOBODY")])[key] == []


def test_openapi_shift_schedules_are_shown_only_by_v3(api):
    answer = api.get("/v3/schedules")
    assert (answer["limit"], answer["offset"], answer["more"]) == (100, 0, False)
    assert api.get("/v3/schedules", [("limit", 2000)])["limit"] == 1000
    layered = api.get("/schedules", [("limit", 100)])["schedules"]
    week = [("since", "2026-11-02T00:00:00Z"), ("until", "2026-11-09T00:00:00Z")]
    coverage = set()
    for reference in answer["schedules"]:
        bare = api.get("/v3/schedules/{id}", week, id=reference["id"])["schedule"]
        assert bare["name"] == reference["summary"] and "final_schedule" not in bare and "users" not in bare
        query = [*week, ("include[]", "final_schedule"), ("include[]", "users")]
        shown = api.get("/v3/schedules/{id}", query, id=reference["id"])["schedule"]
        final = shown["final_schedule"]
        coverage.add(final["rendered_coverage_percentage"])
        assigned = {one["member"]["user_id"] for one in final["computed_shift_assignments"]}
        assert assigned <= ids(shown["users"])
        assert reference["id"] not in ids(layered)
        for path in ("/schedules/{id}", "/schedules/{id}/users"):
            api.get(path, status=404, id=reference["id"])
    assert coverage == {0.0, 100.0}
    assert len(answer["schedules"]) > 3
    api.get("/v3/schedules/{id}", status=404, id=layered[0]["id"])


def test_openapi_users_me(api):
    for token in (USER, OAUTH, TEAMLESS, READ_ONLY, BASIC_PLAN):
        user = api.get("/users/me", token=token)["user"]
        assert user["contact_methods"] and user["notification_rules"]
    assert api.get("/users/me", token=TEAMLESS)["user"]["teams"] == []
    assert len(api.me()["teams"]) == 2
    api.get("/users/me", status=400, token=ACCOUNT)


def test_openapi_team_members(api):
    me = api.me()
    for team in me["teams"]:
        page = api.get("/teams/{id}/members", [("limit", 100), ("total", "true")], id=team["id"])
        assert page["total"] == len(page["members"]) and me["id"] in {
            member["user"]["id"] for member in page["members"]
        }
        assert ids(api.get("/users", [("team_ids[]", team["id"]), ("limit", 100)])["users"]) == {
            member["user"]["id"] for member in page["members"]
        }
        whole = api.get("/teams/{id}/members", [("include[]", "users")], id=team["id"])["members"]
        assert all(member["user"]["type"] == "user" and member["user"]["email"] for member in whole)
    api.get("/teams/{id}/members", status=404, id="PNOBODY")


def test_openapi_escalation_policies_of_user(api):
    me = api.me()
    policies = api.get("/escalation_policies", [("user_ids[]", me["id"]), ("limit", 100)])["escalation_policies"]
    everything = api.get("/escalation_policies", [("limit", 100)])["escalation_policies"]
    assert 0 < len(policies) < len(everything)
    both = [("user_ids[]", me["id"]), ("team_ids[]", me["teams"][0]["id"])]
    assert 0 < len(api.get("/escalation_policies", both)["escalation_policies"]) < len(policies)
    teamless = api.get("/users/me", token=TEAMLESS)["user"]["id"]
    assert len(api.get("/escalation_policies", [("user_ids[]", teamless)])["escalation_policies"]) == 1


def test_openapi_abilities(api):
    assert "event_intelligence" in api.get("/abilities")["abilities"]
    assert "event_intelligence" not in api.get("/abilities", token=BASIC_PLAN)["abilities"]


def test_openapi_schedules_are_rendered_only_over_range(api):
    start = datetime.fromisoformat(now(api))
    week = [("since", (start - timedelta(days=3)).isoformat()), ("until", (start + timedelta(days=4)).isoformat())]
    overridden = 0
    for schedule in api.get("/schedules", [("limit", 100)])["schedules"]:
        assert "schedule_layers" not in schedule
        bare = api.get("/schedules/{id}", id=schedule["id"])["schedule"]
        assert bare["schedule_layers"] and "final_schedule" not in bare
        rendered = api.get("/schedules/{id}", week, id=schedule["id"])["schedule"]
        entries = rendered["final_schedule"]["rendered_schedule_entries"]
        times = [(datetime.fromisoformat(entry["start"]), datetime.fromisoformat(entry["end"])) for entry in entries]
        assert times[0][0] >= start - timedelta(days=3) and times[-1][1] <= start + timedelta(days=4)
        assert all(one[1] <= other[0] for one, other in pairwise(times)), "no user is on call twice"
        overridden += len(rendered["overrides_subschedule"]["rendered_schedule_entries"])
        whole = api.get("/schedules/{id}", [*week, ("overflow", "true")], id=schedule["id"])["schedule"][
            "final_schedule"
        ]
        assert len(whole["rendered_schedule_entries"]) == len(entries)
        on_call = ids(api.get("/schedules/{id}/users", week, id=schedule["id"])["users"])
        assert on_call == {entry["user"]["id"] for entry in entries if "deleted_at" not in entry["user"]}
        assert len(api.get("/schedules/{id}/users", id=schedule["id"])["users"]) <= 1
    assert overridden
    one_bound = api.get("/schedules/{id}", week[:1], id=schedule["id"])["schedule"]["final_schedule"][
        "rendered_schedule_entries"
    ]
    assert datetime.fromisoformat(one_bound[-1]["end"]) <= start + timedelta(days=11)
    api.get("/schedules", [*week, ("include[]", "schedule_layers"), ("include[]", "final_schedule")])
    api.get("/schedules/{id}", [*week[::-1][:1], ("since", week[1][1])], status=400, id=schedule["id"])
    api.get("/schedules/{id}", [("since", "tomorrow")], status=400, id=schedule["id"])
    api.get("/schedules/{id}/users", status=404, id="PNOBODY")


def now(api):
    return api.sandbox.control("GET", "/sandbox")["now"].replace("Z", "+00:00")


def test_openapi_oncalls(api):
    me = api.me()
    mine = api.get("/oncalls", [("user_ids[]", me["id"])])["oncalls"]
    assert any(oncall["schedule"] for oncall in mine)
    in_person = [oncall for oncall in mine if oncall["schedule"] is None]
    assert in_person and all(oncall["start"] is None and oncall["end"] is None for oncall in in_person)
    policies = {oncall["escalation_policy"]["id"] for oncall in mine}
    of_policy = [api.get("/oncalls", [("escalation_policy_ids[]", policy)])["oncalls"] for policy in policies]
    assert {oncall["escalation_level"] for oncalls in of_policy for oncall in oncalls} == {1, 2, 3}
    schedule = next(oncall["schedule"]["id"] for oncall in mine if oncall["schedule"])
    assert all(
        oncall["schedule"]["id"] == schedule
        for oncall in api.get("/oncalls", [("schedule_ids[]", schedule)])["oncalls"]
    )
    start = datetime.fromisoformat(now(api))
    month = [("since", start.isoformat()), ("until", (start + timedelta(days=30)).isoformat())]
    later = api.get("/oncalls", [*month, ("schedule_ids[]", schedule), ("limit", 100)])["oncalls"]
    first = api.get("/oncalls", [*month, ("schedule_ids[]", schedule), ("limit", 100), ("earliest", "true")])["oncalls"]
    assert 1 < len(first) < len(later)
    api.get("/oncalls", [("until", (start + timedelta(days=91)).isoformat())], status=400)
    api.get("/oncalls", [("since", month[1][1]), ("until", month[0][1])], status=400)


def test_functions_filter_incidents(api):
    everything = api.incidents(("limit", 100))
    filters = {
        "statuses[]": lambda incident: incident["status"],
        "urgencies[]": lambda incident: incident["urgency"],
        "service_ids[]": lambda incident: incident["service"]["id"],
        "priority_ids[]": lambda incident: (incident["priority"] or {}).get("id"),
        "incident_key": lambda incident: incident["incident_key"],
    }
    for name, value_of in filters.items():
        wanted = next(value for incident in everything if (value := value_of(incident)))
        found = api.incidents((name, wanted), ("limit", 100))
        assert found and all(value_of(incident) == wanted for incident in found)
    me = api.me()["id"]
    mine = api.incidents(("user_ids[]", me))
    assert mine and all(me in {one["assignee"]["id"] for one in incident["assignments"]} for incident in mine)
    assert api.incidents(("user_ids[]", me), ("statuses[]", "resolved")) == []
    assert api.incidents(("user_ids[]", api.get("/users/me", token=TEAMLESS)["user"]["id"]))


def test_openapi_incidents_by_range_and_order(api):
    start = datetime.fromisoformat(now(api))

    def created(*query):
        incidents = api.get("/incidents", [("limit", 100), *query])["incidents"]
        return [datetime.fromisoformat(incident["created_at"].replace("Z", "+00:00")) for incident in incidents]

    ago = lambda days: (start - timedelta(days=days)).isoformat()  # noqa: E731
    assert created() == sorted(created()) and created()[0] >= start - timedelta(days=31)
    week = created(("since", ago(14)), ("until", ago(7)))
    assert week and all(start - timedelta(days=14) <= at < start - timedelta(days=7) for at in week)
    month = created(("since", ago(50)), ("sort_by", "created_at:desc"))
    assert month == sorted(month, reverse=True) and month[0] <= start - timedelta(days=19)
    assert created(("until", ago(25)))[0] >= start - timedelta(days=57)
    for since, until in [(200, 0), (1, 1), (1, 2)]:
        api.get("/incidents", [("since", ago(since)), ("until", ago(until))], status=400)
    urgencies = [
        incident["urgency"] for incident in api.incidents(("sort_by", "urgency:desc,created_at:desc"), ("limit", 100))
    ]
    assert set(urgencies) == {"high"}
    for sort_by in ("title", "created_at:sideways", "urgency,created_at,resolved_at"):
        api.get("/incidents", [("sort_by", sort_by)], status=400)


def test_openapi_single_incidents_have_bodies(api):
    kinds, bridges = set(), 0
    for incident in api.incidents(("limit", 100)):
        shown = api.get(
            "/incidents/{id}", [("include[]", "body"), ("include[]", "conference_bridge")], id=incident["id"]
        )["incident"]
        assert "body" not in incident and "conference_bridge" not in incident
        bridges += "conference_bridge" in shown
        details = shown["body"]["details"] if "body" in shown else "absent"
        kinds.add(
            "payload" if isinstance(details, dict) else "absent" if details == "absent" else type(details).__name__
        )
        if isinstance(details, dict):
            assert {"details", "client_url", "severity"} <= details["__pd_cef_payload"].keys()
    assert kinds == {"payload", "str", "NoneType", "absent"} and bridges
    by_number = api.get("/incidents/{id}", id=incident["incident_number"])["incident"]
    assert by_number["id"] == incident["id"]


def test_openapi_past_and_related_incidents(api):
    past = related = whole = 0
    for incident in api.incidents(("limit", 40), ("sort_by", "created_at:desc")):
        answer = api.get("/incidents/{id}/past_incidents", [("limit", 3), ("total", "true")], id=incident["id"])
        scores = [entry["score"] for entry in answer["past_incidents"]]
        assert scores == sorted(scores, reverse=True) and len(scores) == min(3, answer["total"])
        past += len(scores)
        related += len(api.get("/incidents/{id}/related_incidents", id=incident["id"])["related_incidents"])
        more = [("additional_details[]", "incident")]
        whole += len(api.get("/incidents/{id}/related_incidents", more, id=incident["id"])["related_incidents"])
    assert past and related and related == whole
    for part in ("past_incidents", "related_incidents"):
        api.get(f"/incidents/{{id}}/{part}", status=402, token=BASIC_PLAN, id=incident["id"])
        api.get(f"/incidents/{{id}}/{part}", status=404, id="QNOBODY")
    api.get("/incidents/{id}/past_incidents", [("limit", 0)], status=400, id=incident["id"])
    assert api.get("/incidents/{id}/past_incidents", id=incident["id"])["total"] is None


def change(status, **more):
    return {"incident": {"type": "incident_reference", "status": status, **more}}


def test_openapi_incident_life_cycle(api):
    incident = api.open_incident()
    service = incident["service"]["id"]
    assert api.get("/services/{id}", id=service)["service"]["status"] == "critical"
    acknowledged = api.send("PUT", "/incidents/{id}", body=change("acknowledged"), id=incident["id"])["incident"]
    assert acknowledged["status"] == "acknowledged" and acknowledged["assignments"] == incident["assignments"]
    assert acknowledged["last_status_change_by"]["id"] == api.me()["id"]
    again = api.send("PUT", "/incidents/{id}", body=change("acknowledged"), id=incident["id"])["incident"]
    assert len(again["acknowledgements"]) == 1 and len(again["pending_actions"]) == 2
    resolved = api.send("PUT", "/incidents/{id}", body=change("resolved", resolution="Fixed."), id=incident["id"])[
        "incident"
    ]
    assert resolved["assignments"] == [] and resolved["resolved_at"] == resolved["last_status_change_at"]
    assert resolved["alert_counts"]["triggered"] == 0
    for status in ("acknowledged", "resolved"):
        error = api.send("PUT", "/incidents/{id}", body=change(status), status=400, id=incident["id"])["error"]
        assert error["code"] == 1001
    reopened = api.send("PUT", "/incidents/{id}", body=change("triggered"), id=incident["id"])["incident"]
    assert reopened["status"] == "triggered" and reopened["resolved_at"] is None and reopened["assignments"]
    assert "Fixed." in api.get("/incidents/{id}/notes", id=incident["id"])["notes"][0]["content"]


def test_openapi_invalid_changes_are_refused(api):
    incident = api.open_incident()
    refused = {
        "Incident cannot be empty.": {},
        "Type must be incident or incident_reference.": {"incident": {"status": "resolved"}},
        "Status must be triggered, acknowledged or resolved.": change("forgotten"),
        "Title cannot be empty.": change("resolved", title=" "),
        "Urgency must be high or low.": change("resolved", urgency="medium"),
        "Service must be a reference with an id.": change("resolved", service="Checkout"),
        "Service Not Found": change("resolved", service={"id": "PNONE", "type": "service_reference"}),
        "Escalation Policy Not Found": change("resolved", escalation_policy={"id": "PNONE"}),
        "Assignee Not Found": change("triggered", assignments=[{"assignee": {"id": "PNONE"}}]),
        "Every assignment needs an assignee.": change("triggered", assignments=[{}]),
        "Priority Not Found": change("triggered", priority="P9"),
        "Escalation Level is invalid": change("triggered", escalation_level=99),
    }
    for words, body in refused.items():
        error = api.send("PUT", "/incidents/{id}", body=body, status=400, id=incident["id"])["error"]
        assert (error["message"], error["errors"]) == ("Invalid Input Provided", [words])
    error = api.send("PUT", "/incidents/{id}", raw=b"{not json", status=400, id=incident["id"])["error"]
    assert error["errors"] == ["The request body must be a JSON object."]
    api.send("PUT", "/incidents/{id}", body=change("resolved"), status=404, id=incident["incident_number"])
    api.send("PUT", "/incidents/{id}", body=change("resolved"), status=404, id="QNOBODY")
    api.send("PUT", "/incidents/{id}", body=change("resolved"), status=403, token=READ_ONLY, id=incident["id"])
    api.send("PUT", "/incidents/{id}", body=change("resolved"), status=401, token=None, id=incident["id"])
    assert api.get("/incidents/{id}", id=incident["id"])["incident"] == incident


def test_openapi_incident_fields_take_effect(api):
    incident = api.open_incident()
    user, policy = api.get("/users")["users"][3], api.get("/escalation_policies")["escalation_policies"][0]
    service, priority = api.get("/services")["services"][0], next(filter(None, (one["priority"] for one in api.incidents())))
    fields = {
        "title": "Another title",
        "urgency": "low" if incident["urgency"] == "high" else "high",
        "service": {"id": service["id"], "type": "service_reference"},
        "escalation_policy": {"id": policy["id"], "type": "escalation_policy_reference"},
        "priority": {"id": priority["id"], "type": "priority_reference"},
        "assignments": [{"assignee": {"id": user["id"], "type": "user_reference", "summary": user["summary"]}}],
        "conference_bridge": {"conference_number": "+1-555-0100", "conference_url": "https://meet.example/1"},
        "summary": "ignored, as all that is not documented",
        "self": None,
    }
    body = {"incident": {"type": "incident", **fields}}
    changed = api.send("PUT", "/incidents/{id}", body=body, id=incident["id"])["incident"]
    assert (changed["title"], changed["urgency"], changed["status"]) == ("Another title", fields["urgency"], "triggered")
    assert changed["summary"] == f"[#{incident['incident_number']}] Another title"
    for name in ("service", "escalation_policy", "priority"):
        assert changed[name]["id"] == fields[name]["id"]
    assert [one["assignee"]["id"] for one in changed["assignments"]] == [user["id"]]
    shown = api.get("/incidents/{id}", [("include[]", "conference_bridge")], id=incident["id"])["incident"]
    assert shown["conference_bridge"] == fields["conference_bridge"]
    whole = api.send("PUT", "/incidents/{id}", body={"incident": changed}, id=incident["id"])["incident"]
    assert whole["assignments"] == changed["assignments"], "what a client sends back unchanged changes nothing"
    by_name = {"incident": {"type": "incident", "priority": priority["name"], "escalation_level": 1}}
    again = api.send("PUT", "/incidents/{id}", body=by_name, id=incident["id"])["incident"]
    assert again["priority"]["id"] == priority["id"] and again["assignments"]
    none = {"incident": {"type": "incident", "priority": None}}
    assert api.send("PUT", "/incidents/{id}", body=none, id=incident["id"])["incident"]["priority"] is None


def test_openapi_links_lead_back_to_sandbox(api):
    def links(value):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        return [*([value["self"]] if isinstance(value, dict) and value.get("self") else []), *(one for part in inner for one in links(part))]

    found = [link for path, (_, includes) in LISTS.items() for link in links(api.get(path, [("include[]", name) for name in includes]))]
    assert len(found) > 100 and all(link.startswith(api.url + "/") for link in found)
    user = api.get("/users")["users"][0]
    assert api.get(user["self"].removeprefix(api.url).replace(user["id"], "{id}"), id=user["id"])["user"] == user
    localhost = api.url.replace("127.0.0.1", "localhost")
    request = urllib.request.Request(localhost + "/users/me", headers={"Authorization": USER})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert json.load(response)["user"]["self"].startswith(localhost + "/users/")


def test_openapi_several_incidents_change_at_once(api):
    incidents = api.incidents(("statuses[]", "triggered"), ("limit", 2))
    batch = [{"id": incident["id"], "type": "incident_reference", "status": "acknowledged"} for incident in incidents]
    answer = api.send("PUT", "/incidents", body={"incidents": batch})["incidents"]
    assert [incident["status"] for incident in answer] == ["acknowledged", "acknowledged"]
    bad = [{**batch[0], "status": "resolved"}, {**batch[1], "id": "QNOBODY"}]
    api.send("PUT", "/incidents", body={"incidents": bad}, status=404)
    assert api.get("/incidents/{id}", id=batch[0]["id"])["incident"]["status"] == "acknowledged", (
        "one bad item fails all"
    )
    api.send("PUT", "/incidents", body={"incidents": batch * 126}, status=413)
    api.send("PUT", "/incidents", body={"incidents": [{"type": "incident", "status": "resolved"}]}, status=400)


def test_openapi_notes(api):
    incidents = api.incidents(("limit", 100))
    assert any(api.get("/incidents/{id}/notes", id=incident["id"])["notes"] for incident in incidents)
    incident = incidents[-1]["id"]
    before = api.get("/incidents/{id}/notes", id=incident)["notes"]
    note = api.send("POST", "/incidents/{id}/notes", body={"note": {"content": "Ä note."}}, id=incident)["note"]
    assert note["content"] == "Ä note." and note["user"]["id"] == api.me()["id"]
    assert api.get("/incidents/{id}/notes", id=incident)["notes"] == [note, *before]
    for body in ({"note": {"content": ""}}, {"note": {"content": " "}}, {"note": {}}, {}):
        assert api.send("POST", "/incidents/{id}/notes", body=body, status=400, id=incident)["error"]["code"] == 2001
    api.get("/incidents/{id}/notes", status=404, id="QNOBODY")
    api.send("POST", "/incidents/{id}/notes", body={"note": {"content": "x"}}, status=404, id="QNOBODY")


def test_openapi_from_header_names_author(api):
    incident = api.incidents()[-1]["id"]
    other = api.get("/users", [("limit", 1), ("offset", 9)])["users"][0]

    def write(**options):
        return api.send("POST", "/incidents/{id}/notes", body={"note": {"content": "Hello."}}, id=incident, **options)

    assert write(sender=other["email"])["note"]["user"]["id"] == other["id"]
    assert write(sender=other["email"], token=ACCOUNT)["note"]["user"]["id"] == other["id"]
    assert write(token=OAUTH)["note"]["user"]["id"] == api.me()["id"]
    write(token=ACCOUNT, status=400)
    write(sender="stranger@elsewhere.example", status=400)
    write(token=READ_ONLY, status=403)


def test_openapi_invalid_credentials_are_refused(api):
    for token in (
        None,
        "Token token=wrong",
        "Bearer sandbox-user",
        "Token token=pdus+_sandbox-oauth",
        "Basic c2FuZGJveA==",
    ):
        for template in [*LISTS, "/users/me", "/abilities"]:
            assert api.get(template, status=401, token=token)["error"]["code"] == 2006


def test_openapi_unknown_paths_and_methods_are_refused(api):
    error = api.get("/nowhere", status=404)["error"]
    assert (error["code"], error["errors"]) == (2100, ["The sandbox does not serve GET /nowhere."])
    assert api.send("DELETE", "/incidents", status=404)["error"]["code"] == 2100
