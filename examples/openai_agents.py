"""PagerDuty's tools in the OpenAI Agents SDK (`pip install openai-agents`).

Needs no key: a scripted model replaces a real one, and the sandbox replaces PagerDuty.
With a key and a credential, remove `model=` and the sandbox.
"""

import asyncio
import json
from typing import Any

from agents import Agent, FunctionTool, ModelResponse, RunConfig, Runner, Usage
from agents.models.interface import Model
from agents.tool_context import ToolContext
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)
from pagerduty_mcp_server import PagerDuty, PagerDutyError, sandbox


def pagerduty_tools(pd: PagerDuty) -> list[FunctionTool]:
    """Create an SDK tool from each PagerDuty tool."""

    def tool(definition: dict[str, Any]) -> FunctionTool:
        async def invoke(context: ToolContext[Any], arguments: str) -> str:
            try:
                return json.dumps(await pd.call(definition["name"], arguments))
            except PagerDutyError as error:
                return json.dumps(error.envelope)

        return FunctionTool(
            name=definition["name"],
            description=definition["description"],
            params_json_schema=definition["parameters"],
            on_invoke_tool=invoke,
            strict_json_schema=False,  # Strict schemas do not allow optional parameters.
        )

    return [tool(definition) for definition in pd.tools("openai-responses")]


class ScriptedModel(Model):
    """Acknowledges the newest incident, then reports it."""

    async def get_response(
        self, system_instructions: Any, input: Any, *more: Any, **options: Any
    ) -> ModelResponse:
        """Choose the next step from the answers so far."""
        answers = [item for item in input if isinstance(item, dict) and "output" in item]
        if not answers:
            output: Any = self.ask("get_incidents", statuses=["triggered"], limit=1)
        elif len(answers) == 1:
            incident = json.loads(answers[0]["output"])["incidents"][0]["id"]
            output = self.ask("acknowledge_incident", incident_id=incident)
        else:
            title = json.loads(answers[1]["output"])["incidents"][0]["title"]
            text = ResponseOutputText(type="output_text", text=f"On it: {title}", annotations=[])
            output = ResponseOutputMessage(
                id="m", type="message", role="assistant", status="completed", content=[text]
            )
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def ask(self, name: str, **arguments: Any) -> ResponseFunctionToolCall:
        """Request a tool call, as a model does."""
        return ResponseFunctionToolCall(
            type="function_call", call_id=name, name=name, arguments=json.dumps(arguments)
        )

    def stream_response(self, *arguments: Any, **options: Any) -> Any:
        """Refuse: this example does not stream."""
        raise NotImplementedError


async def main() -> None:
    """Let an agent acknowledge an incident."""
    with sandbox() as account:
        incident = account.trigger(title="Checkout answers with 500")
        async with PagerDuty() as pd:
            agent = Agent(
                name="First responder",
                instructions="You help the engineer who is on call.",
                tools=list(pagerduty_tools(pd)),
                model=ScriptedModel(),
            )
            config = RunConfig(tracing_disabled=True)
            result = await Runner.run(agent, "Take the newest incident.", run_config=config)
        print(result.final_output)
        print(account.incident(incident["id"])["status"])


if __name__ == "__main__":
    asyncio.run(main())
