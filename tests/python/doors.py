"""The doors of the server: the native binary, the command of the Python package, and HTTP.

The same tests run through each door, so that the doors cannot diverge. Tests are plain functions:
the asynchronous MCP client runs in a separate thread behind a blocking portal.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typescript
from anyio.from_thread import BlockingPortal
from mcp import Client, StdioServerParameters, stdio_client, types
from mcp.client.client import ConnectMode
from web import over_http, serve

ROOT = Path(__file__).resolve().parents[2]
NATIVE = "PAGERDUTY_MCP_NATIVE"
"""The variable that selects another native binary than that of `cargo build`."""

TOOLS = list(json.loads((ROOT / "tests" / "default_tools.json").read_text(encoding="utf-8")))
"""The tools that are on by default, in the catalogue's order."""

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
"""The first message of a session in the older revisions of the protocol."""

DEADLINE = 30
"""Seconds after which a process or a call counts as hanging. None should take nearly as long."""


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a process: these variables, and all others except PagerDuty's.

    The embedded account is a new one each time, and leaves no files in the user's folders.
    """
    ours = ("PAGERDUTY_", "MCP_", "FASTMCP_", "PYTHONWARNINGS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # Development builds print a warning to standard error, which some tests check.
    ours_too = {"PYTHONWARNINGS": "ignore", "PAGERDUTY_SANDBOX_STATE": "memory"}
    return inherited | ours_too | variables


@dataclass(frozen=True)
class Door:
    """A command that starts the server."""

    name: str
    command: tuple[str, ...]
    http: bool = False
    """Set if MCP goes over HTTP, with the credential in each request."""
    typescript: bool = False
    """Set to use the official TypeScript client."""

    def run(
        self, *arguments: str, cwd: Path, stdin: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return subprocess.run(
            [*self.command, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment(**variables),
            cwd=cwd,
            timeout=DEADLINE,
            check=False,
        )

    def start(self, *arguments: str, cwd: Path, **variables: str) -> subprocess.Popen[str]:
        """Start the command, with pipes to its standard streams."""
        return subprocess.Popen(
            [*self.command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment(**variables),
            cwd=cwd,
        )


def native() -> Door:
    """Return the binary of `cargo build`."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    suffix = ".exe" if sys.platform == "win32" else ""
    built = target / "debug" / f"pagerduty-mcp-server{suffix}"
    binary = Path(os.environ.get(NATIVE, built))
    if not binary.is_file():
        pytest.fail(
            f"there is no {binary}: run `cargo build` first, or set {NATIVE}", pytrace=False
        )
    return Door("native", (str(binary),))


def http() -> Door:
    """Return the binary of `cargo build`, over HTTP."""
    return Door("http", native().command, http=True)


def over_typescript() -> Door:
    """Return the same with the official TypeScript client."""
    typescript.node()
    return Door("typescript", native().command, http=True, typescript=True)


def python() -> Door:
    """Return the console command of the installed package."""
    suffix = ".exe" if sys.platform == "win32" else ""
    command = Path(sysconfig.get_path("scripts")) / f"pagerduty-mcp-server{suffix}"
    if not command.is_file():
        pytest.fail(f"there is no {command}: run the tests with `uv run`", pytrace=False)
    return Door("python", (str(command),))


class Session:
    """An MCP session of the official client."""

    def __init__(self, portal: BlockingPortal, client: Client) -> None:
        """Wrap a client that runs behind the portal."""
        self.portal = portal
        self.client = client

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of the client."""
        return self.portal.call(getattr(self.client, method), *arguments)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that must succeed, and return its answer.

        Text and structured content must be equal.
        """
        return self._answer(tool, arguments, is_error=False)

    def one(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that must return a single object, and return that object."""
        answer = self.call(tool, **arguments)
        (items,) = (value for key, value in answer.items() if key != "metadata")
        (item,) = items
        assert answer["metadata"]["count"] == 1
        return item

    def fail(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that must fail, and return its error."""
        answer = self._answer(tool, arguments, is_error=True)
        metadata = {name: value for name, value in answer["metadata"].items() if name != "sandbox"}
        assert metadata == {"count": 0, "description": "Error occurred while processing request"}
        error = answer["error"]
        assert error["message"]
        return error

    def _answer(self, tool: str, arguments: dict[str, Any], *, is_error: bool) -> dict[str, Any]:
        result = self.ask("call_tool", tool, arguments, DEADLINE)
        (content,) = result.content
        assert result.is_error is is_error, content.text
        assert json.loads(content.text) == result.structured_content
        return result.structured_content


def _person(answer: types.ElicitResult | None) -> Any:
    """Return the callback of a client that gives an answer to each question, if there is one."""

    async def callback(_context: Any, _params: types.ElicitRequestParams) -> types.ElicitResult:
        assert answer is not None
        return answer

    return None if answer is None else callback


@contextmanager
def connect(
    portal: BlockingPortal,
    door: Door,
    *arguments: str,
    cwd: Path,
    mode: ConnectMode = "auto",
    elicitation: types.ElicitResult | None = None,
    **variables: str,
) -> Iterator[Session]:
    """Start a server and open a session with it.

    On the way out, the server has to end by itself, with nothing on standard error that looks like
    a crash. With `elicitation`, the client takes questions, and gives this answer to each.
    """
    if door.http:
        token = variables.pop("PAGERDUTY_API_TOKEN", None)
        headers = {"X-PagerDuty-Token": token} if token else {}
        with serve(door, *arguments, cwd=cwd, **variables) as web:
            if door.typescript:
                connected = typescript.connect(web.url, headers, mode, elicitation)
            else:
                connected = Client(
                    over_http(web.url, headers),
                    mode=mode,
                    elicitation_callback=_person(elicitation),
                )
            with portal.wrap_async_context_manager(connected) as client:
                yield Session(portal, client)
        return
    parameters = StdioServerParameters(
        command=door.command[0],
        args=[*door.command[1:], *arguments],
        env=environment(**variables),
        cwd=cwd,
    )
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        transport = stdio_client(parameters, errlog=log)
        client = Client(transport, mode=mode, elicitation_callback=_person(elicitation))
        with portal.wrap_async_context_manager(client) as client:
            yield Session(portal, client)
        log.seek(0)
        text = log.read()
    assert "panicked" not in text, text
    assert "Traceback" not in text, text
