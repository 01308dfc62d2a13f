"""`PagerDuty` and `SyncPagerDuty`: an account as an object."""

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

BOTH = pytest.mark.parametrize("twin", [PagerDuty, SyncPagerDuty])
SCHEMAS = {tool.name: tool.inputSchema for tool in asyncio.run(mcp.list_tools())}
LISTS = [name for name in TOOLS if "limit" in SCHEMAS[name].get("properties", {})]
JSON_TYPES = {"bool": "boolean", "int": "integer", "list[str]": "array", "str": "string"}


def ask(account, method: str, *positional, **arguments):
    """Call a method of either twin."""
    answer = getattr(account, method)(*positional, **arguments)
    return asyncio.run(answer) if isinstance(account, PagerDuty) else answer


def everything(account, method: str, **arguments) -> list:
    """Read a stream of either twin to its end."""
    stream = getattr(account, method)(**arguments)
    if isinstance(account, SyncPagerDuty):
        return list(stream)

    async def read():
        return [item async for item in stream]

    return asyncio.run(read())


@BOTH
@pytest.mark.parametrize("tool", TOOLS)
def test_a_method_has_the_parameters_of_its_tool(twin, tool):
    schema = SCHEMAS[tool]
    parameters = dict(inspect.signature(getattr(twin, tool)).parameters)
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
def test_a_stream_has_the_parameters_of_its_list(twin, tool):
    stream = getattr(twin, "iter_" + tool.removeprefix("get_"))
    parameters = inspect.signature(stream).parameters.keys() - {"self"}
    assert parameters < SCHEMAS[tool]["properties"].keys()
    assert {"limit", "include"} < parameters
    assert "offset" not in parameters


@BOTH
@pytest.mark.parametrize("tool", LISTS)
def test_a_stream_gives_what_the_list_gives(pagerduty_sandbox, twin, tool):
    resource = tool.removeprefix("get_")
    account = twin()
    listed = ask(account, tool, limit=100)
    assert everything(account, f"iter_{resource}", limit=100) == listed[resource]


@BOTH
def test_a_stream_comes_page_by_page(pagerduty_sandbox, twin):
    account = twin()
    pages = [f"limit=100&offset={offset}" for offset in (0, 99)]
    incidents = everything(account, "iter_incidents")
    assert len(incidents) == len({one["id"] for one in incidents}) > 100
    asked = [one["query"] for one in pagerduty_sandbox.requests if one["path"] == "/incidents"]
    assert [pages[n] in query for n, query in enumerate(asked)] == [True, True]
    assert everything(account, "iter_incidents", limit=120) == incidents[:120]


def test_a_stream_fetches_no_page_that_nobody_reads(pagerduty_sandbox):
    stream = SyncPagerDuty().iter_incidents()
    first = next(stream)
    stream.close()
    assert first["id"] == next(SyncPagerDuty().iter_incidents(limit=1))["id"]
    asked = [one for one in pagerduty_sandbox.requests if one["path"] == "/incidents"]
    assert len(asked) == 2


def test_a_row_that_moves_to_the_next_page_comes_once(pagerduty_sandbox):
    stream = SyncPagerDuty().iter_incidents()
    seen = [next(stream)["id"]]
    pagerduty_sandbox.trigger(title="Everything moves by one")
    seen += [one["id"] for one in stream]
    assert len(seen) == len(set(seen))
    assert len(seen) == len(list(SyncPagerDuty().iter_incidents())) - 1


@BOTH
def test_what_a_page_has_to_say_is_a_warning_once(pagerduty_sandbox, twin):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        everything(twin(), "iter_incidents", statuses=["resolved", "closed"])
    (warning,) = caught
    assert "closed" in str(warning.message)


@BOTH
def test_a_stream_has_no_response_budget(pagerduty_sandbox, monkeypatch, twin):
    whole = everything(twin(), "iter_incidents")
    asked = len(pagerduty_sandbox.requests)
    monkeypatch.setenv("PAGERDUTY_MAX_RESPONSE_TOKENS", "2000")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert everything(twin(), "iter_incidents") == whole
        assert everything(twin(max_response_tokens=300), "iter_incidents") == whole
    assert len(pagerduty_sandbox.requests) == 3 * asked


@BOTH
def test_a_page_that_fails_fails_the_stream(pagerduty_sandbox, twin):
    pagerduty_sandbox.fail_next(500, path="/incidents", skip=1, times=3)
    with pytest.raises(PagerDutyError, match="500"):
        everything(twin(), "iter_incidents")


