import asyncio

from langchain_openai import ChatOpenAI
from mcp_use import MCPAgent, MCPClient
from setting import MODEL, SERVER, TASK


async def main() -> None:
    client = MCPClient.from_dict({"mcpServers": {"pagerduty": {"command": SERVER, "args": []}}})
    await MCPAgent(llm=ChatOpenAI(model=MODEL), client=client, max_steps=10).run(TASK)
    await client.close_all_sessions()


asyncio.run(main())
