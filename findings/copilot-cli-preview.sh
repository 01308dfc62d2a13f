#!/usr/bin/env bash
# @github/copilot 1.0.102 (Copilot CLI): the model receives 500 characters of an answer of 21 KB.
#
# Longer results are stored in a file, and the model receives its path and its beginning. An answer of
# 14 KB is shown whole, so the limit is far below that of other agents.
#
# Output seen:
#   14000 bytes: 200 of 200 items
#   21000 bytes: 8 of 300 items
source "$(dirname "$0")/lib/setup.sh"
node_packages @github/copilot@1.0.102
python - <<'PY'
import json
import os
import subprocess
from pathlib import Path

import stand_in
from model import Model


def ask(items):
    """Returns what the model reads of so many items of 70 bytes."""
    text = "\n".join(f"item-{number:04} " + "x" * 59 for number in range(items))
    Path("result").write_text(json.dumps({"content": [{"type": "text", "text": text}]}))
    model = Model([{"city": "Oslo"}])
    server = {"type": "local", "command": "python", "args": [stand_in.__file__, "log", "result"], "tools": ["*"]}
    Path(".copilot").mkdir(exist_ok=True)
    Path(".copilot/mcp-config.json").write_text(json.dumps({"mcpServers": {"test": server}}))
    own = {"COPILOT_OFFLINE": "true", "COPILOT_PROVIDER_BASE_URL": model.url, "COPILOT_PROVIDER_API_KEY": "none"}
    subprocess.run(
        ["node_modules/.bin/copilot", "--allow-all-tools", "--model", "test", "--prompt", "How is the weather?"],
        env={**os.environ, **own, "COPILOT_MODEL": "test", "HOME": os.getcwd(), "TMPDIR": os.getcwd()},
        check=True, timeout=120, stdin=subprocess.DEVNULL, capture_output=True,
    )
    return str(model.read[0])


whole, preview = ask(200), ask(300)
print(f"14000 bytes: {whole.count('item-')} of 200 items")
print(f"21000 bytes: {preview.count('item-')} of 300 items")
assert whole.count("item-") == 200
assert preview.count("item-") < 20
PY
