// An adapter for a runtime that answers each line with a line.
//
// It starts the program of its grant `agent`, writes each prompt to it as one line, and gives back the one line that
// comes. With `command = ["cat"]` the answer is the prompt.
//
// What the contract (wit/v0.1) calls `open-binding` is `{ tag: "open-binding", val: { … } }` here, its field `native-id`
// is `nativeId`, and what may be absent is `undefined`. Every number is a plain number: the contract has no 64-bit
// integer, so there is never a BigInt. Nothing may wait: no `await`, no `setTimeout`; ask the host for a timer.

// Milliseconds that the runtime may take for one answer.
const ANSWER_MS = 30_000;
// Bytes of one answer: a longer line is given up before it fills the worker's memory.
const LINE_BYTES_MAX = 4 * 1024 * 1024;

export class LineAdapter {
  #log;
  #opCount = 0;
  #bindingCount = 0;
  // "new", "starting", "running", "over": what is known of the process.
  #state = "new";
  // The op of the process, until it has ended.
  #agent;
  #stopping = false;
  #line = new Line();
  // The attempt that runs: { id, timer, line, isWritten }.
  #attempt;
  #outputs = [];

  constructor(log) {
    this.#log = log;
  }

  describe() {
    return {
      adapterId: "line-adapter",
      version: "0.1.0",
      title: "One line, one answer (JavaScript)",
      protocol: "lines",
      capabilities: {
        resume: "none",
        cancellation: "unsupported",
        restart: "bindings-lost",
        recovery: "host",
        pinnedWorker: true,
        bindingsPerWorker: 1,
        attemptsPerWorker: 1,
        modelSwitching: false,
        artifacts: false,
        tools: false,
        extra: "",
      },
      grants: [
        {
          name: "agent",
          capability: { tag: "process" },
          operation: "spawn",
          pattern: "*",
          reason: "Runs the program that answers.",
          optional: false,
          extra: "",
        },
      ],
      configSchema: "",
      extra: "",
    };
  }

  handle(_nowMs, inputs) {
    this.#outputs = [];
    for (const input of inputs) this.#take(input);
    return this.#outputs;
  }

