import asyncio
import os

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from setting import SERVER, converse, function


async def main() -> None:
    server = StdioServerParameters(command=SERVER, env=dict(os.environ))
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()

        async def call(name: str, arguments: dict) -> str:
            return "".join(
                block.text for block in (await session.call_tool(name, arguments)).content
            )

        tools = (await session.list_tools()).tools
        await converse(
            [function(one.name, one.description, one.inputSchema) for one in tools], call
        )


asyncio.run(main())
