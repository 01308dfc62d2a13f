import asyncio

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.tools.mcp import MCPTools
from mcp import StdioServerParameters
from setting import MODEL, SERVER, TASK


async def main() -> None:
    # Not `command=`, which takes only well-known launchers such as uvx.
    async with MCPTools(server_params=StdioServerParameters(command=SERVER)) as tools:
        await Agent(model=OpenAIChat(MODEL), tools=[tools], telemetry=False).arun(TASK)


asyncio.run(main())
