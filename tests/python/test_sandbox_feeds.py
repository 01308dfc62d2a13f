"""Tests of the sandbox's calendar feeds: every shift is one event, and an override changes it."""

import re
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from contract import ACCOUNT, TEAMLESS

pytestmark = [pytest.mark.unit, pytest.mark.client]


def read(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        assert response.headers["content-type"] == "text/calendar; charset=utf-8"
        return response.read()


def events(url):
    """The events of a feed, each with its properties."""
    content = read(url)
    lines = content.split(b"\r\n")
    assert lines[-1] == b""
    assert all(len(line) <= 75 for line in lines)
    assert b"\n" not in content.replace(b"\r\n", b"")
    unfolded = content.decode().replace("\r\n ", "")
    assert unfolded.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:")
    assert unfolded.endswith("END:VCALENDAR\r\n")
    found = re.findall(r"BEGIN:VEVENT\r\n(.*?)END:VEVENT\r\n", unfolded, re.DOTALL)
    found = [dict(line.split(":", 1) for line in event.splitlines()) for event in found]
    assert len({event["UID"] for event in found}) == len(found)
    return found


def at(text):
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def schedule_url(api, template, id):
    return api.get(template, [("include[]", "calendar_urls")], id=id)["schedule"]["http_cal_url"]


@pytest.mark.parametrize("kind", ["schedule", "schedule_v3"])
def test_feed_has_shifts_of_final_schedule(api, kind):
    now = datetime.fromisoformat(api.sandbox.control("GET", "/sandbox")["now"])
    oncalls = api.get("/oncalls", [("limit", 100)])["oncalls"]
    id = next(
        one["schedule"]["id"]
        for one in oncalls
        if (one["schedule"] or {}).get("type") == f"{kind}_reference"
    )
    template = "/schedules/{id}" if kind == "schedule" else "/v3/schedules/{id}"
    url = schedule_url(api, template, id)
    # The times of the final schedule before its end, whole.
    bounds = [
        ("since", (now - timedelta(days=3)).isoformat()),
        ("until", (now + timedelta(days=20)).isoformat()),
    ]
    query = [*bounds, ("overflow", "true"), ("include[]", "final_schedule")]
    final = api.get(template, query, id=id)["schedule"]["final_schedule"]
    entries = final.get("rendered_schedule_entries") or final["computed_shift_assignments"]
    expected = {
        (entry.get("start") or entry["start_time"], entry.get("end") or entry["end_time"])
        for entry in entries
    }
    expected = {tuple(datetime.fromisoformat(time) for time in times) for times in expected}
    found = {(at(event["DTSTART"]), at(event["DTEND"])) for event in events(url)}
    assert len(expected) > 2
    assert expected <= found
    assert all(" on call - " in event["SUMMARY"] for event in events(url))


def test_feed_of_user_follows_override(api):
    me = api.me()
    url = me["http_cal_url"]
    assert me["web_cal_url"] == url.replace("http://", "webcal://")
    assert api.get("/users/{id}", id=me["id"])["user"]["http_cal_url"] == url
    before = events(url)
    mine = {
        one["schedule"]["id"]
        for one in api.get("/oncalls", [("user_ids[]", me["id"])])["oncalls"]
        if one["schedule"]
    }
    assert before
    assert all(any(id in event["UID"] for event in before) for id in mine)
    [schedule] = [
        one["id"]
        for one in api.get("/schedules", [("query", "Partner Portal Secondary")])["schedules"]
    ]
    now = datetime.fromisoformat(api.sandbox.control("GET", "/sandbox")["now"])
    start, end = now + timedelta(hours=5), now + timedelta(hours=6)
    override = {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "user": {"id": me["id"], "type": "user_reference"},
    }
    api.send(
        "POST", "/schedules/{id}/overrides", body={"overrides": [override]}, status=201, id=schedule
    )
    [new] = [event for event in events(url) if event["UID"] not in {one["UID"] for one in before}]
    assert (at(new["DTSTART"]), at(new["DTEND"])) == (start, end)
    assert new["SUMMARY"] == f"{me['name']} on call - Partner Portal Secondary"
    of_schedule = events(schedule_url(api, "/schedules/{id}", schedule))
    assert new["UID"] in {event["UID"] for event in of_schedule}


def test_feed_address_is_shown_to_its_user_and_administrators(api):
    me, other = api.me()["id"], api.get("/users/me", token=TEAMLESS)["user"]["id"]
    include = [("include[]", "calendar_urls")]
    assert "http_cal_url" not in api.get("/users/{id}", include, id=other)["user"]
    assert "http_cal_url" not in api.get("/users/{id}", id=me, token=ACCOUNT)["user"]
    assert (
        api.get("/users/{id}", include, id=me, token=ACCOUNT)["user"]["http_cal_url"]
        == api.me()["http_cal_url"]
    )
    assert not any("http_cal_url" in user for user in api.get("/users", include)["users"])
    with pytest.raises(urllib.error.HTTPError) as error:
        read(api.url + "/private/0123456789ABCDEF0123456789ABCDEF/feed")
    assert error.value.code == 404
