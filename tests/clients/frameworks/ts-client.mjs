import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { SERVER, callTool, converse } from "./setting.mjs";

const client = new Client({ name: "test", version: "1" });
await client.connect(new StdioClientTransport({ command: SERVER }));
await converse((await client.listTools()).tools, (name, args) => callTool(client, name, args));
await client.close();
