"""Tests of the embedded account for the tests of users, and of the pytest plugin."""

import asyncio
import os
import subprocess
import sys

import pytest
from doors import DEADLINE, connect, environment, native
from pagerduty_mcp_server import PagerDutyError, SyncPagerDuty, incidents, sandbox, teams

pytestmark = [pytest.mark.unit, pytest.mark.client]


def test_sandbox_exists_within_with_block(monkeypatch):
    monkeypatch.setenv("PAGERDUTY_API_TOKEN", "mine")
    monkeypatch.delenv("PAGERDUTY_REGION", raising=False)
    before = dict(os.environ)
    with sandbox() as account:
        assert os.environ["PAGERDUTY_API_TOKEN"] == account.token
        assert asyncio.run(teams.list_teams())["teams"]
        with sandbox() as inner:
            assert os.environ["PAGERDUTY_API_HOST"] == inner.url != account.url
        assert os.environ["PAGERDUTY_API_HOST"] == account.url
    assert dict(os.environ) == before
    with pytest.raises(RuntimeError, match="ended"):
        account.clear()
    with pytest.raises(PagerDutyError, match="NETWORK_ERROR"):
        SyncPagerDuty("sandbox-user", base_url=account.url).get_teams()


def test_sandbox_restores_environment_after_error():
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError), sandbox():
        _ = 1 / 0
    assert dict(os.environ) == before


def test_sandboxes_may_end_in_any_order(monkeypatch):
    monkeypatch.setenv("PAGERDUTY_API_HOST", "https://mine.example")
    monkeypatch.delenv("PAGERDUTY_REGION", raising=False)
    before = dict(os.environ)
    for order in ([0, 1, 2], [1, 0, 2], [0, 2, 1], [2, 0, 1], [1, 2, 0], [2, 1, 0]):
        boxes = [sandbox(incidents=1) for _ in order]
        open_ones = [box.__enter__() for box in boxes]
        for number in order:
            boxes[number].__exit__(None, None, None)
            open_ones[number] = None
            last = next((one for one in reversed(open_ones) if one), None)
            assert os.environ["PAGERDUTY_API_HOST"] == (
                last.url if last else "https://mine.example"
            )
        assert dict(os.environ) == before


def test_sandbox_size_is_configurable():
    with sandbox(incidents=30) as account:
        assert len(account.incidents) == 30
        assert account.description["counts"]["incidents"] == 30


TEAM = {"id": "PKITCHEN", "name": "Kitchen"}
TEAM_REFERENCE = {"id": "PKITCHEN", "type": "team_reference"}
COOK = {"id": "PCOOK", "name": "Ada Cook", "email": "ada@acme.example", "teams": [TEAM_REFERENCE]}
POLICY = {
    "id": "PCOOKS",
    "name": "Cooks",
    "escalation_rules": [
        {
            "id": "PRULE",
            "escalation_delay_in_minutes": 5,
            "targets": [{"id": "PCOOK", "type": "user_reference"}],
        }
    ],
}
SERVICE = {
    "id": "POVEN",
    "name": "Oven",
    "created_at": "now-30d",
    "escalation_policy": {"id": "PCOOKS", "type": "escalation_policy_reference"},
    "teams": [TEAM_REFERENCE],
}


def test_sandbox_documents_are_added():
    documents = {
        "services": [SERVICE],
        "escalation_policies": [POLICY],
        "teams": [TEAM],
        "users": [COOK],
    }
    with sandbox(incidents=0, documents=documents) as account:
        pagerduty = SyncPagerDuty()
        (team,) = pagerduty.get_teams(query="kitchen")["teams"]
        assert (team["id"], team["name"]) == ("PKITCHEN", "Kitchen")
        users = pagerduty.get_users(current_user_context=False, team_ids=["PKITCHEN"])
        (user,) = users["users"]
        assert user["email"] == "ada@acme.example"
        (service,) = pagerduty.get_services(current_user_context=False, query="oven")["services"]
        assert service["id"] == "POVEN"
        raised = account.trigger(title="Too hot", service="Oven")
        assert [one["assignee"]["id"] for one in raised["assignments"]] == ["PCOOK"]
        assert next(one for one in account.services if one["id"] == "POVEN")["status"] == "critical"


