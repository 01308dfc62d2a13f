"""Tests of the functions of the 4.x modules: their names, arguments and answers."""

import asyncio
import inspect

import pagerduty_mcp_server
import pytest
from pagerduty_mcp_server import (
    PagerDuty,
    PagerDutyAuthError,
    PagerDutyError,
    client,
    errors,
    escalation_policies,
    incidents,
    oncalls,
    schedules,
    services,
    teams,
    users,
    utils,
)

pytestmark = pytest.mark.unit

NONE = inspect.Parameter.empty
LIST = {"query": None, "limit": None, "include": None}
RANGE = {"since": None, "until": None}

# The calls that agents make today, with the defaults of optional arguments.
FUNCTIONS = {
    escalation_policies.list_escalation_policies: LIST | {"user_ids": None, "team_ids": None},
    escalation_policies.show_escalation_policy: {"policy_id": NONE, "include": None},
    incidents.list_incidents: RANGE
    | dict.fromkeys(["service_ids", "team_ids", "statuses", "urgencies", "limit", "include"]),
    incidents.show_incident: {
        "incident_id": NONE,
        "include_past_incidents": False,
        "include_related_incidents": False,
        "include_notes": False,
        "include": None,
    },
    incidents.update_incident_status: {"incident_id": NONE, "status": NONE, "include": None},
    incidents.create_incident_note: {"incident_id": NONE, "content": NONE},
    oncalls.list_oncalls: RANGE
    | dict.fromkeys(
        ["schedule_ids", "user_ids", "escalation_policy_ids", "limit", "earliest", "include"]
    ),
    schedules.list_schedules: LIST,
    schedules.show_schedule: RANGE | {"schedule_id": NONE, "include": None},
    schedules.list_users_oncall: RANGE | {"schedule_id": NONE, "include": None},
    services.list_services: LIST | {"team_ids": None},
    services.show_service: {"service_id": NONE, "include": None},
    teams.list_teams: LIST,
    teams.show_team: {"team_id": NONE, "include": None},
    users.build_user_context: {},
    users.list_users: LIST | {"team_ids": None},
    users.show_user: {"user_id": NONE, "include": None},
}

AREAS = {function: function.__module__.rsplit(".", 1)[1] for function in FUNCTIONS}


def of_area(function, *values):
    name = f"{AREAS[function]}.{function.__name__}"
    return pytest.param(function, *values, id=name, marks=getattr(pytest.mark, AREAS[function]))


def run(function, **arguments):
    return asyncio.run(function(**arguments))


@pytest.mark.parametrize(
    ("function", "defaults"), [of_area(*function) for function in FUNCTIONS.items()]
)
def test_functions_keep_their_signatures(function, defaults):
    assert inspect.iscoroutinefunction(function)
    parameters = inspect.signature(function).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == defaults
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in parameters.values())
    assert function.__doc__


@pytest.mark.parametrize(
    ("function", "resource"),
    [
        of_area(function, AREAS[function])
        for function in FUNCTIONS
        if function.__name__ == f"list_{AREAS[function]}"
    ],
)
def test_functions_list_without_filter_is_account_wide(pagerduty_sandbox, function, resource):
    """Only the tools have rules that keep a model from requesting a whole account, as in 4.x."""
    answer = run(function, limit=3)
    assert list(answer) == ["metadata", resource]
    assert answer["metadata"]["count"] == len(answer[resource]) == 3
    assert not any(request["path"] == "/users/me" for request in pagerduty_sandbox.requests)


SHOWS = [
    of_area(escalation_policies.show_escalation_policy, "escalation_policies", "policy_id"),
    of_area(incidents.show_incident, "incidents", "incident_id"),
    of_area(schedules.show_schedule, "schedules", "schedule_id"),
    of_area(services.show_service, "services", "service_id"),
    of_area(teams.show_team, "teams", "team_id"),
    of_area(users.show_user, "users", "user_id"),
]


@pytest.mark.parametrize(("function", "resource", "parameter"), SHOWS)
def test_functions_return_object_by_id(pagerduty_sandbox, function, resource, parameter):
    there = getattr(pagerduty_sandbox, resource)[0]
    (shown,) = run(function, **{parameter: there["id"]})[resource]
    assert shown["id"] == there["id"]
    (shown,) = run(function, **{parameter: there["id"]}, include=["summary"])[resource]
    assert shown == {"summary": there["summary"]}


BLANK = [None, "", " \n", [], "null"]


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize(("function", "_", "parameter"), SHOWS)
def test_functions_blank_id_returns_nothing(pagerduty_sandbox, function, _, parameter, blank):
    """A list without a filter would be the whole account."""
    with pytest.raises(ValueError, match=parameter) as error:
        run(function, **{parameter: blank})
    assert isinstance(error.value, errors.ValidationError)
    assert error.value.code == error.value.envelope["error"]["code"] == "MISSING_PARAMETER"
    assert error.value.hint == error.value.envelope["error"]["hint"]
    assert error.value.envelope["metadata"]["count"] == 0
    assert pagerduty_sandbox.requests == []


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        of_area(function, [name for name in ("query", "since", "until") if name in defaults])
        for function, defaults in FUNCTIONS.items()
        if function is not incidents.list_incidents and {"query", "since"} & defaults.keys()
    ],
)
def test_functions_blank_text_is_omitted(pagerduty_sandbox, function, parameters, blank):
    schedule = {"schedule_id": pagerduty_sandbox.schedules[0]["id"]}
    needed = schedule if "schedule_id" in FUNCTIONS[function] else {"limit": 2}
    without = run(function, **needed)
    assert run(function, **needed, **dict.fromkeys(parameters, blank)) == without


