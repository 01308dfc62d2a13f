"""Tests that the sandbox uses PagerDuty's wire format.

The tests request lists, single objects, filters, pages, writes and errors from every endpoint of the sandbox. They
check every body against the response schema in PagerDuty's OpenAPI description for that path and status. The
description has 2.7 MB and no license to redistribute it, so these tests are skipped if it is not beside the repository.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path

import pytest

jsonschema = pytest.importorskip("jsonschema", reason="needs the PyPI package jsonschema")
referencing = pytest.importorskip("referencing", reason="needs the PyPI package referencing")
referencing_jsonschema = pytest.importorskip("referencing.jsonschema")

pytestmark = [pytest.mark.unit, pytest.mark.client]

OPENAPI = Path(__file__).resolve().parents[3] / "shared" / "pagerduty-openapi.json"

USER = "Token token=sandbox-user"
TEAMLESS = "Token token=sandbox-teamless-user"
ACCOUNT = "Token token=sandbox-account-key"
READ_ONLY = "Token token=sandbox-read-only-user"
BASIC_PLAN = "Token token=sandbox-basic-plan-user"
OAUTH = "Bearer pdus+_sandbox-oauth"

# Errors of the schemas: fields that are null in real answers, but not nullable in the schema.
NULL_IN_REAL_LIFE = {
    "resolved_at": "PagerDuty's own example of an open incident has null",
    "resolve_reason": "PagerDuty's own examples have null unless the incident was merged",
    "priority": "most incidents have none",
    "details": "an incident opened by hand without details has null",
    "schedule": "null for who is on call in person, which the description of `start` calls a permanent on-call",
    "start": "null for a permanent on-call, as the field's description says",
    "end": "null for a permanent on-call, as the description says, and for a layer that goes on",
    "last_incident_timestamp": "null for a service that has never had an incident",
    "total": "null unless total=true, as the parameter's description says for past incidents too",
}
# The details of an incident's body are an object only if it came through the events API.
TEXT_IN_REAL_LIFE = {"details"}


@pytest.fixture(scope="module")
def contract():
    if not OPENAPI.is_file():
        pytest.skip("PagerDuty's OpenAPI description (shared/pagerduty-openapi.json) is not beside the repository")
    return Contract(json.loads(OPENAPI.read_text(encoding="utf-8")))


@pytest.fixture
def api(contract, sandbox):
    return Api(sandbox, contract)


class Contract:
    """The response schemas of an OpenAPI 3.0 description."""

    BASE = "urn:pagerduty"
    ANY_ERROR = "/components/responses/Unauthorized/content/application~1json/schema"

    def __init__(self, description):
        self.description = description
        self.paths = description["paths"]
        document = as_json_schema(description)
        resource = referencing.Resource.from_contents(document, default_specification=referencing_jsonschema.DRAFT4)
        self.registry = referencing.Registry().with_resource(self.BASE, resource)

    def check(self, method, template, status, body):
        schema = {"$ref": f"{self.BASE}#{self.pointer(method.lower(), template, str(status))}"}
        self.validate(schema, body, f"{method} {template} {status}")

    def check_stored(self, name, document):
        """Check an object against its schema, and return the names of its fields that the schema does not have."""
        self.validate({"$ref": f"{self.BASE}#/components/schemas/{name}"}, document, f"{name} {document['id']}")
        return document.keys() - self.properties(self.description["components"]["schemas"][name])

    def validate(self, schema, body, name):
        validator = jsonschema.Draft4Validator(schema, registry=self.registry)
        problems = [error for error in validator.iter_errors(body) if not is_real_life(error)]
        report = "\n".join(f"{problem.json_path}: {problem.message[:300]}" for problem in problems[:10])
        assert not problems, f"{name} is not what PagerDuty describes:\n{report}"

    def properties(self, schema):
        """The names of the properties of a schema and of those that it is composed of."""
        if "$ref" in schema:
            schema = self.registry.resolver(self.BASE).lookup(f"{self.BASE}{schema['$ref']}").contents
        composed = [name for part in schema.get("allOf", []) for name in self.properties(part)]
        return {*schema.get("properties", {}), *composed}

    def pointer(self, method, template, status):
        """Return the path of the schema. Operations omit some errors (PUT /incidents/{id} its 400), which all look alike."""
        responses = self.paths.get(template, {}).get(method, {}).get("responses", {})
        if status not in responses:
            assert status >= "400", f"{method} {template} does not describe {status}"
            return self.ANY_ERROR
        reference = responses[status].get("$ref")
        keys = ("paths", template, method, "responses", status)
        path = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
        return f"{reference.removeprefix('#') if reference else path}/content/application~1json/schema"


def as_json_schema(node):
    """Convert `nullable: true` of OpenAPI 3.0 to the list of types in JSON Schema."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: as_json_schema(value) for key, value in node.items()}
    if schema.get("nullable") is True and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    return schema