  #take({ tag, val }) {
    switch (tag) {
      case "start":
        return this.#start();
      case "spawned":
        if (val.op !== this.#agent || this.#state !== "starting") return;
        this.#state = "running";
        return this.#send("ready", { runtime: "" });
      case "open-binding":
        return this.#send("binding-opened", {
          binding: val.binding,
          nativeId: `line-${++this.#bindingCount}`,
          fidelity: "none",
          effectiveMcp: [],
          model: undefined,
        });
      case "resume-binding":
        return this.#send("binding-failed", {
          binding: val.binding,
          failure: failure("stale", "not_kept", "a session of lines ends with its worker"),
        });
      case "execute-attempt":
        return this.#execute(val);
      case "cancel-attempt":
        // The runtime cannot be told, so nothing is claimed, and the attempt goes on.
        return this.#send("cancel-answer", {
          attempt: val.attempt,
          dispatched: false,
          acknowledged: false,
          message: "the program cannot be told to stop",
        });
      case "stdout":
        if (val.op === this.#agent) this.#hear(val);
        return;
      case "stdin-progress":
        if (val.op === this.#agent) this.#write();
        return;
      case "timer":
        if (val === this.#attempt?.timer) {
          this.#attempt.timer = undefined;
          this.#fail("timed_out", `no answer within ${ANSWER_MS / 1000} seconds`);
        }
        return;
      case "refused":
        return this.#refused(val);
      case "exited":
        if (val.op === this.#agent) this.#exited(val);
        return;
      case "stop":
        this.#stopping = true;
        this.#fail("stopped", "the worker was told to stop");
        if (this.#state === "running") this.#send("close-stdin", { process: this.#agent });
        return;
      default:
        // Everything else answers what this adapter does not ask, or comes from a later version of the host.
        return;
    }
  }

  #start() {
    if (this.#state !== "new") return;
    this.#state = "starting";
    this.#agent = this.#op();
    this.#send("spawn", {
      op: this.#agent,
      scope: { tag: "worker" },
      grant: "agent",
      command: undefined,
      args: [],
      env: [],
      cwd: undefined,
      // Whole lines; 0 means that the host chooses how large a piece of a line may be.
      stdout: { tag: "lines", val: 0 },
    });
  }

  #execute({ attempt, prompt }) {
    if (this.#attempt) return this.#finish(attempt, failed("busy", "another attempt runs"));
    if (this.#state !== "running") return this.#finish(attempt, failed("agent_ended", "the program does not run"));
    const texts = prompt.map(textOf);
    if (texts.includes(undefined)) {
      return this.#finish(attempt, failed("prompt_unsupported", "a line holds nothing but text", "fatal"));
    }
    const text = texts.join(" ").replace(/[\r\n]/g, " ");
    const timer = this.#op();
    this.#attempt = { id: attempt, timer, line: new TextEncoder().encode(`${text}\n`), isWritten: false };
    this.#send("set-timer", { op: timer, scope: { tag: "attempt", val: attempt }, afterMs: ANSWER_MS });
    this.#write();
  }

  #write() {
    if (!this.#attempt || this.#attempt.isWritten) return;
    this.#attempt.isWritten = true;
    this.#send("write-stdin", { process: this.#agent, parts: [{ tag: "bytes", val: this.#attempt.line }] });
  }

  #hear({ data, end }) {
    this.#line.push(data);
    const isWhole = end === "newline" || (end === "eof" && !this.#line.isEmpty);
    if (isWhole) this.#answer(this.#line.take());
    if (end === "eof") {
      this.#state = "over";
      this.#fail("agent_ended", "the program closed its output");
    }
  }

  #answer(line) {
    if (!this.#attempt) return this.#log("debug", "a line that no prompt waits for is left out");
    if (line === undefined) {
      return this.#fail("line_too_long", `the answer is longer than ${LINE_BYTES_MAX} bytes`, "fatal");
    }
    const attempt = this.#attempt.id;
    const delta = { message: "answer", text: line, extra: "" };
    this.#send("attempt-event", { attempt, event: { tag: "message-delta", val: delta } });
    this.#send("attempt-event", { attempt, event: { tag: "message-end", val: "answer" } });
    this.#end({ tag: "succeeded", val: { stopReason: "end_turn", extra: "" } });
  }

  #refused({ op, why }) {
    const reason = why.val ?? why.tag;
    if (op === this.#agent && this.#state === "starting") {
      this.#state = "over";
      this.#send("fault", { failure: failure("fatal", "spawn_refused", `the program was not started: ${reason}`) });
    } else if (op === this.#agent && this.#attempt) {
      // For `write-stdin` the op is that of the process. With `would-block`, `stdin-progress` says when to write again.
      this.#attempt.isWritten = false;
      if (why.tag !== "would-block") this.#fail("not_written", `the prompt was not written: ${reason}`);
    } else if (op === this.#attempt?.timer) {
      this.#attempt.timer = undefined;
      this.#fail("no_timer", `the time of the answer cannot be limited: ${reason}`);
    }
  }

  #exited({ exit, stderrTail }) {
    const how = exit.val === undefined ? exit.tag : `${exit.tag} ${exit.val}`;
    this.#log("info", `the program ended (${how}): ${stderrTail}`);
    this.#state = "over";
    // Its number stands for nothing any more.
    this.#agent = undefined;
    this.#fail("agent_ended", `the program ended (${how})`);
    if (this.#stopping) return;
    this.#send("fault", { failure: failure("retryable", "agent_ended", `the program ended (${how})`) });
  }

  #fail(code, message, kind = "retryable") {
    if (this.#attempt) this.#end(failed(code, message, kind));
  }

  // Ends the attempt that runs.
  #end(outcome) {
    const { id, timer } = this.#attempt;
    this.#attempt = undefined;
    if (timer !== undefined) this.#outputs.push({ tag: "clear-timer", val: timer });
    this.#finish(id, outcome);
  }

  #finish(attempt, outcome) {
    this.#send("attempt-finished", { attempt, outcome, usage: undefined });
  }

  // Every record of the contract has `extra`.
  #send(tag, val) {
    this.#outputs.push({ tag, val: { ...val, extra: "" } });
  }

  // The number of a new effect: never used twice within the worker.
  #op() {
    return ++this.#opCount;
  }
}

// One line that comes in pieces. It stays bytes until it is whole: a character may be cut in two between pieces, and a
// decoder that was given half of one would have to be kept, and reset, for every line.
class Line {
  #pieces = [];
  #bytes = 0;

  get isEmpty() {
    return this.#bytes === 0;
  }

  push(data) {
    this.#bytes += data.length;
    // The rest of a line that is too long is counted and not kept.
    if (this.#bytes > LINE_BYTES_MAX) this.#pieces = [];
    else this.#pieces.push(data);
  }

  // The line, or undefined if it was too long. What comes next begins a new one.
  take() {
    const bytes = new Uint8Array(this.#bytes > LINE_BYTES_MAX ? 0 : this.#bytes);
    const isTooLong = this.#bytes > LINE_BYTES_MAX;
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#bytes = 0;
    // Bytes that are not UTF-8 become U+FFFD (`fatal` would throw), and a byte order mark is part of what was said.
    return isTooLong ? undefined : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }
}

// A piece of a prompt as text, or undefined where a line cannot say it.
function textOf({ tag, val }) {
  switch (tag) {
    case "text":
      return val;
    case "link":
      return val.uri;
    case "embedded":
      return val.text;
    default:
      return undefined;
  }
}

function failure(kind, code, message) {
  return { tag: kind, val: { code, message, extra: "" } };
}

function failed(code, message, kind = "retryable") {
  return { tag: "failed", val: failure(kind, code, message) };
}
