// The adapter without WebAssembly: inputs as the host gives them, outputs as it gets them. `npm test` runs it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LineAdapter } from "./adapter.js";

const AGENT = 1;

// An adapter, and a way to give it one input with a record.
function made() {
  const adapter = new LineAdapter(() => {});
  const send = (tag, val) => adapter.handle(0, [{ tag, val: typeof val === "object" ? { ...val, extra: "" } : val }]);
  return { adapter, send };
}

// One whose program runs, with an open binding.
function started() {
  const { adapter, send } = made();
  assert.deepEqual(tags(send("start", {})), ["spawn"]);
  assert.deepEqual(tags(send("spawned", { op: AGENT })), ["ready"]);
  assert.equal(send("open-binding", { binding: 1 })[0].val.nativeId, "line-1");
  return { adapter, send };
}

const tags = (outputs) => outputs.map(({ tag }) => tag);
const bytes = (text) => new TextEncoder().encode(text);
const prompt = (text) => ({ attempt: 7, binding: 1, prompt: [{ tag: "text", val: text }] });
const said = (text, end = "newline") => ({ op: AGENT, data: bytes(text), end });
const find = (outputs, tag) => outputs.find((output) => output.tag === tag)?.val;
const code = (outputs) => find(outputs, "attempt-finished").outcome.val.val.code;

test("a prompt is one line and its answer is one line", () => {
  const { send } = started();
  const outputs = send("execute-attempt", prompt("hello\nyou"));
  assert.deepEqual(find(outputs, "write-stdin").parts, [{ tag: "bytes", val: bytes("hello you\n") }]);
  const answered = send("stdout", said("hello yourself"));
  assert.equal(find(answered, "attempt-event").event.val.text, "hello yourself");
  assert.equal(find(answered, "attempt-finished").outcome.tag, "succeeded");
  assert.equal(find(answered, "clear-timer"), find(outputs, "set-timer").op);
});

test("a line in pieces is whole, whatever was cut and whatever is no text", () => {
  const { send } = started();
  send("execute-attempt", prompt("hello"));
  const euro = bytes("€");
  assert.deepEqual(send("stdout", { op: AGENT, data: euro.slice(0, 1), end: "split" }), []);
  assert.deepEqual(send("stdout", { op: AGENT, data: new Uint8Array([...euro.slice(1), 0xff]), end: "split" }), []);
  assert.equal(find(send("stdout", said("")), "attempt-event").event.val.text, "€\u{fffd}");
});

test("what the host has no room for is written when it has", () => {
  const { send } = started();
  send("execute-attempt", prompt("hello"));
  assert.deepEqual(send("refused", { op: AGENT, why: { tag: "would-block" } }), []);
  assert.deepEqual(tags(send("stdin-progress", { op: AGENT, accepted: 1, queued: 0 })), ["write-stdin"]);
  assert.deepEqual(send("stdin-progress", { op: AGENT, accepted: 6, queued: 0 }), []);
});

test("no answer in time, a line too long, and the end of the program end the attempt", () => {
  const late = started();
  const timer = find(late.send("execute-attempt", prompt("hello")), "set-timer").op;
  assert.equal(code(late.send("timer", timer)), "timed_out");
  assert.deepEqual(late.send("timer", timer), []);
  assert.deepEqual(late.send("stdout", said("too late")), []);

  const long = started();
  long.send("execute-attempt", prompt("hello"));
  long.send("stdout", { op: AGENT, data: new Uint8Array(5_000_000), end: "split" });
  assert.equal(code(long.send("stdout", said("end"))), "line_too_long");

  const ended = started();
  ended.send("execute-attempt", prompt("hello"));
  const exit = { op: AGENT, exit: { tag: "code", val: 3 }, stderrTail: "" };
  const outputs = ended.send("exited", exit);
  assert.equal(code(outputs), "agent_ended");
  assert.equal(find(outputs, "fault").failure.tag, "retryable");
  assert.deepEqual(ended.send("exited", exit), []);
  assert.equal(code(ended.send("execute-attempt", prompt("hello"))), "agent_ended");
});

test("a program that is not started, and a prompt that is not written, are failures", () => {
  const { send } = made();
  send("start", {});
  const refused = { op: AGENT, why: { tag: "denied", val: "no grant" } };
  assert.equal(find(send("refused", refused), "fault").failure.val.code, "spawn_refused");

  const running = started();
  running.send("execute-attempt", prompt("hello"));
  assert.equal(code(running.send("refused", refused)), "not_written");
  const picture = { tag: "image", val: { mimeType: "image/png", data: 1, size: 3, extra: "" } };
  assert.equal(code(running.send("execute-attempt", { ...prompt(""), prompt: [picture] })), "prompt_unsupported");
});

test("a cancellation claims nothing, and a native session is not taken up again", () => {
  const { send } = started();
  send("execute-attempt", prompt("hello"));
  const { dispatched, acknowledged } = find(send("cancel-attempt", { attempt: 7 }), "cancel-answer");
  assert.deepEqual([dispatched, acknowledged], [false, false]);
  assert.equal(find(send("resume-binding", { binding: 2 }), "binding-failed").failure.tag, "stale");
});

test("what it does not know is ignored, and nothing is started after the stop", () => {
  const { adapter, send } = started();
  assert.deepEqual(adapter.handle(0, []), []);
  assert.deepEqual(send("extension", { name: "other.thing", json: "{}" }), []);
  assert.deepEqual(send("of-a-later-version", {}), []);
  assert.deepEqual(send("spawned", { op: AGENT }), []);
  send("execute-attempt", prompt("hello"));
  const stopped = send("stop", { reason: "idle", graceMs: 1 });
  assert.equal(code(stopped), "stopped");
  assert.deepEqual(tags(stopped), ["clear-timer", "attempt-finished", "close-stdin"]);
  assert.deepEqual(send("exited", { op: AGENT, exit: { tag: "code", val: 0 }, stderrTail: "" }), []);
});
