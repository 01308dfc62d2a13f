#!/usr/bin/env bash
# node-ical 0.27.2 and rrule-temporal 2.2.8: a daily shift at midnight is left out on the day on
# which the clocks skip midnight, and COUNT adds a day at the end instead.
#
# In Chile the clocks go from 23:59 on Saturday to 01:00 on Sunday, 5 September 2027. RFC 5545
# (3.3.5) reads a missing time with the offset before the gap, so that day's shift begins at 01:00
# (04:00 UTC). Five shifts from the 3rd end with the 8th instead of the 7th. If turns are derived
# from the number of a shift, every later shift has the wrong person.
#
# Output seen:
#   node-ical: 2027-09-03T04 2027-09-04T04 2027-09-06T03 2027-09-07T03 2027-09-08T03
#   rrule-temporal: 2027-09-03T04 2027-09-04T04 2027-09-06T03 2027-09-07T03 2027-09-08T03
#   dateutil: 2027-09-03T04 2027-09-04T04 2027-09-05T04 2027-09-06T03 2027-09-07T03
source "$(dirname "$0")/lib/setup.sh"
node_packages node-ical@0.27.2 rrule-temporal@2.2.8 temporal-polyfill
cat >shifts.mjs <<'JS'
import ical from "node-ical";
import "temporal-polyfill/global";
import { RRuleTemporal } from "rrule-temporal";

const start = "DTSTART;TZID=America/Santiago:20270903T000000";
const rule = "RRULE:FREQ=DAILY;COUNT=5";
const lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:1", start,
  "DTEND;TZID=America/Santiago:20270903T080000", rule, "SUMMARY:On call", "END:VEVENT", "END:VCALENDAR"];
const event = Object.values(ical.sync.parseICS(lines.join("\r\n"))).find((one) => one.type === "VEVENT");
const hours = (dates) => dates.map((date) => date.toISOString().slice(0, 13)).join(" ");
console.log("node-ical:", hours(event.rrule.all()));
const all = new RRuleTemporal({ rruleString: `${start}\n${rule}` }).all();
console.log("rrule-temporal:", hours(all.map((date) => new Date(date.epochMilliseconds))));
JS
node shifts.mjs | tee seen
uv pip install --quiet --python environment/bin/python --exclude-newer "$as_of" python-dateutil==4.0.0
python - <<'PY' | tee -a seen
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

start = datetime(2027, 9, 3, tzinfo=ZoneInfo("America/Santiago"))
found = [one.astimezone(timezone.utc) for one in rrulestr("FREQ=DAILY;COUNT=5", dtstart=start)]
print("dateutil:", *(f"{one:%Y-%m-%dT%H}" for one in found))
PY
without="2027-09-03T04 2027-09-04T04 2027-09-06T03 2027-09-07T03 2027-09-08T03"
diff seen - <<EXPECTED
node-ical: $without
rrule-temporal: $without
dateutil: 2027-09-03T04 2027-09-04T04 2027-09-05T04 2027-09-06T03 2027-09-07T03
EXPECTED
