"""Tests of the package in the same process: `from pagerduty_mcp_server import mcp`."""

import asyncio
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import pagerduty_mcp_server
import pytest
from doors import TOOLS, Session, environment
from pagerduty_mcp_server import PagerDutyAuthError, PagerDutyError, errors, mcp

pytestmark = [pytest.mark.unit, pytest.mark.server]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, nowhere: Path):
    """Remove the settings of the user who runs the tests. The sandbox stays in memory."""
    for name in [name for name in os.environ if name.startswith("PAGERDUTY_")]:
        if name != "PAGERDUTY_SANDBOX_STATE":
            monkeypatch.delenv(name)
    monkeypatch.chdir(nowhere)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, sandbox):
    """Return an account that the environment of this process selects."""
    monkeypatch.setenv("PAGERDUTY_API_HOST", sandbox.url)
    monkeypatch.setenv("PAGERDUTY_API_TOKEN", "sandbox-user")
    return sandbox


def call(tool: str, **arguments):
    return asyncio.run(mcp.call_tool(tool, arguments))


def fail(tool: str, **arguments) -> PagerDutyError:
    with pytest.raises(PagerDutyError) as raised:
        call(tool, **arguments)
    return raised.value


def python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code in a separate interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(**variables),
        timeout=30,
        check=False,
    )


def test_module_exports_its_names():
    assert mcp.name == "pagerduty_mcp_server"
    assert repr(mcp) == "<Server 'pagerduty_mcp_server'>"
    assert pagerduty_mcp_server.__version__ == metadata.version("pagerduty-mcp-server")
    assert errors.PagerDutyError is PagerDutyError
    assert issubclass(errors.PagerDutyAuthError, PagerDutyError)
    assert callable(pagerduty_mcp_server.main)


def test_module_imports_nothing_else():
    code = (
        "import sys; before = set(sys.modules); import pagerduty_mcp_server;"
        "new = set(sys.modules) - before - set(sys.builtin_module_names);"
        "print(*{name.split('.')[0] for name in new})"
    )
    # A part of CPython, used to detect a subinterpreter before 3.13.
    assert set(python(code).stdout.split()) - {"_xxsubinterpreters"} == {"pagerduty_mcp_server"}


def test_module_has_no_dependencies():
    assert metadata.requires("pagerduty-mcp-server") in (None, [])


def test_module_tools_equal_server_tools(mcp_session: Session):
    tools = asyncio.run(mcp.list_tools())
    assert [tool.name for tool in tools] == TOOLS
    for ours, theirs in zip(tools, mcp_session.ask("list_tools").tools, strict=True):
        assert (ours.title, ours.description) == (theirs.title, theirs.description)
        assert ours.inputSchema == theirs.input_schema
        assert ours.annotations == theirs.annotations.model_dump(by_alias=True, exclude_none=True)
        assert repr(ours).startswith(f'Tool(name="{ours.name}", description="')


def test_module_call_returns_dict(account):
    answer = call("get_incidents", limit=2)
    assert list(answer) == ["metadata", "incidents"]
    assert answer["metadata"]["count"] == 2


def test_module_call_without_arguments(account):
    assert asyncio.run(mcp.call_tool("get_teams")) == call("get_teams")


def test_module_sandbox_keeps_state_between_calls(monkeypatch):
    monkeypatch.setenv("PAGERDUTY_SANDBOX", "1")
    incident = call("get_incidents", limit=1, statuses=["triggered"])["incidents"][0]["id"]
    call("acknowledge_incident", incident_id=incident)
    assert call("get_incidents", incident_id=incident)["incidents"][0]["status"] == "acknowledged"


def test_module_reads_environment_on_every_call(account, monkeypatch):
    assert call("get_incidents", limit=1)["incidents"]
    monkeypatch.setenv("PAGERDUTY_API_TOKEN", "sandbox-account-key")
    assert fail("get_incidents").code == "NO_USER_CONTEXT"
    monkeypatch.delenv("PAGERDUTY_API_TOKEN")
    assert fail("get_incidents").code == "MISSING_CREDENTIALS"
    monkeypatch.setenv("PAGERDUTY_TIMEOUT", "soon")
    assert fail("get_incidents").code == "INVALID_CONFIGURATION"


