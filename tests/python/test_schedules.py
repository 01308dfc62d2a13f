"""Tests of `get_schedules` and `list_users_oncall`."""

from datetime import datetime, timedelta, timezone

import pytest
from doors import Session

pytestmark = [pytest.mark.unit, pytest.mark.schedules]

NOW = datetime.now(timezone.utc)
WEEK = {
    "since": (NOW - timedelta(days=3)).isoformat(),
    "until": (NOW + timedelta(days=4)).isoformat(),
}


def schedule(session: Session) -> dict:
    return session.call("get_schedules", limit=1)["schedules"][0]


def test_query_finds_by_name(session: Session):
    wanted = schedule(session)
    found = session.call("get_schedules", query=wanted["name"].upper())["schedules"]
    assert wanted["id"] in {one["id"] for one in found}
    assert session.call("get_schedules", query="no such schedule")["schedules"] == []


def test_schedule_is_rendered_only_over_range(session: Session):
    wanted = schedule(session)["id"]
    bare = session.one("get_schedules", schedule_id=wanted)
    rendered = session.one("get_schedules", schedule_id=wanted, **WEEK)
    assert bare["schedule_layers"]
    assert "final_schedule" not in bare
    entries = rendered["final_schedule"]["rendered_schedule_entries"]
    assert entries
    assert entries[0].keys() == {"start", "end", "user"}


def test_schedule_list_with_range_warns(session: Session):
    answer = session.call("get_schedules", limit=1, **WEEK)
    assert any("schedule_id" in warning for warning in answer["metadata"]["warnings"])


@pytest.mark.users
def test_list_users_oncall_returns_users_of_schedule(session: Session):
    wanted = schedule(session)["id"]
    rendered = session.one("get_schedules", schedule_id=wanted, **WEEK)
    entries = rendered["final_schedule"]["rendered_schedule_entries"]
    users = session.call("list_users_oncall", schedule_id=wanted, **WEEK)["users"]
    assert {user["id"] for user in users} == {entry["user"]["id"] for entry in entries}


def test_unknown_schedule_is_not_found(session: Session):
    for tool in ("get_schedules", "list_users_oncall"):
        error = session.fail(tool, schedule_id="PNOBODY")
        assert (error["code"], error["status"]) == ("NOT_FOUND", 404)
        assert "PNOBODY" in error["message"]
