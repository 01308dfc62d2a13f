"""PagerDuty's tools in Pydantic AI (`pip install pydantic-ai-slim`).

Needs no key: a scripted model replaces a real one, and the sandbox replaces PagerDuty.
With a key and a credential, name a real model and remove the sandbox.
"""

import asyncio
from typing import Any

from pagerduty_mcp_server import PagerDuty, PagerDutyError, sandbox
from pydantic_ai import Agent, ModelRetry, Tool
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


def pagerduty_tools(pd: PagerDuty) -> list[Tool[None]]:
    """Create a Pydantic AI tool from each PagerDuty tool."""

    def tool(definition: dict[str, Any]) -> Tool[None]:
        async def invoke(**arguments: Any) -> dict[str, Any]:
            try:
                return await pd.call(definition["name"], arguments)
            except PagerDutyError as error:
                # The model receives the error and its hint, and can try again.
                raise ModelRetry(str(error)) from error

        return Tool.from_schema(
            invoke,
            name=definition["name"],
            description=definition["description"],
            json_schema=definition["input_schema"],
        )

    return [tool(definition) for definition in pd.tools("anthropic")]


def scripted(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Acknowledge the newest incident, then report it."""
    results: list[Any] = [
        part.content
        for message in messages
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]
    if not results:
        arguments: dict[str, Any] = {"statuses": ["triggered"], "limit": 1}
        return ModelResponse(parts=[ToolCallPart("get_incidents", arguments)])
    incident = results[-1]["incidents"][0]
    if len(results) == 1:
        arguments = {"incident_id": incident["id"]}
        return ModelResponse(parts=[ToolCallPart("acknowledge_incident", arguments)])
    return ModelResponse(parts=[TextPart(f"On it: {incident['title']}")])


async def main() -> None:
    """Let an agent acknowledge an incident."""
    with sandbox() as account:
        incident = account.trigger(title="Checkout answers with 500")
        async with PagerDuty() as pd:
            agent = Agent(FunctionModel(scripted), tools=pagerduty_tools(pd))
            result = await agent.run("Take the newest incident.")
        print(result.output)
        print(account.incident(incident["id"])["status"])


if __name__ == "__main__":
    asyncio.run(main())
