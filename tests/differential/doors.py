"""Runs a batch of cases with one binary, and returns what it wrote."""

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

from cases import Batch, Case, Corpus
from standin import StandIn

DEADLINE = 90
"""Seconds after which a call counts as unanswered: longer than the server's own limit."""
ACCEPT = "application/json, text/event-stream"
UNANSWERED = b"(no answer)"
TIMES = re.compile(
    rb"(?<=note )\d+ s(?= ago)|(?<=elapsed_s=)[\d.]+"
    rb"|(?m:^20\d\d-\d\d-\d\dT[\d:.]+Z(?=  ?[A-Z]+ pagerduty))"
)
"""The parts that depend on the time: the age of a call, and the times of log lines."""


def environment(batch: Batch, standin: StandIn, token: "str | None") -> dict[str, str]:
    """Return the variables of a process: the stand-in, and no home directory."""
    settings = {
        "PATH": os.environ.get("PATH", ""),
        "PAGERDUTY_API_HOST": f"http://127.0.0.1:{standin.port}",
        "HOME": "/nonexistent",
        "XDG_STATE_HOME": "/nonexistent",
        **batch.settings,
    }
    if token:
        settings["PAGERDUTY_API_TOKEN"] = token
    return settings


class Door:
    """A way to call tools of one binary. `output` has one entry per case."""

    def __init__(self, binary: Path, corpus: Corpus, batch: Batch, folder: str) -> None:
        """Prepare a run; `folder` is the working directory."""
        self.binary, self.corpus, self.batch, self.folder = binary, corpus, batch, folder
        self.standin = StandIn()
        self.process: asyncio.subprocess.Process | None = None

    async def run(self) -> list[bytes]:
        """Run the batch."""
        await self.standin.start()
        try:
            return [self._masked(output) for output in await self._run()]
        finally:
            self.standin.close()
            if self.process and self.process.returncode is None:
                self.process.kill()
                await self.process.wait()

    def _masked(self, output: bytes) -> bytes:
        output = output.replace(b"127.0.0.1:%d" % self.standin.port, b"127.0.0.1:PORT")
        return TIMES.sub(b"TIME", output)

    def prepare(self, case: Case) -> None:
        """Make the stand-in answer as the case says."""
        self.standin.answers = {**self.corpus.recorded, **case.answers}
        self.standin.label = f"case-{case.number}"

    async def spawn(
        self, *arguments: str, token: "str | None", **pipes: Any
    ) -> asyncio.subprocess.Process:
        """Start the binary."""
        self.process = await asyncio.create_subprocess_exec(
            self.binary,
            *arguments,
            env=environment(self.batch, self.standin, token),
            cwd=self.folder,
            limit=1 << 26,
            **pipes,
        )
        return self.process

    async def _run(self) -> list[bytes]:
        raise NotImplementedError


def message(number: "int | str", method: str, params: Any) -> bytes:
    """Return a JSON-RPC request."""
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


def initialize(batch: Batch) -> bytes:
    """Return the first request of a session."""
    client = {"name": batch.client, "version": "1"}
    return message(
        "init",
        "initialize",
        {"protocolVersion": batch.protocol, "capabilities": {}, "clientInfo": client},
    )


