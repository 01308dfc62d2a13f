from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client
from setting import MODEL, MODEL_URL, SERVER, TASK
from strands import Agent
from strands.models.openai import OpenAIModel
from strands.tools.mcp import MCPClient

with MCPClient(lambda: stdio_client(StdioServerParameters(command=SERVER))) as server:
    model = OpenAIModel(
        model_id=MODEL, client_args={"api_key": "none", "base_url": f"{MODEL_URL}/v1"}
    )
    Agent(model=model, tools=server.list_tools_sync(), callback_handler=None)(TASK)
