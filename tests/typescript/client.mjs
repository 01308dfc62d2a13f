// The official TypeScript client, driven by lines of JSON: {id, method, arguments} in, {id, result} or {id, error} out.
// The first line connects: {url, headers, mode, elicitation}. The client gives the answer `elicitation` to each question.

import { createInterface } from "node:readline";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const write = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const { url, headers, mode, elicitation } = JSON.parse((await lines.next()).value);
const negotiation = mode === "legacy" || mode === "auto" ? mode : { pin: mode };
const capabilities = elicitation ? { elicitation: { form: {} } } : {};
const about = { name: "test", version: "1" };
const client = new Client(about, { capabilities, versionNegotiation: { mode: negotiation } });
if (elicitation) client.setRequestHandler("elicitation/create", () => elicitation);
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
write({
  protocol_version: client.getNegotiatedProtocolVersion(),
  server_info: client.getServerVersion(),
  instructions: client.getInstructions(),
});

const methods = {
  list_tools: () => client.listTools(),
  call_tool: (name, args, timeout) => client.callTool({ name, arguments: args }, { timeout: timeout * 1000 }),
  list_resources: () => client.listResources(),
  read_resource: (uri) => client.readResource({ uri }),
};

const answer = async ({ id, method, arguments: args }) => {
  try {
    write({ id, result: await methods[method](...args) });
  } catch (error) {
    write({ id, error: { code: error.code, message: error.message } });
  }
};

for await (const line of lines) answer(JSON.parse(line));
await client.close();
