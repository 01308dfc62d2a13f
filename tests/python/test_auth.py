"""Tests of the login in the browser from outside: its output, which must hold no secret."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import SandboxProcess
from doors import TOOLS, Door, environment
from web import serve

pytestmark = [pytest.mark.unit, pytest.mark.client]

CLIENT_SECRET = "a-client-secret-that-must-not-be-printed"

# A simulated click: it follows PagerDuty's redirect to the callback, and records the code.
BROWSER = """
import sys, urllib.error, urllib.request
try:
    page = urllib.request.urlopen(sys.argv[1], timeout=20)
except urllib.error.HTTPError as refused:
    page = refused
with open(sys.argv[2], "a", encoding="utf-8") as visited:
    visited.write(page.url + "\\n")
"""

SESSION = "\n".join(
    json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
    for id, method, params in [
        (
            1,
            "initialize",
            {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"},
            },
        ),
        (2, "tools/call", {"name": "get_teams", "arguments": {}}),
        (3, "tools/call", {"name": "get_users", "arguments": {"user_id": "PNOBODY"}}),
    ]
)
"""Run an MCP session with a call that succeeds and one that fails."""

EVERYTHING = "trace,hyper=trace,hyper_util=trace,reqwest=trace,h2=trace,rustls=trace,axum=trace"


@dataclass
class Identity:
    """The sandbox's identity server behind a relay that records every secret."""

    url: str
    secrets: set[str] = field(default_factory=set)
    echo: bool = False
    """Set to refuse every request with an answer that repeats its form."""


