"""Tests of the sandbox's shift-based schedules, their rotations and events.

Every answer is checked against PagerDuty's OpenAPI description.
"""

from datetime import datetime, timedelta

import pytest
from contract import READ_ONLY, ids

pytestmark = [pytest.mark.unit, pytest.mark.client]

SCHEDULE = "/v3/schedules/{id}"
ROTATIONS = SCHEDULE + "/rotations"
EVENTS = ROTATIONS + "/{rotation_id}/events"
EVENT = EVENTS + "/{event_id}"


@pytest.fixture
def now(api):
    return datetime.fromisoformat(api.sandbox.control("GET", "/sandbox")["now"])


@pytest.fixture
def schedule(api):
    """The ID of a new schedule without shifts."""
    fields = {"name": "Cooks", "time_zone": "Europe/Berlin", "description": "Day and night"}
    return api.send("POST", "/v3/schedules", body={"schedule": fields}, status=201)["schedule"][
        "id"
    ]


@pytest.fixture
def rotation(api, schedule):
    """The IDs of a new schedule and of its rotation."""
    rotation = api.send("POST", ROTATIONS, status=201, id=schedule)["rotation"]
    assert rotation["events"] == []
    return {"id": schedule, "rotation_id": rotation["id"]}


def time(at):
    return {"date_time": at, "time_zone": "Europe/Berlin"}


def event(users, since, **more):
    members = [{"type": "user_member", "user_id": user} for user in users]
    strategy = {
        "type": "rotating_member_assignment_strategy",
        "shifts_per_member": 2,
        "members": members,
    }
    # 4 January 2027 is a Monday.
    return {
        "name": "Days",
        "start_time": time("2027-01-04T09:00:00+01:00"),
        "end_time": time("2027-01-04T17:00:00+01:00"),
        "effective_since": since,
        "effective_until": None,
        "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH"],
        "assignment_strategy": strategy,
    } | more


def users(api, count):
    return [user["id"] for user in api.get("/users", [("limit", count)])["users"]]


def send(api, method, template, fields=None, status=200, **ids):
    body = None if fields is None else {"event": fields}
    return api.send(method, template, body=body, status=status, **ids)


def final(api, schedule, since, until):
    query = [("since", since), ("until", until), ("include[]", "final_schedule")]
    return api.get(SCHEDULE, query, id=schedule)["schedule"]["final_schedule"]


def test_schedule_is_created_updated_and_deleted(api, schedule):
    shown = api.get(SCHEDULE, id=schedule)["schedule"]
    assert (shown["name"], shown["rotations"], shown["teams"]) == ("Cooks", [], [])
    assert schedule in ids(api.get("/v3/schedules", [("limit", 1000)])["schedules"])
    api.get("/schedules/{id}", status=404, id=schedule)
    body = {"schedule": {"name": "Brigade"}}
    assert api.send("PUT", SCHEDULE, body=body, id=schedule)["schedule"] == shown | {
        "name": "Brigade"
    }
    api.send("DELETE", SCHEDULE, status=204, id=schedule)
    api.get(SCHEDULE, status=404, id=schedule)
    api.send("DELETE", SCHEDULE, status=404, id=schedule)


def test_invalid_schedule_is_refused(api, schedule):
    fields = {"name": "Cooks", "time_zone": "Europe/Berlin"}
    known = api.get("/v3/schedules")
    for wrong, field in [
        ({"time_zone": "Europe/Berlin"}, "name"),
        ({"name": "Cooks"}, "time_zone"),
        (fields | {"name": ""}, "name"),
        (fields | {"name": "x" * 256}, "name"),
        (fields | {"description": 7}, "description"),
        (fields | {"time_zone": "Mars/Base"}, "time_zone"),
        (fields | {"rotations": []}, "rotations"),
        (fields | {"escalation_policies": []}, "escalation_policies"),
    ]:
        error = api.send("POST", "/v3/schedules", body={"schedule": wrong}, status=400)["error"]
        assert f"schedule.{field}" in error["errors"], error
        if len(wrong) > 1:
            api.send("PUT", SCHEDULE, body={"schedule": wrong}, status=400, id=schedule)
    api.send("POST", "/v3/schedules", body={"schedule": fields}, status=403, token=READ_ONLY)
    assert api.get("/v3/schedules") == known
    oncalls = api.get("/oncalls", [("limit", 100)])["oncalls"]
    used = next(
        one["schedule"]["id"]
        for one in oncalls
        if (one["schedule"] or {}).get("type") == "schedule_v3_reference"
    )
    error = api.send("DELETE", SCHEDULE, status=400, id=used)["error"]
    assert "is in the escalation policy" in error["errors"]["schedule"][0]


