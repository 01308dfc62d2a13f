"""Tests of annotations, as programs read them that make tools from functions."""

import asyncio
import inspect
import subprocess
import sys
import typing
from importlib import import_module
from importlib.util import find_spec

import pytest
from doors import environment
from pagerduty_mcp_server import PagerDuty, incidents, oncalls, users

pytestmark = [pytest.mark.unit, pytest.mark.utils]

PACKAGE = "pagerduty_mcp_server"
MODULES = [
    import_module(PACKAGE),
    *(import_module(f"{PACKAGE}.{name}") for name in ("client", "errors", "server", "testing")),
    *(import_module(f"{PACKAGE}.{name}") for name in ("escalation_policies", "incidents")),
    *(import_module(f"{PACKAGE}.{name}") for name in ("oncalls", "schedules", "services")),
    *(import_module(f"{PACKAGE}.{name}") for name in ("teams", "users", "utils")),
]


def functions() -> dict[str, object]:
    """Return all functions, classes and methods of the package that have a signature."""
    found = {}
    for module in MODULES:
        for name, value in vars(module).items():
            if not inspect.isfunction(value) and not inspect.isclass(value):
                continue
            if value.__module__.startswith(PACKAGE) and not name.startswith("__"):
                found[f"{module.__name__}.{name}"] = value
    classes = {path: value for path, value in found.items() if inspect.isclass(value)}
    for path, value in classes.items():
        for name, member in inspect.getmembers(value):
            member = member.fget if isinstance(member, property) else member
            if inspect.isfunction(member):
                found[f"{path}.{name}"] = member
    return found


FUNCTIONS = functions()


def test_annotated_functions_are_found():
    assert {
        f"{PACKAGE}.PagerDuty.get_incidents",
        f"{PACKAGE}.PagerDuty.__init__",
        f"{PACKAGE}.SyncPagerDuty.iter_incidents",
        f"{PACKAGE}.testing.Account.incidents",
        f"{PACKAGE}.testing.sandbox.__enter__",
        f"{PACKAGE}.errors.PagerDutyError.__init__",
        f"{PACKAGE}.incidents.list_incidents",
    } <= FUNCTIONS.keys()


@pytest.mark.parametrize("path", FUNCTIONS)
def test_annotations_are_types(path):
    function = FUNCTIONS[path]
    hints = typing.get_type_hints(function)
    if inspect.isfunction(function):
        annotated = set(inspect.signature(function).parameters) - {"self", "cls"}
        assert hints.keys() >= annotated | {"return"}


def test_annotations_cost_no_import():
    code = (
        "import sys; before = set(sys.modules); import pagerduty_mcp_server\n"
        "dear = {'typing', 'typing_extensions', 'collections'}\n"
        "print(sorted(dear & (sys.modules.keys() - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
        capture_output=True, text=True, env=environment(), check=True, timeout=30,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def openai(function):
    from agents import function_tool

    return function_tool(function, strict_mode=False).params_json_schema


def langchain(function):
    from langchain_core.tools import StructuredTool

    return StructuredTool.from_function(coroutine=function).args_schema.model_json_schema()


def pydantic_ai(function):
    from pydantic_ai import Tool

    return Tool(function).function_schema.json_schema


def anthropic(function):
    from anthropic import beta_async_tool

    return beta_async_tool(function).input_schema


MAKERS = {
    openai: "agents",
    langchain: "langchain_core",
    pydantic_ai: "pydantic_ai",
    anthropic: "anthropic",
}


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_frameworks_make_tools_from_annotations(maker):
    if find_spec(MAKERS[maker]) is None:
        pytest.skip(f"{MAKERS[maker]} is not installed: run with `uv run --group examples`")
    account = PagerDuty("key")
    for function in (
        incidents.list_incidents,
        incidents.show_incident,
        oncalls.list_oncalls,
        users.list_users,
        account.get_incidents,
        account.add_incident_note,
    ):
        properties = maker(function)["properties"]
        assert set(properties) == set(inspect.signature(function).parameters)


def test_pydantic_validates_by_annotations():
    pydantic = pytest.importorskip("pydantic")
    for function in (incidents.list_incidents, PagerDuty("key").get_incidents):
        checked = pydantic.validate_call(function)
        with pytest.raises(pydantic.ValidationError, match="limit"):
            asyncio.run(checked(limit="many"))
