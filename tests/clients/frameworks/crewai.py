import os

from crewai import LLM, Agent
from crewai_tools import MCPServerAdapter
from mcp import StdioServerParameters
from setting import MODEL_URL, SERVER, TASK

# A model in its list. For others it assumes a small context, and puts long answers into files.
with MCPServerAdapter(StdioServerParameters(command=SERVER, env=dict(os.environ))) as tools:
    model = LLM(model="openai/gpt-4.1", base_url=f"{MODEL_URL}/v1", api_key="none")
    Agent(role="Operator", goal=TASK, backstory=TASK, llm=model, tools=tools).kickoff(TASK)
