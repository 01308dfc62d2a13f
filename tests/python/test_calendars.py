"""Tests that schedules are rendered as `dateutil` and `zoneinfo` compute them.

Accounts with random schedules of both kinds are rendered over fourteen months, in zones whose
clocks change at different times, by half an hour, at midnight, for the last time, or never.
"""

import importlib.resources
import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import tzdata
from dateutil.rrule import rrulestr
from doors import native
from pagerduty_mcp_server import SyncPagerDuty, sandbox

pytestmark = [pytest.mark.unit, pytest.mark.schedules]

UTC = timezone.utc
SINCE, UNTIL = datetime(2026, 8, 15, 5, 17, tzinfo=UTC), datetime(2027, 10, 15, tzinfo=UTC)
CHUNK = timedelta(days=107)
"""Less than the 180 days that a rendered range may have."""

ZONES = {
    "Europe/Berlin": "Berlin",
    "America/New_York": "Eastern Time (US & Canada)",
    "Australia/Lord_Howe": "australia/lord_howe",
    "Asia/Kolkata": "Mumbai",
    "America/Santiago": "Santiago",
    "Africa/Cairo": "Cairo",
    "America/Vancouver": "AMERICA/VANCOUVER",
    "Europe/London": "Edinburgh",
}
"""Zones, and other names for them."""

USERS = [f"PU{number}" for number in range(6)]


MACHINE = Path("/usr/share/zoneinfo")


def newer() -> str | None:
    """Return the release of the machine's zones if it is newer than that of `tzdata`."""
    named = MACHINE / "tzdata.zi"
    release = named.open().readline().split()[-1] if named.is_file() else ""
    return release if release > tzdata.IANA_VERSION else None


