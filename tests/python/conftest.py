"""Fixtures shared by the tests: doors, MCP sessions and embedded accounts."""

import importlib
import json
import os
import ssl
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import functions
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from doors import Door, Session, connect, http, native, over_typescript, python

# Tests that call the package in this process get a new embedded account each time.
os.environ["PAGERDUTY_SANDBOX_STATE"] = "memory"
# A test that loses the line above writes here, where the session's end finds it, and not into the
# user's own state directory. On macOS the state directory cannot be moved without the whole home.
STATE = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
os.environ |= dict.fromkeys(("XDG_STATE_HOME", "LOCALAPPDATA"), STATE.name)


def default_account() -> Path:
    """Return the file in which the embedded account is kept by default."""
    mac = Path.home() / "Library" / "Application Support"
    folder = mac if sys.platform == "darwin" else Path(STATE.name)
    return folder / "pagerduty_mcp_server" / "sandbox.json"


def modified(path: Path) -> int | None:
    """Return when a file was modified, or `None` if there is no such file."""
    return path.stat().st_mtime_ns if path.exists() else None


BEFORE = modified(default_account())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a test changed the account that outlives the tests."""
    with STATE:
        if modified(default_account()) != BEFORE:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            raise pytest.UsageError(
                f"a test changed {default_account()}: it has to keep PAGERDUTY_SANDBOX_STATE=memory"
            )


COMMANDS = {"native": native, "python": python}
DOORS = COMMANDS | {"http": http, "typescript": over_typescript}


@pytest.fixture(scope="session", params=COMMANDS)
def door(request: pytest.FixtureRequest) -> Door:
    """Return each of the two commands in turn."""
    return COMMANDS[request.param]()


Entrance = Callable[..., AbstractContextManager[Session]]


@pytest.fixture(scope="session", params=DOORS)
def mcp_door(request: pytest.FixtureRequest) -> Door:
    """Return each door that speaks MCP in turn."""
    return DOORS[request.param]()


@pytest.fixture(scope="session", params=[*DOORS, "functions"])
def entrance(request: pytest.FixtureRequest) -> Entrance:
    """Return each door in turn: those that speak MCP, and the functions of Python."""
    if request.param == "functions":
        return lambda portal, *arguments, cwd, **variables: functions.connect(
            portal, *arguments, **variables
        )
    door = DOORS[request.param]()
    return lambda portal, *arguments, **more: connect(portal, door, *arguments, **more)


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """Run the MCP clients in a thread."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a working directory without a `.env` file in it or above it."""
    return tmp_path_factory.mktemp("nowhere")


@pytest.fixture(scope="session")
def session(portal: BlockingPortal, entrance: Entrance, nowhere: Path) -> Iterator[Session]:
    """Return a session on an embedded account, shared by all tests that change nothing in it."""
    with entrance(portal, "--sandbox", cwd=nowhere) as session:
        yield session


@pytest.fixture(scope="session")
def mcp_session(portal: BlockingPortal, mcp_door: Door, nowhere: Path) -> Iterator[Session]:
    """Return the same for tests of MCP itself, which excludes the functions."""
    with connect(portal, mcp_door, "--sandbox", cwd=nowhere) as session:
        yield session


@pytest.fixture
def own_session(portal: BlockingPortal, entrance: Entrance, nowhere: Path) -> Iterator[Session]:
    """Return a session on a separate embedded account, for a test that changes it."""
    with entrance(portal, "--sandbox", cwd=nowhere) as session:
        yield session


@dataclass(frozen=True)
class SandboxProcess:
    """An embedded account in a separate process, reached over HTTP like PagerDuty."""

    url: str
    token: str
    """The token of the control interface."""
    authority: str = ""
    """The file with the certificate of its authority, if it serves HTTPS."""

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables with which a server uses this account."""
        trust = {"SSL_CERT_FILE": self.authority} if self.authority else {}
        return {"PAGERDUTY_API_HOST": self.url, "PAGERDUTY_API_TOKEN": "sandbox-user"} | trust

    def open(self, request: urllib.request.Request) -> bytes:
        """Send a request directly to the account."""
        trust = ssl.create_default_context(cafile=self.authority) if self.authority else None
        with urllib.request.urlopen(request, timeout=10, context=trust) as response:
            return response.read()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the control interface."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Sandbox-Token": self.token}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        text = self.open(request)
        return json.loads(text) if text else None

    def fail(self, kind: Any, path: str = "*", **more: Any) -> None:
        """Make the next requests to that path fail."""
        self.control("POST", "/sandbox/faults", {"path": path, "kind": kind, **more})

    def requests(self) -> list[str]:
        """Return the requests so far: method and path."""
        recorded = self.control("GET", "/sandbox/requests")
        return [f"{request['method']} {request['path']}" for request in recorded]


@contextmanager
def embedded(*options: str, cwd: Path) -> Iterator[SandboxProcess]:
    """Start an embedded account."""
    with (
        tempfile.TemporaryDirectory() as folder,
        # The account writes the certificate of its authority beside its state file.
        native().start(
            "sandbox", *options, cwd=cwd, PAGERDUTY_SANDBOX_STATE=str(Path(folder) / "state")
        ) as process,
    ):
        try:
            assert process.stdout is not None
            printed: dict[str, str] = {}
            while "SANDBOX_TOKEN" not in printed:
                name, _, value = process.stdout.readline().strip().partition("=")
                assert name, "it did not start"
                printed[name] = value
            url, token = printed["PAGERDUTY_API_HOST"], printed["SANDBOX_TOKEN"]
            yield SandboxProcess(url, token, printed.get("SSL_CERT_FILE", ""))
        finally:
            process.kill()


@pytest.fixture
def sandbox(nowhere: Path) -> Iterator[SandboxProcess]:
    """Return an account that no other test has used."""
    with embedded(cwd=nowhere) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def contract() -> Any:
    """Return PagerDuty's OpenAPI description, or skip the test without it."""
    return pytest.importorskip("contract").described()


@pytest.fixture
def api(contract: Any, sandbox: SandboxProcess) -> Any:
    """Return a client of the account that checks every answer against the description."""
    return importlib.import_module("contract").Api(sandbox, contract)


@pytest.fixture
def log_in(
    portal: BlockingPortal, entrance: Entrance, nowhere: Path, sandbox: SandboxProcess
) -> Callable[..., AbstractContextManager[Session]]:
    """Return a function that opens a session on the account with a given token."""

    def log_in(token: str, **variables: str) -> AbstractContextManager[Session]:
        start = partial(entrance, portal, cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url)
        return start(PAGERDUTY_API_TOKEN=token, **variables)

    return log_in


@pytest.fixture
def user(log_in: Callable[..., AbstractContextManager[Session]]) -> Iterator[Session]:
    """Return a session of the main user over HTTP, so that requests can be made to fail."""
    with log_in("sandbox-user") as session:
        yield session
