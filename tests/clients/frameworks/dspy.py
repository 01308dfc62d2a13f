# Function calling, which shows the model the schema: `dspy.ReAct` writes tools into its prompt.
import asyncio
import os

import dspy
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from setting import SERVER, converse


async def main() -> None:
    server = StdioServerParameters(command=SERVER, env=dict(os.environ))
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        tools = {
            one.name: dspy.Tool.from_mcp_tool(session, one)
            for one in (await session.list_tools()).tools
        }

        async def call(name: str, arguments: dict) -> str:
            try:
                return str(await tools[name].acall(**arguments))
            except Exception as error:
                return str(error)

        await converse([one.format_as_litellm_function_call() for one in tools.values()], call)


asyncio.run(main())
