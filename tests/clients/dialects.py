"""The four protocols between clients and models: the content of requests and answers."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Offered:
    """A tool as the model receives it."""

    name: str
    description: str
    schema: dict
    namespace: str | None = None


@dataclass(frozen=True)
class Planned:
    """A call that the model makes next."""

    id: str
    tool: Offered
    arguments: dict


SAID = "Done."
#: The ID of a call that requests tools that the client holds back. The script has no result for it.
SEARCH = "search"


def answer_id(call: Planned | None) -> str:
    """Returns an ID that is new in the conversation: LangGraph merges answers with the same one."""
    return f"answer_{call.id if call else 'last'}"


def text_of(content: object) -> str:
    """Returns what a model reads of a content: texts one after another, anything else as JSON."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(
            part["text"] if isinstance(part, dict) and "text" in part else text_of(part)
            for part in content
        )
    return json.dumps(content, ensure_ascii=False)


def sse(*events: tuple[str | None, dict | str]) -> tuple[str, bytes]:
    lines = []
    for name, data in events:
        if name:
            lines.append(f"event: {name}\n")
        lines.append(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n")
    return "text/event-stream", "".join(lines).encode()


def plain(body: dict) -> tuple[str, bytes]:
    return "application/json", json.dumps(body).encode()


class Chat:
    """OpenAI chat completions."""

    @staticmethod
    def serves(path: str) -> bool:
        return path.split("?")[0].endswith("/chat/completions")

    @staticmethod
    def offered(body: dict) -> list[Offered]:
        functions = [tool["function"] for tool in body.get("tools") or [] if "function" in tool]
        return [
            Offered(one["name"], one.get("description") or "", one.get("parameters") or {})
            for one in functions
        ]

    @staticmethod
    def results(body: dict) -> list[str]:
        texts = [(one["role"], text_of(one.get("content"))) for one in body["messages"]]
        # smolagents has them in messages of the user.
        return [text for role, text in texts if role == "tool" or text.startswith("Observation:")]

    @staticmethod
    def answer(_path: str, body: dict, call: Planned | None) -> tuple[str, bytes]:
        message: dict = {"role": "assistant", "content": None if call else SAID}
        if call:
            function = {"name": call.tool.name, "arguments": json.dumps(call.arguments)}
            message["tool_calls"] = [
                {"index": 0, "id": call.id, "type": "function", "function": function}
            ]
        why = "tool_calls" if call else "stop"
        frame = {"id": answer_id(call), "created": 1, "model": body.get("model", "scripted")}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": why}
            return plain(
                {**frame, "object": "chat.completion", "choices": [choice], "usage": usage}
            )
        frame["object"] = "chat.completion.chunk"
        begun = {**frame, "choices": [{"index": 0, "delta": message, "finish_reason": None}]}
        ended = {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": why}]}
        return sse(
            (None, begun),
            (None, ended),
            (None, {**frame, "choices": [], "usage": usage}),
            (None, "[DONE]"),
        )


class Responses:
    """OpenAI responses."""

    @staticmethod
    def serves(path: str) -> bool:
        return path.split("?")[0].endswith("/responses")

    @staticmethod
    def offered(body: dict) -> list[Offered]:
        found = []
        for tool in body.get("tools") or []:
            space = tool["name"] if tool.get("type") == "namespace" else None
            for one in tool["tools"] if space else [tool]:
                if one.get("type", "function") == "function":
                    found.append(
                        Offered(
                            one["name"],
                            one.get("description") or "",
                            one.get("parameters") or {},
                            space,
                        )
                    )
        return found

    @staticmethod
    def results(body: dict) -> list[str]:
        items = body["input"] if isinstance(body.get("input"), list) else []
        return [
            text_of(one["output"]) for one in items if one.get("type") == "function_call_output"
        ]

    @staticmethod
    def answer(_path: str, body: dict, call: Planned | None) -> tuple[str, bytes]:
        if call:
            item = {
                "type": "function_call",
                "id": f"fc_{call.id}",
                "call_id": call.id,
                "name": call.tool.name,
            }
            item |= {"arguments": json.dumps(call.arguments), "status": "completed"}
            if call.tool.namespace:
                item["namespace"] = call.tool.namespace
        else:
            content = {"type": "output_text", "text": SAID, "annotations": []}
            item = {
                "type": "message",
                "id": "msg",
                "role": "assistant",
                "status": "completed",
                "content": [content],
            }
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        usage |= {
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        }
        response = {
            "id": answer_id(call),
            "object": "response",
            "created_at": 1,
            "status": "completed",
        }
        response |= {
            "model": body.get("model", "scripted"),
            "output": [item],
            "usage": usage,
            "error": None,
        }
        response |= {"parallel_tool_calls": False, "tool_choice": "auto", "tools": []}
        if not body.get("stream"):
            return plain(response)
        begun = {**response, "status": "in_progress", "output": [], "usage": None}
        kinds = [
            ("response.created", {"response": begun}),
            (
                "response.output_item.added",
                {"output_index": 0, "item": {**item, "status": "in_progress"}},
            ),
            ("response.output_item.done", {"output_index": 0, "item": item}),
            ("response.completed", {"response": response}),
        ]
        return sse(
            *(
                (kind, {"type": kind, "sequence_number": at, **data})
                for at, (kind, data) in enumerate(kinds)
            )
        )


class Messages:
    """Anthropic messages."""

    @staticmethod
    def serves(path: str) -> bool:
        return path.split("?")[0].endswith("/messages")

    @staticmethod
    def offered(body: dict) -> list[Offered]:
        tools = [tool for tool in body.get("tools") or [] if "input_schema" in tool]
        return [
            Offered(one["name"], one.get("description") or "", one["input_schema"]) for one in tools
        ]

    @staticmethod
    def results(body: dict) -> list[str]:
        contents = [one["content"] for one in body["messages"] if isinstance(one["content"], list)]
        parts = [part for content in contents for part in content if part["type"] == "tool_result"]
        mine = [part for part in parts if not part["tool_use_id"].endswith(SEARCH)]
        return [text_of(part.get("content") or "") for part in mine]

    @staticmethod
    def answer(_path: str, body: dict, call: Planned | None) -> tuple[str, bytes]:
        block: dict = {"type": "text", "text": SAID}
        if call:
            block = {
                "type": "tool_use",
                "id": f"toolu_{call.id}",
                "name": call.tool.name,
                "input": call.arguments,
            }
        why = "tool_use" if call else "end_turn"
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {
            "id": answer_id(call),
            "type": "message",
            "role": "assistant",
            "model": body.get("model", "scripted"),
        }
        message |= {"content": [block], "stop_reason": why, "stop_sequence": None, "usage": usage}
        if not body.get("stream"):
            return plain(message)
        if call:
            empty, delta = (
                {**block, "input": {}},
                {"type": "input_json_delta", "partial_json": json.dumps(call.arguments)},
            )
        else:
            empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": SAID}
        kinds: list[tuple[str, dict]] = [
            ("message_start", {"message": {**message, "content": [], "stop_reason": None}}),
            ("content_block_start", {"index": 0, "content_block": empty}),
            ("content_block_delta", {"index": 0, "delta": delta}),
            ("content_block_stop", {"index": 0}),
            (
                "message_delta",
                {"delta": {"stop_reason": why, "stop_sequence": None}, "usage": usage},
            ),
            ("message_stop", {}),
        ]
        return sse(*((kind, {"type": kind, **data}) for kind, data in kinds))


class Gemini:
    """Gemini's generateContent."""

    @staticmethod
    def serves(path: str) -> bool:
        return path.split("?")[0].endswith((":generateContent", ":streamGenerateContent"))

    @staticmethod
    def offered(body: dict) -> list[Offered]:
        found = []
        for tool in body.get("tools") or []:
            for one in tool.get("functionDeclarations") or []:
                schema = one.get("parametersJsonSchema") or one.get("parameters") or {}
                found.append(Offered(one["name"], one.get("description") or "", schema))
        return found

    @staticmethod
    def results(body: dict) -> list[str]:
        parts = [part for content in body["contents"] for part in content.get("parts") or []]
        responses = [
            part["functionResponse"]["response"] for part in parts if "functionResponse" in part
        ]
        return [text_of(one.get("output", one)) for one in responses]

    @staticmethod
    def answer(path: str, _body: dict, call: Planned | None) -> tuple[str, bytes]:
        part: dict = {"text": SAID}
        if call:
            part = {"functionCall": {"id": call.id, "name": call.tool.name, "args": call.arguments}}
        candidate = {
            "content": {"role": "model", "parts": [part]},
            "finishReason": "STOP",
            "index": 0,
        }
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        body = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "scripted"}
        return sse((None, body)) if ":streamGenerateContent" in path else plain(body)


DIALECTS = [Chat, Responses, Messages, Gemini]
