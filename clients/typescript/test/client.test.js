/** What `client.ts` sends, and what it makes of the answers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../dist/index.js";
import { event, hold, problem, script } from "./server.js";

/** A step: notes the request in a list, and answers with a status, a kind and a body. */
const note = (seen, status, kind, body, more = {}) => async (response, request) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  seen.push([request.method, request.url, request.headers["content-type"], Buffer.concat(chunks).toString()]);
  response.writeHead(status, kind === undefined ? more : { "content-type": kind, ...more });
  response.end(body);
};

test("parts of a path, queries, headers and bodies go where they belong", async (t) => {
  const seen = [];
  const server = await script(
    t,
    note(seen, 202, "application/json", '{"runId":"r"}'),
    note(seen, 200, "application/octet-stream", "bytes"),
    note(seen, 201, "application/json", '{"fileId":"f"}'),
    note(seen, 201, "application/json", "{}"),
    note(seen, 204),
  );
  const client = new Client({ ...server, url: `${server.url}/` });
  const accepted = await client.request("post", "/v1/sessions/{id}/messages", {
    path: { id: "a/ü" },
    header: { "idempotency-key": "once" },
    body: { text: "hello" },
  });
  assert.deepEqual(accepted, { runId: "r" });
  const bytes = await client.request("get", "/v1/artifacts/{id}/content", { path: { id: "x" } });
  assert.equal(await bytes.text(), "bytes");
  const query = { name: "a&b", nothing: undefined };
  const body = new Blob(["{}"], { type: "text/plain" });
  assert.deepEqual(await client.request("post", "/v1/files", { query, body }), { fileId: "f" });
  await client.request("post", "/v1/files", { body: new Uint8Array([104, 105]) });
  assert.equal(await client.request("delete", "/v1/grants/{id}", { path: { id: "g" } }), undefined);
  assert.deepEqual(seen, [
    ["POST", "/v1/sessions/a%2F%C3%BC/messages", "application/json", '{"text":"hello"}'],
    ["GET", "/v1/artifacts/x/content", undefined, ""],
    ["POST", "/v1/files?name=a%26b", "text/plain", "{}"],
    ["POST", "/v1/files", "application/octet-stream", "hi"],
    ["DELETE", "/v1/grants/g", undefined, ""],
  ]);
  assert.ok(server.asked.every(({ headers }) => headers.authorization === "Bearer k"));
  assert.equal(server.asked[0].headers["idempotency-key"], "once");
});

test("a file is its bytes, whatever it is of", async (t) => {
  const attached = { "content-disposition": 'attachment; filename="a.json"' };
  const server = await script(t, note([], 200, "application/json", '{"a": 1}', attached));
  const file = await new Client(server).request("get", "/v1/files/{id}", { path: { id: "f" } });
  assert.equal(await file.text(), '{"a": 1}');
});

test("what cannot be done is thrown with its word", async (t) => {
  const server = await script(t, problem(409, "session_busy"), (response) => response.writeHead(502).end("<html>"));
  const client = new Client(server);
  await assert.rejects(client.request("get", "/v1/runs"), { name: "Refused", status: 409, code: "session_busy" });
  await assert.rejects(client.request("get", "/v1/runs"), { status: 502, code: "unknown", message: "HTTP 502" });
});

test("it follows with its own key and its own fetch", async (t) => {
  const server = await script(t, hold(event(1, "run.succeeded")));
  let count = 0;
  const client = new Client({ ...server, fetch: (...words) => (count++, fetch(...words)) });
  for await (const told of client.follow({ after: 0 })) if (told.type === "event") break;
  assert.equal(count, 1);
  assert.equal(server.asked[0].headers.authorization, "Bearer k");
});
