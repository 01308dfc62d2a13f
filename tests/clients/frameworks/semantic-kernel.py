import asyncio

from openai import AsyncOpenAI
from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.connectors.mcp import MCPStdioPlugin
from setting import MODEL, SERVER, TASK


async def main() -> None:
    async with MCPStdioPlugin(name="pd", command=SERVER, args=[], load_prompts=False) as plugin:
        service = OpenAIChatCompletion(ai_model_id=MODEL, async_client=AsyncOpenAI())
        await ChatCompletionAgent(service=service, name="test", plugins=[plugin]).get_response(TASK)


asyncio.run(main())
