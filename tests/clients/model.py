"""A scripted model on loopback: it makes the calls of a script and records its requests.

It supports the protocols of the clients: OpenAI chat completions and responses, Anthropic messages
and Gemini.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dialects import DIALECTS, SEARCH, Offered, Planned


@dataclass(frozen=True)
class Call:
    """One step of a script: the server's name of a tool, and its arguments."""

    tool: str
    arguments: dict


@dataclass
class Seen:
    """The records of everything that was sent to the model."""

    #: The tools of the first request that offered the server's tools, as the client describes them.
    offered: list[Offered] = field(default_factory=list)
    #: The result of each step as the model reads it.
    results: list[str] = field(default_factory=list)
    #: Every request body, to inspect after a failure.
    bodies: list[dict] = field(default_factory=list)


class Model:
    """The server; `seen` is complete once the client has ended."""

    def __init__(self, script: list[Call], search: dict | None) -> None:
        self.script = script
        #: The call by which the client hands out tools that it holds back: `tool`, `arguments`.
        self.search = search
        self.seen = Seen()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.seen.bodies, indent=1, ensure_ascii=False))

    def answer(self, path: str, body: dict) -> tuple[str, bytes]:
        """Returns the content type and body of an answer, and records its request."""
        dialect = next((one for one in DIALECTS if one.serves(path)), None)
        if dialect is None:
            return "application/json", b'{"data": [], "models": []}'
        with self._lock:
            self.seen.bodies.append(body)
            offered = dialect.offered(body)
            if not any(our_name(one.name) for one in offered):
                return dialect.answer(path, body, self._searched(offered))
            self.seen.offered = self.seen.offered or offered
            results = dialect.results(body)
            if len(results) >= len(self.seen.results):
                self.seen.results = results
            return dialect.answer(path, body, self._next(offered, len(results)))

    def _searched(self, offered: list[Offered]) -> Planned | None:
        """Returns the search for our tools, once, if the client has one."""
        search = self.search or {}
        tool = next((one for one in offered if one.name == search.get("tool")), None)
        if tool is None:
            return None
        self.search = None
        return Planned(SEARCH, tool, search["arguments"])

    def _next(self, offered: list[Offered], step: int) -> Planned | None:
        if step >= len(self.script):
            return None
        call = self.script[step]
        tool = next((one for one in offered if our_name(one.name) == call.tool), None)
        if tool is None:
            return None
        return Planned(f"call_{step}", tool, {**blanks(tool.schema), **call.arguments})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send("application/json", b'{"object": "list", "data": [], "models": []}')

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                try:
                    body = json.loads(raw)
                except ValueError:
                    body = {}
                self._send(*model.answer(self.path, body if isinstance(body, dict) else {}))

            def _send(self, content_type: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


OURS = [
    "acknowledge_incident",
    "add_incident_note",
    "build_user_context",
    "get_escalation_policies",
    "get_incidents",
    "get_oncalls",
    "get_schedules",
    "get_services",
    "get_teams",
    "get_users",
    "list_users_oncall",
    "resolve_incident",
]


def our_name(name: str) -> str | None:
    """Returns the tool that a name means: clients put the server's name before ours."""
    return next((ours for ours in OURS if name.endswith(ours)), None)


def blanks(schema: dict) -> dict:
    """Returns the value of a model for a required parameter without a known value."""
    properties = schema.get("properties") or {}
    return {name: blank(properties.get(name) or {}) for name in schema.get("required") or []}


def blank(schema: dict) -> object:
    """Returns an empty value: the default, null if that is allowed, or an empty one."""
    if "default" in schema:
        return schema["default"]
    kinds = schema.get("type") or [one.get("type") for one in schema.get("anyOf") or []]
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "null" in kinds or schema.get("nullable"):
        return None
    empty: dict[str, object] = {
        "string": "",
        "array": [],
        "integer": 0,
        "number": 0,
        "boolean": False,
        "object": {},
    }
    return empty.get(kinds[0] if kinds else "string", "")
