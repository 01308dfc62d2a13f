"""A stand-in model (OpenAI chat completions): it calls the only tool it is offered."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Model:
    """Makes `calls` (arguments of the only tool), one after another; `read` has the results."""

    def __init__(self, calls: list[dict]) -> None:
        """Serves on a port of loopback until the process ends."""
        self.calls = calls
        #: The tool as the client described it to the model, and each result the model received.
        self.offered: dict = {}
        self.read: list[object] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                kind, body = model.answer(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}/v1"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def answer(self, body: dict) -> tuple[str, bytes]:
        """Returns the next call, or the end."""
        message: dict = {"role": "assistant", "content": "Done."}
        functions = [tool["function"] for tool in body.get("tools") or []]
        tool = next((one for one in functions if one["name"].endswith("weather")), None)
        if tool:
            self.offered = tool
            self.read = [one["content"] for one in body["messages"] if one["role"] == "tool"]
            step = len(self.read)
            if step < len(self.calls):
                call = {"name": tool["name"], "arguments": json.dumps(self.calls[step])}
                calls = [{"index": 0, "id": f"call_{step}", "type": "function", "function": call}]
                message = {"role": "assistant", "content": None, "tool_calls": calls}
        why = "tool_calls" if message.get("tool_calls") else "stop"
        frame = {"id": f"answer_{len(self.read)}", "created": 1, "model": "stand-in"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        choice = {"index": 0, "finish_reason": why}
        if not body.get("stream"):
            frame |= {"object": "chat.completion", "usage": usage}
            frame["choices"] = [{**choice, "message": message}]
            return "application/json", json.dumps(frame).encode()
        frame |= {"object": "chat.completion.chunk", "usage": usage}
        frame["choices"] = [{**choice, "delta": message}]
        return "text/event-stream", f"data: {json.dumps(frame)}\n\ndata: [DONE]\n\n".encode()
