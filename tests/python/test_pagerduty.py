"""Tests of `PagerDuty` and `SyncPagerDuty`."""

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
from doors import TOOLS, environment
from pagerduty_mcp_server import (
    PagerDuty,
    PagerDutyError,
    SyncPagerDuty,
    ValidationError,
    mcp,
    sandbox,
)

pytestmark = [pytest.mark.unit, pytest.mark.client]

BOTH = pytest.mark.parametrize("client_class", [PagerDuty, SyncPagerDuty])
SCHEMAS = {tool.name: tool.inputSchema for tool in asyncio.run(mcp.list_tools())}
LISTS = [name for name in TOOLS if "limit" in SCHEMAS[name].get("properties", {})]
JSON_TYPES = {"bool": "boolean", "int": "integer", "list[str]": "array", "str": "string"}


def ask(account, method: str, *positional, **arguments):
    """Call a method of either class."""
    answer = getattr(account, method)(*positional, **arguments)
    return asyncio.run(answer) if isinstance(account, PagerDuty) else answer


def everything(account, method: str, **arguments) -> list:
    """Read a stream of either class to its end."""
    stream = getattr(account, method)(**arguments)
    if isinstance(account, SyncPagerDuty):
        return list(stream)

    async def read():
        return [item async for item in stream]

    return asyncio.run(read())


@BOTH
@pytest.mark.parametrize("tool", TOOLS)
def test_methods_have_parameters_of_their_tool(client_class, tool):
    schema = SCHEMAS[tool]
    parameters = dict(inspect.signature(getattr(client_class, tool)).parameters)
    del parameters["self"]
    assert list(parameters) == list(schema.get("properties", {}))
    for name, parameter in parameters.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        required = parameter.default is inspect.Parameter.empty
        assert required == (name in schema.get("required", []))
        annotation = parameter.annotation
        annotation = annotation if isinstance(annotation, str) else annotation.__name__
        kinds = {JSON_TYPES[kind] for kind in annotation.split(" | ") if kind != "None"}
        assert schema["properties"][name]["type"] in kinds
        if schema["properties"][name].get("default") is not None:
            assert parameter.default == schema["properties"][name]["default"]


@BOTH
@pytest.mark.parametrize("tool", LISTS)
def test_streams_have_parameters_of_their_list(client_class, tool):
    stream = getattr(client_class, "iter_" + tool.removeprefix("get_"))
    parameters = inspect.signature(stream).parameters.keys() - {"self"}
    assert parameters < SCHEMAS[tool]["properties"].keys()
    assert {"limit", "include"} < parameters
    assert "offset" not in parameters


@BOTH
@pytest.mark.parametrize("tool", LISTS)
def test_streams_yield_rows_of_the_list(pagerduty_sandbox, client_class, tool):
    resource = tool.removeprefix("get_")
    account = client_class()
    listed = ask(account, tool, limit=100)
    assert everything(account, f"iter_{resource}", limit=100) == listed[resource]


@BOTH
def test_streams_fetch_page_by_page(pagerduty_sandbox, client_class):
    account = client_class()
    pages = [f"limit=100&offset={offset}" for offset in (0, 99)]
    incidents = everything(account, "iter_incidents")
    assert len(incidents) == len({one["id"] for one in incidents}) > 100
    asked = [one["query"] for one in pagerduty_sandbox.requests if one["path"] == "/incidents"]
    assert [pages[n] in query for n, query in enumerate(asked)] == [True, True]
    assert everything(account, "iter_incidents", limit=120) == incidents[:120]


def test_streams_fetch_no_unread_page(pagerduty_sandbox):
    stream = SyncPagerDuty().iter_incidents()
    first = next(stream)
    stream.close()
    assert first["id"] == next(SyncPagerDuty().iter_incidents(limit=1))["id"]
    asked = [one for one in pagerduty_sandbox.requests if one["path"] == "/incidents"]
    assert len(asked) == 2