def is_real_life(error):
    """Return whether an answer differs from the schema as PagerDuty's own answers do."""
    field = error.absolute_path[-1] if error.absolute_path else None
    if error.instance is None and field in NULL_IN_REAL_LIFE:
        return True
    if isinstance(error.instance, str) and field in TEXT_IN_REAL_LIFE:
        return True
    # `include[]` replaces references by whole objects, as its descriptions say. Some schemas have only references.
    if field == "type" and error.validator == "enum" and f"{error.instance}_reference" in error.validator_value:
        return True
    # One of the alternatives must match except for these differences.
    alternatives = groupby(error.context or [], key=lambda inner: inner.schema_path[0])
    return any(all(is_real_life(inner) for inner in inners) for _, inners in alternatives)


class Api:
    """A client that checks every answer."""

    def __init__(self, sandbox, contract):
        self.sandbox = sandbox
        self.url = sandbox.url
        self.contract = contract

    def get(self, template, query=(), *, status=200, token=USER, **ids):
        return self.send("GET", template, query, status=status, token=token, **ids)

    def send(self, method, template, query=(), body=None, *, status=200, token=USER, sender=None, raw=None, **ids):
        path = template.format(**ids)
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/vnd.pagerduty+json;version=2", "Content-Type": "application/json"}
        headers |= {"Authorization": token} if token else {}
        headers |= {"From": sender} if sender else {}
        url = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        try:
            response = urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=10)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            answer = None if response.status == 204 else json.load(response)
            assert response.status == status, f"{method} {path}: {answer}"
            for header in ("x-request-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"):
                assert response.headers[header], f"{method} {path} lacks {header}"
        if status != 204:
            self.contract.check(method, template, status, answer)
        return answer

    def me(self):
        return self.get("/users/me")["user"]

    def incidents(self, *query):
        return self.get("/incidents", [("date_range", "all"), *query])["incidents"]

    def open_incident(self):
        return self.incidents(("statuses[]", "triggered"))[-1]


def ids(rows):
    return {row["id"] for row in rows}


LISTS = {
    "/users": ("users", ["teams", "contact_methods", "notification_rules"]),
    "/teams": ("teams", []),
    "/services": ("services", ["escalation_policies", "teams", "integrations"]),
    "/escalation_policies": ("escalation_policies", ["services", "teams", "targets"]),
    "/schedules": ("schedules", ["schedule_layers", "final_schedule", "overrides_subschedule"]),
    "/oncalls": ("oncalls", ["users", "schedules", "escalation_policies"]),
    "/incidents": (
        "incidents",
        ["acknowledgers", "agents", "assignees", "conference_bridge", "escalation_policies", "priorities", "services", "teams", "users"],
    ),
}
SINGULAR = {"escalation_policies": "escalation_policy"}


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
    singular = SINGULAR.get(key, key.removesuffix("s"))
    for row in api.get(path)[key]:
        shown = api.get(path + "/{id}", id=row["id"])[singular]
        assert shown["id"] == row["id"] and shown["type"] == singular
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
    [reference] = api.get("/v3/schedules")["schedules"]
    week = [("since", "2026-11-02T00:00:00Z"), ("until", "2026-11-09T00:00:00Z")]
    bare = api.get("/v3/schedules/{id}", week, id=reference["id"])["schedule"]
    assert bare["name"] == reference["summary"] and "final_schedule" not in bare
    query = [*week, ("include[]", "final_schedule")]
    final = api.get("/v3/schedules/{id}", query, id=reference["id"])["schedule"]["final_schedule"]
    assert final["rendered_coverage_percentage"] == 100.0 and len(final["computed_shift_assignments"]) >= 7
    assert reference["id"] not in ids(api.get("/schedules", [("limit", 100)])["schedules"])
    for path in ("/schedules/{id}", "/schedules/{id}/users"):
        api.get(path, status=404, id=reference["id"])
    layered = api.get("/schedules", [("limit", 1)])["schedules"][0]
    api.get("/v3/schedules/{id}", status=404, id=layered["id"])


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
        assert on_call == {entry["user"]["id"] for entry in entries}
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
    write(sender="nobody@elsewhere.example", status=400)
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
    assert api.get("/nowhere", status=404)["error"]["code"] == 2100
    assert api.send("DELETE", "/incidents", status=404)["error"]["code"] == 2100


