#!/usr/bin/env bash
# openai-agents 0.24.0: a call without a required argument never reaches the server, and the model
# does not learn which argument is missing.
#
# The arguments are validated before the call, and the model receives a general sentence. The server
# could name the argument in its error, but receives no call.
#
# Output seen:
#   the model reads: An error occurred while running the tool. Please try again.
#   calls that reached the server: 0
source "$(dirname "$0")/lib/setup.sh"
python_packages openai-agents==0.24.0
python - <<'PY'
import asyncio
import logging
import sys
from pathlib import Path

import stand_in
from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from agents.mcp import MCPServerStdio
from model import Model
from openai import AsyncOpenAI

logging.disable()
set_tracing_disabled(True)
model = Model([{}])


async def main():
    async with MCPServerStdio({"command": sys.executable, "args": [stand_in.__file__, "log"]}) as server:
        chat = OpenAIChatCompletionsModel("stand-in", AsyncOpenAI(base_url=model.url, api_key="none"))
        await Runner.run(Agent("test", model=chat, mcp_servers=[server]), "How is the weather?")


asyncio.run(main())
calls = Path("log").read_text().count("called")
print("the model reads:", model.read[0])
print("calls that reached the server:", calls)
assert "city" not in model.read[0]
assert calls == 0
PY
