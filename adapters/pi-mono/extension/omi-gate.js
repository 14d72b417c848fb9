// Asks the control plane before a tool of pi runs. Started with `pi -e omi-gate.js`; needs nothing but pi itself.
//
// A question is a `select` whose title is `omi-gate:` and a JSON object. Everything that is not an explicit `allow`
// blocks the tool: a refusal, a question that was cancelled, an error on the way. An aborted turn cancels the
// question, so that `abort` never waits for a person.
//
// It also brings the tools of the host, where the host has some for this session: pi knows no MCP, so it speaks that here.
// They are asked about as any other tool is.

import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

// What a question and the announcement begin with. The adapter knows them by it.
const MARK = "omi-gate:";
const ALLOW = "allow";
const REFUSE = "refuse";

// How the tools of the host are reached: asked once, when a session begins. Whoever has none cancels the question.
const TOOLS = "omi-tools:";

// Milliseconds that the first turn waits for them at most.
const TOOLS_MS = 5000;

// Settings of a project with which a command is not what it seems to be.
const HIDDEN = ["shellPath", "shellCommandPrefix"];

// Tools of pi that change nothing. Another extension could take such a name for something else: see `isBuiltIn`.
const READ_ONLY = new Set(["read", "ls", "grep", "find"]);

// Those that pi took when it started. The adapter gives the argument to a pi that knows no trusted projects.
function hiddenSettings() {
  if (!process.argv.includes("--no-extensions")) return [];
  try {
    const settings = JSON.parse(readFileSync(join(process.cwd(), ".pi", "settings.json"), "utf-8"));
    return HIDDEN.filter((key) => settings?.[key] !== undefined);
  } catch {
    // What cannot be read, pi did not take either.
    return [];
  }
}

// The tools of the host: one connection, one message a line.
class HostTools {
  #socket;
  #pi;
  #last = 0;
  #open = new Map();
  #known = new Set();

  constructor(pi, { OMI_MCP_SOCKET: path, OMI_MCP_HANDLE: handle }) {
    this.#pi = pi;
    this.#socket = createConnection(path);
    // Nothing of pi waits for the host: neither its start nor its end.
    this.#socket.unref();
    this.#socket.on("error", () => this.#end());
    this.#socket.on("close", () => this.#end());
    createInterface({ input: this.#socket }).on("line", (line) => this.#take(line));
    this.#socket.write(`${handle}\n`);
  }

  async begin() {
    const clientInfo = { name: "omi-gate", version: "1" };
    await this.#ask("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo });
    this.#write({ method: "notifications/initialized" });
    await this.#register();
  }

  async #register() {
    const { tools } = await this.#ask("tools/list", {});
    for (const tool of tools.filter(({ name }) => !this.#known.has(name))) {
      this.#known.add(tool.name);
      const { name, description, inputSchema: parameters } = tool;
      const execute = (_id, input, signal) => this.#call(name, input, signal);
      this.#pi.registerTool({ name, label: name, description, parameters, execute });
    }
  }

  async #call(name, input, signal) {
    const result = await this.#ask("tools/call", { name, arguments: input }, signal);
    const text = result.content.map((block) => block.text ?? "").join("\n");
    // That is how pi is told that a tool failed.
    if (result.isError) throw new Error(text);
    return { content: [{ type: "text", text }], details: {} };
  }

  #ask(method, params, signal) {
    const id = ++this.#last;
    return new Promise((done, failed) => {
      if (this.#socket.destroyed) return failed(new Error("omi-agentd is gone"));
      this.#open.set(id, { done, failed });
      signal?.addEventListener("abort", () => {
        this.#write({ method: "notifications/cancelled", params: { requestId: id } });
        this.#open.delete(id);
        failed(new Error("cancelled"));
      });
      this.#write({ id, method, params });
    });
  }

  #write(message) {
    this.#socket.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  #take(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return this.#socket.destroy();
    }
    if (message.method === "notifications/tools/list_changed") return void this.#register().catch(() => {});
    const asked = this.#open.get(message.id);
    this.#open.delete(message.id);
    if (message.error) asked?.failed(new Error(message.error.message));
    else asked?.done(message.result);
  }

  #end() {
    for (const { failed } of this.#open.values()) failed(new Error("omi-agentd is gone"));
    this.#open.clear();
  }
}

export default function omiGate(pi) {
  // The adapter looks for this name: without it nothing would ask.
  pi.registerCommand("omi-gate", {
    description: "Asks the control plane before a tool runs. Nothing to call.",
    handler: async () => {},
  });

  const hidden = hiddenSettings();

  // Another extension may have put a tool of its own behind the name of a harmless one.
  const isBuiltIn = (name) =>
    pi.getAllTools().find((one) => one.name === name)?.sourceInfo?.source === "builtin";

  // Nothing waits for it but the first turn, so that what cannot be reached does not keep pi from its work.
  let reached;
  pi.on("session_start", async (_event, ctx) => {
    // A person at pi's own screen has nothing to answer to this.
    if (!process.argv.includes("rpc")) return;
    reached = (async () => {
      const told = await ctx.ui.input(TOOLS);
      if (told) await new HostTools(pi, JSON.parse(told)).begin();
    })().catch(() => {});
  });
  pi.on("before_agent_start", async () => {
    await Promise.race([reached, new Promise((late) => setTimeout(late, TOOLS_MS).unref())]);
  });

  pi.on("tool_call", async (event, ctx) => {
    try {
      if (READ_ONLY.has(event.toolName) && isBuiltIn(event.toolName)) return undefined;
      if (event.toolName === "bash" && hidden.length > 0 && typeof ctx.isProjectTrusted !== "function") {
        const reason = `.pi/settings.json has ${hidden.join(" and ")}: what runs is not what would be asked for.`;
        return { block: true, reason };
      }
      const question = { tool: event.toolName, call: event.toolCallId, input: event.input };
      const title = MARK + JSON.stringify(question);
      const answer = await ctx.ui.select(title, [ALLOW, REFUSE], { signal: ctx.signal });
      if (answer === ALLOW) return undefined;
      const reason = answer === REFUSE ? "It was not allowed." : "Nobody allowed it: the question was cancelled.";
      return { block: true, reason };
    } catch (error) {
      return { block: true, reason: `It could not be asked whether this is allowed: ${error?.message ?? error}` };
    }
  });
}
