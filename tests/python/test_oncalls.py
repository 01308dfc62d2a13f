"""Tests of `get_oncalls`."""

from datetime import datetime, timedelta, timezone

import pytest
from doors import Session

pytestmark = [pytest.mark.unit, pytest.mark.oncalls]


def test_oncalls_context_includes_teammates(session: Session):
    me = session.call("build_user_context")["user_id"]
    users = {oncall["user"]["id"] for oncall in session.call("get_oncalls")["oncalls"]}
    assert me in users
    assert len(users) > 1


@pytest.mark.parametrize(
    ("parameter", "field"),
    [
        ("schedule_ids", "schedule"),
        ("user_ids", "user"),
        ("escalation_policy_ids", "escalation_policy"),
    ],
)
def test_filters_narrow_list(session: Session, parameter, field):
    wanted = next(o[field]["id"] for o in session.call("get_oncalls")["oncalls"] if field in o)
    answer = session.call("get_oncalls", current_user_context=False, **{parameter: [wanted]})
    assert {oncall[field]["id"] for oncall in answer["oncalls"]} == {wanted}


def test_oncalls_context_accepts_schedule_ids(session: Session):
    oncalls = session.call("get_oncalls")["oncalls"]
    wanted = next(oncall["schedule"]["id"] for oncall in oncalls if "schedule" in oncall)
    narrowed = session.call("get_oncalls", schedule_ids=[wanted])["oncalls"]
    assert {oncall["schedule"]["id"] for oncall in narrowed} == {wanted}


def test_oncalls_range_and_earliest_select_shifts(session: Session):
    now = datetime.now(timezone.utc)
    month = {"since": now.isoformat(), "until": (now + timedelta(days=30)).isoformat()}
    all_turns = session.call("get_oncalls", **month)["metadata"]["count"]
    next_turns = session.call("get_oncalls", **month, earliest=True)["metadata"]["count"]
    assert 0 < next_turns < all_turns


def test_oncalls_range_is_limited_to_90_days(session: Session):
    late = (datetime.now(timezone.utc) + timedelta(days=91)).isoformat()
    assert session.fail("get_oncalls", until=late)["code"] == "INVALID_TIME_RANGE"


@pytest.mark.client
def test_oncalls_without_teams_are_the_users_own(log_in):
    with log_in("sandbox-teamless-user") as session:
        me = session.call("build_user_context")["user_id"]
        oncalls = session.call("get_oncalls")["oncalls"]
    assert oncalls
    assert {oncall["user"]["id"] for oncall in oncalls} == {me}
