"""Settings from `tests/clients/run`, and a conversation for libraries that have no agent."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
from collections.abc import Awaitable, Callable

#: The command of the MCP server; it takes no arguments.
SERVER = os.environ["CLIENT_SERVER"]
#: The address of the scripted model, and its name.
MODEL_URL = os.environ["CLIENT_MODEL_URL"]
MODEL = "scripted"
#: Turns the framework's strict schemas on.
STRICT = os.environ.get("CLIENT_STRICT") == "1"
TASK = "Look after the incidents."


async def converse(tools: list[dict], call: Callable[[str, dict], Awaitable[str]]) -> None:
    """Plays an agent: `call` runs one of the tools and returns the result for the model."""
    messages: list[dict] = [{"role": "user", "content": TASK}]
    while True:
        body = {"model": MODEL, "messages": messages, "tools": tools}
        message = await asyncio.to_thread(_ask, body)
        messages.append(message)
        if not message.get("tool_calls"):
            return
        for one in message["tool_calls"]:
            function = one["function"]
            content = await call(function["name"], json.loads(function["arguments"]))
            messages.append({"role": "tool", "tool_call_id": one["id"], "content": content})


def function(name: str, description: str | None, schema: dict) -> dict:
    tool = {"name": name, "description": description or "", "parameters": schema}
    return {"type": "function", "function": tool}


def _ask(body: dict) -> dict:
    request = urllib.request.Request(f"{MODEL_URL}/v1/chat/completions", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["choices"][0]["message"]
