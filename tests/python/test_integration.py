"""The tools that only read, against a real account.

Skipped without `PAGERDUTY_API_TOKEN`. Nothing is changed, and nothing is assumed about the account
but that it answers: what is checked is that its answers are understood.
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
    """A session with the settings of whoever runs the tests."""
    ours = {name: value for name, value in os.environ.items() if name.startswith("PAGERDUTY_")}
    with connect(portal, door, "--read-only", cwd=nowhere, **ours) as session:
        yield session


# Without a context an account-level key may ask, too.
@pytest.mark.parametrize(
    "resource",
    [
        pytest.param("teams", marks=pytest.mark.teams),
        pytest.param("schedules", marks=pytest.mark.schedules),
    ],
)
def test_lists_of_the_account(account: Session, resource):
    answer = account.call(f"get_{resource}", limit=3)
    assert len(answer[resource]) <= 3


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param(name, marks=getattr(pytest.mark, name))
        for name in ("escalation_policies", "incidents", "oncalls", "services", "users")
    ],
)
def test_lists_of_a_team(account: Session, resource):
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