class Stdio(Door):
    """An MCP session over standard input and output, with one call at a time."""

    async def _run(self) -> list[bytes]:
        process = await self.spawn(
            token="u+differential",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdin
        assert process.stdout
        self.prepare(self.batch.cases[0])
        process.stdin.write(initialize(self.batch) + b"\n")
        process.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        first = await self._answer(process.stdout, b'"id":"init"')
        outputs = []
        for case in self.batch.cases:
            self.prepare(case)
            params = {"name": case.tool, "arguments": case.arguments}
            process.stdin.write(message(case.number, "tools/call", params) + b"\n")
            outputs.append(await self._answer(process.stdout, b'"id":%d,' % case.number))
        outputs[0] = first + outputs[0]
        return outputs

    async def _answer(self, reader: asyncio.StreamReader, mark: bytes) -> bytes:
        """Return all lines up to the answer with this ID."""
        lines = b""
        try:
            while line := await asyncio.wait_for(reader.readline(), DEADLINE):
                lines += line
                # The ID is at the start or at the end of a line, outside of the answer's text.
                if mark in line[:60] or mark[:-1] in line[-60:]:
                    return lines
        except (asyncio.TimeoutError, ValueError):
            pass
        return lines + UNANSWERED


class Protocol(Door):
    """Messages sent as they are over standard input. The output is one: all lines, sorted."""

    async def _run(self) -> list[bytes]:
        process = await self.spawn(
            token="u+differential",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.prepare(self.batch.cases[0])
        try:
            sent = b"\n".join(self.batch.lines) + b"\n"
            output, _ = await asyncio.wait_for(process.communicate(sent), DEADLINE)
        except asyncio.TimeoutError:
            output = UNANSWERED
        # Calls run side by side, so the order of their answers is free.
        return [b"\n".join(sorted(output.split(b"\n")))]


class Http(Door):
    """The server over HTTP, with another credential for each case, so that nothing is cached.

    A third of the batches keep sessions, and a third of the calls ask for progress, so the answer
    may be a stream of events.
    """

    async def _run(self) -> list[bytes]:
        options = ["--sessions"] if self.batch.number % 30 == 3 else []
        process = await self.spawn(
            *("--transport", "http", "--port", "0", *options),
            token=None,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr
        line = (await process.stderr.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:(\d+)(/\S*?)\.?\s", line + " ")
        if not found:
            return [line.encode() + UNANSWERED] * len(self.batch.cases)
        self.port, self.path = int(found[1]), found[2]
        draining = asyncio.create_task(process.stderr.read())
        self.session = ""
        if options:
            opened = await self.exchange(initialize(self.batch), "u+differential")
            found = re.search(r"(?im)^mcp-session-id: (\S+)", opened.decode("latin-1"))
            self.session = found[1] if found else ""
        outputs = await self.calls()
        process.terminate()
        await draining
        return outputs

    async def calls(self) -> list[bytes]:
        """Make the calls of the batch."""
        return [await self._call(case) for case in self.batch.cases]

    async def _call(self, case: Case) -> bytes:
        self.prepare(case)
        params = {"name": case.tool, "arguments": case.arguments}
        if case.number % 3 == 0:
            params["_meta"] = {"progressToken": case.number}
        # A session belongs to its credential.
        token = "u+differential" if self.session else f"u+differential-{case.number}"
        return await self.exchange(message(case.number, "tools/call", params), token)

    async def exchange(self, body: bytes, token: str, accept: str = ACCEPT) -> bytes:
        """Send a message over a new connection.

        Returns the response without its date, with its headers sorted.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 26)
        try:
            head = (
                f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
                f"Content-Type: application/json\r\nAccept: {accept}\r\n"
                + (f"Mcp-Session-Id: {self.session}\r\n" if self.session else "")
                + f"Connection: close\r\nMCP-Protocol-Version: {self.batch.protocol}\r\n"
                f"X-PagerDuty-Token: {token}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            response = await asyncio.wait_for(reader.read(), DEADLINE)
        except (asyncio.TimeoutError, OSError) as error:
            response = repr(error).encode() + UNANSWERED
        finally:
            writer.close()
        response = response.replace(b"127.0.0.1:%d" % self.port, b"127.0.0.1:SERVER")
        if self.session:
            response = response.replace(self.session.encode(), b"SESSION")
        head, separator, rest = response.partition(b"\r\n\r\n")
        status, *headers = head.split(b"\r\n")
        headers = sorted(header for header in headers if not header.lower().startswith(b"date:"))
        # Chunks end where a write ended, which depends on time.
        rest = re.sub(rb"(?m)^[0-9A-Fa-f]+\r\n(?=data: )", b"", rest)
        return b"\r\n".join([status, *headers]) + separator + rest


class HttpProtocol(Http):
    """Messages sent as they are over HTTP, one after another."""

    async def calls(self) -> list[bytes]:
        """Send the messages. The output is one."""
        self.prepare(self.batch.cases[0])
        kinds = [
            ACCEPT,
            ACCEPT,
            ACCEPT,
            "application/json",
            "*/*",
            "text/event-stream",
            "text/html",
        ]
        responses = [
            await self.exchange(line, "u+differential", kinds[at % len(kinds)])
            for at, line in enumerate(self.batch.lines)
        ]
        return [b"\n----\n".join(responses)]


class Cli(Door):
    """The command `call`, with a process for each case."""

    async def _run(self) -> list[bytes]:
        outputs = []
        for case in self.batch.cases:
            self.prepare(case)
            process = await self.spawn(
                "call",
                case.tool,
                *(f"{name}={word(value)}" for name, value in case.arguments.items()),
                token="u+differential",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                written, errors = await asyncio.wait_for(process.communicate(), DEADLINE)
            except asyncio.TimeoutError:
                written, errors = UNANSWERED, b""
            outputs.append(
                b"status %d\n" % (process.returncode or 0) + written + b"\n--- stderr\n" + errors
            )
        return outputs


def word(value: Any) -> str:
    """Return a value as the command line takes it."""
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)


DOORS: dict[str, type[Door]] = {
    "stdio": Stdio,
    "http": Http,
    "cli": Cli,
    "protocol": Protocol,
    "http-protocol": HttpProtocol,
}
