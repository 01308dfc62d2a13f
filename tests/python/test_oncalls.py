"""`get_oncalls`."""

from datetime import datetime, timedelta, timezone

import pytest
from doors import Session

pytestmark = [pytest.mark.unit, pytest.mark.oncalls]


def test_the_context_shows_teammates(session: Session):
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
def test_filters(session: Session, parameter, field):
    wanted = next(o[field]["id"] for o in session.call("get_oncalls")["oncalls"] if field in o)
    answer = session.call("get_oncalls", current_user_context=False, **{parameter: [wanted]})
    assert {oncall[field]["id"] for oncall in answer["oncalls"]} == {wanted}


def test_a_schedule_may_narrow_the_context(session: Session):
    oncalls = session.call("get_oncalls")["oncalls"]
    wanted = next(oncall["schedule"]["id"] for oncall in oncalls if "schedule" in oncall)
    narrowed = session.call("get_oncalls", schedule_ids=[wanted])["oncalls"]
    assert {oncall["schedule"]["id"] for oncall in narrowed} == {wanted}


def test_a_range_shows_later_turns_and_earliest_only_the_next(session: Session):
    now = datetime.now(timezone.utc)
    month = {"since": now.isoformat(), "until": (now + timedelta(days=30)).isoformat()}
    all_turns = session.call("get_oncalls", **month)["metadata"]["count"]
    next_turns = session.call("get_oncalls", **month, earliest=True)["metadata"]["count"]
    assert 0 < next_turns < all_turns


def test_ninety_days_ahead_is_the_limit(session: Session):
    late = (datetime.now(timezone.utc) + timedelta(days=91)).isoformat()
    assert session.fail("get_oncalls", until=late)["code"] == "INVALID_TIME_RANGE"


@pytest.mark.client
def test_without_teams_it_is_my_own_turns(log_in):
    with log_in("sandbox-teamless-user") as session:
        me = session.call("build_user_context")["user_id"]
        oncalls = session.call("get_oncalls")["oncalls"]
    assert oncalls
    assert {oncall["user"]["id"] for oncall in oncalls} == {me}
