"""Tests of `get_teams`."""

import pytest
from doors import Session

pytestmark = [pytest.mark.unit, pytest.mark.teams]


def test_teams_list_whole_account(session: Session):
    mine = session.call("build_user_context")["team_ids"]
    teams = {team["id"] for team in session.call("get_teams")["teams"]}
    assert set(mine) < teams


def test_query_finds_by_name(session: Session):
    teams = session.call("get_teams")["teams"]
    found = session.call("get_teams", query=teams[0]["name"])["teams"]
    assert teams[0] in found
    assert len(found) < len(teams)


def test_id_returns_one_object(session: Session):
    listed = session.call("get_teams", limit=1)["teams"][0]
    assert session.one("get_teams", team_id=listed["id"]) == listed


@pytest.mark.client
def test_teams_accept_account_level_key(log_in):
    with log_in("sandbox-account-key") as session:
        assert session.call("get_teams")["teams"]
