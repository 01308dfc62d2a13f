import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Agent } from "@mastra/core/agent";
import { MCPClient } from "@mastra/mcp";
import { MODEL, MODEL_URL, SERVER, TASK } from "./setting.mjs";

const client = new MCPClient({ servers: { pagerduty: { command: SERVER, args: [] } } });
const model = createOpenAICompatible({ name: "test", baseURL: `${MODEL_URL}/v1` })(MODEL);
const agent = new Agent({ id: "test", name: "test", instructions: TASK, model, tools: await client.listTools() });
await agent.generate(TASK, { maxSteps: 10 });
await client.disconnect();
