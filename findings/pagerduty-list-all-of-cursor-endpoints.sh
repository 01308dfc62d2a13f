#!/usr/bin/env bash
# pagerduty 7.2.0: `list_all` of an endpoint with cursors is an empty list, and nothing is asked.
#
# `audit/records` is such an endpoint. Below, the API is a port that nothing listens on: `iter_cursor`
# cannot connect, and `list_all` says that there are no records. `iter_all` is empty as well.
#
# Output seen:
#   iter_cursor: Error
#   list_all: []
#   iter_all: []
source "$(dirname "$0")/lib/setup.sh"
python_packages pagerduty==7.2.0
python - <<'PY'
import logging

import pagerduty

logging.disable()
client = pagerduty.RestApiV2Client("none")
client.url = "https://127.0.0.1:1"
client.max_network_attempts = 1
try:
    cursor = list(client.iter_cursor("audit/records"))
except pagerduty.Error as error:
    cursor = type(error).__name__
seen = {
    "iter_cursor": cursor,
    "list_all": client.list_all("audit/records"),
    "iter_all": list(client.iter_all("audit/records")),
}
for name, what in seen.items():
    print(f"{name}: {what}")
assert isinstance(seen["iter_cursor"], str)
assert seen["list_all"] == seen["iter_all"] == []
PY
