import asyncio

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models.openai import OpenAIChatModel
from setting import MODEL, SERVER, TASK


async def main() -> None:
    agent = Agent(OpenAIChatModel(MODEL), toolsets=[MCPToolset(StdioTransport(SERVER, []))])
    async with agent:
        await agent.run(TASK)


asyncio.run(main())
