import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams
from setting import MODEL, SERVER, TASK

ABILITIES = {
    "vision": False,
    "function_calling": True,
    "json_output": False,
    "structured_output": False,
}


async def main() -> None:
    model = OpenAIChatCompletionClient(model=MODEL, model_info={**ABILITIES, "family": "unknown"})
    async with McpWorkbench(StdioServerParams(command=SERVER)) as workbench:
        await AssistantAgent("test", model, workbench=workbench, max_tool_iterations=8).run(
            task=TASK
        )


asyncio.run(main())