@BOTH
def test_settings_are_those_given(pagerduty_sandbox, monkeypatch, twin):
    url = pagerduty_sandbox.url
    monkeypatch.setenv("PAGERDUTY_API_HOST", "https://nowhere.invalid")
    monkeypatch.setenv("PAGERDUTY_API_TOKEN", "wrong")
    monkeypatch.setenv("PAGERDUTY_SANDBOX", "1")
    me = ask(twin("sandbox-user", base_url=url), "build_user_context")
    assert me["user_id"] == pagerduty_sandbox.current_user["id"]
    account = twin("sandbox-account-key", base_url=url, user_email=me["email"], timeout=20)
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
def test_settings_that_cannot_be_used_are_refused_at_once(pagerduty_sandbox, twin, wrong):
    with pytest.raises(PagerDutyError) as error:
        twin(**wrong)
    assert error.value.code == "INVALID_CONFIGURATION"


@BOTH
def test_a_region_does_not_lead_out_of_the_sandbox(pagerduty_sandbox, twin):
    for settings in ({"region": "eu"}, {"token": "sandbox-user", "region": "eu"}):
        assert ask(twin(**settings), "get_teams", limit=1)["teams"]
    assert len(pagerduty_sandbox.requests) == 2


@BOTH
def test_later_changes_of_a_list_of_settings_change_nothing(pagerduty_sandbox, twin):
    toolsets = ["incidents"]
    account = twin(toolsets=toolsets)
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
def test_arguments_that_json_cannot_say_are_invalid(pagerduty_sandbox, twin, arguments):
    with pytest.raises(ValidationError) as error:
        ask(twin(), "call", "get_teams", arguments)
    assert error.value.code == error.value.envelope["error"]["code"] == "INVALID_PARAMETER"
    assert pagerduty_sandbox.requests == []


def test_arguments_are_a_dict_or_text(pagerduty_sandbox):
    for arguments in (["limit"], b"{}", 1):
        with pytest.raises(TypeError):
            SyncPagerDuty().call("get_teams", arguments)


def test_without_a_loop_of_asyncio_the_error_says_what_to_do(pagerduty_sandbox):
    with pytest.raises(RuntimeError, match=r"asyncio.*SyncPagerDuty"):
        PagerDuty().get_teams().send(None)


def test_a_token_does_not_go_where_a_dotenv_file_says(tmp_path, nowhere):
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
def test_a_token_is_not_shown(twin):
    account = twin("u+very-secret-4711", base_url="http://127.0.0.1:9")
    assert "4711" not in f"{account!r} {vars(account)}"


@BOTH
def test_some_tools_may_be_left_out(pagerduty_sandbox, twin):
    account = twin(read_only=True, toolsets=["incidents"])
    assert [one["name"] for one in account.tools("mcp")] == ["get_incidents"]
    assert account.tools("mcp", toolsets=["teams"]) == [], "what call() would refuse"
    assert account.tools("mcp", toolsets=["teams", "incidents"]) == account.tools("mcp")
    with pytest.raises(PagerDutyError, match="INVALID_CONFIGURATION"):
        account.tools(toolsets=["incident"])
    for tool, arguments in [("resolve_incident", {"incident_id": "P1"}), ("get_teams", {})]:
        with pytest.raises(PagerDutyError) as error:
            ask(account, tool, **arguments)
        assert error.value.code == "UNKNOWN_TOOL"


def test_closed_is_closed(pagerduty_sandbox):
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


def test_what_has_begun_when_it_is_closed_is_answered(pagerduty_sandbox):
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


def test_one_account_serves_several_loops_and_threads(pagerduty_sandbox):
    account, blocking = PagerDuty(), SyncPagerDuty()

    def loop(_):
        async def calls():
            return await asyncio.gather(*(account.get_teams() for _ in range(5)))

        return [*asyncio.run(calls()), blocking.get_teams()]

    with ThreadPoolExecutor(4) as threads:
        answers = [answer for some in threads.map(loop, range(8)) for answer in some]
    assert len(answers) == 48
    assert all(answer == answers[0] for answer in answers)


def test_a_thousand_calls_at_once(pagerduty_sandbox):
    pagerduty_sandbox.limit_rate(100_000)

    async def calls():
        account = PagerDuty()
        return await asyncio.gather(*(account.get_teams(limit=1) for _ in range(1_000)))

    answers = asyncio.run(calls())
    assert len(answers) == 1_000
    assert all(answer == answers[0] for answer in answers)


def test_other_threads_run_while_a_call_blocks(pagerduty_sandbox):
    """The other thread lets the call go on: if the interpreter were held, both would hang."""
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
# Whatever runs the tests in the background may have left it ignored.
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
def test_ctrl_c_ends_a_call(pagerduty_sandbox, call):
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


def test_a_cancelled_stream_can_be_read_no_further_and_asks_nothing(pagerduty_sandbox):
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


def test_a_program_may_end_while_answers_arrive(pagerduty_sandbox):
    """The interpreter's end used to meet threads that were just handing an answer over."""
    variables = environment(**pagerduty_sandbox.environment)
    programs = [subprocess.Popen([sys.executable, "-c", ENDS], env=variables) for _ in range(12)]
    assert [program.wait(30) for program in programs] == [0] * 12