@pytest.fixture
def identity(sandbox: SandboxProcess) -> Iterator[Identity]:
    """Return an identity server that records its secrets."""

    class Relay(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", sandbox.url + self.path)
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            form = parse_qs(body.decode())
            for name in ("code", "code_verifier", "client_secret", "refresh_token"):
                recorded.secrets.update(form.get(name, []))
            if recorded.echo:
                error = {"error": "invalid_grant", "error_description": f"no: {form}"}
                self.reply(400, json.dumps(error).encode())
                return
            try:
                answer = urllib.request.urlopen(sandbox.url + self.path, data=body, timeout=10)
            except urllib.error.HTTPError as refused:
                answer = refused
            text = answer.read()
            tokens = json.loads(text)
            issued = ("access_token", "refresh_token", "id_token")
            recorded.secrets.update(tokens[name] for name in issued if name in tokens)
            self.reply(answer.status, text)

        def reply(self, status: int, text: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    with ThreadingHTTPServer(("127.0.0.1", 0), Relay) as server:
        recorded = Identity(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield recorded
        server.shutdown()
        thread.join()


def free_port() -> str:
    """Return a free port for the callback."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


@dataclass
class Terminal:
    """A user at a terminal with the server's settings, and everything printed there."""

    door: Door
    folder: Path
    variables: dict[str, str]
    printed: str = ""

    def run(self, *arguments: str, status: int = 0, **variables: str) -> str:
        """Run a command and return its standard output."""
        done = self.door.run(*arguments, cwd=self.folder, **(self.variables | variables))
        self.printed += done.stdout + done.stderr
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    @property
    def tokens(self) -> Path:
        """Return the path of the stored login."""
        return self.folder / "pagerduty_mcp_server" / "tokens.json"

    def expire(self) -> None:
        """Let the stored login expire."""
        stored = json.loads(self.tokens.read_text(encoding="utf-8"))
        self.tokens.write_text(json.dumps(stored | {"token_expiry": "1"}), encoding="utf-8")


@pytest.fixture
def terminal(door: Door, tmp_path: Path, sandbox: SandboxProcess, identity: Identity) -> Terminal:
    """Return a terminal without a login."""
    script = tmp_path / "browser.py"
    script.write_text(BROWSER, encoding="utf-8")
    visited = tmp_path / "visited.txt"
    visited.touch()
    return Terminal(
        door,
        tmp_path,
        {
            "BROWSER": f"'{sys.executable}' '{script}' %s '{visited}'",
            "PAGERDUTY_API_HOST": sandbox.url,
            "PAGERDUTY_IDENTITY_HOST": identity.url,
            "PAGERDUTY_CLIENT_ID": "a-client",
            "PAGERDUTY_CLIENT_SECRET": CLIENT_SECRET,
            "PAGERDUTY_OAUTH_CALLBACK_PORT": free_port(),
            "PAGERDUTY_TOKEN_STORE": "file",
            "XDG_STATE_HOME": str(tmp_path),
            "LOCALAPPDATA": str(tmp_path),
        },
    )


if sys.platform == "darwin":
    pytestmark.append(pytest.mark.skip(reason="the token file's folder cannot be chosen on macOS"))


def test_auth_login_status_and_logout(terminal: Terminal):
    before = json.loads(terminal.run("auth", "status", "--json", status=1))
    assert (before["ok"], before["source"], before["user"]) == (False, None, None)
    assert before["error"]["code"] == "MISSING_CREDENTIALS"

    said = terminal.run("auth", "login")
    assert said.startswith("Logged in as ")
    assert "/oauth/authorize?" in terminal.printed, "for a browser on another machine"
    assert "@" in said

    after = json.loads(terminal.run("auth", "status", "--json"))
    assert (after["ok"], after["source"], after["refreshable"]) == (True, "oauth", True)
    assert after["user"]["email"] in said
    assert after["credential"].startswith("****")
    assert after["store"] == str(terminal.tokens)
    assert "refreshed automatically" in terminal.run("auth", "status")

    # A login that the next call refreshes is not reported as a problem.
    terminal.expire()
    expired = json.loads(terminal.run("auth", "status", "--json"))
    assert (expired["ok"], expired["refreshable"], expired["user"]) == (True, True, None)
    assert "(expired), refreshed automatically" in terminal.run("auth", "status")
    terminal.run("doctor")
    terminal.run("auth", "status", "--json", status=1, PAGERDUTY_CLIENT_SECRET="")

    assert "oauth_token" in terminal.run("auth", "logout")
    assert not terminal.tokens.exists()
    assert "nothing to remove" in terminal.run("auth", "logout")


def test_auth_environment_wins_and_status_reports_it(terminal: Terminal):
    terminal.run("auth", "login")
    status = terminal.run("auth", "status", "--json", PAGERDUTY_API_TOKEN="sandbox-account-key")
    assert json.loads(status)["source"] == "PAGERDUTY_API_TOKEN"
    assert json.loads(status)["user"] is None, "an account-level key has no user"
    refused = terminal.run("auth", "status", status=1, PAGERDUTY_API_TOKEN="no-such-key")
    assert "Source      PAGERDUTY_API_TOKEN" in refused
    terminal.run("auth", "logout", PAGERDUTY_API_TOKEN="sandbox-user")
    assert "is still used" in terminal.printed


@pytest.mark.parametrize("variables", [{"PAGERDUTY_CLIENT_ID": ""}, {"PAGERDUTY_SANDBOX": "1"}])
def test_auth_login_with_bad_settings_exits_with_2(terminal: Terminal, variables):
    terminal.run("auth", "login", status=2, **variables)
    assert "hint: " in terminal.printed


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(["--log-level", "trace"], {}), ([], {"PAGERDUTY_LOG": EVERYTHING})],
    ids=["ours", "all"],
)
def test_auth_prints_no_secret(
    terminal: Terminal, identity: Identity, sandbox: SandboxProcess, arguments, variables
):
    def run(*command: str, status: int = 0) -> str:
        return terminal.run(*command, *arguments, status=status, **variables)

    def behave(**options: Any) -> None:
        sandbox.control("POST", "/sandbox/identity", options)

    run("auth", "status", status=1)
    run("call", "get_teams")
    run("auth", "status")
    run("auth", "status", "--json")
    run("doctor")
    run("tools", "--json")
    session = terminal.door.run(
        *arguments, cwd=terminal.folder, stdin=SESSION, **(terminal.variables | variables)
    )
    assert "structuredContent" in session.stdout
    terminal.printed += session.stdout + session.stderr
    terminal.expire()
    run("call", "get_teams")
    # Failing calls: an answer with an echo, then a refused login, refresh and new login.
    stored = json.loads(terminal.tokens.read_text(encoding="utf-8"))
    echo = json.dumps({"error": {"message": stored["oauth_token"], "code": 2001}})
    sandbox.fail({"status": {"code": 400, "body": echo}}, path="/teams")
    run("call", "get_teams", status=1)
    # The first refusal leads to a refresh. The second one ends the call.
    sandbox.fail({"status": {"code": 401}}, path="/teams", times=2)
    run("call", "get_teams", status=1)
    terminal.expire()
    behave(reject_refresh=True, deny=True)
    run("call", "get_teams", status=1)
    run("auth", "login", status=1)
    # A token endpoint that repeats the form of its request.
    behave()
    identity.echo = True
    run("auth", "login", status=1)
    identity.echo = False
    behave(id_token_host="api.eu.pagerduty.com")
    run("auth", "login")
    behave()
    run("auth", "login")
    run("auth", "logout")
    # The other credentials.
    for key in ("u+a-key-that-must-not-be-printed", "pdus+_a-token-that-must-not-be-printed"):
        identity.secrets.add(key)
        terminal.variables["PAGERDUTY_API_TOKEN"] = key
        for command in (["call", "get_teams"], ["auth", "status"], ["doctor"]):
            run(*command, status=1)
    # Over HTTP, with the server's credential and that of a caller, for an account that accepts it.
    callers = "u+a-callers-key-that-must-not-be-printed"
    identity.secrets.add(callers)
    settings = terminal.variables | variables
    with serve(terminal.door, *arguments, cwd=terminal.folder, **settings) as web:
        for headers in ({}, {"X_PagerDuty_Token": callers}):
            answer = web.call("get_teams", **headers)
            assert answer["error"]["code"] == "AUTHENTICATION_FAILED"
            terminal.printed += json.dumps(answer)
    terminal.printed += web.greeting + "".join(web.log)
    with terminal.door.start("sandbox", *arguments, cwd=terminal.folder, **settings) as account:
        assert account.stdout is not None
        assert account.stderr is not None
        banner = account.stdout.readline()
        teams = banner.strip().partition("=")[2] + "/teams"
        request = urllib.request.Request(teams, headers={"Authorization": f"Token token={callers}"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        account.terminate()
        terminal.printed += refused.value.read().decode()
        terminal.printed += banner + account.stdout.read() + account.stderr.read()

    log = terminal.printed
    assert "PagerDuty answered" in log, "the log was on"
    assert "[secret]" in log, "the echo was recorded"
    visited = (terminal.folder / "visited.txt").read_text(encoding="utf-8")
    queries = [parse_qs(urlsplit(address).query) for address in visited.split()]
    secrets = identity.secrets | {code for query in queries for code in query.get("code", [])}
    assert CLIENT_SECRET in secrets
    # Two logins and a refresh with two tokens each, two codes and verifiers, the client's secret.
    assert len(secrets) >= 11
    assert [secret for secret in secrets if secret in log] == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's command is another")
def test_auth_dotenv_cannot_choose_browser(terminal: Terminal):
    marker, seen, programs = (terminal.folder / name for name in ("marker", "seen", "bin"))
    programs.mkdir()
    opener = programs / "xdg-open"
    opener.write_text(f"#!/bin/sh\nenv > '{seen}.part' && mv '{seen}.part' '{seen}'\n")
    opener.chmod(0o755)
    dotenv = f"BROWSER='touch {marker}'\nLD_AUDIT=/nowhere.so\nPAGERDUTY_USER_API_KEY=\n"
    (terminal.folder / ".env").write_text(dotenv, encoding="utf-8")
    del terminal.variables["BROWSER"]
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    terminal.run("auth", "login", status=1, PATH=path, PAGERDUTY_OAUTH_TIMEOUT="2")
    assert not marker.exists()
    environment = seen.read_text(encoding="utf-8")
    assert "LD_AUDIT" not in environment
    assert CLIENT_SECRET not in environment
    assert "PAGERDUTY_CLIENT_ID=a-client" in environment, "the rest is as it was given"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no touch")
def test_auth_uses_first_browser_that_starts(terminal: Terminal):
    absent, first, second = (terminal.folder / name for name in ("absent", "first", "second"))
    browsers = os.pathsep.join([str(absent), f"touch {first}", f"touch {second}"])
    terminal.run("auth", "login", status=1, BROWSER=browsers, PAGERDUTY_OAUTH_TIMEOUT="2")
    assert first.exists()
    assert not second.exists()


def test_auth_cli_call_waits_for_login_time_limit(
    terminal: Terminal,
):
    # Far too short for the call. A login has its own time limit.
    terminal.run("call", "get_teams", status=1, PAGERDUTY_TIMEOUT="0.001")
    assert "LOGIN_PENDING" not in terminal.printed
    assert terminal.tokens.exists()


@contextmanager
def refreshing(
    terminal: Terminal, sandbox: SandboxProcess, *command: str, stdin: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """Start a process that refreshes the login. When it has ended, the result must be stored."""
    terminal.run("call", "get_teams")
    terminal.expire()
    before = json.loads(terminal.tokens.read_text(encoding="utf-8"))
    sandbox.fail({"delay": 2000}, path="/oauth/token")
    asked = len(sandbox.requests())
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(**terminal.variables),
        cwd=terminal.folder,
    ) as process:
        assert process.stdin is not None
        if stdin:
            process.stdin.write(stdin + "\n")
            process.stdin.flush()
        while len(sandbox.requests()) == asked:
            assert process.poll() is None
        yield process
    after = json.loads(terminal.tokens.read_text(encoding="utf-8"))
    assert after["refresh_token"] != before["refresh_token"]
    terminal.run("call", "get_teams")
    visited = (terminal.folder / "visited.txt").read_text(encoding="utf-8")
    assert len(visited.split()) == 1, "no second login"


@pytest.mark.skipif(sys.platform == "win32", reason="they cannot be sent to one process there")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_auth_refresh_is_stored_before_signal_ends_call(
    terminal: Terminal, sandbox: SandboxProcess, sent: signal.Signals, status: int
):
    command = (*terminal.door.command, "call", "get_teams")
    with refreshing(terminal, sandbox, *command) as process:
        process.send_signal(sent)
        printed, _ = process.communicate(timeout=30)
    assert process.returncode == status
    error = json.loads(printed)["error"]
    assert error["code"] == "CANCELLED"
    assert error["hint"].startswith("Nothing was changed."), "the tool only reads"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("closed", [False, True], ids=["at once", "after the end of input"])
def test_auth_refresh_is_stored_before_sigterm_ends_session(
    terminal: Terminal, sandbox: SandboxProcess, closed: bool
):
    with refreshing(terminal, sandbox, *terminal.door.command, stdin=SESSION) as process:
        # MCP clients end a server like this: they close its input, and send a signal soon after.
        if closed:
            assert process.stdin is not None
            process.stdin.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143


ENDS = """
import asyncio, sys
from pagerduty_mcp_server import PagerDuty

async def main():
    call = asyncio.ensure_future(PagerDuty().get_teams())
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    call.cancel()

asyncio.run(main())
"""


@pytest.mark.parametrize("door", ["python"], indirect=True)
def test_auth_refresh_is_stored_before_python_exits(terminal: Terminal, sandbox: SandboxProcess):
    with refreshing(terminal, sandbox, sys.executable, "-c", ENDS) as program:
        program.communicate("\n", timeout=30)
    assert program.returncode == 0


def test_auth_killed_refresh_leaves_no_lock(terminal: Terminal, sandbox: SandboxProcess):
    terminal.run("call", "get_teams")
    terminal.expire()
    sandbox.fail("hang", path="/oauth/token")
    asked = len(sandbox.requests())
    process = terminal.door.start("call", "get_teams", cwd=terminal.folder, **terminal.variables)
    with process:
        while len(sandbox.requests()) == asked:
            assert process.poll() is None
        process.kill()
    # The killed process held the lock of the store, which was released with it.
    terminal.run("call", "get_teams")
    visited = (terminal.folder / "visited.txt").read_text(encoding="utf-8")
    assert len(visited.split()) == 1, "no second login"


def test_auth_pending_login_blocks_no_other_request(terminal: Terminal):
    variables = terminal.variables | {"BROWSER": "true", "PAGERDUTY_TIMEOUT": "2"}
    process = terminal.door.start(cwd=terminal.folder, **variables)
    assert process.stdin is not None
    assert process.stdout is not None
    client = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": client},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "get_teams", "arguments": {}}},
        {"id": 3, "method": "tools/list"},
    ]
    with process:
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.kill()
    assert [answer["id"] for answer in answers] == [1, 3, 2], "the list does not wait for the call"
    assert [tool["name"] for tool in answers[1]["result"]["tools"]] == TOOLS
    pending = answers[2]["result"]["structuredContent"]["error"]
    assert pending["code"] == "LOGIN_PENDING"
    assert "http" not in json.dumps(pending)
