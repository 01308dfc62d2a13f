"""PagerDuty's OpenAPI description, and a client of the sandbox that checks every answer against it.

The description has 2.7 MB and no license to redistribute it, so the tests that need it are skipped
if it is not beside the repository.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from itertools import groupby
from pathlib import Path

import pytest

jsonschema = pytest.importorskip("jsonschema", reason="needs the PyPI package jsonschema")
referencing = pytest.importorskip("referencing", reason="needs the PyPI package referencing")
referencing_jsonschema = pytest.importorskip("referencing.jsonschema")

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
    "schedule": "null for a permanent on-call, as the description of `start` calls it",
    "start": "null for a permanent on-call, as the field's description says",
    "end": "null for a permanent on-call, as the description says, and for a layer that goes on",
    "last_incident_timestamp": "null for a service that has never had an incident",
    "total": "null unless total=true, as the parameter's description says for past incidents too",
}
# A status that the description gives differently: nothing is created by this GET.
DESCRIBED_AS = {
    ("get", "/schedules/{id}/overrides", "200"): "201",
    ("get", "/incident_workflows/{id}", "200"): "201",
}
# References to a user, a rule or the account. The schema of a rule fits the others, too.
AGENTS = {"agent", "last_run_by"}
# The details of an incident's body are an object only if it came through the events API.
TEXT_IN_REAL_LIFE = {"details"}


def described():
    """Return the description, or skip the test without it."""
    if not OPENAPI.is_file():
        pytest.skip(
            "PagerDuty's OpenAPI description (shared/pagerduty-openapi.json) is not beside "
            "the repository"
        )
    return Contract(json.loads(OPENAPI.read_text(encoding="utf-8")))


class Contract:
    """The response schemas of an OpenAPI 3.0 description."""

    BASE = "urn:pagerduty"
    ANY_ERROR = "/components/responses/Unauthorized/content/application~1json/schema"
    V3_ERROR = "/components/responses/BadRequest/content/application~1json/schema"

    def __init__(self, description):
        self.description = description
        self.paths = description["paths"]
        document = as_json_schema(description)
        resource = referencing.Resource.from_contents(
            document, default_specification=referencing_jsonschema.DRAFT4
        )
        self.registry = referencing.Registry().with_resource(self.BASE, resource)

    def check(self, method, template, status, body):
        schema = {"$ref": f"{self.BASE}#{self.pointer(method.lower(), template, str(status))}"}
        self.validate(schema, body, f"{method} {template} {status}")

    def check_empty(self, method, template, status):
        """Check that an answer without a body is described as such."""
        described = self.paths[template][method.lower()]["responses"][str(status)]
        assert "content" not in described, f"{method} {template} {status} has no body"

    def check_stored(self, name, document):
        """Check an object against its schema, and return the names of fields that it lacks."""
        self.validate(
            {"$ref": f"{self.BASE}#/components/schemas/{name}"},
            document,
            f"{name} {document['id']}",
        )
        return document.keys() - self.properties(self.description["components"]["schemas"][name])

    def validate(self, schema, body, name):
        validator = jsonschema.Draft4Validator(schema, registry=self.registry)
        problems = [error for error in validator.iter_errors(body) if not is_real_life(error)]
        report = "\n".join(
            f"{problem.json_path}: {problem.message[:300]}" for problem in problems[:10]
        )
        assert not problems, f"{name} is not what PagerDuty describes:\n{report}"

    def properties(self, schema):
        """The names of the properties of a schema and of those that it is composed of."""
        if "$ref" in schema:
            schema = (
                self.registry.resolver(self.BASE).lookup(f"{self.BASE}{schema['$ref']}").contents
            )
        composed = [name for part in schema.get("allOf", []) for name in self.properties(part)]
        return {*schema.get("properties", {}), *composed}

    def pointer(self, method, template, status):
        """Return the path of the schema.

        Operations omit some errors (PUT /incidents/{id} its 400), which all look alike.
        """
        responses = self.paths.get(template, {}).get(method, {}).get("responses", {})
        status = DESCRIBED_AS.get((method, template, status), status)
        if status not in responses:
            assert status >= "400", f"{method} {template} does not describe {status}"
            return (
                self.V3_ERROR if template.startswith("/v3/") and status == "400" else self.ANY_ERROR
            )
        reference = responses[status].get("$ref")
        keys = ("paths", template, method, "responses", status)
        path = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
        return (
            f"{reference.removeprefix('#') if reference else path}/content/application~1json/schema"
        )


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
    # The alternatives overlap: one of them is any object with an ID and a type.
    if error.validator == "oneOf" and field in AGENTS and not error.context:
        return True
    # `include[]` replaces references by whole objects, as its descriptions say. Some schemas
    # have only references.
    if (
        field == "type"
        and error.validator == "enum"
        and f"{error.instance}_reference" in error.validator_value
    ):
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

    def send(
        self,
        method,
        template,
        query=(),
        body=None,
        *,
        status=200,
        token=USER,
        sender=None,
        raw=None,
        **ids,
    ):
        path = template.format(**ids)
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        headers = {
            "Accept": "application/vnd.pagerduty+json;version=2",
            "Content-Type": "application/json",
        }
        headers |= {"Authorization": token} if token else {}
        headers |= {"From": sender} if sender else {}
        url = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        try:
            response = urllib.request.urlopen(
                urllib.request.Request(url, data, headers, method=method), timeout=10
            )
        except urllib.error.HTTPError as error:
            response = error
        with response:
            text = response.read()
            answer = json.loads(text) if text else None
            assert response.status == status, f"{method} {path}: {answer}"
            for header in (
                "x-request-id",
                "ratelimit-limit",
                "ratelimit-remaining",
                "ratelimit-reset",
            ):
                assert response.headers[header], f"{method} {path} lacks {header}"
        if answer is None:
            self.contract.check_empty(method, template, status)
        else:
            self.contract.check(method, template, status, answer)
        return answer

    def post(self, template, body, **ids):
        """Send a request whose answer the description omits."""
        headers = {"Authorization": USER, "Content-Type": "application/json"}
        request = urllib.request.Request(
            self.url + template.format(**ids), json.dumps(body).encode(), headers, method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

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
        [
            "acknowledgers",
            "agents",
            "assignees",
            "conference_bridge",
            "escalation_policies",
            "priorities",
            "services",
            "teams",
            "users",
        ],
    ),
}
SINGULAR = {"escalation_policies": "escalation_policy", "priorities": "priority"}


def singular(key):
    """Return the key of one object."""
    return SINGULAR.get(key, key.removesuffix("s"))
