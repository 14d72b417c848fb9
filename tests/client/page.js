// A web page that has a daemon work, follows it, and tells the server that it came from what it was told.
import { Client } from "omi-agentd-client";

import { url, key, message } from "/place.js";

const report = (told) => fetch("/told", { method: "POST", body: JSON.stringify(told) });

async function work() {
  const daemon = new Client({ url, key });
  const { session } = await daemon.request("post", "/v1/sessions", { body: { title: "A page" } });
  const id = session.sessionId;
  await daemon.request("post", "/v1/sessions/{id}/messages", { path: { id }, body: message });
  for await (const told of daemon.follow({ session: id, after: 0, retryMaxMs: 500 })) {
    await report(told);
    if (told.kind === "run.succeeded") return;
  }
}

await work().catch((error) => report({ type: "failed", name: error.name, message: error.message }));
await report({ type: "over" });
