"""Tests of `--confirm` and of the audit log with the official clients, and in the functions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal
from doors import Door, connect, http, native, over_typescript
from mcp import types
from pagerduty_mcp_server import PagerDutyError, SyncPagerDuty
from pagerduty_mcp_server.testing import sandbox as embedded

pytestmark = [pytest.mark.unit, pytest.mark.server]

YES = types.ElicitResult(action="accept", content={"confirm": True})
DOORS = {"native": native, "http": http, "typescript": over_typescript}
MODES = {"legacy": "legacy", "newest": "2026-07-28"}


@pytest.fixture(params=DOORS)
def start(request: pytest.FixtureRequest) -> Callable[[], Door]:
    return DOORS[request.param]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_confirm_by_person_of_official_client(
    portal: BlockingPortal, start: Callable[[], Door], mode: str, nowhere: Path, sandbox: Any
):
    door = start()
    options = ["--confirm", *(["--sessions"] if door.http else [])]
    answers = [
        (None, "CONFIRMATION_UNAVAILABLE"),
        (types.ElicitResult(action="decline"), "NOT_CONFIRMED"),
        (types.ElicitResult(action="accept", content={"confirm": False}), "NOT_CONFIRMED"),
        (YES, None),
    ]
    for answer, code in answers:
        with connect(
            portal, door, *options, cwd=nowhere, mode=mode, elicitation=answer, **sandbox.variables
        ) as session:
            found = session.call("get_incidents", statuses=["triggered"], limit=1)
            (incident,) = found["incidents"]
            if code:
                error = session.fail("resolve_incident", incident_id=incident["id"])
                assert error["code"] == code
            else:
                resolved = session.one("resolve_incident", incident_id=incident["id"])
                assert resolved["status"] == "resolved"
    writes = [request for request in sandbox.requests() if not request.startswith("GET")]
    assert len(writes) == 1, writes


def test_functions_ask_no_person_and_leave_audit_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = tmp_path / "audit.jsonl"
    with embedded():
        monkeypatch.setenv("PAGERDUTY_CONFIRM", "1")
        monkeypatch.setenv("PAGERDUTY_AUDIT_LOG", str(log))
        with SyncPagerDuty() as account:
            (incident,) = account.get_incidents(statuses=["triggered"], limit=1)["incidents"]
            account.acknowledge_incident(incident_id=incident["id"])
            with pytest.raises(PagerDutyError) as raised:
                account.resolve_incident(incident_id=incident["id"])
    assert raised.value.code == "CONFIRMATION_UNAVAILABLE"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["door"], line["outcome"]) for line in lines] == [
        ("python", "applied"),
        ("python", "not_confirmed"),
    ]
    assert all(incident["id"] in str(line["objects"]) for line in lines)
