// Settings from `tests/clients/run`, and a conversation for libraries that have no agent.

export const SERVER = process.env.CLIENT_SERVER; // The command of the MCP server; it takes no arguments.
export const MODEL_URL = process.env.CLIENT_MODEL_URL; // The address of the scripted model.
export const MODEL = "scripted";
export const STRICT = process.env.CLIENT_STRICT === "1"; // Turns the framework's strict schemas on.
export const TASK = "Look after the incidents.";

// Plays an agent: `tools` as MCP lists them, `call` runs one and returns what the model is to read.
export async function converse(tools, call) {
  const functions = tools.map(({ name, description, inputSchema: parameters }) => ({
    type: "function",
    function: { name, description, parameters },
  }));
  const messages = [{ role: "user", content: TASK }];
  for (;;) {
    const body = JSON.stringify({ model: MODEL, messages, tools: functions });
    const response = await fetch(`${MODEL_URL}/v1/chat/completions`, { method: "POST", body });
    const { message } = (await response.json()).choices[0];
    messages.push(message);
    if (!message.tool_calls) return;
    for (const { id, function: asked } of message.tool_calls) {
      const content = await call(asked.name, JSON.parse(asked.arguments));
      messages.push({ role: "tool", tool_call_id: id, content });
    }
  }
}

// Runs one tool of the official client; a failure of the client reaches the model as text.
export async function callTool(client, name, args) {
  try {
    const result = await client.callTool({ name, arguments: args });
    return result.content.map((block) => block.text).join("");
  } catch (error) {
    return String(error);
  }
}
