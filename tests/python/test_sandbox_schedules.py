"""Tests of the overrides and custom shifts of the sandbox, which take effect at once.

Every answer is checked against PagerDuty's OpenAPI description.
"""

from datetime import datetime, timedelta

import pytest
from contract import ACCOUNT, READ_ONLY, ids

pytestmark = [pytest.mark.unit, pytest.mark.client]

LAYERS = "/schedules/{id}/overrides"
SHIFTS = "/v3/schedules/{id}/overrides"
CUSTOM = "/v3/schedules/{id}/custom_shifts"


@pytest.fixture
def hours(api):
    """The time in some hours, as text."""
    now = datetime.fromisoformat(api.sandbox.control("GET", "/sandbox")["now"])

    def hours(number):
        return (now + timedelta(hours=number)).isoformat()

    return hours


@pytest.fixture
def layered(api):
    """The ID of a layer-based schedule that is in a policy and covers all hours."""
    oncalls = api.get("/oncalls", [("limit", 100)])["oncalls"]
    return next(
        one["schedule"]["id"]
        for one in oncalls
        if (one["schedule"] or {}).get("type") == "schedule_reference"
    )


@pytest.fixture
def shift_based(api):
    """The ID of a shift-based schedule that is in a policy and covers all hours."""
    oncalls = api.get("/oncalls", [("limit", 100)])["oncalls"]
    return next(
        one["schedule"]["id"]
        for one in oncalls
        if (one["schedule"] or {}).get("type") == "schedule_v3_reference"
    )


def span(since, until):
    return [("since", since), ("until", until)]


def layered_users(api, schedule, since, until):
    """The users of the final schedule in order."""
    shown = api.get("/schedules/{id}", span(since, until), id=schedule)["schedule"]
    return [entry["user"]["id"] for entry in shown["final_schedule"]["rendered_schedule_entries"]]


def assignments(api, schedule, since, until):
    query = [*span(since, until), ("include[]", "final_schedule")]
    return api.get("/v3/schedules/{id}", query, id=schedule)["schedule"]["final_schedule"][
        "computed_shift_assignments"
    ]


def member(user):
    return {"type": "user_member", "user_id": user} if user else {"type": "empty_member"}


def other_users(api, *users):
    return [user for user in ids(api.get("/users", [("limit", 100)])["users"]) if user not in users]


def test_layer_override_takes_effect_until_deleted(api, layered, hours):
    since, until = hours(1), hours(2)
    [before] = layered_users(api, layered, since, until)
    user, other, *_ = sorted(other_users(api, before))

    def override(user, start, end):
        return {
            "start": start,
            "end": end,
            "user": {"id": user, "type": "user_reference"},
            "time_zone": "UTC",
        }

    body = {
        "overrides": [
            override(user, since, until),
            override(user, until, since),
            override("PNOBODY", since, until),
        ]
    }
    done, *refused = api.send("POST", LAYERS, body=body, status=201, id=layered)
    assert done["status"] == 201
    assert done["override"]["user"]["id"] == user
    assert [one["status"] for one in refused] == [400, 400]
    assert [one["errors"] for one in refused] == [
        ["Override must end after its start"],
        ["Override user does not exist"],
    ]
    created = done["override"]
    assert api.get(LAYERS, span(since, until), id=layered)["overrides"] == [created]
    assert layered_users(api, layered, since, until) == [user]
    assert ids(api.get("/schedules/{id}/users", span(since, until), id=layered)["users"]) == {user}
    on_call = api.get("/oncalls", [*span(since, until), ("schedule_ids[]", layered)])["oncalls"]
    assert {one["user"]["id"] for one in on_call} == {user}
    # A later override precedes an earlier one.
    single = {"override": override(other, since, hours(1.5))}
    # The older form has one override, and an answer that the description omits.
    newest = api.post(LAYERS, single, id=layered)["override"]["id"]
    assert layered_users(api, layered, since, until) == [other, user]
    for override_id in (newest, created["id"]):
        one = {"id": layered, "override_id": override_id}
        api.send("DELETE", LAYERS + "/{override_id}", status=204, **one)
        api.send("DELETE", LAYERS + "/{override_id}", status=404, **one)
    assert layered_users(api, layered, since, until) == [before]


def test_layer_override_that_has_begun_is_truncated(api, layered, hours):
    [before] = layered_users(api, layered, hours(0.1), hours(0.2))
    [user, *_] = other_users(api, before)
    override = {"start": hours(-1), "end": hours(1), "user": {"id": user, "type": "user_reference"}}
    [done] = api.send("POST", LAYERS, body={"overrides": [override]}, status=201, id=layered)
    one = {"id": layered, "override_id": done["override"]["id"]}
    api.send("DELETE", LAYERS + "/{override_id}", status=200, **one)
    assert layered_users(api, layered, hours(0.1), hours(0.2)) == [before]
    assert layered_users(api, layered, hours(-0.5), hours(-0.4)) == [user]
    error = api.send("DELETE", LAYERS + "/{override_id}", status=400, **one)["error"]
    assert error["errors"] == ["You cannot remove a past override."]


