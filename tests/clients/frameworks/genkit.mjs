import { openAICompatible } from "@genkit-ai/compat-oai";
import { createMcpHost } from "@genkit-ai/mcp";
import { genkit } from "genkit";
import { MODEL, MODEL_URL, SERVER, TASK } from "./setting.mjs";

const ai = genkit({ plugins: [openAICompatible({ name: "test", apiKey: "none", baseURL: `${MODEL_URL}/v1` })] });
const host = createMcpHost({ name: "pd", mcpServers: { pagerduty: { command: SERVER, args: [] } } });
const tools = await host.getActiveTools(ai);
await ai.generate({ model: `test/${MODEL}`, prompt: TASK, tools, maxTurns: 10 });
await host.close();
