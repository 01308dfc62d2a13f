#!/usr/bin/env bash
# agno 3.1.10: a call ends after ten seconds although the server reports progress.
#
# agno sends a progress token with each call, and MCP lets a client extend its time limit when progress
# arrives. The notifications do not extend it: a call of twelve seconds with a notification each second
# is given up after ten.
#
# Output seen:
#   9 notifications of progress, then after 10 s: MCP tool 'weather' failed: Request 'tools/call' timed out.
source "$(dirname "$0")/lib/setup.sh"
python_packages agno==3.1.10 fastmcp==4.1.6
cat >slow.py <<'PY'
import json
import sys
import threading
import time

lock = threading.Lock()


def send(message):
    with lock:
        print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def work(request):
    token = (request["params"].get("_meta") or {}).get("progressToken")
    for second in range(1, 13):
        time.sleep(1)
        if token is not None:
            with open("progress", "a") as file:
                file.write(f"{second}\n")
            send({"method": "notifications/progress", "params": {"progressToken": token, "progress": second, "total": 12}})
    send({"id": request["id"], "result": {"content": [{"type": "text", "text": f"token {token!r}"}]}})


for line in sys.stdin:
    request = json.loads(line)
    method = request["method"]
    if method == "initialize":
        revision = request["params"]["protocolVersion"]
        answer = {"protocolVersion": revision, "capabilities": {"tools": {}}, "serverInfo": {"name": "slow", "version": "1"}}
        send({"id": request["id"], "result": answer})
    elif method == "tools/list":
        tool = {"name": "weather", "description": "The weather.", "inputSchema": {"type": "object", "properties": {}}}
        send({"id": request["id"], "result": {"tools": [tool]}})
    elif method == "ping":
        send({"id": request["id"], "result": {}})
    elif method == "tools/call":
        threading.Thread(target=work, args=[request], daemon=True).start()
PY
python - <<'PY'
import asyncio
import sys
import time

from agno.tools.mcp import MCPTools
from mcp import StdioServerParameters


async def main():
    async with MCPTools(server_params=StdioServerParameters(command=sys.executable, args=["slow.py"]), transport="stdio") as tools:
        function = next(iter(tools.functions.values()))
        began = time.monotonic()
        answer = (await function.entrypoint()).content
        return time.monotonic() - began, answer


length, answer = asyncio.run(main())
with open("progress") as file:
    notifications = len(file.readlines())
print(f"{notifications} notifications of progress, then after {length:.0f} s: {answer:.70}")
assert notifications >= 8 and 9 < length < 12
assert "timed out" in answer
PY