def test_layer_overrides_are_listed_over_a_range(api, layered, hours):
    week = span(hours(-72), hours(72))
    stored = api.get(LAYERS, week, id=layered)["overrides"]
    assert len(stored) == 2, "the initial account has a past and a future override"
    edge = span(hours(-72), stored[1]["start"])
    assert ids(api.get(LAYERS, edge, id=layered)["overrides"]) == {stored[0]["id"]}
    start = datetime.fromisoformat(stored[1]["start"]) + timedelta(hours=1)
    within = span(start.isoformat(), hours(72))
    [cut] = api.get(LAYERS, within, id=layered)["overrides"]
    assert datetime.fromisoformat(cut["start"]) == start
    assert api.get(LAYERS, [*within, ("overflow", "true")], id=layered)["overrides"] == [stored[1]]
    for query in (
        [],
        week[:1],
        week[1:],
        [*week[1:], ("since", hours(100))],
        [("since", "soon"), *week[1:]],
    ):
        api.get(LAYERS, query, status=400, id=layered)
    api.get(LAYERS, week, status=404, id="PNOBODY")


@pytest.mark.parametrize("template", [LAYERS, SHIFTS, CUSTOM])
def test_invalid_body_is_refused(api, template, layered, shift_based):
    schedule = layered if template == LAYERS else shift_based
    for body in (
        {},
        {"overrides": []},
        {"custom_shifts": {}},
        {"overrides": 7},
        {"custom_shifts": [7]},
    ):
        api.send("POST", template, body=body, status=400, id=schedule)
    api.send("POST", template, raw=b"{", status=400, id=schedule)
    api.send("POST", template, body={}, status=404, id="PNOBODY")
    api.send("POST", template, body={}, status=403, id=schedule, token=READ_ONLY)
    api.send(
        "POST", template, body={}, status=400, id=schedule, sender="stranger@elsewhere.example"
    )
    other = shift_based if template == LAYERS else layered
    api.send("POST", template, body={}, status=404, id=other)


def test_shift_override_replaces_one_member(api, shift_based, hours):
    since, until = hours(1), hours(3)
    [before] = assignments(api, shift_based, since, hours(1.1))
    replaced = before["member"]["user_id"]
    user, other, *_ = sorted(other_users(api, replaced))
    rotation = before["source"]["rotation_id"]

    def override(start=since, end=until, old=replaced, new=user, **more):
        fields = {
            "type": "override_shift",
            "rotation_id": rotation,
            "start_time": start,
            "end_time": end,
        }
        return fields | {"overridden_member": member(old), "overriding_member": member(new)} | more

    def create(*overrides, status=201, **more):
        return api.send(
            "POST", SHIFTS, body={"overrides": overrides}, status=status, id=shift_based, **more
        )

    [created] = create(override(end=hours(1.5)), token=ACCOUNT)["overrides"]
    one = {"id": shift_based, "override_id": created["id"]}
    assert api.get(SHIFTS + "/{override_id}", **one)["override"] == created
    listed = api.get(SHIFTS, span(hours(0), hours(9)), id=shift_based)["overrides"]
    assert listed == [created]
    [first, *_] = assignments(api, shift_based, since, until)
    assert first["member"]["user_id"] == user
    assert first["source"] == {
        "type": "schedule_rotation_override",
        "rotation_id": rotation,
        "override_id": created["id"],
    }
    on_call = api.get("/oncalls", [*span(since, hours(1.2)), ("schedule_ids[]", shift_based)])[
        "oncalls"
    ]
    assert {one["user"]["id"] for one in on_call} == {user}
    for wrong, field in [
        (override(start=hours(1.4), end=hours(2)), "start_time"),
        (override(start=until, end=since), "end_time"),
        (override(new="PNOBODY"), "overriding_member"),
        (override(old=other), "overridden_member"),
        (override(custom_shift_id="PNOSHIFT"), "rotation_id"),
        (override(rotation_id="PNONE"), "rotation_id"),
        (override(type="shift"), "type"),
        (override(start_time="soon"), "start_time"),
    ]:
        # All or nothing.
        error = create(override(start=hours(2), end=hours(2.5)), wrong, status=400)["error"]
        assert f"override.{field}" in error["errors"], error
    assert api.get(SHIFTS, span(hours(0), hours(9)), id=shift_based)["overrides"] == [created]
    body = {"override": {"overriding_member": member(other), "end_time": hours(1.2)}}
    changed = api.send("PUT", SHIFTS + "/{override_id}", body=body, **one)["override"]
    assert changed["overriding_member"] == member(other)
    assert changed["end_time"] != created["end_time"]
    assert assignments(api, shift_based, since, hours(1.1))[0]["member"] == member(other)
    [free] = create(override(start=hours(2), end=hours(2.5), new=None))["overrides"]
    assert free["overriding_member"] == {"type": "empty_member"}
    for override_id in (created["id"], free["id"]):
        one = {"id": shift_based, "override_id": override_id}
        api.send("DELETE", SHIFTS + "/{override_id}", status=204, **one)
        api.get(SHIFTS + "/{override_id}", status=404, **one)
    assert assignments(api, shift_based, since, hours(1.1)) == [before]


