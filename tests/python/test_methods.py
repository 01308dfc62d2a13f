"""The methods made from the catalogue, their stub, and the types of their answers."""

import ast
import asyncio
import inspect
import subprocess
import sys
import threading
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from doors import ROOT, environment
from pagerduty_mcp_server import PagerDuty, SyncPagerDuty, _core, types
from pagerduty_mcp_server._methods import AsyncTools, SyncTools, _Method

pytestmark = [pytest.mark.unit, pytest.mark.utils]

STUB = ast.parse((ROOT / "python/pagerduty_mcp_server/_methods.pyi").read_text(encoding="utf-8"))
METHODS = {
    (node.name, method.name): method
    for node in STUB.body
    if isinstance(node, ast.ClassDef)
    for method in node.body
    if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
}
CLASSES = {"AsyncTools": AsyncTools, "SyncTools": SyncTools}


def test_stub_has_every_method_of_catalogue():
    assert METHODS.keys() == {(name, method) for name in CLASSES for method in _core.METHODS}


@pytest.mark.parametrize(("owner", "name"), METHODS, ids=map(".".join, METHODS))
def test_method_matches_stub(owner, name):
    stub, method = METHODS[owner, name], getattr(CLASSES[owner], name)
    assert inspect.iscoroutinefunction(method) == isinstance(stub, ast.AsyncFunctionDef)
    assert method.__qualname__ == f"{owner}.{name}"
    assert method.__module__ == "pagerduty_mcp_server._methods"
    assert inspect.getdoc(method) == ast.get_docstring(stub)
    keywords = inspect.signature(method).parameters
    described = zip(stub.args.kwonlyargs, stub.args.kw_defaults, strict=True)
    assert list(keywords)[1:] == [argument.arg for argument in stub.args.kwonlyargs]
    for argument, default in described:
        assert keywords[argument.arg].annotation == ast.unparse(argument.annotation)
        nothing = inspect.Parameter.empty
        written = nothing if default is None else ast.literal_eval(default)
        assert keywords[argument.arg].default is written


@pytest.mark.parametrize(("owner", "name"), METHODS, ids=map(".".join, METHODS))
def test_docstring_consists_of_sentences(owner, name):
    summary, *parts = inspect.getdoc(getattr(CLASSES[owner], name)).split("\n\n")
    assert summary.endswith(".")
    texts = [part.removeprefix("Args:\n") for part in parts if part.startswith("Args:\n")]
    for line in "\n".join(texts).replace("\n        ", " ").splitlines():
        _, _, text = line.partition(": ")
        assert text[0].isupper(), line
        assert text.endswith("."), line


def test_method_unused_is_not_compiled():
    code = (
        "from pagerduty_mcp_server import PagerDuty\n"
        "from pagerduty_mcp_server._methods import AsyncTools, _Method\n"
        "def waiting(): return sum(isinstance(one, _Method) for one in vars(AsyncTools).values())\n"
        "before = waiting(); PagerDuty('key').get_teams; print(before - waiting())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, env=environment(), check=True, timeout=30,
    )  # fmt: skip
    assert done.stdout == "1\n"


def test_method_compiled_by_threads_is_same(monkeypatch):
    monkeypatch.setattr(SyncTools, "get_teams", _Method(SyncTools, "get_teams"))
    found, barrier = [], threading.Barrier(8)

    def use():
        barrier.wait()
        found.append(inspect.signature(SyncPagerDuty.get_teams))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [inspect.signature(PagerDuty.get_teams)] * 8


@pytest.mark.parametrize("twin", [PagerDuty, SyncPagerDuty])
def test_wrong_call_raises_type_error_at_once(twin):
    account = twin("key")
    with pytest.raises(TypeError, match="unexpected keyword argument 'limitt'"):
        account.get_teams(limitt=1)
    with pytest.raises(TypeError, match="positional argument"):
        account.get_teams("T1")
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument"):
        account.acknowledge_incident()


