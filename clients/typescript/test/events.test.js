/** What `events.ts` makes of a connection that drops, repeats, cuts, falls silent or says something else. */

import assert from "node:assert/strict";
import { test as untimed } from "node:test";

import { follow } from "../dist/index.js";
import { delta, drip, drop, event, hold, live, piece, problem, script } from "./server.js";

/** None takes longer than this, even on a busy machine: what waits for ever has failed. */
const test = (name, body) => untimed(name, { timeout: 60_000 }, body);

/** Everything up to one of a kind; what a connection does is left out. */
async function upTo(options, kind) {
  const all = [];
  for await (const told of follow(options)) {
    if (told.type !== "connection") all.push(told);
    if (told.kind === kind) return all;
  }
  return all;
}

const cursors = (all) => all.filter((told) => told.type === "event").map((told) => told.cursor);
const text = (all) => all.filter((told) => told.type === "text").map((told) => told.text).join("");
const queries = (server) => server.asked.map(({ url }) => new URL(url, "http://x").search);

test("a dropped connection goes on after the last cursor, and nothing is told twice", async (t) => {
  const server = await script(
    t,
    drop(event(1, "run.queued"), delta(2, 0, "one "), piece(4, "two ")),
    drop(event(1, "run.queued"), delta(2, 0, "one "), delta(3, 4, "two "), "id: 4\nevent: run.running\ndata: {\"cut"),
    problem(503, "ending"),
    hold(event(4, "run.running"), delta(5, 8, "three"), event(6, "message.completed", { message: "m", text: "one two three" }), event(7, "run.succeeded")),
  );
  const all = await upTo({ ...server, after: 0, session: "s" }, "run.succeeded");
  assert.deepEqual(cursors(all), [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(text(all), "one two three");
  assert.deepEqual(queries(server), ["?after=0", "?after=2", "?after=3", "?after=3"]);
  assert.ok(server.asked.every(({ url }) => url.startsWith("/v1/sessions/s/events")));
  assert.ok(server.asked.every(({ headers }) => headers.authorization === "Bearer k"));
});

test("text is put together by its places in bytes, whichever way it comes", async (t) => {
  const server = await script(
    t,
    hold(
      piece(0, "grüß"),
      piece(0, "grüß"),
      piece(20, "too early"),
      delta(1, 0, "grüße 🐚"),
      piece(8, "🐚 und"),
      live("text_delta", { message: "other", offset: 0, text: "aside" }),
      event(2, "message.completed", { message: "m", text: "grüße 🐚 und mehr" }),
      piece(8, "🐚 und"),
      event(3, "run.succeeded"),
    ),
  );
  const all = await upTo(server, "run.succeeded");
  const pieces = all.filter((told) => told.type === "text" && told.message === "m").map((told) => told.text);
  assert.deepEqual(pieces, ["grüß", "e 🐚", " und", " mehr"]);
  assert.equal(text(all.filter((told) => told.message === "other")), "aside");
});

test("who comes in the middle of a message gets it whole once it is", async (t) => {
  const server = await script(t, hold(delta(8, 10, "end"), event(9, "message.completed", { message: "m", text: "beginning end" }), event(10, "run.succeeded")));
  const all = await upTo({ ...server, after: 7 }, "run.succeeded");
  assert.deepEqual(all.map((told) => told.type), ["event", "text", "event", "event"]);
  assert.equal(text(all), "beginning end");
});

test("a gap is told, once where every connection repeats it", async (t) => {
  const gap = (reason) => live("gap", { afterCursor: 3, throughCursor: 9, reason });
  const server = await script(t, drop(gap("retention")), hold(gap("retention"), gap("slow"), event(10, "run.succeeded")));
  const all = await upTo({ ...server, after: 3 }, "run.succeeded");
  const told = (reason) => ({ type: "gap", after: 3, through: 9, reason });
  assert.deepEqual(all.slice(0, -1), [told("retention"), told("slow")]);
  assert.deepEqual(queries(server), ["?after=3", "?after=3"]);
});

test("in another record it goes on from where that one is", async (t) => {
  const server = await script(
    t,
    drop(event(50, "run.queued"), piece(0, "old")),
    drop(live("gap", { afterCursor: 4, throughCursor: 50, reason: "unknown" })),
    hold(event(5, "run.queued"), piece(0, "new"), event(6, "run.succeeded")),
  );
  const all = await upTo({ ...server, after: 49 }, "run.succeeded");
  assert.deepEqual(cursors(all), [50, 5, 6]);
  assert.equal(text(all), "oldnew");
  assert.deepEqual(queries(server), ["?after=49", "?after=50", "?after=4"]);
});

test("a drop before there is a cursor is a gap", async (t) => {
  const server = await script(t, drop(":\n\n"), hold(event(5, "run.succeeded")));
  const all = await upTo(server, "run.succeeded");
  assert.deepEqual(all[0], { type: "gap", reason: "no_cursor" });
  assert.deepEqual(queries(server), ["", ""]);
});

test("a silent connection is made again, one that gives signs of life is not", async (t) => {
  const alive = (response) => {
    hold()(response);
    let count = 0;
    const timer = setInterval(() => {
      response.write(":\n\n");
      if (++count < 12) return;
      clearInterval(timer);
      response.write(event(1, "run.succeeded"));
    }, 100);
  };
  const server = await script(t, () => {}, hold(), alive);
  const all = [];
  for await (const told of follow({ ...server, silentMs: 600, after: 0 })) {
    all.push(told);
    if (told.type === "event") break;
  }
  const lost = { type: "connection", open: false, why: "nothing came for 600 ms" };
  const open = { type: "connection", open: true };
  assert.deepEqual(all.slice(0, -1), [lost, open, lost, open], "neither a head nor a byte, then twelve signs of life");
  assert.equal(server.asked.length, 3);
});

test("a caller that takes its time is no silent daemon", async (t) => {
  const server = await script(t, hold(event(1, "run.queued"), event(2, "run.running")), hold(event(3, "run.succeeded")));
  const all = follow({ ...server, silentMs: 200, after: 0 });
  const next = async () => (await all.next()).value;
  assert.equal((await next()).open, true);
  assert.equal((await next()).cursor, 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal((await next()).cursor, 2);
  assert.equal((await next()).open, false);
  await all.return();
});

test("characters and lines may be cut anywhere", async (t) => {
  const server = await script(
    t,
    drip("\uFEFF: hello\r\n\r\nid:1\r\nevent: one\r\ndata: {\"a\":\r\ndata: \"🐚ü\"}\r\n\r\nid: 2\revent: two\rdata: {}\r\rignored\nid: 3\nevent: three\ndata: {}\n\n"),
  );
  const all = await upTo({ ...server, after: 0 }, "three");
  assert.deepEqual(all.map(({ cursor, kind, data }) => [cursor, kind, data]), [[1, "one", { a: "🐚ü" }], [2, "two", {}], [3, "three", {}]]);
});

test("a signal ends it at once, wherever it is, and closes the connection", async (t) => {
  let closed;
  const gone = new Promise((resolve) => (closed = resolve));
  const reading = (response) => {
    response.on("close", closed);
    hold(event(1, "run.queued"))(response);
  };
  // While it reads, while it waits for an answer, and while it waits to try again.
  for (const [step, isThere] of [
    [reading, (told) => told.type === "event"],
    [() => {}, undefined],
    [problem(503, "ending"), (told) => told.open === false],
  ]) {
    const server = await script(t, step);
    const controller = new AbortController();
    const all = [];
    const following = (async () => {
      const forever = { retryMs: 1_000_000, retryMaxMs: 1_000_000 };
      for await (const told of follow({ ...server, ...forever, after: 0, signal: controller.signal })) all.push(told);
    })();
    while (server.asked.length === 0 || (isThere && !all.some(isThere))) await new Promise(setImmediate);
    controller.abort();
    await following;
  }
  await gone;
  const before = [];
  for await (const told of follow({ url: "http://127.0.0.1:1", key: "k", signal: AbortSignal.abort() })) before.push(told);
  assert.deepEqual(before, []);
});

test("a loop that is left closes the connection", async (t) => {
  let closed;
  const gone = new Promise((resolve) => (closed = resolve));
  const server = await script(t, (response) => {
    response.on("close", closed);
    hold(event(1, "run.queued"))(response);
  });
  await upTo({ ...server, after: 0 }, "run.queued");
  await gone;
});

test("what is refused for good is thrown, what may pass is tried again", async (t) => {
  const refused = await script(t, problem(401, "unauthorized"));
  await assert.rejects(upTo(refused, "never"), { name: "Refused", status: 401, code: "unauthorized", message: "it is unauthorized" });
  assert.equal(refused.asked.length, 1);
  const passing = await script(t, problem(500, "internal"), problem(429, "busy"), (response) => response.destroy(), hold(event(1, "run.succeeded")));
  assert.deepEqual(cursors(await upTo({ ...passing, after: 0 }, "run.succeeded")), [1]);
  assert.equal(passing.asked.length, 4);
  const page = await script(t, (response) => response.end("<html>"));
  await assert.rejects(upTo(page, "never"), { code: "no_events" });
  const broken = await script(t, hold("event: x\ndata: {\n\n"));
  await assert.rejects(upTo(broken, "never"), SyntaxError);
});

test("each new try waits longer, up to a limit, and by chance", async (t) => {
  const chances = [0, 0.5, 1, 0, 0.5];
  t.mock.method(Math, "random", () => chances.shift());
  const waits = [];
  const real = globalThis.setTimeout;
  t.mock.method(globalThis, "setTimeout", (callback, ms) => {
    if (ms < 1000) waits.push(ms);
    return real(callback, ms < 1000 ? 0 : ms);
  });
  const bad = problem(503, "ending");
  const server = await script(t, bad, bad, bad, bad, drop(":\n\n"), hold(event(1, "run.succeeded")));
  await upTo({ ...server, after: 0, retryMs: 100, retryMaxMs: 400 }, "run.succeeded");
  assert.deepEqual(waits, [50, 150, 400, 200, 75], "what was heard makes it begin anew");
});

test("what a chat shows: a failure that is cut in two is told whole", async (t) => {
  const chat = (cursor, kind, data) => `id: ${cursor}\n${live(kind, data)}`;
  const status = chat(7, "status", { status: "failed" });
  const server = await script(
    t,
    drop(live("token", { message: "m", offset: 0, text: "on" }), chat(6, "message.final", { message: "m", text: "one" }), status),
    hold(status, chat(7, "error", { code: "crashed", message: "it did" })),
  );
  const all = await upTo({ ...server, after: 0, view: "compact" }, "error");
  assert.deepEqual(all.map((told) => told.kind ?? told.text), ["on", "e", "message.final", "status", "error"]);
  assert.deepEqual(queries(server), ["?view=compact&after=0", "?view=compact&after=6"]);
});

test("thoughts, and a record that cannot be read, are told", async (t) => {
  const server = await script(t, hold(live("thinking_delta", { text: "hm" }), live("error", { code: "store_failing", message: "full" }), event(1, "run.succeeded")));
  const all = await upTo({ ...server, run: "r", session: "s" }, "run.succeeded");
  assert.deepEqual(all.slice(0, 2), [
    { type: "thought", sessionId: "s", runId: "r", attemptId: "a", text: "hm" },
    { type: "trouble", code: "store_failing", message: "full" },
  ]);
  assert.equal(server.asked[0].url, "/v1/events?session=s&run=r");
});
