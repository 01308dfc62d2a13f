"""The messages between a client and the server, as recorded by the relay."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Exchange:
    """A request of the client and its answer, if there was one."""

    method: str
    params: dict
    at: float
    answered: float | None = None
    result: dict | None = None


@dataclass
class Wire:
    """The exchanges of a run, in the order of the requests, and the notifications of the client."""

    exchanges: list[Exchange] = field(default_factory=list)
    notifications: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, log: Path) -> Wire:
        wire = cls()
        open_requests: dict[tuple, Exchange] = {}
        for line in log.read_text().splitlines() if log.exists() else []:
            entry = json.loads(line)
            message = parsed(entry.get("sent") or entry.get("answered"))
            key = (entry["process"], json.dumps(message.get("id")))
            if "method" in message and "sent" in entry:
                if "id" in message:
                    exchange = Exchange(message["method"], message.get("params") or {}, entry["at"])
                    open_requests[key] = exchange
                    wire.exchanges.append(exchange)
                else:
                    wire.notifications.append(message["method"])
            elif key in open_requests and "method" not in message:
                exchange = open_requests.pop(key)
                exchange.answered, exchange.result = entry["at"], message.get("result")
        return wire

    @property
    def tools(self) -> list[dict]:
        return next(
            (
                one.result["tools"]
                for one in self.exchanges
                if one.method == "tools/list" and one.result
            ),
            [],
        )

    @property
    def client(self) -> str:
        """Returns the name that the client reports."""
        for one in self.exchanges:
            meta = one.params.get("_meta") or {}
            info = one.params.get("clientInfo") or meta.get("io.modelcontextprotocol/clientInfo")
            if info:
                return f"{info['name']} {info['version']}"
        return ""

    @property
    def revision(self) -> str:
        """Returns the negotiated revision of the protocol."""
        for one in self.exchanges:
            if one.method == "initialize":
                return (one.result or {}).get("protocolVersion", "")
            meta = one.params.get("_meta") or {}
            if one.method == "tools/list":
                return meta.get("io.modelcontextprotocol/protocolVersion", "")
        return ""

    def answers(self, tool: str) -> list[Exchange]:
        return [
            one
            for one in self.exchanges
            if one.method == "tools/call" and one.params.get("name") == tool
        ]

    def calls(self, tool: str) -> int:
        return len(self.answers(tool))

    def text(self, tool: str, number: int) -> str:
        """Returns the text that the server answered to a call of a tool, counted from 0."""
        answers = [one for one in self.answers(tool) if one.result]
        if number >= len(answers):
            return ""
        return "".join(block.get("text", "") for block in (answers[number].result or {})["content"])


def parsed(line: str | None) -> dict:
    try:
        message = json.loads(line or "")
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