def test_streams_deduplicate_moved_rows(pagerduty_sandbox):
    stream = SyncPagerDuty().iter_incidents()
    seen = [next(stream)["id"]]
    pagerduty_sandbox.trigger(title="Everything moves by one")
    seen += [one["id"] for one in stream]
    assert len(seen) == len(set(seen))
    assert len(seen) == len(list(SyncPagerDuty().iter_incidents())) - 1


@BOTH
def test_streams_issue_each_warning_once(pagerduty_sandbox, client_class):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        everything(client_class(), "iter_incidents", statuses=["resolved", "closed"])
    (warning,) = caught
    assert "closed" in str(warning.message)


@BOTH
def test_streams_have_no_response_budget(pagerduty_sandbox, monkeypatch, client_class):
    whole = everything(client_class(), "iter_incidents")
    asked = len(pagerduty_sandbox.requests)
    monkeypatch.setenv("PAGERDUTY_MAX_RESPONSE_TOKENS", "2000")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert everything(client_class(), "iter_incidents") == whole
        assert everything(client_class(max_response_tokens=300), "iter_incidents") == whole
    assert len(pagerduty_sandbox.requests) == 3 * asked


@BOTH
def test_streams_fail_on_failed_page(pagerduty_sandbox, client_class):
    pagerduty_sandbox.fail_next(500, path="/incidents", skip=1, times=3)
    with pytest.raises(PagerDutyError, match="500"):
        everything(client_class(), "iter_incidents")


@BOTH
def test_client_settings_override_environment(pagerduty_sandbox, monkeypatch, client_class):
    url = pagerduty_sandbox.url
    monkeypatch.setenv("PAGERDUTY_API_HOST", "https://nowhere.invalid")
    monkeypatch.setenv("PAGERDUTY_API_TOKEN", "wrong")
    monkeypatch.setenv("PAGERDUTY_SANDBOX", "1")
    me = ask(client_class("sandbox-user", base_url=url), "build_user_context")
    assert me["user_id"] == pagerduty_sandbox.current_user["id"]
    account = client_class("sandbox-account-key", base_url=url, user_email=me["email"], timeout=20)
    incident = pagerduty_sandbox.trigger(title="Too hot")["id"]
    ask(account, "acknowledge_incident", incident_id=incident)
    assert pagerduty_sandbox.requests[-1]["from"] == me["email"]


@BOTH
@pytest.mark.parametrize(
    "wrong",
    [
        {"region": "asia"},
        {"base_url": "nowhere"},
        {"timeout": 0.0},
        {"max_response_tokens": -1},
        {"max_response_tokens": 2**70},
        {"toolsets": ["incident"]},
        {"token": ""},
        {"token": " "},
        {"region": ""},
        {"base_url": ""},
        {"user_email": ""},
    ],
)
def test_client_settings_invalid_are_refused_at_once(pagerduty_sandbox, client_class, wrong):
    with pytest.raises(PagerDutyError) as error:
        client_class(**wrong)
    assert error.value.code == "INVALID_CONFIGURATION"


@BOTH
def test_client_region_does_not_leave_sandbox(pagerduty_sandbox, client_class):
    for settings in ({"region": "eu"}, {"token": "sandbox-user", "region": "eu"}):
        assert ask(client_class(**settings), "get_teams", limit=1)["teams"]
    assert len(pagerduty_sandbox.requests) == 2


@BOTH
def test_client_settings_list_is_copied(pagerduty_sandbox, client_class):
    toolsets = ["incidents"]
    account = client_class(toolsets=toolsets)
    before = account.tools()
    toolsets[:] = ["teams"]
    assert account.tools() == before


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@BOTH
@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": float("nan")},
        {"limit": {1}},
        {"query": b"x"},
        {"since": datetime.now(timezone.utc)},
        {"include": nested(1_000)},
        {"include": nested(10_000)},
        {"query": "\ud800"},
        '{"query": "\ud800"}',
        '{"query": "\\ud800"}',
        '{"limit": NaN}',
        "[" * 10_000,
        "limit",
    ],
    ids=range(12),
)
def test_client_arguments_outside_json_are_invalid(pagerduty_sandbox, client_class, arguments):
    with pytest.raises(ValidationError) as error:
        ask(client_class(), "call", "get_teams", arguments)
    assert error.value.code == error.value.envelope["error"]["code"] == "INVALID_PARAMETER"
    assert pagerduty_sandbox.requests == []


