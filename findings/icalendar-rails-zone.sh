#!/usr/bin/env bash
# icalendar 7.3.0 (Python): a time in "Eastern Time (US & Canada)" loses its zone without an error.
#
# PagerDuty's schedules with layers name their time zone as Rails does. Such a name is not in IANA's
# database. `zoneinfo` raises an error for it. icalendar returns a naive time, as for an event that
# is at nine wherever its reader is, and its list of errors stays empty. An IANA name is kept.
#
# Output seen:
#   zoneinfo: ZoneInfoNotFoundError
#   Eastern Time (US & Canada): 2027-03-01T09:00:00, errors []
#   Kyiv: 2027-03-01T09:00:00, errors []
#   America/New_York: 2027-03-01T09:00:00-05:00, errors []
source "$(dirname "$0")/lib/setup.sh"
python_packages 'icalendar==7.3.0' tzdata
python - <<'PY'
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import Calendar

RAILS = "Eastern Time (US & Canada)"
EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//shifts//EN
BEGIN:VEVENT
UID:1@example.com
DTSTAMP:20270101T000000Z
DTSTART;TZID="{0}":20270301T090000
DTEND;TZID="{0}":20270301T170000
SUMMARY:On call
END:VEVENT
END:VCALENDAR
"""

try:
    ZoneInfo(RAILS)
except ZoneInfoNotFoundError as error:
    print(f"zoneinfo: {type(error).__name__}")
else:
    raise SystemExit("zoneinfo has the name")

seen = {}
for name in (RAILS, "Kyiv", "America/New_York"):
    (event,) = Calendar.from_ical(EVENT.format(name).replace("\n", "\r\n")).walk("VEVENT")
    seen[name] = (event["DTSTART"].dt.isoformat(), list(event.errors))
    print(f"{name}: {seen[name][0]}, errors {seen[name][1]}")
naive, aware = "2027-03-01T09:00:00", "2027-03-01T09:00:00-05:00"
assert list(seen.values()) == [(naive, []), (naive, []), (aware, [])]
PY
