#!/usr/bin/env bash
# mcp-use 1.7.1: an enum in an array's items is not shown to the model, and omitted parameters are
# sent as null.
#
# The schema is converted to a pydantic model that drops enums of items and `additionalProperties`.
# The model guesses the values, and a server that does not accept null for an omitted parameter
# rejects the call.
#
# Output seen:
#   the items as the model is shown them: {"type": "string"}
#   the server is called with: {"city": "Oslo", "kinds": null}
source "$(dirname "$0")/lib/setup.sh"
python_packages mcp-use==1.7.1 langchain langchain-openai
python - <<'PY'
import asyncio
import json
import os
import sys
from pathlib import Path

os.environ["MCP_USE_ANONYMIZED_TELEMETRY"] = "false"
import stand_in
from langchain_openai import ChatOpenAI
from mcp_use import MCPAgent, MCPClient
from model import Model

SCHEMA = """{"type": "object", "required": ["city"], "properties": {"city": {"type": "string"},
    "kinds": {"type": "array", "items": {"type": "string", "enum": ["rain", "wind"]}}}}"""
model = Model([{"city": "Oslo"}])


async def main():
    server = {"command": sys.executable, "args": [stand_in.__file__, "log", stand_in.OK, SCHEMA]}
    client = MCPClient.from_dict({"mcpServers": {"test": server}})
    chat = ChatOpenAI(model="stand-in", base_url=model.url, api_key="none")
    await MCPAgent(llm=chat, client=client, max_steps=5).run("How is the weather?")
    await client.close_all_sessions()


asyncio.run(main())
kinds = model.offered["parameters"]["properties"]["kinds"]
items = next(one["items"] for one in kinds.get("anyOf", [kinds]) if "items" in one)
called = json.loads(Path("log").read_text().split("called ")[1].splitlines()[0])
print("the items as the model is shown them:", json.dumps(items))
print("the server is called with:", json.dumps(called))
assert "enum" not in items
assert called == {"city": "Oslo", "kinds": None}
PY