def test_module_dotenv_does_not_change_environment(sandbox, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text(
        f"PAGERDUTY_API_HOST={sandbox.url}\nPAGERDUTY_API_TOKEN=sandbox-user\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    code = (
        "import asyncio, os; from pagerduty_mcp_server import mcp;"
        "print(asyncio.run(mcp.call_tool('get_teams'))['metadata']['count'] > 0,"
        "os.environ.get('PAGERDUTY_API_TOKEN'))"
    )
    assert python(code).stdout == "True None\n"


def test_module_dotenv_host_is_checked_on_every_call(sandbox, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text(
        f"PAGERDUTY_API_HOST={sandbox.url}\nPAGERDUTY_API_TOKEN=sandbox-user\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    code = """if True:
        import asyncio, os
        from pagerduty_mcp_server import PagerDutyError, mcp, teams
        def ask(call, **variables):
            os.environ.update(variables)
            try:
                return asyncio.run(call())["metadata"]["count"] > 0
            except PagerDutyError as error:
                return error.code
        both = (lambda: mcp.call_tool("get_teams")), teams.list_teams
        print([ask(call) for call in both])
        print([ask(call, PAGERDUTY_API_TOKEN="mine") for call in both])
        print([ask(call, PAGERDUTY_API_TOKEN="", PAGERDUTY_CLIENT_ID="mine") for call in both])
        del os.environ["PAGERDUTY_API_TOKEN"], os.environ["PAGERDUTY_CLIENT_ID"]
        print([ask(call) for call in both])
    """
    refused = "['INVALID_CONFIGURATION', 'INVALID_CONFIGURATION']"
    lines = ["[True, True]", refused, refused, "[True, True]"]
    assert python(code).stdout.splitlines() == lines
    assert len(sandbox.requests()) == 4


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("html", {"code": "API_ERROR", "status": 502, "retryable": True}),
        ("reset", {"code": "NETWORK_ERROR", "status": None, "retryable": True}),
        ({"status": {"code": 404}}, {"code": "NOT_FOUND", "status": 404, "retryable": False}),
    ],
)
def test_module_errors_have_attributes(account, kind, attributes):
    account.fail(kind, path="/teams", times=5)
    error = fail("get_teams")
    assert {name: getattr(error, name) for name in attributes} == attributes
    assert error.hint
    assert error.envelope["error"]["message"] == error.message
    assert str(error) == f"{error.code}: {error.message} ({error.hint})"
    assert type(error) is PagerDutyError


def test_module_credential_errors_have_their_class(account, monkeypatch):
    monkeypatch.setenv("PAGERDUTY_API_TOKEN", "wrong")
    assert type(fail("get_teams")) is PagerDutyAuthError
    monkeypatch.delenv("PAGERDUTY_API_TOKEN")
    assert type(fail("get_teams")) is PagerDutyAuthError


def test_module_unknown_tool_is_error(account):
    error = fail("get_team")
    assert error.code == "UNKNOWN_TOOL"
    assert "get_teams" in error.hint


def test_module_errors_can_be_pickled(account):
    error = fail("get_teams", limit=-1)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)


def test_module_errors_can_be_constructed():
    error = PagerDutyAuthError("no")
    assert (str(error), error.message, error.envelope) == ("INTERNAL: no", "no", {})


@pytest.mark.validation
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"limit": {1}}, PagerDutyError),
        ({"limit": object()}, PagerDutyError),
        ({"limit": float("nan")}, ValueError),
        ({"query": "\ud800"}, PagerDutyError),
        (["limit"], TypeError),
        ("limit", PagerDutyError),
        (b"{}", TypeError),
    ],
)
def test_module_arguments_outside_json_are_refused(account, arguments, error):
    with pytest.raises(error):
        asyncio.run(mcp.call_tool("get_teams", arguments))


def test_calls_run_concurrently(account):
    account.fail({"delay": 300}, path="/teams", times=10)

    async def calls():
        begin = asyncio.get_running_loop().time()
        answers = await asyncio.gather(*(mcp.call_tool("get_teams") for _ in range(10)))
        return answers, asyncio.get_running_loop().time() - begin

    answers, seconds = asyncio.run(calls())
    assert all(answer == answers[0] for answer in answers)
    assert seconds < 10 * 0.3


def test_module_call_does_not_block_event_loop(account):
    async def loop_runs() -> bool:
        account.fail("hang", path="/teams")
        task = asyncio.create_task(mcp.call_tool("get_teams"))
        answer = await mcp.call_tool("get_services")
        assert not task.done()
        task.cancel()
        return bool(answer["services"])

    assert asyncio.run(loop_runs())


def test_module_canceled_call_closes_connection(monkeypatch):
    """Observe it from the other side: a server that receives a request and never answers."""

    async def cancel() -> bytes:
        arrived = asyncio.get_running_loop().create_future()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrived.set_result((reader, writer, await reader.readuntil(b"\r\n\r\n")))

        async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            monkeypatch.setenv("PAGERDUTY_API_HOST", f"http://127.0.0.1:{port}")
            monkeypatch.setenv("PAGERDUTY_API_TOKEN", "any")
            task = asyncio.create_task(mcp.call_tool("get_teams"))
            reader, writer, _ = await asyncio.wait_for(arrived, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            rest = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return rest

    assert asyncio.run(cancel()) == b""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_module_forked_process_gets_error(account):
    call("get_teams")
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=tell_what_is_raised, args=(writer,))
    child.start()
    assert reader.poll(10), "the child hangs"
    assert "fork" in reader.recv()
    child.join()


def tell_what_is_raised(pipe) -> None:
    try:
        call("get_teams")
    except RuntimeError as error:
        pipe.send(str(error))


def test_module_python_m_runs_console_command(nowhere: Path):
    done = subprocess.run(
        [sys.executable, "-m", "pagerduty_mcp_server", "--help"],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=nowhere,
        check=False,
    )
    assert done.returncode == 0
    assert "Usage: pagerduty-mcp-server" in done.stdout


def test_module_run_serves_until_end_of_input(nowhere: Path):
    code = "import sys; from pagerduty_mcp_server import mcp; mcp.run(); sys.exit('ended')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input='{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n',
        capture_output=True,
        text=True,
        env=environment(PAGERDUTY_SANDBOX="1"),
        cwd=nowhere,
        timeout=30,
        check=False,
    )
    assert '"id":1' in done.stdout
    assert (done.returncode, done.stderr) == (1, "ended\n")


def test_module_run_accepts_transport(nowhere: Path):
    start = "from pagerduty_mcp_server import mcp; mcp.run({})"
    settings = environment(PAGERDUTY_SANDBOX="1", FASTMCP_TRANSPORT="http")
    done = subprocess.run(
        [sys.executable, "-c", start.format('transport="stdio"')],
        input='{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n',
        capture_output=True,
        text=True,
        env=settings,
        cwd=nowhere,
        timeout=30,
        check=False,
    )
    assert ('"id":1' in done.stdout, done.returncode) == (True, 0), done.stderr
    settings["FASTMCP_TRANSPORT"] = "stdio"
    with subprocess.Popen(
        [sys.executable, "-c", start.format('"streamable-http", host="127.0.0.1", port=0')],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=settings, cwd=nowhere,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        try:
            assert process.stderr.readline().startswith("Serving MCP at http://127.0.0.1:")
        finally:
            process.kill()
    done = python("import pagerduty_mcp_server as p; p.mcp.run(transport='sse')")
    assert (done.returncode, "sse" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr


def test_module_main_needs_main_thread():
    with ThreadPoolExecutor(1) as threads, pytest.raises(RuntimeError, match="main thread"):
        threads.submit(pagerduty_mcp_server.main).result()


def test_module_run_exits_when_start_fails():
    done = python("import pagerduty_mcp_server as p; p.mcp.run()", PAGERDUTY_TIMEOUT="soon")
    assert done.returncode == 2
    assert "PAGERDUTY_TIMEOUT" in done.stderr
    assert "Traceback" not in done.stderr
