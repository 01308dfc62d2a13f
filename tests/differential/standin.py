"""A stand-in for PagerDuty on loopback. It answers with prepared bodies, or records real ones."""

import asyncio
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import parse_qs

DATE = "Mon, 30 Nov 2026 00:00:00 GMT"
COLLECTIONS = {
    "incidents",
    "users",
    "schedules",
    "services",
    "teams",
    "escalation_policies",
    "oncalls",
}


def template(method: str, path: str) -> str:
    """Return an endpoint's name: the method and the path with `{id}` in place of the ID."""
    parts = path.strip("/").split("/")
    for at in range(1, len(parts)):
        if parts[at - 1] in COLLECTIONS and parts[at] != "me":
            parts[at] = "{id}"
    return f"{method} /{'/'.join(parts)}"


@dataclass
class Answer:
    """The prepared answer of an endpoint."""

    pages: list[bytes]
    """The bodies by page. The last one also answers later pages if `repeats` is set."""
    status: int = 200
    content_type: str = "application/json"
    repeats: bool = False

    def body(self, endpoint: str, query: str) -> bytes:
        """Return the body of the page that a query asks for."""
        fields = parse_qs(query)
        try:
            page = int(fields["offset"][0]) // max(int(fields["limit"][0]), 1)
        except (KeyError, ValueError):
            page = 0
        if page < len(self.pages):
            return self.pages[page]
        if self.repeats:
            return self.pages[-1]
        return b'{"%s":[],"more":false}' % endpoint.rsplit("/", 1)[1].encode()


@dataclass
class StandIn:
    """A server with one set of answers at a time."""

    answers: dict[str, Answer] = field(default_factory=dict)
    label: str = ""
    """The request ID of every response."""
    upstream: str | None = None
    """The account to which requests are passed, and from which answers are recorded."""
    recorded: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0
    _server: "asyncio.Server | None" = None
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Close the listener and all connections."""
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, target, _ = head.split("\r\n", 1)[0].split(" ")
                length = re.search(r"(?i)\r\ncontent-length: *(\d+)", head)
                sent = await reader.readexactly(int(length[1])) if length else b""
                writer.write(await self._respond(method, target, sent))
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _respond(self, method: str, target: str, sent: bytes) -> bytes:
        path, _, query = target.partition("?")
        endpoint = template(method, path)
        self.asked.append(f"{endpoint}?{query} {sent.decode('utf-8', 'replace')}")
        if self.upstream:
            status, body = await asyncio.to_thread(self._pass_on, method, target, sent)
            if status == 200 or status == 201:
                self._record(endpoint, query, status, body)
            answer = Answer([body], status)
        else:
            not_found = Answer(
                [b'{"error":{"message":"Not Found","code":2100}}'], 404, repeats=True
            )
            answer = self.answers.get(endpoint) or not_found
            body = answer.body(endpoint, query)
        head = (
            f"HTTP/1.1 {answer.status} X\r\ncontent-type: {answer.content_type}\r\n"
            f"ratelimit-limit: 100000\r\nratelimit-remaining: 99000\r\n"
            f"ratelimit-reset: 60\r\ndate: {DATE}\r\n"
            f"x-request-id: {self.label}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _pass_on(self, method: str, target: str, sent: bytes) -> tuple[int, bytes]:
        headers = {"Authorization": "Token token=sandbox-user", "Content-Type": "application/json"}
        if sent:
            headers["From"] = "amara.lindqvist@acme.example"
        request = urllib.request.Request(
            f"{self.upstream}{target}", sent or None, headers, method=method
        )
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def _record(self, endpoint: str, query: str, status: int, body: bytes) -> None:
        """Keep the largest answer of each endpoint: an answer with more rows has more to vary."""
        assert self.upstream
        body = body.replace(self.upstream.encode(), b"https://api.pagerduty.com")
        known = self.recorded.get(endpoint)
        if not known or len(known.pages[0]) < len(body):
            self.recorded[endpoint] = Answer([body], status, repeats=True)