@pytest.mark.parametrize(
    ("function", "parameter"),
    [
        of_area(function, parameter)
        for function, defaults in FUNCTIONS.items()
        for parameter in defaults
        if parameter.endswith("_ids") or parameter in ("statuses", "urgencies")
    ],
)
def test_functions_blank_filter_is_not_account_wide(pagerduty_sandbox, function, parameter):
    for blanks in ([" "], ["", None], [","], (" ",), " ", ",", '[" "]'):
        with pytest.raises(errors.ValidationError, match=parameter) as error:
            run(function, **{parameter: blanks})
        assert error.value.code == "INVALID_PARAMETER"
    assert pagerduty_sandbox.requests == []
    for nothing in ([], ""):
        assert run(function, **{parameter: nothing}, limit=1)["metadata"]["count"] == 1


@pytest.mark.incidents
def test_functions_filter_incidents(pagerduty_sandbox):
    team = pagerduty_sandbox.current_user["teams"][0]["id"]
    answer = run(incidents.list_incidents, team_ids=[team], statuses=["triggered"], limit=1)
    (incident,) = answer["incidents"]
    assert incident["status"] == "triggered"
    assert team in {one["id"] for one in incident["teams"]}
    assert {"status_counts", "autoresolve_count", "no_data_count"} <= answer["metadata"].keys()


@pytest.mark.incidents
def test_functions_change_incidents(pagerduty_sandbox):
    incident = pagerduty_sandbox.trigger(title="Too hot")["id"]
    for status in ("acknowledged", "resolved"):
        (changed,) = run(incidents.update_incident_status, incident_id=incident, status=status)[
            "incidents"
        ]
        assert changed["status"] == status == pagerduty_sandbox.incident(incident)["status"]
    for wrong in ("triggered", ["resolved"], None):
        with pytest.raises(errors.ValidationError, match="status is") as error:
            run(incidents.update_incident_status, incident_id=incident, status=wrong)
        assert (error.value.code, error.value.hint) == (
            "INVALID_PARAMETER",
            "Pass acknowledged or resolved.",
        )
    (note,) = run(incidents.create_incident_note, incident_id=incident, content="Colder.")["notes"]
    assert note["content"] == pagerduty_sandbox.notes(incident)[-1]["content"] == "Colder."


@pytest.mark.schedules
@pytest.mark.users
def test_functions_return_oncall_users_and_context(pagerduty_sandbox):
    schedule = pagerduty_sandbox.schedules[0]["id"]
    assert run(schedules.list_users_oncall, schedule_id=schedule)["users"]
    assert run(users.build_user_context)["user_id"] == pagerduty_sandbox.current_user["id"]


@pytest.mark.utils
def test_functions_have_no_budget_by_default(pagerduty_sandbox, monkeypatch):
    wide = ["id", "title", "service", "teams", "assignments", "priority"]
    ask = {"limit": 600, "include": wide}
    whole = run(incidents.list_incidents, **ask)
    assert "warnings" not in whole["metadata"]
    monkeypatch.setenv("PAGERDUTY_MAX_RESPONSE_TOKENS", "2000")
    cut = run(incidents.list_incidents, **ask)
    assert 0 < cut["metadata"]["count"] < whole["metadata"]["count"]
    assert "is full" in cut["metadata"]["warnings"][-1]


@pytest.mark.utils
def test_functions_limit_is_that_of_lists(pagerduty_sandbox):
    answer = run(incidents.list_incidents)
    assert answer["metadata"]["count"] == utils.RESPONSE_LIMIT == 100
    assert answer["metadata"]["next_offset"] == 100


@pytest.mark.validation
def test_functions_wrong_arguments_are_value_errors(pagerduty_sandbox):
    with pytest.raises(ValueError, match="INVALID_INCIDENT_ID") as error:
        run(incidents.show_incident, incident_id="../users/me")
    assert isinstance(error.value, errors.PagerDutyError)
    assert not pagerduty_sandbox.requests


@pytest.mark.client
def test_functions_client_uses_environment(pagerduty_sandbox, monkeypatch):
    account = client.create_client()
    assert isinstance(account, PagerDuty)
    me = asyncio.run(account.build_user_context())
    assert me["user_id"] == pagerduty_sandbox.current_user["id"]
    monkeypatch.setenv("PAGERDUTY_API_TOKEN", "")
    with pytest.raises(PagerDutyAuthError) as error:
        client.create_client()
    assert error.value.code == "MISSING_CREDENTIALS"


@pytest.mark.server
def test_functions_export_all_public_names():
    for name in pagerduty_mcp_server.__all__:
        assert getattr(pagerduty_mcp_server, name) is not None
    assert issubclass(utils.ValidationError, PagerDutyError)
    with pytest.raises(AttributeError, match="nothing"):
        _ = pagerduty_mcp_server.nothing