def test_client_call_takes_dict_or_text(pagerduty_sandbox):
    for arguments in (["limit"], b"{}", 1):
        with pytest.raises(TypeError):
            SyncPagerDuty().call("get_teams", arguments)


def test_client_without_event_loop_error_names_next_step(pagerduty_sandbox):
    with pytest.raises(RuntimeError, match=r"asyncio.*SyncPagerDuty"):
        PagerDuty().get_teams().send(None)


def test_client_token_is_not_sent_to_dotenv_host(tmp_path, nowhere):
    (tmp_path / ".env").write_text(
        "PAGERDUTY_API_HOST=http://127.0.0.1:9\nPAGERDUTY_API_TOKEN=theirs\n", encoding="utf-8"
    )
    code = (
        "import os\n"
        "from pagerduty_mcp_server import SyncPagerDuty, PagerDutyError\n"
        "def ask(**settings):\n"
        "    try: SyncPagerDuty(timeout=0.5, **settings).get_teams()\n"
        "    except PagerDutyError as error: print(error.code, '127.0.0.1' in str(error))\n"
        "ask()\n"
        "ask(token='mine')\n"
        "ask(token='mine', base_url='http://127.0.0.1:10')\n"
        "os.environ['PAGERDUTY_API_TOKEN'] = ''\n"
        "os.environ['PAGERDUTY_CLIENT_ID'] = 'mine'\n"
        "ask()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, env=environment(), cwd=tmp_path, check=True, timeout=30,
    )  # fmt: skip
    refused = ["INVALID_CONFIGURATION", "False"]
    asked = ["NETWORK_ERROR", "True"]
    assert done.stdout.split() == [*asked, *refused, *asked, *refused]


@BOTH
def test_client_repr_hides_token(client_class):
    account = client_class("u+very-secret-4711", base_url="http://127.0.0.1:9")
    assert "4711" not in f"{account!r} {vars(account)}"


@BOTH
def test_client_tool_filters_apply(pagerduty_sandbox, client_class):
    account = client_class(read_only=True, toolsets=["incidents"])
    assert [one["name"] for one in account.tools("mcp")] == ["get_incidents"]
    assert account.tools("mcp", toolsets=["teams"]) == [], "what call() would refuse"
    assert account.tools("mcp", toolsets=["teams", "incidents"]) == account.tools("mcp")
    with pytest.raises(PagerDutyError, match="INVALID_CONFIGURATION"):
        account.tools(toolsets=["incident"])
    for tool, arguments in [("resolve_incident", {"incident_id": "P1"}), ("get_teams", {})]:
        with pytest.raises(PagerDutyError) as error:
            ask(account, tool, **arguments)
        assert error.value.code == "UNKNOWN_TOOL"


def test_closed_client_refuses_calls(pagerduty_sandbox):
    async def use():
        async with PagerDuty() as account:
            await account.get_teams()
        with pytest.raises(RuntimeError, match="closed"):
            await account.get_teams()

    asyncio.run(use())
    with SyncPagerDuty() as account:
        account.get_teams()
    with pytest.raises(RuntimeError, match="closed"):
        account.get_teams()


def test_closed_client_answers_calls_in_flight(pagerduty_sandbox):
    pagerduty_sandbox.delay_next(1, path="/teams")

    async def use():
        async with PagerDuty() as account:
            call = asyncio.create_task(account.get_teams())
            stream = account.iter_incidents()
            first = await anext(stream)
            while not any(one["path"] == "/teams" for one in pagerduty_sandbox.requests):
                await asyncio.sleep(0)
        assert not call.done()
        assert (await call)["teams"]
        rest = [one async for one in stream]
        assert len({one["id"] for one in [first, *rest]}) > 100

    asyncio.run(use())


