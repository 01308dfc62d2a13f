#!/usr/bin/env bash
# llama-index-tools-mcp 0.6.0 and mcp-haystack 2.1.1: the model reads an answer twice if the server
# sends it in both forms.
#
# MCP asks servers that send `structuredContent` to put the same JSON into a text block, for clients
# that support only text. Both tools write the whole result into the model's message, so long answers
# cost twice as much.
#
# Output seen:
#   llama-index: 'unmistakable' 2 times
#   haystack: 'unmistakable' 2 times
source "$(dirname "$0")/lib/setup.sh"
python_packages llama-index-tools-mcp==0.6.0 mcp-haystack==2.1.1 haystack-ai==3.4.1
python - <<'PY'
import asyncio
import sys

import stand_in
from haystack_integrations.tools.mcp import MCPToolset, StdioServerInfo
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec

RESULT = """{"content": [{"type": "text", "text": "{\\"sky\\": \\"unmistakable\\"}"}], "structuredContent": {"sky": "unmistakable"}}"""
arguments = [stand_in.__file__, "log", RESULT]


async def llama_index():
    tools = await McpToolSpec(client=BasicMCPClient(sys.executable, args=arguments)).to_tool_list_async()
    return (await tools[0].acall(city="Oslo")).content


def haystack():
    tools = MCPToolset(StdioServerInfo(command=sys.executable, args=arguments), eager_connect=True)
    try:
        return str(tools.tools[0].invoke(city="Oslo"))
    finally:
        tools.close()


seen = {"llama-index": asyncio.run(llama_index()), "haystack": haystack()}
for name, text in seen.items():
    print(f"{name}: 'unmistakable' {text.count('unmistakable')} times")
assert all(text.count("unmistakable") == 2 for text in seen.values())
PY
