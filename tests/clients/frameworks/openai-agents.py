import asyncio

from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from agents.mcp import MCPServerStdio
from openai import AsyncOpenAI
from setting import MODEL, MODEL_URL, SERVER, STRICT, TASK


async def main() -> None:
    set_tracing_disabled(True)
    model = OpenAIChatCompletionsModel(MODEL, AsyncOpenAI(base_url=f"{MODEL_URL}/v1"))
    async with MCPServerStdio({"command": SERVER}) as server:
        agent = Agent(
            "test",
            model=model,
            mcp_servers=[server],
            mcp_config={"convert_schemas_to_strict": STRICT},
        )
        await Runner.run(agent, TASK)


asyncio.run(main())
