/** A server that answers each request by the next step of a script, as broken as the script wants it. */

import { createServer } from "node:http";

/** Starts one; it ends with the test. Each step gets the response; one without a step more is the last step again. */
export async function script(test, ...steps) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url, headers: request.headers });
    steps[Math.min(asked.length, steps.length) - 1](response, request);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, key: "k", retryMs: 1, asked };
}

/** A step: these frames, then the connection breaks. */
export const drop = (...frames) => begun(frames, (response) => response.destroy());

/** A step: these frames, then nothing more. */
export const hold = (...frames) => begun(frames, () => {});

/** A step: these bytes one at a time, each in a chunk of its own, then nothing more. */
export const drip = (text) => async (response) => {
  open(response);
  for (const byte of Buffer.from(text)) {
    await new Promise((sent) => response.write(Buffer.from([byte]), sent));
    await new Promise(setImmediate);
  }
};

/** A step: a problem document. */
export const problem = (status, code) => (response) => {
  response.writeHead(status, { "content-type": "application/problem+json" });
  response.end(JSON.stringify({ status, code, detail: `it is ${code}` }));
};

function begun(frames, end) {
  return (response) => {
    open(response);
    if (frames.length === 0) return end(response);
    response.write(frames.join(""), () => setImmediate(end, response));
  };
}

function open(response) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
}

/** A recorded event. */
export const event = (cursor, type, payload = {}) =>
  `id: ${cursor}\nevent: ${type}\ndata: ${JSON.stringify({ ...ABOUT, cursor, type, payload })}\n\n`;

/** A recorded piece of a message. */
export const delta = (cursor, offset, text) => event(cursor, "message.delta", { message: "m", offset, text });

/** What has no cursor. */
export const live = (kind, data) => `event: ${kind}\ndata: ${JSON.stringify({ ...ABOUT, ...data })}\n\n`;

/** A live piece of a message. */
export const piece = (offset, text) => live("text_delta", { message: "m", offset, text });

const ABOUT = { sessionId: "s", runId: "r", attemptId: "a" };