def test_client_serves_several_loops_and_threads(pagerduty_sandbox):
    account, blocking = PagerDuty(), SyncPagerDuty()

    def loop(_):
        async def calls():
            return await asyncio.gather(*(account.get_teams() for _ in range(5)))

        return [*asyncio.run(calls()), blocking.get_teams()]

    with ThreadPoolExecutor(4) as threads:
        answers = [answer for some in threads.map(loop, range(8)) for answer in some]
    assert len(answers) == 48
    assert all(answer == answers[0] for answer in answers)


def test_client_answers_thousand_concurrent_calls(pagerduty_sandbox):
    pagerduty_sandbox.limit_rate(100_000)

    async def calls():
        account = PagerDuty()
        return await asyncio.gather(*(account.get_teams(limit=1) for _ in range(1_000)))

    answers = asyncio.run(calls())
    assert len(answers) == 1_000
    assert all(answer == answers[0] for answer in answers)


def test_blocking_call_lets_other_threads_run(pagerduty_sandbox):
    """The other thread lets the call finish: if the call held the interpreter, both would hang."""
    pagerduty_sandbox.fail_next(kind="hang", path="/teams")
    account = SyncPagerDuty(timeout=20)
    ended = threading.Event()

    def call():
        try:
            account.get_teams()
        except PagerDutyError:
            ended.set()

    thread = threading.Thread(target=call)
    thread.start()
    while not any(one["path"] == "/teams" for one in pagerduty_sandbox.requests):
        assert not ended.is_set()
    assert ask(SyncPagerDuty(), "get_services")["services"]
    assert not ended.is_set()
    with sandbox() as other:
        assert other.url != pagerduty_sandbox.url
    pagerduty_sandbox._core.stop()
    thread.join(20)
    assert ended.is_set()


HANGS = """
import asyncio, signal
from pagerduty_mcp_server import PagerDuty, SyncPagerDuty
# The program that runs the tests may ignore the signal, which is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("begin", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
@pytest.mark.parametrize(
    "call", ["asyncio.run(PagerDuty().get_teams())", "SyncPagerDuty().get_teams()"]
)
def test_ctrl_c_ends_call(pagerduty_sandbox, call):
    pagerduty_sandbox.fail_next(kind="hang", path="/teams", times=10)
    with subprocess.Popen(
        [sys.executable, "-c", HANGS.format(call=call)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment() | os.environ | {"PYTHONWARNINGS": "ignore"},
    ) as process:
        deadline = time.monotonic() + 20
        while not any(one["path"] == "/teams" for one in pagerduty_sandbox.requests):
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert out.split() == ["begin", "interrupted"]
    assert process.returncode == 0


def test_canceled_stream_ends_without_requests(pagerduty_sandbox):
    async def cancel():
        pagerduty_sandbox.fail_next(kind="hang", path="/incidents", skip=1)
        stream = PagerDuty().iter_incidents()

        async def read():
            return [one async for one in stream]

        task = asyncio.create_task(read())
        while sum(one["path"] == "/incidents" for one in pagerduty_sandbox.requests) < 2:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    asked = [one for one in pagerduty_sandbox.requests if one["path"] == "/incidents"]
    assert len(asked) == 2


ENDS = """
import asyncio
from pagerduty_mcp_server import PagerDuty

async def main():
    pd = PagerDuty()
    calls = [asyncio.ensure_future(pd.get_teams()) for _ in range(20)]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)

asyncio.run(main())
"""


def test_program_may_exit_while_answers_arrive(pagerduty_sandbox):
    """At the exit of the interpreter, threads may still deliver answers."""
    variables = environment(**pagerduty_sandbox.environment)
    programs = [subprocess.Popen([sys.executable, "-c", ENDS], env=variables) for _ in range(12)]
    assert [program.wait(30) for program in programs] == [0] * 12
