import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport as Stdio } from "@ai-sdk/mcp/mcp-stdio";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs } from "ai";
import { MODEL, MODEL_URL, SERVER, TASK } from "./setting.mjs";

const client = await createMCPClient({ transport: new Stdio({ command: SERVER }) });
const model = createOpenAICompatible({ name: "test", baseURL: `${MODEL_URL}/v1` })(MODEL);
await generateText({ model, tools: await client.tools(), stopWhen: stepCountIs(10), prompt: TASK });
await client.close();
