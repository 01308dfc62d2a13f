import { Agent, MCPServerStdio, OpenAIChatCompletionsModel, run, setTracingDisabled } from "@openai/agents";
import OpenAI from "openai";
import { MODEL, MODEL_URL, SERVER, STRICT, TASK } from "./setting.mjs";

setTracingDisabled(true);
const server = new MCPServerStdio({ name: "pagerduty", command: SERVER, args: [] });
await server.connect();
const model = new OpenAIChatCompletionsModel(new OpenAI({ baseURL: `${MODEL_URL}/v1`, apiKey: "none" }), MODEL);
await run(new Agent({ name: "test", model, mcpServers: [server], mcpConfig: { convertSchemasToStrict: STRICT } }), TASK);
await server.close();
