/**
 * Follows events over `fetch`, because an `EventSource` cannot send the key.
 *
 * ```text
 *  connect after the cursor ─▶ read ─▶ event, text, gap …
 *        ▲                      │ dropped, or silent
 *        └──── back-off ◀───────┘
 * ```
 *
 * Every event is told once, in the order of the cursors. The text of a message is told once, in its order, whichever
 * way it comes: to put it together is to append it.
 */

/** How long nothing may come before the connection is taken for dead: the daemon says something every 15 seconds. */
const SILENT_MS = 45_000;
/** How long to wait before the first new try. Each one after that waits twice as long, */
const RETRY_MS = 250;
/** and none longer than this. */
const RETRY_MAX_MS = 30_000;
/** Characters of one event: more than a daemon sends, whose prompts have 64 MiB. */
const EVENT_CHARACTERS_MAX = 256 * 1024 * 1024;
/** Messages whose text is followed at the same time. The one that said nothing for longest is forgotten first. */
const MESSAGES_MAX = 4096;

/** What is followed, and how. */
export interface Following {
  /** Where the daemon is: `http` of `endpoint.json`. */
  url: string;
  /** The API key. */
  key: string;
  /** About this session only. */
  session?: string;
  /** About this run only. */
  run?: string;
  /** After this cursor; 0 is from the beginning. Without it from now on. */
  after?: number;
  /** Every event as it is recorded (`full`), or what a chat shows. */
  view?: "full" | "compact";
  /** Ends it. */
  signal?: AbortSignal;
  /** Used instead of the global one. */
  fetch?: typeof fetch;
  /** Milliseconds without a byte after which it connects again. */
  silentMs?: number;
  /** Milliseconds before the first new try. */
  retryMs?: number;
  /** Milliseconds before any new try, at most. */
  retryMaxMs?: number;
}

/** What an event says: for `full` the event as it is recorded, with its `payload`. */
export interface Data {
  sessionId?: string;
  runId?: string;
  attemptId?: string;
  payload?: Record<string, unknown>;
  [name: string]: unknown;
}

/** Something that is told. */
export type Told =
  /** It is recorded. Of a chat's view `kind` is `tool.call`, `tool.result`, `status`, `message.final` or `error`. */
  | { type: "event"; cursor: number; kind: string; data: Data }
  /** More text of a message of an answer. */
  | { type: "text"; sessionId: string; runId: string; attemptId: string; message: string; text: string }
  /** A private thought, which is never recorded: what is said while there is no connection is lost. */
  | { type: "thought"; sessionId: string; runId: string; attemptId: string; text: string }
  /**
   * Something is not shown. `slow`: live text was missed, and follows with the events. `retention`: old events up to
   * `through` may be gone. `unknown`: the record is another one. `no_cursor`: the connection was lost before there was
   * a cursor to go on from.
   */
  | { type: "gap"; after?: number; through?: number; reason: string }
  /** The daemon cannot read or write its record at the moment. */
  | { type: "trouble"; code: string; message: string }
  /** Whether there is a connection, and why it was lost. */
  | { type: "connection"; open: true }
  | { type: "connection"; open: false; why: string };

/** It cannot be done: a problem document (RFC 9457). */
export class Refused extends Error {
  /** The status. */
  readonly status: number;
  /** The stable word. */
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.name = "Refused";
    this.status = status;
    this.code = code;
  }
}

/** What a response says that is not ok. */
export async function refusal(response: Response): Promise<Refused> {
  const problem: Data | null | undefined = await response.json().catch(() => undefined);
  const { code, detail } = problem ?? {};
  return new Refused(response.status, text(code) || "unknown", text(detail) || `HTTP ${response.status}`);
}

/**
 * Follows what happens until the signal ends it, or the loop over it does. A lost connection is made again; what the
 * daemon refuses for good is thrown as `Refused`.
 */
export async function* follow(options: Following): AsyncGenerator<Told, void, undefined> {
  const { signal, retryMs = RETRY_MS, retryMaxMs = RETRY_MAX_MS } = options;
  const progress = new Progress(options.after, options.view === "compact");
  const tries = { count: 0, opened: false };
  while (!signal?.aborted) {
    const why = yield* once(options, progress, tries);
    if (signal?.aborted) return;
    yield { type: "connection", open: false, why };
    const longest = Math.min(retryMaxMs, retryMs * 2 ** tries.count++);
    // Not all at the same moment, where a daemon comes back to many.
    await pause(longest * (0.5 + Math.random() / 2), signal);
  }
}

