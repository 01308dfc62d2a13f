import asyncio

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_openai import ChatOpenAI
from setting import MODEL, SERVER, STRICT, TASK


class Strict(ChatOpenAI):
    def bind_tools(self, tools, **options):
        return super().bind_tools(tools, **options, strict=True)


async def main() -> None:
    client = MultiServerMCPClient(
        {"pagerduty": {"transport": "stdio", "command": SERVER, "args": []}}
    )
    model = (Strict if STRICT else ChatOpenAI)(model=MODEL)
    agent = create_agent(model, await client.get_tools())
    await agent.ainvoke({"messages": [{"role": "user", "content": TASK}]})


asyncio.run(main())
