"""PagerDuty's tools in LangChain and LangGraph (`pip install langchain langgraph`).

Needs no key: a scripted model replaces a real one, and the sandbox replaces PagerDuty.
With a key and a credential, name a real model and remove the sandbox.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, StructuredTool
from pagerduty_mcp_server import PagerDuty, PagerDutyError, sandbox


def pagerduty_tools(pd: PagerDuty) -> list[BaseTool]:
    """Create a LangChain tool from each PagerDuty tool. LangGraph accepts the same."""

    def tool(definition: dict[str, Any]) -> BaseTool:
        async def invoke(**arguments: Any) -> str:
            try:
                return json.dumps(await pd.call(definition["name"], arguments))
            except PagerDutyError as error:
                return json.dumps(error.envelope)

        return StructuredTool(
            name=definition["name"],
            description=definition["description"],
            args_schema=definition["input_schema"],
            coroutine=invoke,
        )

    return [tool(definition) for definition in pd.tools("anthropic")]


class ScriptedModel(BaseChatModel):
    """Acknowledges the newest incident, then reports it."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Any:
        """Accept tools. The script does not need them."""
        return self

    def _generate(self, messages: list[BaseMessage], *more: Any, **options: Any) -> ChatResult:
        results = [json.loads(one.text) for one in messages if isinstance(one, ToolMessage)]
        if not results:
            message = self.ask("get_incidents", statuses=["triggered"], limit=1)
        else:
            incident = results[-1]["incidents"][0]
            if len(results) == 1:
                message = self.ask("acknowledge_incident", incident_id=incident["id"])
            else:
                message = AIMessage(f"On it: {incident['title']}")
        return ChatResult(generations=[ChatGeneration(message=message)])

    def ask(self, name: str, **arguments: Any) -> AIMessage:
        """Request a tool call, as a model does."""
        call = {"name": name, "args": arguments, "id": name, "type": "tool_call"}
        return AIMessage("", tool_calls=[call])


async def main() -> None:
    """Let an agent acknowledge an incident."""
    with sandbox() as account:
        incident = account.trigger(title="Checkout answers with 500")
        async with PagerDuty() as pd:
            # `create_agent` returns a LangGraph graph.
            agent = create_agent(ScriptedModel(), pagerduty_tools(pd))
            question = {"messages": [{"role": "user", "content": "Take the newest incident."}]}
            state = await agent.ainvoke(question)
        print(state["messages"][-1].text)
        print(account.incident(incident["id"])["status"])


if __name__ == "__main__":
    asyncio.run(main())