def mismatches(value: Any, kind: Any, path: str) -> list[str]:
    """Return the places where a value is not of its type."""
    if kind is Any:
        return []
    if get_origin(kind) is list:
        if not isinstance(value, list):
            return [f"{path} is no list"]
        (item,) = get_args(kind)
        return [text for one in value for text in mismatches(one, item, f"{path}[]")]
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            return [f"{path} is no dict"]
        (_, item) = get_args(kind)
        return [
            text for key, one in value.items() for text in mismatches(one, item, f"{path}.{key}")
        ]
    if is_typeddict(kind):
        if not isinstance(value, dict):
            return [f"{path} is no dict"]
        hints = get_type_hints(kind)
        missing = [f"{path} lacks {name}" for name in kind.__required_keys__ - value.keys()]
        unknown = [f"{path} has {name}" for name in value.keys() - hints.keys()]
        known = [(one, hints[key], f"{path}.{key}") for key, one in value.items() if key in hints]
        return [*missing, *unknown, *(text for one in known for text in mismatches(*one))]
    if kind is float:
        kind = (int, float)
    is_bool = isinstance(value, bool)
    return [] if isinstance(value, kind) and is_bool == (kind is bool) else [f"{path} is {value!r}"]


def test_mismatches_are_reported():
    row = {"id": 1, "titel": "x", "teams": [{"id": True}], "alert_counts": {"all": "1"}}
    answer = {"incidents": [row]}
    assert sorted(mismatches(answer, types.IncidentList, "it")) == [
        "it lacks metadata",
        "it.incidents[] has titel",
        "it.incidents[].alert_counts.all is '1'",
        "it.incidents[].id is 1",
        "it.incidents[].teams[].id is True",
    ]


def is_typed(method: str) -> bool:
    """Return whether the answer or the rows of a method have a type in `types`."""
    returns = METHODS["SyncTools", method].returns
    of = ast.unparse(returns.slice if method.startswith("iter_") else returns)
    assert of == "dict[str, Any]" or hasattr(types, of)
    return hasattr(types, of)


ADDED = {"deleted_at", "past_incidents", "related_incidents", "notes"}
"""Fields that `include` does not select."""


def of_row(answer: Any) -> list[str]:
    """Return every field that `include` may name in a list of this type."""
    (rows,) = (
        get_args(kind)[0] for name, kind in get_type_hints(answer).items() if name != "metadata"
    )
    return sorted(get_type_hints(rows).keys() - ADDED)


TYPED = [name for name in _core.METHODS if is_typed(name)]
"""The others compose rows of several resources."""


@pytest.mark.parametrize("tool", [name for name in TYPED if not name.startswith("iter_")])
def test_answer_has_type_of_stub(pagerduty_sandbox, tool):
    answer = getattr(types, ast.unparse(METHODS["SyncTools", tool].returns))
    account = SyncPagerDuty()
    method = getattr(account, tool)
    accepted = inspect.signature(method).parameters
    values = {
        "content": lambda: "Colder.",
        "incident_id": lambda: pagerduty_sandbox.trigger(title="Too hot")["id"],
        "schedule_id": lambda: pagerduty_sandbox.schedules[0]["id"],
    }

    def required() -> dict[str, str]:
        return {name: values[name]() for name, one in accepted.items() if one.default is one.empty}

    calls = [required()]
    if "include" in accepted:
        calls.append(required() | {"include": of_row(answer)})
    if tool == "get_incidents":
        options = ("include_notes", "include_past_incidents", "include_related_incidents")
        for noted in pagerduty_sandbox.incidents[:5]:
            calls.append(dict.fromkeys(options, True) | {"incident_id": noted["id"]})
            calls.append(calls[-1] | {"include": of_row(answer)})
    if tool == "get_schedules":
        week = {"since": "2026-01-01", "until": "2026-01-08"}
        listed = account.get_schedules()["schedules"]
        calls += [week | {"schedule_id": one["id"]} for one in listed]
    for arguments in calls:
        assert mismatches(method(**arguments), answer, tool) == [], arguments


@pytest.mark.parametrize("stream", [name for name in TYPED if name.startswith("iter_")])
def test_stream_rows_have_type_of_stub(pagerduty_sandbox, stream):
    returns = METHODS["SyncTools", stream].returns
    assert ast.unparse(returns.value) == "Generator"
    kind = getattr(types, ast.unparse(returns.slice))
    for row in getattr(SyncPagerDuty(), stream)(limit=120):
        assert mismatches(row, kind, stream) == []

    async def first():
        async for row in getattr(PagerDuty(), stream)(limit=1):
            return row

    assert mismatches(asyncio.run(first()), kind, stream) == []
