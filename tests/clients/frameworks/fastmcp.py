import asyncio

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from setting import SERVER, converse, function


async def main() -> None:
    async with Client(StdioTransport(SERVER, [])) as client:

        async def call(name: str, arguments: dict) -> str:
            result = await client.call_tool(name, arguments, raise_on_error=False)
            return "".join(block.text for block in result.content)

        tools = await client.list_tools()
        await converse(
            [function(one.name, one.description, one.inputSchema) for one in tools], call
        )


asyncio.run(main())
