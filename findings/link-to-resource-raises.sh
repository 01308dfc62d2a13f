#!/usr/bin/env bash
# langchain-mcp-adapters 0.3.2 with langchain-openai, and semantic-kernel 1.45.0: a tool result with a
# link to a resource ends the run.
#
# MCP lets a result hold blocks of type `resource_link` beside text. The first passes the link on as a
# file that the chat completions API does not take, the second has no content type for it. Both raise
# an error that the agent does not handle, so the text beside the link is lost too.
#
# Output seen:
#   langchain: ValueError: OpenAI Chat Completions does not support file URLs.
#   semantic-kernel: FunctionExecutionException: Failed to call tool 'weather'.
source "$(dirname "$0")/lib/setup.sh"
python_packages langchain==1.5.2 langchain-mcp-adapters==0.3.2 langchain-openai==1.7.4 'semantic-kernel[mcp]==1.45.0'
python - <<'PY'
import asyncio
import sys

import stand_in
from model import Model
from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_openai import ChatOpenAI
from semantic_kernel.connectors.mcp import MCPStdioPlugin

RESULT = """{"content": [{"type": "text", "text": "unmistakable"},
    {"type": "resource_link", "uri": "https://weather.example/oslo", "name": "Oslo"}]}"""
server = [stand_in.__file__, "log", RESULT]


async def langchain():
    model = Model([{"city": "Oslo"}])
    client = MultiServerMCPClient({"test": {"command": sys.executable, "args": server, "transport": "stdio"}})
    chat = ChatOpenAI(model="stand-in", base_url=model.url, api_key="none", max_retries=0)
    agent = create_agent(chat, await client.get_tools())
    await agent.ainvoke({"messages": [("user", "How is the weather?")]})
    return model.read


async def semantic_kernel():
    async with MCPStdioPlugin(name="test", command=sys.executable, args=server, load_prompts=False) as plugin:
        return await plugin.call_tool("weather", city="Oslo")


expected = {langchain: "does not support file URLs", semantic_kernel: "Failed to call tool"}
for run, part in expected.items():
    try:
        seen = f"it passed: {asyncio.run(run())}"
    except Exception as error:
        seen = f"{type(error).__name__}: {error}"
    print(f"{run.__name__.replace('_', '-')}: {seen}")
    assert part in seen
PY
