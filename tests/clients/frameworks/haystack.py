from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack_integrations.tools.mcp import MCPToolset, StdioServerInfo
from setting import MODEL, MODEL_URL, SERVER, TASK

tools = MCPToolset(StdioServerInfo(command=SERVER, args=[]))
agent = Agent(
    chat_generator=OpenAIChatGenerator(model=MODEL, api_base_url=f"{MODEL_URL}/v1"), tools=tools
)
agent.run(messages=[ChatMessage.from_user(TASK)])
tools.close()
