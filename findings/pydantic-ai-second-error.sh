#!/usr/bin/env bash
# pydantic-ai-slim 2.68.0: the second consecutive error of a tool ends the whole run.
#
# A result with `isError` counts as a retry of the tool, and the default is one retry. The first error
# reaches the model; the second raises an exception, and the model cannot continue. A server whose
# errors explain how to continue has one try.
#
# Output seen:
#   results the model read: 1
#   UnexpectedModelBehavior: Tool 'weather' exceeded max retries count of 1. Consider raising the retry limit, …
source "$(dirname "$0")/lib/setup.sh"
python_packages 'pydantic-ai-slim[mcp,openai]==2.68.0'
python - <<'PY'
import asyncio
import sys

import stand_in
from fastmcp.client.transports import StdioTransport
from model import Model
from pydantic_ai import Agent, UnexpectedModelBehavior
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

RESULT = """{"content": [{"type": "text", "text": "no such city: pass its English name"}], "isError": true}"""
model = Model([{"city": "Wien"}, {"city": "Vindobona"}, {"city": "Vienna"}])


async def main():
    chat = OpenAIChatModel("stand-in", provider=OpenAIProvider(base_url=model.url, api_key="none"))
    server = StdioTransport(sys.executable, [stand_in.__file__, "log", RESULT])
    try:
        await Agent(chat, toolsets=[MCPToolset(server)]).run("How is the weather?")
    except UnexpectedModelBehavior as error:
        return f"UnexpectedModelBehavior: {error}"


seen = asyncio.run(main())
print("results the model read:", len(model.read))
print(seen.partition("see the docs")[0])
assert len(model.read) == 1
assert "exceeded max retries" in seen
PY
