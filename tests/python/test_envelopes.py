"""Tests that the functions of the 4.x modules and the binary give the same answers."""

import asyncio
from typing import Any

import pytest
from doors import connect, native
from pagerduty_mcp_server import (
    PagerDutyError,
    escalation_policies,
    incidents,
    oncalls,
    schedules,
    services,
    teams,
    users,
)

pytestmark = [pytest.mark.unit, pytest.mark.server]

ALL = {"current_user_context": False}
WINDOW = {"since": "2026-01-01", "until": "2026-02-01"}

# The function, the tool, the arguments of both, and further ones for the tool only. Text in braces
# is looked up in the account.
CALLS: list[tuple[Any, str, dict[str, Any], dict[str, Any]]] = [
    (users.build_user_context, "build_user_context", {}, {}),
    (incidents.list_incidents, "get_incidents", {"team_ids": ["{teams}"], "limit": 7}, ALL),
    (
        incidents.list_incidents,
        "get_incidents",
        {"service_ids": ["{services}", " "], "statuses": ["triggered", "odd"], "include": ["id"]},
        ALL,
    ),
    (incidents.list_incidents, "get_incidents", {"team_ids": ["{teams}"], **WINDOW}, ALL),
    (
        incidents.show_incident,
        "get_incidents",
        {
            "incident_id": "{incidents}",
            "include_past_incidents": True,
            "include_related_incidents": True,
            "include_notes": True,
        },
        {},
    ),
    (incidents.show_incident, "get_incidents", {"incident_id": "PNOTHERE"}, {}),
    (incidents.show_incident, "get_incidents", {"incident_id": "../x"}, {}),
    (incidents.list_incidents, "get_incidents", {"team_ids": ["{teams}"], "limit": -1}, ALL),
    (oncalls.list_oncalls, "get_oncalls", {"schedule_ids": ["{schedules}"]}, ALL),
    (oncalls.list_oncalls, "get_oncalls", {"user_ids": ["{users}"], "earliest": True}, ALL),
    (schedules.list_schedules, "get_schedules", {"query": "a", "limit": 3}, {}),
    (schedules.show_schedule, "get_schedules", {"schedule_id": "{schedules}"}, {}),
    (schedules.show_schedule, "get_schedules", {"schedule_id": "{schedules}", **WINDOW}, {}),
    (schedules.list_users_oncall, "list_users_oncall", {"schedule_id": "{schedules}"}, {}),
    (
        escalation_policies.list_escalation_policies,
        "get_escalation_policies",
        {"team_ids": ["{teams}"], "include": ["name", "id"]},
        ALL,
    ),
    (
        escalation_policies.show_escalation_policy,
        "get_escalation_policies",
        {"policy_id": "{escalation_policies}"},
        {},
    ),
    (services.list_services, "get_services", {"team_ids": ["{teams}"], "query": "a"}, ALL),
    (services.show_service, "get_services", {"service_id": "{services}"}, {}),
    (services.show_service, "get_services", {"service_id": "{services}", "include": ["x"]}, {}),
    (teams.list_teams, "get_teams", {"limit": 2}, {}),
    (teams.show_team, "get_teams", {"team_id": "{teams}"}, {}),
    (users.list_users, "get_users", {"team_ids": ["{teams}"]}, ALL),
    (users.show_user, "get_users", {"user_id": "{users}"}, {}),
]


def answer(function, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return asyncio.run(function(**arguments))
    except PagerDutyError as error:
        return error.envelope


def test_functions_and_binary_answer_the_same(pagerduty_sandbox, portal, nowhere):
    def looked_up(value: Any) -> Any:
        if isinstance(value, list):
            return [looked_up(one) for one in value]
        if isinstance(value, str) and value.startswith("{"):
            return getattr(pagerduty_sandbox, value.strip("{}"))[0]["id"]
        return value

    failed = 0
    with connect(portal, native(), cwd=nowhere, **pagerduty_sandbox.environment) as session:
        for function, tool, arguments, more in CALLS:
            given = {name: looked_up(value) for name, value in arguments.items()}
            ours = answer(function, given)
            theirs = session._answer(tool, given | more, is_error="error" in ours)
            for one in (ours, theirs):
                # The request IDs differ, because each answer has a separate request to PagerDuty.
                one.get("error", {}).pop("request_id", None)
            assert list(ours) == list(theirs)
            assert ours == theirs, (function, given)
            failed += "error" in ours
    assert failed == 3, "those that are to fail, and no other"


def test_write_functions_and_binary_answer_the_same(pagerduty_sandbox, portal, nowhere):
    """Each change is made to a separate incident, which differs only in its identity."""
    acknowledge = (incidents.update_incident_status, {"status": "acknowledged"})
    resolve = (incidents.update_incident_status, {"status": "resolved"})
    note = (incidents.create_incident_note, {"content": "On it."})
    changes = [
        ("acknowledge_incident", acknowledge, {}),
        ("resolve_incident", resolve, {}),
        ("resolve_incident", resolve, {}),
        ("add_incident_note", note, {"content": "On it."}),
    ]
    first, second = (pagerduty_sandbox.trigger(title="Too hot", urgency="low") for _ in range(2))
    with connect(portal, native(), cwd=nowhere, **pagerduty_sandbox.environment) as session:
        for tool, (function, said), arguments in changes:
            ours = answer(function, {"incident_id": first["id"], **said})
            arguments = {"incident_id": second["id"], **arguments}
            theirs = session._answer(tool, arguments, is_error="error" in ours)
            assert ours["metadata"] == theirs["metadata"]
            assert shape(ours) == shape(theirs)
    mine, other = (pagerduty_sandbox.incident(one["id"]) for one in (first, second))
    assert mine["status"] == other["status"] == "resolved"


def shape(value: Any) -> Any:
    """Return the names in a value, in their order."""
    if isinstance(value, dict):
        return [(name, shape(one)) for name, one in value.items()]
    return [shape(one) for one in value] if isinstance(value, list) else None
