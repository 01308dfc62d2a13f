import os

from mcp import StdioServerParameters
from setting import MODEL, MODEL_URL, SERVER, TASK
from smolagents import OpenAIServerModel, ToolCallingAgent, ToolCollection

server = StdioServerParameters(command=SERVER, env=dict(os.environ))
with ToolCollection.from_mcp(server, trust_remote_code=True, structured_output=False) as collection:
    model = OpenAIServerModel(MODEL, api_base=f"{MODEL_URL}/v1", api_key="none")
    ToolCallingAgent(tools=[*collection.tools], model=model, max_steps=6).run(TASK)
