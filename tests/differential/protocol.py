"""MCP messages for the comparison: valid, odd and malformed ones."""

import json
from random import Random

import bodies
from bodies import Style
from cases import BATCH, Corpus, case

FIXED = [
    '{"jsonrpc":"2.0","id":%d,"method":"ping"}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/list"}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/list","params":{"cursor":"x"}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/list","params":null}',
    '{"jsonrpc":"2.0","id":%d,"method":"resources/list"}',
    '{"jsonrpc":"2.0","id":%d,"method":"resources/templates/list","params":{}}',
    '{"jsonrpc":"2.0","id":%d,"method":"resources/read","params":{"uri":"docs://tools"}}',
    '{"jsonrpc":"2.0","id":%d,"method":"resources/read","params":{"uri":"docs://none"}}',
    '{"jsonrpc":"2.0","id":%d,"method":"prompts/list"}',
    '{"jsonrpc":"2.0","id":%d,"method":"prompts/get","params":{"name":"x"}}',
    '{"jsonrpc":"2.0","id":%d,"method":"logging/setLevel","params":{"level":"error"}}',
    '{"jsonrpc":"2.0","id":%d,"method":"completion/complete","params":{}}',
    '{"jsonrpc":"2.0","id":%d,"method":"no/such"}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call"}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"no_such"}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_teams"}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_teams",'
    '"arguments":null}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_teams",'
    '"arguments":[]}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_teams",'
    '"arguments":"x"}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":7,"arguments":{}}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_teams",'
    '"arguments":{"limit":1,"limit":2}}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_teams",'
    '"arguments":{"zzz":1}}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_teams",'
    '"arguments":{"team_id":"a b"}}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_teams",'
    '"arguments":{"limit":1e400}}}',
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_teams",'
    '"arguments":{"query":"\\ud800"}}}',
    '{"jsonrpc":"1.0","id":%d,"method":"ping"}',
    '{"id":%d,"method":"ping"}',
    '{"jsonrpc":"2.0","id":%d}',
    '{"jsonrpc":"2.0","id":%d,"result":{}}',
    '{"jsonrpc":"2.0","id":%d,"error":{"code":1,"message":"x"}}',
    '{"jsonrpc":"2.0","id":"text-%d","method":"ping"}',
    '{"jsonrpc":"2.0","id":%d.5,"method":"ping"}',
    '{"jsonrpc":"2.0","id":null,"method":"ping","n":%d}',
    '{"jsonrpc":"2.0","id":[%d],"method":"ping"}',
    '{"jsonrpc":"2.0","id":-%d,"method":"ping"}',
    '{"jsonrpc":"2.0","id":99999999999999999999%d,"method":"ping"}',
    '[{"jsonrpc":"2.0","id":%d,"method":"ping"}]',
    '[]%.0d',
    'null%.0d',
    'x%d',
    '%.0d',
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"no-%d"}}',
    '{"jsonrpc":"2.0","method":"notifications/none","params":{"n":%d}}',
]  # fmt: skip


def initialize(rng: Random) -> bytes:
    """Return an `initialize`, most often a valid one."""
    version = rng.choice(
        ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "1999-01-01", "2099-01-01"]
    )
    params = {
        "protocolVersion": version,
        "capabilities": rng.choice([{}, {"roots": {}}, {"sampling": {}, "elicitation": {}}]),
        "clientInfo": {"name": rng.choice(["diff", "claude-code", "", "x\u200b"]), "version": "1"},
    }
    if rng.random() < 0.1:
        del params[rng.choice(sorted(params))]
    return json.dumps(
        {"jsonrpc": "2.0", "id": "init", "method": "initialize", "params": params}
    ).encode()


def lines(corpus: Corpus, seed: int, number: int) -> list[bytes]:
    """Return the messages of a batch. The cases of the batch lend their arguments."""
    rng = Random(f"{seed}:protocol:{number}")
    chosen = (
        [b'{"jsonrpc":"2.0","method":"notifications/initialized"}'] if rng.random() < 0.9 else []
    )
    if rng.random() < 0.95:
        chosen.insert(0, initialize(rng))
    for at in range(BATCH * 2):
        identity = number * 100 + at
        if rng.random() < 0.5:
            line = (rng.choice(FIXED) % identity).encode()
        else:
            tool = rng.choice(corpus.scenarios)[0]
            arguments = case(corpus, seed, number * BATCH + at % BATCH).arguments
            params = {"name": tool, "arguments": arguments}
            request = {"jsonrpc": "2.0", "id": identity, "method": "tools/call", "params": params}
            tree = bodies.parse(json.dumps(request).encode())
            for _ in range(rng.choice([0, 1, 1, 2])):
                bodies.mutate(rng, tree)
            style = Style(rng)
            style.indent, style.item, style.colon = None, b",", b":"
            line = style.write(tree)
        if rng.random() < 0.1:
            line = bodies.spoil(rng, line)
        # A line break would end the message.
        chosen.append(line.replace(b"\n", b" ")[:200_000])
    return chosen