/** One connection, up to its loss. Returns why it was lost. */
async function* once(
  options: Following,
  progress: Progress,
  tries: { count: number; opened: boolean },
): AsyncGenerator<Told, string, undefined> {
  const { signal, silentMs = SILENT_MS } = options;
  const ask = options.fetch ?? fetch;
  const connection = new AbortController();
  const abort = () => connection.abort();
  signal?.addEventListener("abort", abort);
  try {
    const headers = { authorization: `Bearer ${options.key}`, accept: "text/event-stream" };
    const asked = ask(place(options, progress.after()), {
      headers,
      cache: "no-store",
      credentials: "omit",
      signal: connection.signal,
    });
    const response = await within(silentMs, asked).catch(lost);
    if (response instanceof Lost) return response.why;
    if (!response.ok) {
      const refused = await within(silentMs, refusal(response)).catch(lost);
      if (refused instanceof Lost) return refused.why;
      if (response.status >= 500 || response.status === 408 || response.status === 429) return refused.message;
      throw refused;
    }
    if (!response.headers.get("content-type")?.startsWith("text/event-stream") || response.body === null) {
      throw new Refused(response.status, "no_events", `there are no events at ${response.url}`);
    }
    yield { type: "connection", open: true };
    if (tries.opened && progress.after() === undefined) yield { type: "gap", reason: "no_cursor" };
    tries.opened = true;
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    const frames = new Frames();
    for (;;) {
      // The clock runs only here: a slow caller is no silent daemon.
      const chunk = await within(silentMs, reader.read()).catch(lost);
      if (chunk instanceof Lost) return chunk.why;
      if (chunk.done) return "the connection was closed";
      tries.count = 0;
      for (const frame of frames.read(decoder.decode(chunk.value, { stream: true }))) {
        for (const told of progress.told(frame)) {
          if (signal?.aborted) return "aborted";
          yield told;
        }
      }
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    connection.abort();
  }
}

function place(options: Following, after: number | undefined): string {
  const { session, run, view } = options;
  const query = new URLSearchParams(view === undefined ? {} : { view });
  if (after !== undefined) query.set("after", String(after));
  // The place of a session says of one that is not there that it is not.
  const ofSession = session !== undefined && run === undefined;
  if (session !== undefined && !ofSession) query.set("session", session);
  if (run !== undefined) query.set("run", run);
  const path = ofSession ? `/v1/sessions/${encodeURIComponent(session)}/events` : "/v1/events";
  const base = options.url.replace(/\/+$/, "");
  return `${base}${path}${query.size > 0 ? `?${query}` : ""}`;
}

/** A connection is lost. */
class Lost {
  constructor(readonly why: string) {}
}

function lost(error: unknown): Lost {
  return new Lost(error instanceof Error ? error.message : String(error));
}

/** What is promised, if it comes in time. */
function within<T>(ms: number, promised: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silent = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came for ${ms} ms`)), ms);
  });
  return Promise.race([promised, silent]).finally(() => clearTimeout(timer));
}

/** Waits, at most until the signal ends it. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal?.addEventListener("abort", over);
    if (signal?.aborted) over();
  });
}

/** One server-sent event. */
interface Frame {
  id: number | undefined;
  kind: string;
  data: Data;
}

/** Puts server-sent events together, wherever their text is cut. */
class Frames {
  /** The line that is not whole yet. */
  #line = "";
  /** The last text ended with a carriage return: a line feed after it is no line of its own. */
  #returned = false;
  #id = "";
  #kind = "";
  #data: string[] = [];
  #characters = 0;

  *read(text: string): Generator<Frame, void, undefined> {
    if (text === "") return;
    let from = this.#returned && text.startsWith("\n") ? 1 : 0;
    this.#returned = text.endsWith("\r");
    for (const end of text.matchAll(/\r\n|\r|\n/g)) {
      if (end.index < from) continue;
      const line = this.#line + text.slice(from, end.index);
      this.#line = "";
      from = end.index + end[0].length;
      const frame = this.#take(line);
      if (frame !== undefined) yield frame;
    }
    this.#line += text.slice(from);
    this.#limit(this.#line.length);
  }

  #take(line: string): Frame | undefined {
    if (line === "") return this.#whole();
    this.#limit(line.length);
    const colon = line.indexOf(":");
    // A line that begins with a colon is a comment: a sign of life.
    if (colon === 0) return undefined;
    const name = colon < 0 ? line : line.slice(0, colon);
    const rest = colon < 0 ? "" : line.slice(colon + 1);
    const value = rest.startsWith(" ") ? rest.slice(1) : rest;
    if (name === "id") this.#id = value;
    if (name === "event") this.#kind = value;
    if (name === "data") {
      this.#data.push(value);
      this.#characters += value.length;
    }
    return undefined;
  }

  #whole(): Frame | undefined {
    const frame = { id: this.#id, kind: this.#kind, data: this.#data.join("\n") };
    [this.#id, this.#kind, this.#data, this.#characters] = ["", "", [], 0];
    if (frame.data === "") return undefined;
    const data: unknown = JSON.parse(frame.data);
    if (typeof data !== "object" || data === null) throw new SyntaxError(`no event: ${frame.data.slice(0, 80)}`);
    return { id: /^\d+$/.test(frame.id) ? Number(frame.id) : undefined, kind: frame.kind, data: data as Data };
  }

  #limit(more: number): void {
    if (this.#characters + more > EVENT_CHARACTERS_MAX) {
      throw new RangeError(`an event is longer than ${EVENT_CHARACTERS_MAX} characters`);
    }
  }
}

/** How far everything was told, over all connections. */
class Progress {
  #cursor: number | undefined;
  readonly #isCompact: boolean;
  /** What was told of the event at the cursor: a chat's view tells two things of one that failed. */
  readonly #kinds = new Set<string>();
  /** It was told that events up to here may be gone. */
  #goneThrough = 0;
  readonly #texts = new Texts();

  constructor(after: number | undefined, isCompact: boolean) {
    this.#cursor = after;
    this.#isCompact = isCompact;
  }

  /** After which cursor to go on. A chat's view may have been cut between the two things of one event. */
  after(): number | undefined {
    if (this.#cursor === undefined || !this.#isCompact || this.#kinds.size === 0) return this.#cursor;
    return this.#cursor - 1;
  }

  /** What of an event is new. */
  *told({ id, kind, data }: Frame): Generator<Told, void, undefined> {
    const about = { sessionId: text(data.sessionId), runId: text(data.runId), attemptId: text(data.attemptId) };
    if (id !== undefined) {
      const isMore = this.#isCompact && this.#kinds.size > 0 && !this.#kinds.has(kind);
      if (id < (this.#cursor ?? 0) || (id === this.#cursor && !isMore)) return;
      if (id !== this.#cursor) this.#kinds.clear();
    }
    const piece = pieceOf(kind, data);
    if (piece !== undefined) {
      const more = this.#texts.more(about.attemptId, piece);
      if (more !== "") yield { type: "text", ...about, message: piece.message, text: more };
    }
    if (id !== undefined) {
      this.#cursor = id;
      this.#kinds.add(kind);
      yield { type: "event", cursor: id, kind, data };
    } else if (kind === "thinking_delta") {
      yield { type: "thought", ...about, text: text(data["text"]) };
    } else if (kind === "gap") {
      yield* this.#gap(Number(data["afterCursor"]), Number(data["throughCursor"]), text(data["reason"]));
    } else if (kind === "error") {
      yield { type: "trouble", code: text(data["code"]), message: text(data["message"]) };
    }
  }

  *#gap(after: number, through: number, reason: string): Generator<Told, void, undefined> {
    if (reason === "retention") {
      // Every connection that begins before it is told of it.
      if (through <= this.#goneThrough) return;
      this.#goneThrough = through;
    }
    if (reason === "unknown") {
      // The cursors of another record mean nothing in this one.
      this.#cursor = after;
      this.#goneThrough = 0;
      this.#kinds.clear();
      this.#texts.clear();
    }
    yield { type: "gap", after, through, reason };
  }
}

/** A piece of a message. */
interface Piece {
  message: string;
  /** Where it begins, in bytes of UTF-8. */
  offset: number;
  text: string;
}

/** The piece of a message in what is told, if there is one: live, recorded, or the whole message. */
function pieceOf(kind: string, data: Data): Piece | undefined {
  const from = kind === "message.delta" || kind === "message.completed" ? (data.payload ?? {}) : data;
  const isWhole = kind === "message.completed" || kind === "message.final";
  if (!isWhole && !["text_delta", "message.delta", "token"].includes(kind)) return undefined;
  const offset = isWhole ? 0 : Number(from["offset"]);
  if (typeof from["message"] !== "string" || !Number.isSafeInteger(offset)) return undefined;
  return { message: from["message"], offset, text: text(from["text"]) };
}

/** How far the text of each message was told. */
class Texts {
  /** Bytes of UTF-8; the message that had something last is last. */
  readonly #reached = new Map<string, number>();

  /**
   * What of a piece is new. A piece that does not go on from what was told says nothing: what stands before it comes
   * with the events, and it again with that or with the whole message.
   */
  more(attempt: string, { message, offset, text }: Piece): string {
    const key = `${attempt}/${message}`;
    const reached = this.#reached.get(key) ?? 0;
    const bytes = new TextEncoder().encode(text);
    const isNew = offset <= reached && offset + bytes.length > reached;
    this.#reached.delete(key);
    this.#reached.set(key, isNew ? offset + bytes.length : reached);
    if (this.#reached.size > MESSAGES_MAX) {
      const oldest = this.#reached.keys().next();
      if (oldest.done !== true) this.#reached.delete(oldest.value);
    }
    if (!isNew) return "";
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(reached - offset));
  }

  clear(): void {
    this.#reached.clear();
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