def zone_of(name: str) -> ZoneInfo:
    """Return a zone as of the newest release."""
    data = MACHINE if newer() else importlib.resources.files("tzdata") / "zoneinfo"
    with (data / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


ZONE = {name: zone_of(name) for name in ZONES}


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when the clocks show a time: a missing one counts with the offset before the gap."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def changes(zone: ZoneInfo) -> list[datetime]:
    """Return the hours in which the clocks change."""
    hours = [SINCE.replace(minute=0) + timedelta(hours=n) for n in range(24 * 430)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]


CHANGES = {name: changes(zone) for name, zone in ZONE.items()}


class Dice(random.Random):
    """Random values of schedules. The same seed gives the same ones, on every machine."""

    def wall(self, name: str) -> datetime:
        """Return a time at which an event or layer may begin, often a missing or double one."""
        if CHANGES[name] and self.random() < 0.4:
            at = self.choice(CHANGES[name]).astimezone(ZONE[name]).replace(tzinfo=None)
            days = self.choice([0, 1, 7, 14, 30, 150])
            at -= timedelta(days=days, minutes=self.choice([0, 30, 60, 90]))
            return at.replace(second=0)
        day = date(2026, 2, 1) + timedelta(days=self.randrange(240))
        minute = self.choice([0, 30, 45, 120, 150, 540, 1020, 1320, self.randrange(1440)])
        return datetime.combine(day, time(minute // 60, minute % 60))

    def instant(self) -> datetime:
        """Return an instant in the time that is rendered."""
        return SINCE + timedelta(minutes=self.randrange(60 * 24 * 425))

    def near_change(self, name: str) -> datetime:
        """Return an instant, often close to a change of the clocks."""
        if not CHANGES[name] or self.random() < 0.3:
            return self.instant()
        return self.choice(CHANGES[name]) + timedelta(minutes=self.randrange(-3000, 3000))

    def written(self, at: datetime, name: str) -> str:
        """Return an instant with the offset of UTC, or of the zone."""
        return at.astimezone(self.choice([UTC, ZONE[name]])).isoformat().replace("+00:00", "Z")


# Schedules with layers.


def layer(dice: Dice, name: str) -> dict[str, Any]:
    """Return a layer as a document."""
    start = instant(dice.wall(name), ZONE[name])
    turned = dice.choice([0, 0, 0, -3, 11])
    hours = dice.choice([1, 6, 8, 12, 24, 24, 29, 48, 168, 168, 336])
    weekly = lambda: {"type": "weekly_restriction", "start_day_of_week": dice.randint(1, 7)}  # noqa: E731
    restrictions = []
    for _ in range(dice.choice([0, 0, 1, 1, 2, 3])):
        minute = dice.choice([0, 30, 150, 540, 1320, dice.randrange(1440)])
        one = dice.choice([{"type": "daily_restriction"}, weekly()])
        most = 24 if one["type"] == "daily_restriction" else 168
        one["start_time_of_day"] = f"{minute // 60:02}:{minute % 60:02}:00"
        one["duration_seconds"] = dice.choice([1, 3, 8, 12, most]) * 3600
        restrictions.append(one)
    end = dice.written(dice.near_change(name), name) if dice.random() < 0.2 else None
    users = dice.sample(USERS, dice.randint(1, 4))
    return {
        "name": "Layer",
        "start": dice.written(start, name),
        "end": end,
        "rotation_virtual_start": dice.written(start + timedelta(days=turned), name),
        "rotation_turn_length_seconds": hours * 3600,
        "users": [{"user": reference(user)} for user in users],
        "restrictions": restrictions,
    }


def reference(user: str) -> dict[str, str]:
    return {"id": user, "type": "user_reference"}


def override(dice: Dice, name: str) -> dict[str, Any]:
    start = dice.near_change(name)
    end = start + timedelta(minutes=dice.choice([30, 240, 3000]))
    return {
        "user": reference(dice.choice(USERS)),
        "start": dice.written(start, name),
        "end": dice.written(end, name),
    }


def layered(dice: Dice, name: str, identifier: str) -> dict[str, Any]:
    return {
        "id": identifier,
        "name": identifier,
        "time_zone": dice.choice([name, ZONES[name]]),
        "schedule_layers": [layer(dice, name) for _ in range(dice.randint(1, 3))],
        "overrides": [override(dice, name) for _ in range(dice.randint(0, 4))],
    }


def read(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def applies(restriction: dict[str, Any], at: datetime, zone: ZoneInfo) -> bool:
    """Return whether a layer applies at an instant."""
    length = timedelta(seconds=restriction["duration_seconds"])
    of_day = time.fromisoformat(restriction["start_time_of_day"])
    today = at.astimezone(zone).date()
    for back in range(-1, 9):
        day = today - timedelta(days=back)
        if day.isoweekday() != restriction.get("start_day_of_week", day.isoweekday()):
            continue
        wall = datetime.combine(day, of_day)
        if instant(wall, zone) <= at < instant(wall + length, zone):
            return True
    return False


def turn_of(layer: dict[str, Any], at: datetime, zone: ZoneInfo) -> str | None:
    """Return the user whose turn it is in a layer, if it applies at that instant."""
    end = layer["end"] and read(layer["end"])
    if at < read(layer["start"]) or (end and at >= end):
        return None
    restrictions = layer["restrictions"]
    if restrictions and not any(applies(one, at, zone) for one in restrictions):
        return None
    first = read(layer["rotation_virtual_start"]).astimezone(zone).replace(tzinfo=None)
    turn = timedelta(seconds=layer["rotation_turn_length_seconds"])
    about = (at.astimezone(zone).replace(tzinfo=None) - first) // turn
    for number in range(about - 3, about + 4):
        walls = first + number * turn, first + (number + 1) * turn
        if instant(walls[0], zone) <= at < instant(walls[1], zone):
            return layer["users"][number % len(layer["users"])]["user"]["id"]
    raise AssertionError("there is no turn at that time")


def on_call(schedule: dict[str, Any], at: datetime, zone: ZoneInfo) -> str | None:
    """Return the user of a schedule with layers at an instant."""
    for one in reversed(schedule["overrides"]):
        if read(one["start"]) <= at < read(one["end"]):
            return one["user"]["id"]
    turns = (turn_of(one, at, zone) for one in schedule["schedule_layers"])
    return next((user for user in turns if user), None)


def moments(
    dice: Dice, shifts: list["Entry"], name: str, since: datetime, until: datetime
) -> list[datetime]:
    """Return the instants to compare: random ones, and those around shifts and changes."""
    edges = {at for start, end, *_ in shifts for at in (start, end)}
    edges = set(dice.sample(sorted(edges), min(len(edges), 60)))
    around = {edge + timedelta(seconds=by) for edge in edges for by in (-1, 0)}
    halves = [timedelta(minutes=15 * n) for n in range(-30, 31, 2)]
    around |= {change + half for change in CHANGES[name] for half in halves}
    around |= {since + (until - since) * dice.random() for _ in range(25)}
    return sorted(at.replace(microsecond=0) for at in around if since <= at < until)


# Shift-based schedules.


def rule(dice: Dice, zone: ZoneInfo) -> tuple[str, Any]:
    """Return an RRULE, and whether UNTIL admits a wall time and its instant."""
    interval = dice.choice([1, 1, 1, 2, 3])
    days = ",".join(dice.sample(["MO", "TU", "WE", "TH", "FR", "SA", "SU"], dice.randint(1, 4)))
    week_start = dice.choice(["", ";WKST=SU", ";WKST=MO"])
    text = dice.choice(
        [
            f"FREQ=DAILY;INTERVAL={interval}",
            f"FREQ=DAILY;BYDAY={days}",
            f"FREQ=WEEKLY;INTERVAL={interval}",
            f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={days}{week_start}",
            "FREQ=WEEKLY;BYHOUR=1,2,14;BYMINUTE=0,30",
            "FREQ=MONTHLY",
            f"FREQ=MONTHLY;BYMONTHDAY={dice.choice(['1,15', '-1', '31', '5,-3'])}",
            f"FREQ=MONTHLY;BYDAY={dice.choice(['1MO', '-1FR', '2TU,4TU', '5SU'])}",
            f"FREQ=MONTHLY;BYDAY={days};BYSETPOS={dice.choice(['1', '-1', '2,-2'])}",
            "FREQ=MONTHLY;BYMONTH=3,9,10,11;BYDAY=SU",
            "FREQ=YEARLY;BYMONTH=3,4,10,11;BYDAY=-1SU,1SU",
            "FREQ=YEARLY;BYDAY=40MO,-3WE",
            f"FREQ=HOURLY;INTERVAL={dice.choice([6, 12, 36])}",
            f"FREQ=HOURLY;INTERVAL=3;BYDAY={days}",
        ]
    )
    last = dice.instant()
    wall = last.astimezone(zone).replace(tzinfo=None)
    return dice.choice(
        [
            (text, None),
            (text, None),
            (f"{text};COUNT={dice.choice([3, 50, 400])}", None),
            (f"{text};UNTIL={last:%Y%m%dT%H%M%SZ}", lambda _, at: at <= last),
            (f"{text};UNTIL={wall:%Y%m%dT%H%M%S}", lambda _, at: at <= instant(wall, zone)),
            (f"{text};UNTIL={wall:%Y%m%d}", lambda at, _: at.date() <= wall.date()),
        ]
    )


def occurrences(first: datetime, text: str, until: Any, zone: ZoneInfo) -> list[datetime]:
    """Return the wall times of a rule, from the event's first one on."""
    kept = [part for part in text.split(";") if not part.startswith("UNTIL=")]
    found: list[datetime] = []
    for wall in rrulestr(";".join(kept), dtstart=first):
        if wall > datetime(2027, 11, 1) or (until and not until(wall, instant(wall, zone))):
            break
        found.append(wall)
    return found


def date_time(dice: Dice, wall: datetime, zone: ZoneInfo) -> str:
    """Return a wall time as an event has it: the mark of UTC is ignored, other offsets are not."""
    at = instant(wall, zone)
    forms = [wall.isoformat(), wall.isoformat() + "Z"]
    exists = at.astimezone(zone).replace(tzinfo=None) == wall
    if exists and at.astimezone(zone).utcoffset():
        forms.append(at.astimezone(zone).isoformat())
    return dice.choice(forms)


Shift = tuple[datetime, datetime, str | None, tuple[str, ...]]
"""Start, end, user and source: the type and the IDs."""


def event(dice: Dice, name: str, rotation: str) -> tuple[dict[str, Any], list[Shift]]:
    """Return an event as a document, and its shifts."""
    zone = ZONE[name]
    first = dice.wall(name)
    last = first + timedelta(minutes=dice.choice([30, 60, 480, 480, 720, 1440, 10080]))
    text, until = rule(dice, zone)
    walls = occurrences(first, text, until, zone)
    lines = ["RRULE:" + text]
    removed: set[datetime] = set()
    removed_days: set[date] = set()
    times = [(wall, instant(wall, zone)) for wall in walls]
    for wall, at in dice.sample(times, min(len(times), dice.choice([0, 0, 1, 3]))):
        local = f";TZID={dice.choice([name, ZONES[name]])}:{wall:%Y%m%dT%H%M%S}"
        day = f";VALUE=DATE:{wall:%Y%m%d}"
        value = dice.choice([f":{at:%Y%m%dT%H%M%SZ}", local, f":{wall:%Y%m%dT%H%M%S}", day])
        lines.append("EXDATE" + value)
        if value == day:
            removed_days.add(wall.date())
        else:
            removed.add(at)
    for _ in range(dice.choice([0, 0, 1, 2])):
        at = max(dice.near_change(name), instant(first, zone))
        lines.append(f"RDATE:{at:%Y%m%dT%H%M%SZ}")
        if at not in [at for _, at in times]:
            times.append((at.astimezone(zone).replace(tzinfo=None), at))
    times.sort()

    since = instant(first, zone) + timedelta(days=dice.choice([-30, 0, 9, 70]))
    ends = dice.near_change(name) if dice.random() < 0.3 else None
    members = dice.sample([*USERS, None], dice.randint(1, 4))
    share = dice.choice([1, 1, 2, 5])
    strategy: dict[str, Any] = {"type": "every_member_assignment_strategy"}
    if dice.random() < 0.7:
        strategy = {"type": "rotating_member_assignment_strategy", "shifts_per_member": share}
    shifts: list[Shift] = []
    for number, (wall, at) in enumerate(times):
        users = members
        if "shifts_per_member" in strategy:
            users = [members[number // share % len(members)]]
        start, end = max(at, since), instant(last + (wall - first), zone)
        end = min(end, ends) if ends else end
        if start < end and at not in removed and wall.date() not in removed_days:
            shifts += [(start, end, user, ("schedule_rotation", rotation)) for user in users]
    document = {
        "id": rotation + "E",
        "name": "Event",
        "start_time": {"date_time": date_time(dice, first, zone), "time_zone": name},
        "end_time": {"date_time": date_time(dice, last, zone), "time_zone": ZONES[name]},
        "effective_since": dice.written(since, name),
        "effective_until": ends and dice.written(ends, name),
        "recurrence": lines,
        "assignment_strategy": {**strategy, "members": [member(user) for user in members]},
    }
    return document, shifts


def member(user: str | None) -> dict[str, str]:
    return {"type": "user_member", "user_id": user} if user else {"type": "empty_member"}


def replaced(shifts: list[Shift], part: dict[str, Any]) -> list[Shift]:
    """Return the shifts after an override."""
    since, until = read(part["start_time"]), read(part["end_time"])
    one, other = (part[name].get("user_id") for name in ("overridden_member", "overriding_member"))
    kind = "schedule_rotation" if "rotation_id" in part else "custom_shift"
    origin = part.get("rotation_id") or part["custom_shift_id"]
    after: list[Shift] = []
    for start, end, user, source in shifts:
        inner = max(start, since), min(end, until)
        hit = source[0].startswith(kind) and source[1] == origin and user == one
        if not hit or inner[0] >= inner[1]:
            after.append((start, end, user, source))
            continue
        parts = [
            (start, inner[0], user, source),
            (*inner, other, (kind + "_override", origin, part["id"])),
            (inner[1], end, user, source),
        ]
        after += [part for part in parts if part[0] < part[1]]
    return after


def shift_based(dice: Dice, name: str, identifier: str) -> tuple[dict[str, Any], list[Shift]]:
    """Return a shift-based schedule as a document, and its shifts."""
    rotations, customs, overrides = [], [], []
    shifts: list[Shift] = []
    for number in range(dice.randint(1, 3)):
        rotation = f"{identifier}R{number}"
        document, of_event = event(dice, name, rotation)
        rotations.append({"id": rotation, "events": [document]})
        shifts += of_event
    for number in range(dice.randint(0, 2)):
        start = dice.near_change(name)
        end = start + timedelta(minutes=dice.choice([60, 600]))
        custom, user = f"{identifier}C{number}", dice.choice(USERS)
        times = {"start_time": dice.written(start, name), "end_time": dice.written(end, name)}
        assignment = {"id": custom + "A", "type": "shift_assignment", "member": member(user)}
        customs.append({"id": custom, "type": "custom_shift", **times, "assignments": [assignment]})
        shifts.append((start, end, user, ("custom_shift", custom)))
    for number in range(dice.randint(0, 3)):
        if not shifts:
            break
        start, end, user, source = dice.choice(shifts)
        start += (end - start) * dice.choice([0, 0.25, -0.25])
        start = start.replace(microsecond=0)
        kind = "rotation_id" if source[0].startswith("schedule_rotation") else "custom_shift_id"
        part = {
            "id": f"{identifier}O{number}",
            "type": "override_shift",
            kind: source[1],
            "start_time": dice.written(start, name),
            "end_time": dice.written(start + timedelta(minutes=dice.choice([20, 240])), name),
            "overridden_member": member(user),
            "overriding_member": member(dice.choice([*USERS, None])),
        }
        overrides.append(part)
        shifts = replaced(shifts, part)
    document = {
        "id": identifier,
        "name": identifier,
        "time_zone": dice.choice([name, ZONES[name]]),
        "rotations": rotations,
        "custom_shifts": customs,
        "overrides": overrides,
    }
    return document, shifts


# The comparison.


Entry = tuple[datetime, datetime, str | None, str | None]
"""Start, end, user and type of source, as an answer shows a shift."""


def rendered(
    account: SyncPagerDuty, schedule: str
) -> Iterator[tuple[datetime, datetime, list[Entry]]]:
    """Return the shifts of a schedule in ranges that cover the whole time."""
    since = SINCE
    while since < UNTIL:
        until = min(since + CHUNK, UNTIL)
        bounds = {"since": since.isoformat(), "until": until.isoformat()}
        answer = account.get_schedules(
            schedule_id=schedule, include=["id", "final_schedule"], **bounds
        )
        # A schedule without shifts in the range has no fields of them.
        shown = answer["schedules"][0].get("final_schedule", {})
        yield since, until, [entry(one) for one in shown.get("rendered_schedule_entries", [])]
        since = until


def entry(shown: dict[str, Any]) -> Entry:
    user = shown.get("user", {}).get("id")
    return read(shown["start"]), read(shown["end"]), user, shown.get("source")


def clipped(shifts: list[Shift], since: datetime, until: datetime) -> Counter[Entry]:
    """Return the parts of shifts in a range."""
    parts = (
        (max(start, since), min(end, until), user, source[0]) for start, end, user, source in shifts
    )
    return Counter(part for part in parts if part[0] < part[1])


def identifier(kind: str, name: str, number: int) -> str:
    return f"P{kind}{list(ZONES).index(name)}{number}"


PEOPLE = [{"id": user, "name": user, "email": f"{user}@acme.example"} for user in USERS]


@pytest.mark.parametrize("name", ZONES)
def test_layers_are_rendered_as_computed(name: str):
    dice = Dice(f"layers {name}")
    documents = [layered(dice, name, identifier("L", name, number)) for number in range(3)]
    with sandbox(incidents=0, documents={"users": PEOPLE, "schedules": documents}):
        account = SyncPagerDuty()
        for document in documents:
            for since, until, shifts in rendered(account, document["id"]):
                assert all(one[1] <= other[0] for one, other in pairwise(shifts))
                for at in moments(dice, shifts, name, since, until):
                    shift = next((shift for shift in shifts if shift[0] <= at < shift[1]), None)
                    user = shift[2] if shift else None
                    assert user == on_call(document, at, ZONE[name]), (at, shift, document)


@pytest.mark.parametrize("name", ZONES)
def test_events_are_rendered_as_computed(name: str):
    dice = Dice(f"events {name}")
    made = [shift_based(dice, name, identifier("E", name, number)) for number in range(8)]
    documents = [document for document, _ in made]
    with sandbox(incidents=0, documents={"users": PEOPLE, "shift_schedules": documents}):
        account = SyncPagerDuty()
        for document, shifts in made:
            for since, until, entries in rendered(account, document["id"]):
                found, expected = Counter(entries), clipped(shifts, since, until)
                assert found == expected, (found - expected, expected - found, document)


def test_zones_are_those_of_the_newest_release(nowhere: Path):
    done = native().run("doctor", "--json", "--sandbox", cwd=nowhere)
    (zones,) = [one for one in json.loads(done.stdout)["checks"] if one["name"] == "time_zones"]
    bundled = f"release {tzdata.IANA_VERSION}, in this program"
    assert zones["message"] == (f"release {newer()}, from {MACHINE}" if newer() else bundled)
