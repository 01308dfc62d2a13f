#!/usr/bin/env bash
# smolagents 1.26.0 (mcpadapt 0.1.20): one tool without arguments prevents every tool of the server
# from loading.
#
# The input schema {"type": "object"} is valid for a tool without arguments. `ToolCollection.from_mcp`
# raises KeyError for it. A server that writes `"properties": {}` loads. (This requires mcp below 2,
# and websockets, which the extra `mcp` does not install.)
#
# Output seen:
#   {"type": "object"}: KeyError 'properties'
#   {"type": "object", "properties": {}}: ['weather']
source "$(dirname "$0")/lib/setup.sh"
python_packages 'smolagents[mcp]==1.26.0' 'mcp<2' websockets
python - <<'PY'
import logging
import os
import sys

from mcp import StdioServerParameters
from smolagents import ToolCollection
import stand_in

logging.disable()


def load(schema):
    arguments = [stand_in.__file__, "log", stand_in.OK, schema]
    server = StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))
    try:
        with ToolCollection.from_mcp(server, trust_remote_code=True, structured_output=False) as tools:
            return [tool.name for tool in tools.tools]
    except KeyError as error:
        return f"KeyError {error}"


seen = {schema: load(schema) for schema in ('{"type": "object"}', '{"type": "object", "properties": {}}')}
for schema, what in seen.items():
    print(f"{schema}: {what}")
assert list(seen.values()) == ["KeyError 'properties'", ["weather"]]
PY
