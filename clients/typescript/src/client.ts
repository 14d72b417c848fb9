/** Asks omi-agentd over HTTP: every operation of `api.ts`, with its types. */

import type { paths } from "./api.js";
import { follow, refusal, type Following, type Told } from "./events.js";

type Method = "get" | "post" | "patch" | "delete";

/** The paths that know a method. */
type Having<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never;
}[keyof paths];

/** What is sent: JSON as it is described, or bytes. */
type Body<O> = O extends { requestBody: { content: infer C } }
  ? { body: Sent<C> }
  : O extends { requestBody?: { content: infer C } }
    ? { body?: Sent<C> }
    : { body?: never };
type Sent<C> = C extends { "application/json": infer B } ? B : Blob | BufferSource;

/** The parts of a path, the query and the headers of an operation, and its body. */
type Input<O> = (O extends { parameters: infer P } ? Omit<P, "cookie"> : unknown) & Body<O> & { signal?: AbortSignal };

/** What is answered where it was done: JSON as it is described, a blob, or nothing. */
type Output<O> = O extends { responses: infer R } ? Done<R[keyof R & (200 | 201 | 202 | 204)]> : never;
type Done<R> = R extends { content: { "application/json": infer B } }
  ? B
  : R extends { content: object }
    ? Blob
    : undefined;

/** The second argument may be left out where nothing in it is needed. */
type Rest<I> = object extends I ? [input?: I] : [input: I];

/** One daemon, with the key of one owner. */
export class Client {
  readonly #url: string;
  readonly #key: string;
  readonly #fetch: typeof fetch | undefined;

  constructor(options: { url: string; key: string; fetch?: typeof fetch }) {
    this.#url = options.url.replace(/\/+$/, "");
    this.#key = options.key;
    this.#fetch = options.fetch;
  }

  /** Asks for an operation. What cannot be done is thrown as `Refused`. */
  async request<M extends Method, P extends Having<M>>(
    method: M,
    path: P,
    ...[input]: Rest<Input<paths[P][M]>>
  ): Promise<Output<paths[P][M]>> {
    const { path: parts, query, header, body, signal } = (input ?? {}) as Loose;
    const place = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(parts?.[name])));
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined && value !== null) asked.set(name, String(value));
    }
    const headers = new Headers({ authorization: `Bearer ${this.#key}` });
    for (const [name, value] of Object.entries(header ?? {})) {
      if (value !== undefined && value !== null) headers.set(name, String(value));
    }
    const isBytes = body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body);
    if (body !== undefined && !headers.has("content-type")) {
      const kind = body instanceof Blob && body.type !== "" ? body.type : "application/octet-stream";
      headers.set("content-type", isBytes ? kind : "application/json");
    }
    const ask = this.#fetch ?? fetch;
    const response = await ask(`${this.#url}${place}${asked.size > 0 ? `?${asked}` : ""}`, {
      method: method.toUpperCase(),
      headers,
      body: body === undefined ? null : isBytes ? (body as BodyInit) : JSON.stringify(body),
      credentials: "omit",
      signal: signal ?? null,
    });
    if (!response.ok) throw await refusal(response);
    if (response.status === 204) return undefined as Output<paths[P][M]>;
    // A file may be JSON, too: it is given as it is.
    const isFile = response.headers.has("content-disposition");
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return (isJson && !isFile ? await response.json() : await response.blob()) as Output<paths[P][M]>;
  }

  /** Follows what happens, over drops of the connection. */
  follow(options: Omit<Following, "url" | "key" | "fetch"> = {}): AsyncGenerator<Told, void, undefined> {
    const following: Following = { ...options, url: this.#url, key: this.#key };
    if (this.#fetch !== undefined) following.fetch = this.#fetch;
    return follow(following);
  }
}

/** An input of any operation: its own type was checked where it was given. */
interface Loose {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  header?: Record<string, unknown>;
  body?: unknown;
  signal?: AbortSignal;
}