def test_sandbox_document_with_known_id_replaces_object(pagerduty_sandbox):
    known = pagerduty_sandbox.teams[0]
    with sandbox(incidents=0, documents={"teams": [known | {"name": "Kitchen"}]}) as account:
        assert len(account.teams) == len(pagerduty_sandbox.teams)
        (team,) = [team for team in account.teams if team["id"] == known["id"]]
        assert team["name"] == "Kitchen"


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ({"teams": [{"id": "PT1"}]}, r"teams\[0\] \(PT1\): name is missing"),
        ({"teams": [TEAM | {"nmae": 1}]}, r"\(PKITCHEN\): there is no field \"nmae\" in a team"),
        ({"users": [COOK | {"email": 7}]}, r"\(PCOOK\): email must be a string, not 7"),
        ({"users": [COOK]}, r"users \(PCOOK\): teams refers to the team \"PKITCHEN\""),
        ({"services": [SERVICE | {"created_at": "soon"}]}, r"\(POVEN\): created_at: \"soon\""),
        ({"cooks": []}, r"there are no documents called \"cooks\"; use teams, users"),
    ],
)
def test_sandbox_invalid_document_is_refused(documents, message):
    before = dict(os.environ)
    with pytest.raises(ValueError, match=message), sandbox(documents=documents):
        pass
    assert dict(os.environ) == before


def test_sandbox_state_has_form_of_api(pagerduty_sandbox):
    for resource in (
        "incidents",
        "services",
        "teams",
        "users",
        "schedules",
        "shift_schedules",
        "escalation_policies",
    ):
        objects = getattr(pagerduty_sandbox, resource)
        assert objects
        assert {"id", "type", "self", "html_url"} <= objects[0].keys()
    created = [one["created_at"] for one in pagerduty_sandbox.incidents]
    assert created == sorted(created, reverse=True)
    assert pagerduty_sandbox.token in pagerduty_sandbox.tokens
    with pytest.raises(KeyError):
        pagerduty_sandbox.incident("PNONE")
    with pytest.raises(KeyError):
        pagerduty_sandbox.notes("PNONE")


def test_sandbox_triggered_incident_is_found(pagerduty_sandbox):
    service = next(one for one in pagerduty_sandbox.services if one["status"] == "active")
    raised = pagerduty_sandbox.trigger(
        title="Too hot", service=service["name"], urgency="low", details="42 degrees"
    )
    assert raised == pagerduty_sandbox.incidents[0]
    assert raised == pagerduty_sandbox.incident(raised["incident_number"])
    assert raised == pagerduty_sandbox.incident(str(raised["incident_number"]))
    assert raised["service"]["id"] == service["id"]
    (shown,) = asyncio.run(incidents.show_incident(incident_id=raised["id"]))["incidents"]
    assert (shown["title"], shown["urgency"]) == ("Too hot", "low")
    assert shown["body_details"] == {"description": "42 degrees"}
    for wrong in ({"service": "Nothing"}, {"urgency": "medium"}):
        with pytest.raises(ValueError, match=next(iter(wrong.values()))):
            pagerduty_sandbox.trigger(title="Too hot", **wrong)


def test_sandbox_scenario_goes_on_with_the_clock():
    with sandbox(incidents=0, scenario="outage") as account:
        assert account.incidents == []
        account.put_forward(6 * 60)
        assert [one["status"] for one in account.incidents] == ["triggered"] * 2
        account.put_forward(60 * 60)
        assert [one["status"] for one in account.incidents] == ["resolved"] * 3
        with pytest.raises(ValueError, match="seconds"):
            account.put_forward(-1)
    with pytest.raises(ValueError, match="no scenario"), sandbox(scenario="moon"):
        pass


def test_sandbox_incident_of_user_is_found_by_user(pagerduty_sandbox):
    raised = pagerduty_sandbox.trigger(title="Too hot")
    mine = SyncPagerDuty().get_incidents(limit=1)["incidents"]
    assert mine[0]["id"] == raised["id"]


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ({"status": 500}, "API_ERROR", 500),
        ({"status": 404}, "NOT_FOUND", 404),
        ({}, "API_ERROR", 500),
        ({"kind": "html"}, "API_ERROR", 502),
        ({"kind": "reset"}, "NETWORK_ERROR", None),
        ({"status": 418, "headers": {"x-request-id": "R1"}, "body": "{}"}, "API_ERROR", 418),
    ],
)
def test_sandbox_fail_next_fails_requests(pagerduty_sandbox, fault, code, status):
    pagerduty_sandbox.fail_next(**fault, path="/teams", times=3)
    with pytest.raises(PagerDutyError) as error:
        SyncPagerDuty().get_teams()
    assert (error.value.code, error.value.status) == (code, status)
    pagerduty_sandbox.clear()
    assert SyncPagerDuty().get_teams()["teams"]


def test_sandbox_single_read_failure_is_retried(pagerduty_sandbox):
    pagerduty_sandbox.fail_next(status=503, method="GET")
    assert SyncPagerDuty().get_teams()["teams"]
    assert len(pagerduty_sandbox.requests) == 2


