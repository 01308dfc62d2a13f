import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai_like import OpenAILike
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec
from setting import MODEL, MODEL_URL, SERVER, TASK


async def main() -> None:
    tools = await McpToolSpec(client=BasicMCPClient(SERVER, args=[])).to_tool_list_async()
    model = OpenAILike(
        model=MODEL,
        api_base=f"{MODEL_URL}/v1",
        api_key="none",
        is_chat_model=True,
        is_function_calling_model=True,
    )
    await FunctionAgent(tools=tools, llm=model, streaming=False).run(TASK)


asyncio.run(main())
