#!/usr/bin/env bash
# crewai-tools 1.15.30: text in an embedded resource is dropped if there is a text block beside it.
#
# MCP lets a result embed a resource with its text, for a file such as a calendar. With more than one
# block, the adapter keeps those of type `text` and joins them as a Python list. The model does not
# learn that there was more. A single embedded resource arrives as its Python representation.
#
# Output seen:
#   alone: "type='resource' resource=TextResourceContents(uri=AnyUrl('weather://…
#   beside a text: "['first']"
#   two texts: "['first', 'unmistakable']"
source "$(dirname "$0")/lib/setup.sh"
python_packages 'crewai-tools[mcp]==1.15.30'
python - <<'PY'
import json
import sys

import stand_in
from crewai_tools import MCPServerAdapter
from mcp import StdioServerParameters

FIRST = {"type": "text", "text": "first"}
FILE = {"uri": "weather://oslo", "mimeType": "text/plain", "text": "unmistakable"}
EMBEDDED = {"type": "resource", "resource": FILE}
TEXT = {"type": "text", "text": "unmistakable"}

seen = {}
for name, blocks in {"alone": [EMBEDDED], "beside a text": [FIRST, EMBEDDED], "two texts": [FIRST, TEXT]}.items():
    arguments = [stand_in.__file__, "log", json.dumps({"content": blocks})]
    with MCPServerAdapter(StdioServerParameters(command=sys.executable, args=arguments)) as tools:
        seen[name] = tools[0].run(city="Oslo")
    print(f"{name}: {seen[name]!r:.70}")
assert "TextResourceContents" in seen["alone"]
assert "unmistakable" not in seen["beside a text"] and "first" in seen["beside a text"]
assert seen["two texts"] == "['first', 'unmistakable']"
PY