def test_event_gives_shifts_in_turn(api, rotation, now):
    one, other = users(api, 2)
    created = send(
        api, "POST", EVENTS, event([one, other], "2020-01-01T00:00:00Z"), 201, **rotation
    )["event"]
    assert datetime.fromisoformat(created["effective_since"]) >= now, "the past does not change"
    assert api.get(EVENTS, **rotation)["events"] == [created]
    assert api.get(EVENT, event_id=created["id"], **rotation)["event"] == created
    [shown] = api.get(SCHEDULE, id=rotation["id"])["schedule"]["rotations"]
    assert shown["events"] == [created]
    assert api.get(ROTATIONS + "/{rotation_id}", **rotation)["rotation"] == shown
    rendered = final(api, rotation["id"], "2027-01-04T00:00:00Z", "2027-01-11T00:00:00Z")
    assigned = rendered["computed_shift_assignments"]
    assert [entry["member"]["user_id"] for entry in assigned] == [one, one, other, other]
    assert [entry["start_time"] for entry in assigned][:2] == [
        "2027-01-04T09:00:00+01:00",
        "2027-01-05T09:00:00+01:00",
    ]
    assert rendered["rendered_coverage_percentage"] == 19.0
    # In summer time the shift begins at nine, too, and `time_zone` changes how times are written.
    query = [
        ("since", "2027-07-05"),
        ("until", "2027-07-06"),
        ("include[]", "final_schedule"),
        ("time_zone", "Asia/Kolkata"),
    ]
    [entry] = api.get(SCHEDULE, query, id=rotation["id"])["schedule"]["final_schedule"][
        "computed_shift_assignments"
    ]
    assert entry["start_time"] == "2027-07-05T12:30:00+05:30"
    # All members at once.
    every = event([one, other], "2030-01-01T00:00:00Z")
    every["assignment_strategy"] = {
        "type": "every_member_assignment_strategy",
        "members": every["assignment_strategy"]["members"],
    }
    until = {"effective_until": "2029-01-01T00:00:00Z"}
    send(api, "PUT", EVENT, until, event_id=created["id"], **rotation)
    send(api, "POST", EVENTS, every, 201, **rotation)
    both = final(api, rotation["id"], "2030-01-07T08:00:00Z", "2030-01-07T09:00:00Z")
    assert {entry["member"]["user_id"] for entry in both["computed_shift_assignments"]} == {
        one,
        other,
    }
    assert both["rendered_coverage_percentage"] == 100.0