POLICY = {"type": "escalation_policy", "name": "Cooks", "escalation_rules": []}
WRITABLE = {
    "/teams": {"type": "team", "name": "Kitchen", "description": "Cooks for all"},
    "/users": {"type": "user", "name": "Ada Cook", "email": "ada@acme.example"},
    "/escalation_policies": POLICY,
    "/services": {"type": "service", "name": "Oven"},
}


def singular(path):
    return SINGULAR.get(path.strip("/"), path.strip("/").removesuffix("s"))


def body_of(api, path):
    """The body that creates an object."""
    fields = WRITABLE[path]
    if path == "/services":
        policy = api.get("/escalation_policies")["escalation_policies"][0]
        fields = fields | {"escalation_policy": {"id": policy["id"], "type": "escalation_policy_reference"}}
    return {singular(path): fields}


@pytest.mark.parametrize("path", WRITABLE)
def test_object_is_created_updated_and_deleted(api, path):
    kind = singular(path)
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
    kind = singular(path)
    body = body_of(api, path)
    known = api.get(path)
    nameless = {kind: {name: value for name, value in body[kind].items() if name != "name"}}
    for wrong, part in [
        ({}, f'needs an object "{kind}"'),
        (nameless, "name is missing"),
        ({kind: body[kind] | {"name": 7}}, "name must be a string, not 7"),
    ]:
        error = api.send("POST", path, body=wrong, status=400)["error"]
        assert error["code"] == 2001 and part in error["errors"][0]
    api.send("POST", path, body=body, status=403, token=READ_ONLY)
    api.send("POST", path, body=body, status=400, token=ACCOUNT)
    api.send("POST", path, body=body, status=400, sender="nobody@elsewhere.example")
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


SEED = Path(__file__).resolve().parents[2] / "crates" / "sandbox" / "seed"
SCHEMAS = {
    "teams": "Team",
    "users": "User",
    "priorities": "Priority",
    "schedules": "Schedule",
    "escalation_policies": "EscalationPolicy",
    "services": "Service",
}
# Fields that the schemas do not have.
NOT_IN_SCHEMA = {
    "schedules": {"overrides", "shift_based"},  # The sandbox computes other fields from them.
    "teams": {"parent"},  # Examples of the description have it.
}


@pytest.mark.parametrize("many", SCHEMAS)
def test_stored_objects_match_schema(contract, many):
    name = SCHEMAS[many]
    kind = SINGULAR.get(many, "priority" if many == "priorities" else many.removesuffix("s"))
    documents = json.loads((SEED / f"{many}.json").read_text(encoding="utf-8"))
    assert documents
    for document in documents:
        for layer in document.get("schedule_layers", []):
            layer["rotation_virtual_start"] = layer["start"]  # Answers have it, too.
        unknown = contract.check_stored(name, {"type": kind, **document})
        assert unknown <= NOT_IN_SCHEMA.get(many, set()), f"{document['id']}: {unknown}"


def test_stored_objects_are_all_checked():
    assert {file.stem for file in SEED.iterdir()} == SCHEMAS.keys()
