"""Tests of `get_services`."""

import pytest
from doors import Session

pytestmark = [pytest.mark.unit, pytest.mark.services]


def test_context_limits_list_to_own_teams(session: Session):
    mine = session.call("build_user_context")["service_ids"]
    services = session.call("get_services")["services"]
    assert {service["id"] for service in services} == set(mine)


def test_services_filter_by_team_and_name(session: Session):
    team = session.call("build_user_context")["team_ids"][0]
    of_team = session.call("get_services", current_user_context=False, team_ids=[team])["services"]
    assert all(team in {one["id"] for one in service["teams"]} for service in of_team)
    named = session.call(
        "get_services", current_user_context=False, team_ids=[team], query=of_team[0]["name"]
    )
    assert of_team[0] in named["services"]


def test_id_returns_one_object(session: Session):
    listed = session.call("get_services", limit=1)["services"][0]
    assert session.one("get_services", service_id=listed["id"]) == listed


@pytest.mark.client
def test_list_without_teams_error_names_parameters(log_in):
    with log_in("sandbox-teamless-user") as session:
        error = session.fail("get_services")
    assert error["code"] == "NO_TEAMS"
    assert "team_ids" in error["hint"]
