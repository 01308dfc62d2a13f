import asyncio

from agent_framework import Agent, MCPStdioTool
from agent_framework.openai import OpenAIChatCompletionClient
from setting import MODEL, SERVER, TASK


async def main() -> None:
    async with MCPStdioTool(name="pagerduty", command=SERVER, args=[]) as tools:
        await Agent(OpenAIChatCompletionClient(MODEL), tools=tools).run(TASK)


asyncio.run(main())
