#!/usr/bin/env bash
# semantic-kernel 1.45.0: the model reads the Python representation of an answer, which contains
# every text twice.
#
# `MCPStdioPlugin` converts text blocks into objects that keep the original as `inner_content`, and
# shows the list of them unchanged.
#
# Output seen:
#   'unmistakable' 2 times in: [TextContent(inner_content=TextContent(type='…
source "$(dirname "$0")/lib/setup.sh"
python_packages 'semantic-kernel[mcp]==1.45.0'
python - <<'PY'
import asyncio
import sys

import stand_in
from model import Model
from openai import AsyncOpenAI
from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.connectors.mcp import MCPStdioPlugin

RESULT = """{"content": [{"type": "text", "text": "unmistakable"}]}"""
model = Model([{"city": "Oslo"}])


async def main():
    server = [stand_in.__file__, "log", RESULT]
    async with MCPStdioPlugin(name="test", command=sys.executable, args=server, load_prompts=False) as plugin:
        client = AsyncOpenAI(base_url=model.url, api_key="none")
        chat = OpenAIChatCompletion(ai_model_id="stand-in", async_client=client)
        await ChatCompletionAgent(service=chat, name="test", plugins=[plugin]).get_response("How is the weather?")


asyncio.run(main())
text = str(model.read[0])
print(f"'unmistakable' {text.count('unmistakable')} times in: {text[:45]}…")
assert text.count("unmistakable") == 2
assert "inner_content" in text
PY
