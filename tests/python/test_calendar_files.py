"""Tests that the calendars and tables of `get_shifts` mean the same to other programs."""

import csv
import io
import json
import subprocess
from datetime import datetime, timezone

import pytest
import typescript
from icalendar import Calendar
from pagerduty_mcp_server import SyncPagerDuty, sandbox

pytestmark = [pytest.mark.unit, pytest.mark.oncalls]

NAME = "決済サービスの一次対応を担当する当番表、東京とベルリン; 引き継ぎは九時 \\ 毎日"
"""A long name, with every character that a calendar escapes."""

PERSON = "長谷川 さくら子, =HYPERLINK"
TEAM = {"id": "PT7IME1", "name": "Times"}
USERS = [
    {"id": "PU7ADA1", "name": PERSON, "email": "ada@times.example"},
    {"id": "PU7BOB1", "name": '=2+3,"Bob"', "email": "bob@times.example"},
]
SCHEDULE = {
    "id": "PS7IME1",
    "name": NAME,
    "time_zone": "Europe/Berlin",
    "schedule_layers": [
        {
            "id": "PL7IME1",
            "name": "Nights",
            "start": "2026-03-20T21:00:00Z",
            "rotation_virtual_start": "2026-03-20T21:00:00Z",
            "rotation_turn_length_seconds": 86400,
            "users": [{"user": {"id": user["id"], "type": "user_reference"}} for user in USERS],
        }
    ],
}
POLICY = {
    "id": "PE7IME1",
    "name": "Times",
    "escalation_rules": [
        {
            "escalation_delay_in_minutes": 5,
            "targets": [{"id": "PS7IME1", "type": "schedule_reference"}],
        }
    ],
    "teams": [{"id": "PT7IME1", "type": "team_reference"}],
}
DOCUMENTS = {
    "teams": [TEAM],
    "users": USERS,
    "schedules": [SCHEDULE],
    "escalation_policies": [POLICY],
}
RANGE = {"since": "2026-03-27T00:00:00Z", "until": "2026-03-31T00:00:00Z"}
"""Days around the one on which the clocks of Berlin go forward."""


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)


@pytest.fixture(scope="module")
def files():
    """Return a function that calls `get_shifts`."""
    with (
        sandbox(documents=DOCUMENTS) as account,
        SyncPagerDuty(account.token, base_url=account.url, toolsets=["oncall"]) as tools,
    ):

        def get(**arguments):
            where = {"schedule_ids": ["PS7IME1"], "time_zone": "Europe/Berlin"}
            return tools.get_shifts(**(where | RANGE | arguments))

        yield get


@pytest.fixture(scope="module")
def shifts(files):
    found = files()["shifts"]
    assert len(found) == 5
    return [(instant(shift["start"]), instant(shift["end"])) for shift in found]


@pytest.fixture(scope="module")
def calendar(files) -> str:
    (file,) = files(format="ics")["files"]
    return file["text"]


def test_calendar_has_the_instants_of_the_shifts(shifts, calendar):
    events = Calendar.from_ical(calendar).walk("VEVENT")
    assert [(event.start, event.end) for event in events] == shifts
    hours = [(event.end - event.start).total_seconds() / 3600 for event in events]
    assert hours == [24, 24, 23, 24, 24]


def test_calendar_keeps_long_names_and_escapes(calendar):
    read = Calendar.from_ical(calendar)
    assert read["X-WR-TIMEZONE"] == "Europe/Berlin"
    events = read.walk("VEVENT")
    names = {str(event["SUMMARY"]) for event in events}
    assert names == {f"On call: {NAME} ({user['name']})" for user in USERS}
    assert len({str(event["UID"]) for event in events}) == len(events)
    for line in calendar.encode().split(b"\r\n"):
        assert len(line) <= 75
        line.decode()


def test_calendar_is_stable_and_may_be_empty(files, calendar):
    later = files(format="ics", since="2026-03-27T12:00:00Z")["files"][0]["text"]
    uids = [str(event["UID"]) for event in Calendar.from_ical(calendar).walk("VEVENT")]
    again = [str(event["UID"]) for event in Calendar.from_ical(later).walk("VEVENT")]
    assert again == uids
    empty = files(
        format="ics", user_ids=["PU7BOB1"], since="2026-03-21", until="2026-03-21T01:00:00Z"
    )
    nothing = Calendar.from_ical(empty["files"][0]["text"])
    assert nothing.walk("VEVENT") == []


def test_table_has_the_instants_and_no_formulas(files, shifts):
    text = files(format="csv")["files"][0]["text"]
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(instant(row["start"]), instant(row["end"])) for row in rows] == shifts
    assert {row["user"] for row in rows} == {PERSON, "'" + '=2+3,"Bob"'}
    assert {row["schedule"] for row in rows} == {NAME}


READER = """
import ICAL from "ical.js";
let text = "";
for await (const part of process.stdin) text += part;
const calendar = new ICAL.Component(ICAL.parse(text));
const events = calendar.getAllSubcomponents("vevent").map((one) => new ICAL.Event(one));
const iso = (time) => time.toJSDate().toISOString();
const read = (event) => [iso(event.startDate), iso(event.endDate), event.summary];
console.log(JSON.stringify(events.map(read)));
"""


def test_calendar_is_read_alike_by_ical_js(shifts, calendar):
    node = typescript.node()
    if not (typescript.HERE / "node_modules" / "ical.js").is_dir():
        pytest.skip("NOT RUN, no ical.js: run `bash tests/typescript/install`")
    program = [node, "--input-type=module", "--eval", READER]
    done = subprocess.run(
        program,
        input=calendar.encode(),
        capture_output=True,
        cwd=typescript.HERE,
        check=True,
        timeout=30,
    )
    events = json.loads(done.stdout)
    assert [(instant(start), instant(end)) for start, end, _ in events] == shifts
    assert {summary for *_, summary in events} == {
        f"On call: {NAME} ({user['name']})" for user in USERS
    }
