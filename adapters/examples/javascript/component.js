// What omi-agentd calls. The adapter itself is in adapter.js; this file keeps its errors from being lost.
//
// An error that leaves `handle` is a trap: the worker ends, and nobody learns why. So it is caught here, written to the
// log, and becomes a `fault`, which ends the worker with a reason.
//
// The top level of every module runs once, when the component is built: what it makes is the start of each worker.
// The log cannot be called there.

import { write } from "omi:runtime-adapter/log@0.1.0";
import { LineAdapter } from "./adapter.js";

const adapter = new LineAdapter(write);
let broken = false;

export const runtimeAdapter = {
  describe() {
    try {
      return adapter.describe();
    } catch (error) {
      write("error", `describe: ${told(error)}`);
      throw error;
    }
  },

  handle(nowMs, inputs) {
    // After a fault nothing is said any more: the worker is about to end.
    if (broken) return [];
    try {
      return adapter.handle(nowMs, inputs);
    } catch (error) {
      broken = true;
      write("error", `handle: ${told(error)}`);
      return [fault(error)];
    }
  },
};

// The log is for the author, and is not kept. The innermost calls say where it was.
function told(error) {
  const calls = typeof error?.stack === "string" ? error.stack.trim().split("\n").slice(0, 5).join(", ") : "";
  return `${error} (${calls})`;
}

// The fault is kept with the session: the text of an error may hold pieces of a prompt, so it is left out.
function fault(error) {
  const name = error instanceof Error ? error.name : typeof error;
  const message = `an error in the adapter (${name}); the log says which`;
  return { tag: "fault", val: { failure: { tag: "fatal", val: { code: "adapter_error", message, extra: "" } }, extra: "" } };
}
