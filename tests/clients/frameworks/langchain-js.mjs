import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent } from "langchain";
import { MODEL, MODEL_URL, SERVER, TASK } from "./setting.mjs";

const client = new MultiServerMCPClient({ mcpServers: { pagerduty: { transport: "stdio", command: SERVER, args: [] } } });
const model = new ChatOpenAI({ model: MODEL, apiKey: "none", configuration: { baseURL: `${MODEL_URL}/v1` } });
await createAgent({ model, tools: await client.getTools() }).invoke({ messages: [{ role: "user", content: TASK }] });
await client.close();
