"""Tests of the read tools against a real account.

They are skipped without `PAGERDUTY_API_TOKEN`. They change nothing, and assume nothing about the
account except that it answers. They check that its answers can be read.
"""

import os
from collections.abc import Iterator

import pytest
from doors import Door, Session, connect

TOKEN = os.environ.get("PAGERDUTY_API_TOKEN")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not TOKEN, reason="needs a real account: set PAGERDUTY_API_TOKEN"),
]


@pytest.fixture(scope="module")
def account(portal, door: Door, nowhere) -> Iterator[Session]:
    """Return a session with the settings of the user who runs the tests."""
    ours = {name: value for name, value in os.environ.items() if name.startswith("PAGERDUTY_")}
    with connect(portal, door, "--read-only", cwd=nowhere, **ours) as session:
        yield session


# Without the context, an account-level key works, too.
@pytest.mark.parametrize(
    "resource",
    [
        pytest.param("teams", marks=pytest.mark.teams),
        pytest.param("schedules", marks=pytest.mark.schedules),
    ],
)
def test_real_account_lists_work(account: Session, resource):
    answer = account.call(f"get_{resource}", limit=3)
    assert len(answer[resource]) <= 3


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param(name, marks=getattr(pytest.mark, name))
        for name in ("escalation_policies", "incidents", "oncalls", "services", "users")
    ],
)
def test_real_account_lists_by_team_work(account: Session, resource):
    teams = account.call("get_teams", limit=1)["teams"]
    if not teams:
        pytest.skip("the account has no team")
    scope = {"team_ids": [teams[0]["id"]]}
    if resource == "oncalls":
        policies = account.call(
            "get_escalation_policies", current_user_context=False, limit=1, **scope
        )
        scope = {"escalation_policy_ids": [p["id"] for p in policies["escalation_policies"]]}
        if not scope["escalation_policy_ids"]:
            pytest.skip("the account's first team has no escalation policy")
    answer = account.call(f"get_{resource}", current_user_context=False, limit=3, **scope)
    assert len(answer[resource]) <= 3
