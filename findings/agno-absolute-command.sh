#!/usr/bin/env bash
# agno 3.1.10: `MCPTools(command=…)` rejects the absolute path of a program.
#
# Its check should allow "absolute paths to existing files", but examines only the last part of the
# path. A program is accepted if its name is on PATH or in the working folder, and rejected by its
# full path. `server_params=` accepts any command.
#
# Output seen:
#   command: ValueError: MCP command needs to use one of the following executables: …
#   server_params: ['weather']
source "$(dirname "$0")/lib/setup.sh"
python_packages agno==3.1.10 mcp 'fastmcp>=4'
mkdir bin
printf '#!/bin/sh\nexec "%s" "%s" log\n' "$(command -v python)" "$PYTHONPATH/stand_in.py" >bin/weather-server
chmod +x bin/weather-server
python - <<'PY'
import asyncio
from pathlib import Path

from agno.tools.mcp import MCPTools
from mcp import StdioServerParameters

COMMAND = str(Path("bin/weather-server").resolve())


async def main():
    async with MCPTools(server_params=StdioServerParameters(command=COMMAND)) as tools:
        return list(tools.functions)


try:
    MCPTools(command=COMMAND)
    refused = "taken"
except ValueError as error:
    refused = f"ValueError: {error}"
taken = asyncio.run(main())
print("command:", refused.partition("{")[0] + "…")
print("server_params:", taken)
assert refused.startswith("ValueError: MCP command needs to use one of the following executables")
assert taken == ["weather"]
PY
