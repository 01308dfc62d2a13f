"""Tests of `get_escalation_policies`."""

import pytest
from doors import Session

pytestmark = [pytest.mark.unit, pytest.mark.escalation_policies]

GET = "get_escalation_policies"


def test_policies_of_context_page_the_user(session: Session):
    me = session.call("build_user_context")
    for policy in session.call(GET)["escalation_policies"]:
        assert policy["id"] in me["escalation_policy_ids"]
        assert {team["id"] for team in policy["teams"]} & set(me["team_ids"])


def test_policies_filter_by_user_and_team(session: Session):
    me = session.call("build_user_context")
    by_user = session.call(GET, current_user_context=False, user_ids=[me["user_id"]])
    policies = {policy["id"] for policy in by_user["escalation_policies"]}
    assert policies == set(me["escalation_policy_ids"])
    by_team = session.call(GET, current_user_context=False, team_ids=me["team_ids"])
    assert by_team["metadata"]["count"] > 0


def test_query_filters_list(session: Session):
    policies = session.call(GET)["escalation_policies"]
    found = session.call(GET, query=policies[0]["name"])["escalation_policies"]
    assert policies[0] in found
    assert len(found) < len(policies)


def test_id_returns_one_object(session: Session):
    listed = session.call(GET, limit=1)["escalation_policies"][0]
    assert session.one(GET, policy_id=listed["id"]) == listed


@pytest.mark.client
def test_policies_without_teams_are_the_users_own(log_in):
    with log_in("sandbox-teamless-user") as session:
        me = session.call("build_user_context")
        policies = session.call(GET)["escalation_policies"]
    assert [policy["id"] for policy in policies] == me["escalation_policy_ids"]
