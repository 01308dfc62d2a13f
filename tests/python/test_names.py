"""Tests of names, addresses and links in the places of IDs, in methods and functions."""

import asyncio

import pytest
from doors import Session
from pagerduty_mcp_server import (
    PagerDuty,
    SyncPagerDuty,
    errors,
    escalation_policies,
    oncalls,
    schedules,
    services,
    teams,
    users,
)

pytestmark = [pytest.mark.unit, pytest.mark.client]


def test_every_door_takes_names(session: Session):
    service = session.one("get_services", service_id="checkout api")
    assert service == session.one("get_services", service_id="P7KEX0S")
    user = session.one("get_users", user_id="Tomas.Ferreira@acme.example")
    assert user["id"] == "PA9SOVC"
    listed = session.call(
        "get_services", current_user_context=False, team_ids=["Checkout", "PXTI2A2"]
    )
    assert {team["id"] for row in listed["services"] for team in row["teams"]} == {
        "P14VFCF",
        "PXTI2A2",
    }
    error = session.fail("get_services", service_id="search")
    assert error["code"] == "AMBIGUOUS_NAME"
    assert {one["name"] for one in error["candidates"]} >= {"Log Search", "Product Search"}


@pytest.mark.parametrize(
    ("function", "arguments", "key", "ids"),
    [
        (services.show_service, {"service_id": "Checkout API"}, "services", ["P7KEX0S"]),
        (teams.show_team, {"team_id": "data platform"}, "teams", ["PR5GSBO"]),
        (users.show_user, {"user_id": "Noor Haddad"}, "users", ["P9ABP2Q"]),
        (schedules.show_schedule, {"schedule_id": "checkout secondary"}, "schedules", ["PPKD8YK"]),
        (
            escalation_policies.show_escalation_policy,
            {"policy_id": "Checkout On-Call"},
            "escalation_policies",
            ["PJBDDA3"],
        ),
    ],
)
def test_functions_take_names(pagerduty_sandbox, function, arguments, key, ids):
    answer = asyncio.run(function(**arguments))
    assert [row["id"] for row in answer[key]] == ids


def test_function_of_list_takes_names_and_me(pagerduty_sandbox):
    me = pagerduty_sandbox.current_user["id"]
    by_name = asyncio.run(oncalls.list_oncalls(user_ids=["me", "Noor Haddad"]))
    assert by_name == asyncio.run(oncalls.list_oncalls(user_ids=[me, "P9ABP2Q"]))


def test_ambiguous_name_is_a_value_error_with_candidates(pagerduty_sandbox):
    with pytest.raises(ValueError, match="AMBIGUOUS_NAME") as raised:
        asyncio.run(services.show_service(service_id="search"))
    error = raised.value
    assert isinstance(error, errors.ValidationError)
    assert error.code == "AMBIGUOUS_NAME"
    candidates = error.envelope["error"]["candidates"]
    assert all(one["id"] in error.hint for one in candidates)


def test_methods_take_names_and_find_them(pagerduty_sandbox):
    async def calls() -> None:
        async with PagerDuty() as account:
            team = await account.get_teams(team_id="checkout")
            assert team["teams"][0]["id"] == "P14VFCF"

    asyncio.run(calls())
    with SyncPagerDuty(toolsets=["find"]) as account:
        answer = account.find(text=["checkout"], kinds=["teams"])
        assert answer["matches"][0]["id"] == "P14VFCF"
        kinds = [row["kind"] for row in account.iter_find(kinds=["teams"])]
        assert set(kinds) == {"teams"}
        assert len(kinds) > 10


def test_link_to_another_account_is_a_value_error(pagerduty_sandbox):
    link = "https://other.pagerduty.com/teams/P14VFCF"
    with pytest.raises(errors.ValidationError, match="WRONG_ACCOUNT"):
        asyncio.run(teams.show_team(team_id=link))
