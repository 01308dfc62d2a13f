#!/usr/bin/env bash
# @openai/agents 0.20.0 (TypeScript): connecting to a server over stdio starts its command twice.
#
# The first process reports its revision and is stopped; the second is used. A server that starts
# slowly, prompts at startup, or takes a lock does so twice.
#
# Output seen:
#   starts: 2
source "$(dirname "$0")/lib/setup.sh"
node_packages @openai/agents@0.20.0
cat >connect.mjs <<'JS'
import { MCPServerStdio } from "@openai/agents";

const server = new MCPServerStdio({ name: "test", command: process.argv[2], args: [process.argv[3], "log"] });
await server.connect();
await server.close();
JS
node connect.mjs "$(command -v python)" "$PYTHONPATH/stand_in.py"
starts=$(grep -c started log)
echo "starts: $starts"
[ "$starts" = 2 ]
