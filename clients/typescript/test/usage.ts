/** What the types allow, and what they do not: it is compiled, never run. */

import { Client, type components } from "../src/index.js";

export async function usage(daemon: Client): Promise<string[]> {
  const made = await daemon.request("post", "/v1/sessions", { body: { title: "Typos" }, header: { "idempotency-key": "1" } });
  const id: string = made.session.sessionId;
  const accepted: components["schemas"]["Accepted"] = await daemon.request("post", "/v1/sessions/{id}/messages", {
    path: { id },
    body: { text: "hello" },
  });
  const { items } = await daemon.request("get", "/v1/runs");
  const bytes: Blob = await daemon.request("get", "/v1/files/{id}", { path: { id } });
  const file = await daemon.request("post", "/v1/files", { body: bytes, query: { name: "a.txt" } });
  const nothing: undefined = await daemon.request("delete", "/v1/grants/{id}", { path: { id } });
  for await (const told of daemon.follow({ session: id, after: 0 })) {
    if (told.type === "event") return [told.kind, accepted.runId, String(items.length), file.fileId, String(nothing)];
    // @ts-expect-error: only an event has a kind
    if (told.type === "text") return [told.kind];
  }
  // @ts-expect-error: there is no such path
  await daemon.request("get", "/v1/nothing");
  // @ts-expect-error: it needs to know which
  await daemon.request("get", "/v1/runs/{id}");
  // @ts-expect-error: a run is not changed
  await daemon.request("patch", "/v1/runs/{id}", { path: { id } });
  // @ts-expect-error: that is no field of a message
  await daemon.request("post", "/v1/sessions/{id}/messages", { path: { id }, body: { prompt: "hello" } });
  return [];
}