def test_custom_shift_is_added_beside_rotations(api, shift_based, hours):
    [user, other, *_] = sorted(other_users(api))

    def shift(start, end, user=user, **more):
        assigned = {"type": "shift_assignment", "member": member(user)}
        return {
            "type": "custom_shift",
            "start_time": start,
            "end_time": end,
            "assignments": [assigned],
        } | more

    def create(*shifts, status=201):
        return api.send(
            "POST", CUSTOM, body={"custom_shifts": shifts}, status=status, id=shift_based
        )

    running, future = create(shift(hours(-1), hours(1)), shift(hours(2), hours(3)))["custom_shifts"]
    one = {"id": shift_based, "custom_shift_id": future["id"]}
    begun = {"id": shift_based, "custom_shift_id": running["id"]}
    template = CUSTOM + "/{custom_shift_id}"
    assert api.get(template, **one)["custom_shift"] == future
    assert api.get(CUSTOM, span(hours(-2), hours(4)), id=shift_based)["custom_shifts"] == [
        running,
        future,
    ]
    soon = assignments(api, shift_based, hours(0), hours(0.1))
    # A handoff may come in these minutes.
    now = [entry for entry in soon if entry["start_time"] == soon[0]["start_time"]]
    assert len(now) == 2, "both members are on call"
    assert {"type": "custom_shift", "shift_id": running["id"]} in [entry["source"] for entry in now]
    for wrong, field in [
        (shift(hours(3), hours(2)), "end_time"),
        (shift(hours(2), hours(3), "PNOBODY"), "assignments.member"),
        (shift(hours(2), hours(3), assignments=[]), "assignments"),
        (shift(hours(2), "x"), "end_time"),
    ]:
        assert f"custom_shift.{field}" in create(wrong, status=400)["error"]["errors"]
    override = {
        "type": "override_shift",
        "custom_shift_id": future["id"],
        "start_time": hours(2),
        "end_time": hours(2.5),
        "overridden_member": member(user),
        "overriding_member": member(other),
    }
    [override] = api.send(
        "POST", SHIFTS, body={"overrides": [override]}, status=201, id=shift_based
    )["overrides"]
    source = {
        "type": "custom_shift_override",
        "shift_id": future["id"],
        "override_id": override["id"],
    }
    assert source in [
        entry["source"] for entry in assignments(api, shift_based, hours(2), hours(3))
    ]
    changed = api.send("PUT", template, body={"custom_shift": {"start_time": hours(2.2)}}, **one)[
        "custom_shift"
    ]
    assert changed["start_time"] > future["start_time"]
    assert changed["assignments"] == future["assignments"]
    body = {"custom_shift": {"start_time": hours(2)}}
    assert (
        "custom_shift.start_time"
        in api.send("PUT", template, body=body, status=400, **begun)["error"]["errors"]
    )
    assert api.send("PUT", template, body={"custom_shift": {"end_time": hours(1.5)}}, **begun)[
        "custom_shift"
    ]
    api.send("DELETE", template, status=204, **one)
    api.get(template, status=404, **one)
    api.get(SHIFTS + "/{override_id}", status=404, id=shift_based, override_id=override["id"])
    api.send("DELETE", template, status=204, **begun)
    ended = api.get(template, **begun)["custom_shift"]
    assert datetime.fromisoformat(ended["end_time"]) <= datetime.fromisoformat(hours(0.1))
    assert len(assignments(api, shift_based, hours(0.1), hours(0.2))) == 1
    api.send("DELETE", template, status=400, **begun)


@pytest.mark.parametrize("template", [SHIFTS, CUSTOM])
def test_shift_parts_are_listed_over_a_range(api, template, shift_based, hours):
    key = template.rsplit("/", 1)[1]
    week = span(hours(-72), hours(72))
    answer = api.get(template, week, id=shift_based)
    assert (answer["limit"], answer["offset"], answer["more"]) == (25, 0, False)
    for query, field in [
        ([], "since"),
        (week[:1], "until"),
        ([("since", hours(100)), week[1]], "request"),
    ]:
        assert field in api.get(template, query, status=400, id=shift_based)["error"]["errors"]
    api.get(template, week, status=404, id="PNOBODY")
    assert api.get(template, span(hours(1000), hours(1001)), id=shift_based)[key] == []
