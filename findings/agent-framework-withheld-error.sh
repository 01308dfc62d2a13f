#!/usr/bin/env bash
# agent-framework-core 1.23.0: the model never receives the reason for a failed tool call.
#
# A result with `isError` becomes an exception, and its text is withheld from the model by default.
# MCP recommends that servers tell the model how to correct its call; that text is lost. (Connecting
# to a server requires tenacity, which the package does not install.)
#
# Output seen:
#   the server: no such city: pass its English name
#   the model reads: Error: Function failed.
source "$(dirname "$0")/lib/setup.sh"
python_packages agent-framework-core==1.23.0 agent-framework-openai mcp tenacity
python - <<'PY'
import asyncio
import logging
import sys

import stand_in
from agent_framework import Agent, MCPStdioTool
from agent_framework.openai import OpenAIChatCompletionClient
from model import Model

logging.disable()
TOLD = "no such city: pass its English name"
RESULT = """{"content": [{"type": "text", "text": "%s"}], "isError": true}""" % TOLD
model = Model([{"city": "Wien"}])


async def main():
    async with MCPStdioTool(name="test", command=sys.executable, args=[stand_in.__file__, "log", RESULT]) as tools:
        chat = OpenAIChatCompletionClient("stand-in", base_url=model.url, api_key="none")
        await Agent(chat, tools=tools).run("How is the weather?")


asyncio.run(main())
print("the server:", TOLD)
print("the model reads:", model.read[0])
assert TOLD not in str(model.read[0])
PY
