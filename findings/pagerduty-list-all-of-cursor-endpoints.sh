#!/usr/bin/env bash
# pagerduty 7.2.0: `list_all` of an endpoint with cursors returns an empty list without a request.
#
# `audit/records` is such an endpoint. In this script, the API is a closed port: `iter_cursor` cannot
# connect, but `list_all` reports that there are no records. `iter_all` is empty as well.
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
