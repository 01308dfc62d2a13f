"""The server over HTTP: its process, and requests without a client."""

import json
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

DEADLINE = 30
JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def result(self) -> Any:
        """Return the result of an MCP request that succeeded."""
        assert self.status == 200, self.text
        return self.json["result"]

    @property
    def error(self) -> Any:
        """Return the error of a refused request."""
        return self.json["error"]


@dataclass
class Web:
    """A running server."""

    process: subprocess.Popen[str]
    url: str
    greeting: str
    log: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def send(
        self, path: str = "/mcp", body: Any = None, method: str | None = None, **headers: str
    ) -> Answer:
        """Send a request. Header names are written with `_` for `-`."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = ({} if data is None else JSON) | named
        request = urllib.request.Request(self.url + path, data=data, headers=sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as response:
                return Answer(response.status, dict(response.headers), response.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read().decode())

    def ask(self, method: str, params: Any = None, **headers: str) -> Answer:
        """Send an MCP request of the revisions with `initialize`."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method}
        return self.send(body=message | ({"params": params} if params else {}), **headers)

    def call(self, tool: str, arguments: Any = None, **headers: str) -> Any:
        """Call a tool. Return its answer or its error."""
        params = {"name": tool, "arguments": arguments or {}}
        return self.ask("tools/call", params, **headers).result["structuredContent"]

    def raw(self, *pieces: bytes, read: bool = True) -> bytes:
        """Send raw bytes, and read until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as connection:
            for piece in pieces:
                connection.sendall(piece)
            answer = b""
            while read and (more := connection.recv(65536)):
                answer += more
            return answer

    def kill(self) -> None:
        """Kill the server, and wait until it has ended."""
        self.process.kill()
        self.process.wait(DEADLINE)

    def stop(self) -> int:
        """Terminate the server like a service manager, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


def said(line: str) -> str:
    """Return the content of a line of the log, in either format."""
    return json.loads(line)["message"] if line.startswith("{") else line


@contextmanager
def serve(door: Any, *arguments: str, cwd: Path, **variables: str) -> Iterator[Web]:
    """Start the server on a free port. It must exit cleanly afterwards."""
    address = () if "--port" in arguments else ("--port", "0")
    # A server that other machines can reach would wait for its gateway at the end.
    if "--host" in arguments and "--drain" not in arguments:
        address += ("--drain", "0")
    with door.start("--transport", "http", *address, *arguments, cwd=cwd, **variables) as process:
        try:
            before = []
            greeting = "Serving MCP at "
            while not (line := said(raw := process.stderr.readline())).startswith(greeting):
                assert line, f"it did not start: {before}"
                before.append(raw)
            url = line.split()[3].removesuffix("/mcp.").replace("0.0.0.0", "127.0.0.1")
            web = Web(process, url, raw, before)
            reader = threading.Thread(target=lambda: web.log.extend(process.stderr))
            reader.start()
            yield web
            if process.poll() is None:
                assert web.stop() == 0
        finally:
            process.kill()
        reader.join(DEADLINE)
        text = "".join(web.log)
        assert "panicked" not in text, text


@asynccontextmanager
async def over_http(url: str, headers: dict[str, str]) -> AsyncIterator[Any]:
    """Connect the official client to the server, with these headers on every request."""
    async with (
        create_mcp_http_client(headers=headers) as http_client,
        streamable_http_client(f"{url}/mcp", http_client=http_client) as streams,
    ):
        yield streams
