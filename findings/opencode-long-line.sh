#!/usr/bin/env bash
# opencode 1.18.33: the model receives nothing of an answer that is one line of 60 KB.
#
# Results above about 50 KB are truncated at whole lines. JSON is usually one line, and then no line
# is left. The same text in several lines is shown up to the limit.
#
# Output seen:
#   one line: 0 of 1000 items, ...59999 bytes truncated...
#   in lines: 853 of 1000 items
source "$(dirname "$0")/lib/setup.sh"
node_packages opencode-ai@1.18.33
python - <<'PY'
import json
import os
import re
import subprocess
from pathlib import Path

import stand_in
from model import Model


def ask(separator):
    """Returns what the model reads of a thousand items of 60 bytes."""
    text = separator.join(f"item-{number:04} " + "x" * (60 - 10 - len(separator)) for number in range(1000))
    Path("result").write_text(json.dumps({"content": [{"type": "text", "text": text}]}))
    model = Model([{"city": "Oslo"}])
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": model.url, "apiKey": "none"},
        "models": {"test": {"name": "test", "tool_call": True, "limit": {"context": 1000000, "output": 10000}}},
    }
    command = ["python", stand_in.__file__, "log", "result"]
    server = {"type": "local", "command": command, "environment": {"PATH": os.environ["PATH"]}}
    config = {"provider": {"test": provider}, "autoupdate": False, "mcp": {"test": server}}
    Path("opencode.json").write_text(json.dumps(config))
    off = {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}
    environment = {**os.environ, **off, "HOME": os.getcwd()}
    subprocess.run(
        ["node_modules/.bin/opencode", "run", "--model", "test/test", "How is the weather?"],
        env=environment, check=True, timeout=120, stdin=subprocess.DEVNULL, capture_output=True,
    )
    return str(model.read[0])


one, lines = ask(" "), ask("\n")
notice = re.search(r"\.\.\..*truncated\.\.\.", one)
print(f"one line: {one.count('item-')} of 1000 items, {notice and notice[0]}")
print(f"in lines: {lines.count('item-')} of 1000 items")
assert one.count("item-") == 0
assert 0 < lines.count("item-") < 1000
PY
