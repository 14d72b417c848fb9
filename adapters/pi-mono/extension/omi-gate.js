// Asks the control plane before a tool of pi runs. Started with `pi -e omi-gate.js`; needs nothing but pi itself.
//
// A question is a `select` whose title is `omi-gate:` and a JSON object. Everything that is not an explicit `allow`
// blocks the tool: a refusal, a question that was cancelled, an error on the way. An aborted turn cancels the
// question, so that `abort` never waits for a person.

import { readFileSync } from "node:fs";
import { join } from "node:path";

// What a question and the announcement begin with. The adapter knows them by it.
const MARK = "omi-gate:";
const ALLOW = "allow";
const REFUSE = "refuse";

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
