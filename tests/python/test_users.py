"""Tests of `get_users` and `build_user_context`."""

import pytest
from doors import Session

pytestmark = [pytest.mark.unit, pytest.mark.users]


def test_build_user_context_is_flat(session: Session):
    me = session.call("build_user_context")
    assert list(me) == [
        "user_id",
        "name",
        "email",
        "team_ids",
        "service_ids",
        "escalation_policy_ids",
    ]
    assert len(me["team_ids"]) == 2


def test_context_limits_list_to_own_teams(session: Session):
    me = session.call("build_user_context")
    users = session.call("get_users")["users"]
    assert me["user_id"] in {user["id"] for user in users}
    for user in users:
        assert {team["id"] for team in user["teams"]} & set(me["team_ids"])


def test_id_returns_one_object(session: Session):
    me = session.call("build_user_context")
    shown = session.one("get_users", user_id=me["user_id"])
    assert (shown["id"], shown["name"], shown["email"]) == (me["user_id"], me["name"], me["email"])


def test_query_filters_list(session: Session):
    me = session.call("build_user_context")
    found = session.call("get_users", query=me["name"])["users"]
    assert [user["id"] for user in found] == [me["user_id"]]


@pytest.mark.client
@pytest.mark.parametrize("token", ["sandbox-user", "pdus+_sandbox-oauth"])
def test_build_user_context_equal_for_key_and_oauth(log_in, sandbox, token):
    with log_in(token) as session:
        me = session.call("build_user_context")
    assert me["user_id"] == sandbox.control("GET", "/sandbox")["current_user"]["id"]


@pytest.mark.client
def test_list_without_teams_error_names_parameters(log_in):
    with log_in("sandbox-teamless-user") as session:
        error = session.fail("get_users")
    assert error["code"] == "NO_TEAMS"
    assert "team_ids" in error["hint"]


@pytest.mark.client
@pytest.mark.parametrize(
    "tool",
    [
        "build_user_context",
        "get_users",
        "get_services",
        "get_incidents",
        "get_oncalls",
        "get_escalation_policies",
    ],
)
def test_account_level_key_has_no_context(log_in, tool):
    with log_in("sandbox-account-key") as session:
        error = session.fail(tool)
    assert error["code"] == "NO_USER_CONTEXT"
    assert "current_user_context=false" in error["hint"]
