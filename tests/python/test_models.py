"""Tests of the definitions of tools for models, and of calls by models."""

import asyncio
import json

import pytest
from doors import TOOLS
from jsonschema import Draft202012Validator
from pagerduty_mcp_server import PagerDuty, PagerDutyError, SyncPagerDuty, call, mcp, tools

pytestmark = [pytest.mark.unit, pytest.mark.server]

READING = [tool.name for tool in asyncio.run(mcp.list_tools()) if tool.annotations["readOnlyHint"]]


def parts(definition: dict, format: str) -> tuple[str, str, dict]:
    """Return the name, the description and the schema of a definition, which has nothing else."""
    if format == "openai":
        assert definition.keys() == {"type", "function"}
        definition = definition["function"]
    elif format == "openai-responses":
        assert definition.pop("type") == "function"
        assert definition.pop("strict") is False
    elif format == "mcp":
        assert definition.pop("title")
        assert definition.pop("annotations")
        assert definition.pop("_meta")
    schema = {"anthropic": "input_schema", "mcp": "inputSchema"}.get(format, "parameters")
    assert definition.keys() == {"name", "description", schema}
    return definition["name"], definition["description"], definition[schema]


@pytest.mark.parametrize("format", ["openai", "openai-responses", "anthropic", "mcp"])
def test_definitions_agree_in_every_format(format):
    found = [parts(definition, format) for definition in tools(format)]
    listed = asyncio.run(mcp.list_tools())
    assert found == [(tool.name, tool.description, tool.inputSchema) for tool in listed]
    for _, _, schema in found:
        Draft202012Validator.check_schema(schema)


def test_definitions_of_selected_tools():
    def names(**chosen):
        return [tool["name"] for tool in tools("mcp", **chosen)]

    assert names() == TOOLS
    assert names(read_only=True) == READING
    assert names(toolsets=["schedules"]) == ["get_schedules", "list_users_oncall"]
    assert names(toolsets=["incidents"], read_only=True) == ["get_incidents"]
    assert names(toolsets=[]) == []


def test_client_defines_the_tools_it_offers(pagerduty_sandbox):
    def names(pd, **chosen):
        return [tool["name"] for tool in pd.tools("mcp", **chosen)]

    account = {"token": pagerduty_sandbox.token, "base_url": pagerduty_sandbox.url}
    with SyncPagerDuty(toolsets=["core", "find"], **account) as pd:
        assert names(pd) == [*TOOLS, "find"]
        assert names(pd, toolsets=["find", "oncall"]) == ["find"]
        assert pd.find(text="Checkout API")["matches"][0]["id"] == "P7KEX0S"
        with pytest.raises(PagerDutyError, match="toolset oncall"):
            pd.whos_oncall()


def test_client_follows_the_settings(pagerduty_sandbox, monkeypatch):
    monkeypatch.setenv("PAGERDUTY_READ_ONLY", "1")
    monkeypatch.setenv("PAGERDUTY_TOOLSETS", "all")
    account = {"token": pagerduty_sandbox.token, "base_url": pagerduty_sandbox.url}
    with SyncPagerDuty(**account) as pd:
        assert pd.find(text="Checkout API")["matches"]
        with pytest.raises(PagerDutyError, match="changes are switched off"):
            pd.resolve_incident(incident_id="P1")


def test_definitions_refuse_unknown_names():
    with pytest.raises(PagerDutyError, match="no toolset") as error:
        tools(toolsets=["incident"])
    assert "incidents" in error.value.hint
    with pytest.raises(ValueError, match="'openai', 'openai-responses', 'anthropic' or 'mcp'"):
        tools("gemini")


@pytest.mark.parametrize(
    "arguments", [{"limit": 2}, '{"limit": 2}', {"limit": "2"}, '{"limit": "2", "query": null}']
)
def test_model_call_accepts_arguments_of_models(pagerduty_sandbox, arguments):
    for answer in (
        asyncio.run(call("get_teams", arguments)),
        asyncio.run(PagerDuty().call("get_teams", arguments)),
        SyncPagerDuty().call("get_teams", arguments),
    ):
        assert answer["metadata"]["count"] == 2


@pytest.mark.parametrize("nothing", [None, {}, "", "{}"])
def test_model_call_without_arguments(pagerduty_sandbox, nothing):
    assert asyncio.run(call("get_teams", nothing))["teams"]


@pytest.mark.validation
@pytest.mark.parametrize("broken", ["{", "[1]", "limit=2", "null", '{"limit": 2} and so on'])
def test_model_call_reports_arguments_that_are_no_object(pagerduty_sandbox, broken):
    with pytest.raises(PagerDutyError) as error:
        asyncio.run(call("get_teams", broken))
    assert error.value.code == "INVALID_PARAMETER"
    assert "JSON object" in error.value.message
    assert json.dumps(error.value.envelope)
    assert not pagerduty_sandbox.requests


@pytest.mark.utils
def test_model_call_has_response_budget(pagerduty_sandbox):
    arguments = {"limit": 1_000}
    cut = asyncio.run(call("get_incidents", arguments))
    whole = asyncio.run(PagerDuty().get_incidents(**arguments))
    assert cut["metadata"]["count"] < whole["metadata"]["count"]
    assert "is full" in cut["metadata"]["warnings"][-1]
    unbounded = asyncio.run(PagerDuty(max_response_tokens=0).call("get_incidents", arguments))
    assert unbounded == whole


@pytest.mark.validation
def test_model_call_follows_rules_of_tools(pagerduty_sandbox):
    with pytest.raises(PagerDutyError, match="MISSING_PARAMETER"):
        asyncio.run(call("get_incidents", {"current_user_context": False}))
