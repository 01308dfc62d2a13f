"""PagerDuty's tools with the Anthropic SDK (`pip install anthropic`).

Needs no key: a scripted model replaces a real one, and the sandbox replaces PagerDuty.
With a key and a credential, pass `AsyncAnthropic()` instead and remove the sandbox.
"""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from anthropic.types import Message, MessageParam, TextBlock, ToolUseBlock, Usage
from pagerduty_mcp_server import PagerDuty, PagerDutyError, sandbox


async def answer(client: Any, pd: PagerDuty, question: str) -> str:
    """Let the model call tools until it has an answer."""
    messages: list[MessageParam] = [{"role": "user", "content": question}]
    while True:
        message = await client.messages.create(
            model="claude-sonnet-4-5",
            max_tokens=1024,
            messages=messages,
            tools=pd.tools("anthropic"),
        )
        if message.stop_reason != "tool_use":
            return "".join(block.text for block in message.content if block.type == "text")
        messages.append({"role": "assistant", "content": message.content})
        uses = [block for block in message.content if block.type == "tool_use"]
        results: Any = [await result_of(pd, use) for use in uses]
        messages.append({"role": "user", "content": results})


async def result_of(pd: PagerDuty, use: ToolUseBlock) -> dict[str, Any]:
    """Call the tool that the model requests."""
    try:
        envelope, failed = await pd.call(use.name, dict(use.input)), False
    except PagerDutyError as error:
        envelope, failed = error.envelope, True
    return {
        "type": "tool_result",
        "tool_use_id": use.id,
        "content": json.dumps(envelope),
        "is_error": failed,
    }


class ScriptedMessages:
    """Acknowledges the newest incident, then reports it."""

    async def create(self, *, messages: list[Any], **options: Any) -> Message:
        """Choose the next step from the answers so far."""
        results = [
            json.loads(part["content"])
            for message in messages[1:]
            if message["role"] == "user"
            for part in message["content"]
        ]
        if not results:
            return self.ask("get_incidents", statuses=["triggered"], limit=1)
        incident = results[-1]["incidents"][0]
        if len(results) == 1:
            return self.ask("acknowledge_incident", incident_id=incident["id"])
        text = TextBlock(type="text", text=f"On it: {incident['title']}", citations=None)
        return self.say(text, "end_turn")

    def ask(self, name: str, **arguments: Any) -> Message:
        """Request a tool call, as a model does."""
        use = ToolUseBlock(type="tool_use", id=f"toolu_{name}", name=name, input=arguments)
        return self.say(use, "tool_use")

    def say(self, block: Any, reason: Any) -> Message:
        """Wrap a block in the API's format."""
        return Message(
            id="msg_1",
            type="message",
            role="assistant",
            model="scripted",
            content=[block],
            stop_reason=reason,
            stop_sequence=None,
            usage=Usage(input_tokens=0, output_tokens=0),
        )


async def main() -> None:
    """Let a model acknowledge an incident."""
    client = SimpleNamespace(messages=ScriptedMessages())
    with sandbox() as account:
        incident = account.trigger(title="Checkout answers with 500")
        async with PagerDuty() as pd:
            print(await answer(client, pd, "Take the newest incident."))
        print(account.incident(incident["id"])["status"])


if __name__ == "__main__":
    asyncio.run(main())
