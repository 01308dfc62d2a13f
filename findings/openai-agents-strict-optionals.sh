#!/usr/bin/env bash
# openai-agents 0.24.0: strict schemas make every optional parameter required, and none of them
# nullable.
#
# `mcp_config={"convert_schemas_to_strict": True}` uses this conversion. The model has to send "", 0 or
# [] for parameters without a value, so a server has to treat these as omitted.
#
# Output seen:
#   {"type": "object", "properties": {"limit": {"type": "integer"}}, "additionalProperties": false, "required": ["limit"]}
source "$(dirname "$0")/lib/setup.sh"
python_packages openai-agents==0.24.0
python - <<'PY'
import json

from agents.strict_schema import ensure_strict_json_schema

strict = ensure_strict_json_schema({"type": "object", "properties": {"limit": {"type": "integer"}}})
print(json.dumps(strict))
assert strict["required"] == ["limit"]
assert strict["properties"]["limit"] == {"type": "integer"}
PY