def test_invalid_event_is_refused(api, rotation):
    [one, *_] = users(api, 1)
    since = "2027-01-01T00:00:00Z"
    good = event([one], since)
    strategy = good["assignment_strategy"]
    for wrong, field in [
        ({name: value for name, value in good.items() if name != "name"}, "name"),
        (good | {"name": ""}, "name"),
        (good | {"start_time": time("nine")}, "start_time"),
        (
            good | {"end_time": {"date_time": "2027-01-04T17:00:00", "time_zone": "Mars/Base"}},
            "end_time",
        ),
        (good | {"end_time": good["start_time"]}, "end_time"),
        (good | {"effective_since": "soon"}, "effective_since"),
        (good | {"effective_until": since}, "effective_until"),
        (good | {"recurrence": []}, "recurrence"),
        (good | {"recurrence": ["RRULE:FREQ=SOMETIMES"]}, "recurrence"),
        (good | {"assignment_strategy": strategy | {"members": []}}, "assignment_strategy"),
        (
            good | {"assignment_strategy": strategy | {"members": strategy["members"] * 21}},
            "assignment_strategy",
        ),
        (event(["PNOBODY"], since), "assignment_strategy"),
        (
            good | {"assignment_strategy": strategy | {"shifts_per_member": 0}},
            "assignment_strategy",
        ),
    ]:
        error = send(api, "POST", EVENTS, wrong, 400, **rotation)["error"]
        assert f"event.{field}" in error["errors"], error
    assert api.get(EVENTS, **rotation)["events"] == []
    api.send("POST", ROTATIONS, body={"name": "Days"}, status=400, id=rotation["id"])
    api.send("POST", EVENTS, body={}, status=400, **rotation)
    for year in range(2027, 2032):
        part = event(
            [one], f"{year}-01-01T00:00:00Z", effective_until=f"{year + 1}-01-01T00:00:00Z"
        )
        send(api, "POST", EVENTS, part, 201, **rotation)
        if year == 2027:
            error = send(api, "POST", EVENTS, part, 400, **rotation)["error"]
            assert "overlaps the event" in error["errors"]["event.effective_since"][0]
    error = send(api, "POST", EVENTS, event([one], "2040-01-01T00:00:00Z"), 400, **rotation)[
        "error"
    ]
    assert error["errors"] == {"rotation.events": ["must have at most 5 events"]}
    for missing in ({"rotation_id": "PNONE"}, {"id": "PNONE"}):
        send(api, "POST", EVENTS, good, 404, **rotation | missing)
        api.get(EVENTS, status=404, **rotation | missing)
    api.get(EVENT, status=404, event_id="PNONE", **rotation)


def test_event_that_has_begun_changes_only_its_end(api, rotation, now):
    [one, other] = users(api, 2)
    begun = send(api, "POST", EVENTS, event([one], now.isoformat()), 201, **rotation)["event"]
    active = {"event_id": begun["id"], **rotation}
    error = send(api, "PUT", EVENT, {"name": "Nights"}, 400, **active)["error"]
    assert "event.name" in error["errors"]
    later = (now + timedelta(days=400)).strftime("%Y-%m-%dT%H:%M:%SZ")
    # Clients send whole objects back.
    changed = send(api, "PUT", EVENT, begun | {"effective_until": later}, **active)["event"]
    assert changed == begun | {"effective_until": later}
    future = send(api, "POST", EVENTS, event([one], later), 201, **rotation)["event"]
    fields = {"name": "Nights", "assignment_strategy": event([other], later)["assignment_strategy"]}
    changed = send(api, "PUT", EVENT, fields, event_id=future["id"], **rotation)["event"]
    assert changed == future | fields
    send(api, "DELETE", EVENT, status=204, event_id=future["id"], **rotation)
    send(api, "DELETE", EVENT, status=404, event_id=future["id"], **rotation)
    ended = send(api, "PUT", EVENT, {"effective_until": now.isoformat()}, **active)["event"]
    assert datetime.fromisoformat(ended["effective_until"]) >= now
    assert (
        "event.effective_until"
        in send(api, "PUT", EVENT, {"name": "x"}, 400, **active)["error"]["errors"]
    )


def test_past_shifts_of_deleted_rotation_stay(api, now):
    [schedule] = [
        one["id"]
        for one in api.get("/v3/schedules")["schedules"]
        if one["summary"] == "Legacy Batch Exports"
    ]
    week = (now - timedelta(days=7)).isoformat(), now.isoformat()
    coming = (now + timedelta(minutes=5)).isoformat(), (now + timedelta(days=7)).isoformat()
    past = final(api, schedule, *week)
    assert final(api, schedule, *coming)["rendered_coverage_percentage"] == 100.0
    [rotation] = api.get(ROTATIONS, id=schedule)["rotations"]
    one = {"id": schedule, "rotation_id": rotation["id"]}
    api.send("DELETE", ROTATIONS + "/{rotation_id}", status=204, **one)
    api.send("DELETE", ROTATIONS + "/{rotation_id}", status=404, **one)
    assert (
        api.get(ROTATIONS, id=schedule)["rotations"]
        == api.get(SCHEDULE, id=schedule)["schedule"]["rotations"]
        == []
    )
    assert final(api, schedule, *coming)["computed_shift_assignments"] == []
    assert final(api, schedule, *week) == past
