"""A stand-in MCP server with one tool, `weather`: `stand_in.py LOG RESULT [SCHEMA]`.

RESULT is the result of a call and SCHEMA the tool's input schema, each as JSON or as the name of a
file with it. LOG gets a line for each start, and one for each call with its arguments.
"""

import json
import os
import sys

CITY = '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}'
OK = '{"content": [{"type": "text", "text": "sunny"}]}'
REVISIONS = ["2025-03-26", "2025-06-18", "2025-11-25"]


def main(log: str, result: str = OK, schema: str = CITY) -> None:
    """Serves until the end of input."""
    tool = {"name": "weather", "description": "The weather of a city.", "inputSchema": read(schema)}
    write(log, "started")
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request:
            continue
        answer = {"jsonrpc": "2.0", "id": request["id"]}
        method, params = request["method"], request.get("params") or {}
        if method == "initialize":
            asked = params["protocolVersion"]
            answer["result"] = {
                "protocolVersion": asked if asked in REVISIONS else REVISIONS[-1],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "stand-in", "version": "1"},
            }
        elif method == "tools/list":
            answer["result"] = {"tools": [tool]}
        elif method == "tools/call":
            write(log, "called " + json.dumps(params.get("arguments")))
            answer["result"] = read(result)
        elif method == "ping":
            answer["result"] = {}
        else:
            answer["error"] = {"code": -32601, "message": "Method not found"}
        print(json.dumps(answer), flush=True)


def read(text: str) -> dict:
    """Returns JSON that is given as text or as the name of a file with it."""
    if os.path.exists(text):
        with open(text) as file:
            text = file.read()
    return json.loads(text)


def write(log: str, line: str) -> None:
    """Appends a line to the log."""
    with open(log, "a") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