@pytest.mark.parametrize("wrong", [{"kind": "odd"}, {"times": -1}])
def test_sandbox_invalid_fault_is_refused(pagerduty_sandbox, wrong):
    with pytest.raises(ValueError, match=r"unknown variant|invalid value"):
        pagerduty_sandbox.fail_next(**wrong)
    for status in (0, 99, 600):
        with pytest.raises(ValueError, match=f"status is {status}"):
            pagerduty_sandbox.fail_next(status)
    with pytest.raises(TypeError, match="kind excludes"):
        pagerduty_sandbox.fail_next(500, kind="html")


def test_sandbox_delay_is_applied(pagerduty_sandbox):
    pagerduty_sandbox.delay_next(5, path="/teams")
    with pytest.raises(PagerDutyError, match="TIMEOUT"):
        SyncPagerDuty(timeout=0.1).get_teams()


def test_sandbox_rate_limit_is_applied(pagerduty_sandbox):
    pagerduty_sandbox.limit_rate(2)
    account = SyncPagerDuty()
    account.get_teams()
    account.get_teams()
    with pytest.raises(PagerDutyError) as error:
        account.get_teams()
    assert error.value.code == "RATE_LIMITED"
    assert 0 < error.value.envelope["error"]["retry_after_seconds"] <= 60
    pagerduty_sandbox.limit_rate()
    # A client that was limited sends nothing until its minute is over.
    assert SyncPagerDuty().get_teams()["teams"]


def test_sandbox_records_requests_without_credentials(pagerduty_sandbox):
    SyncPagerDuty().get_teams(query="Checkout")
    (request,) = pagerduty_sandbox.requests
    assert (request["method"], request["path"]) == ("GET", "/teams")
    assert "query=Checkout" in request["query"]
    assert pagerduty_sandbox.token not in str(request)
    pagerduty_sandbox.clear()
    assert pagerduty_sandbox.requests == []


def test_sandbox_tokens_have_identities(pagerduty_sandbox):
    reader = pagerduty_sandbox.sync_client("sandbox-read-only-user")
    incident = pagerduty_sandbox.trigger(title="Too hot")["id"]
    with pytest.raises(PagerDutyError, match="PERMISSION_DENIED"):
        reader.resolve_incident(incident_id=incident)
    me = asyncio.run(pagerduty_sandbox.client().build_user_context())
    assert me["user_id"] == pagerduty_sandbox.current_user["id"]


@pytest.mark.server
def test_sandbox_is_used_by_started_server(pagerduty_sandbox, portal, nowhere):
    raised = pagerduty_sandbox.trigger(title="Too hot")
    with connect(portal, native(), cwd=nowhere, **pagerduty_sandbox.environment) as session:
        assert session.one("acknowledge_incident", incident_id=raised["id"])
    assert pagerduty_sandbox.incident(raised["id"])["status"] == "acknowledged"


def run_pytest(folder, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a user."""
    (folder / "test_theirs.py").write_text(test, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder, capture_output=True, text=True, timeout=DEADLINE,
        env=environment(PYTHONWARNINGS=""), check=False,
    )  # fmt: skip


def test_plugin_gives_each_test_separate_account(tmp_path):
    done = run_pytest(
        tmp_path,
        "import pytest\n"
        "from pagerduty_mcp_server import SyncPagerDuty\n"
        "@pytest.mark.parametrize('time', [1, 2])\n"
        "def test_it(pagerduty_sandbox, time):\n"
        "    assert len(pagerduty_sandbox.incidents) == 600\n"
        "    pagerduty_sandbox.trigger(title='Too hot')\n"
        "    assert SyncPagerDuty().get_incidents()['incidents'][0]['title'] == 'Too hot'\n",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_plugin_marker_sets_options(tmp_path):
    done = run_pytest(
        tmp_path,
        "import pytest\n"
        "TEAMS = {'teams': [{'id': 'PKITCHEN', 'name': 'Kitchen'}]}\n"
        "@pytest.mark.pagerduty_sandbox(incidents=3, documents=TEAMS)\n"
        "def test_it(pagerduty_sandbox):\n"
        "    assert len(pagerduty_sandbox.incidents) == 3\n"
        "    assert 'Kitchen' in [team['name'] for team in pagerduty_sandbox.teams]\n",
        "--strict-markers",
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_plugin_unused_costs_nothing(tmp_path):
    done = run_pytest(
        tmp_path,
        "import sys\n"
        "def test_it():\n"
        "    assert 'pagerduty_pytest' in sys.modules\n"
        "    assert 'pagerduty_mcp_server' not in sys.modules\n",
        "-W",
        "error",
    )
    assert done.returncode == 0, done.stdout + done.stderr
