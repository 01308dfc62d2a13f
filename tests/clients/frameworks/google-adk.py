import asyncio

from google.adk.agents import LlmAgent
from google.adk.runners import InMemoryRunner
from google.adk.tools.mcp_tool import McpToolset, StdioConnectionParams
from google.genai import types
from mcp import StdioServerParameters
from setting import SERVER, TASK


async def main() -> None:
    tools = McpToolset(
        connection_params=StdioConnectionParams(server_params=StdioServerParameters(command=SERVER))
    )
    runner = InMemoryRunner(
        LlmAgent(name="test", model="gemini-2.5-flash", tools=[tools]), app_name="test"
    )
    session = await runner.session_service.create_session(app_name="test", user_id="user")
    message = types.Content(role="user", parts=[types.Part(text=TASK)])
    async for _ in runner.run_async(user_id="user", session_id=session.id, new_message=message):
        pass
    await tools.close()


asyncio.run(main())
