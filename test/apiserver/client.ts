/** A plain client of an API server, for the tests of this room: paths in, status and JSON out. */
import { type Json, type JsonObject, at, isObject } from "../../runtime/apiserver/object.ts";

export type Send = (request: Request) => Promise<Response>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: JsonObject;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: JsonObject;
}

export interface Sent {
  readonly body?: Json | undefined;
  /** The body as it is written, where that matters. */
  readonly text?: string | undefined;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
}

export const MERGE = "application/merge-patch+json";
export const STRATEGIC = "application/strategic-merge-patch+json";
export const JSON_PATCH = "application/json-patch+json";
export const APPLY = "application/apply-patch+yaml";

const ORIGIN = "http://apiserver.test";

export class ApiClient {
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  async send(method: string, path: string, sent: Sent = {}): Promise<Answer> {
    const response = await this.#send(request(method, path, sent));
    const text = await response.text();
    const parsed: unknown = text === "" ? {} : JSON.parse(text);
    return { status: response.status, headers: response.headers, body: isObject(parsed) ? parsed : {} };
  }

  get(path: string, accept?: string): Promise<Answer> {
    return this.send("GET", path, { accept });
  }

  post(path: string, body: Json): Promise<Answer> {
    return this.send("POST", path, { body });
  }

  put(path: string, body: Json): Promise<Answer> {
    return this.send("PUT", path, { body });
  }

  patch(path: string, contentType: string, body: Json): Promise<Answer> {
    return this.send("PATCH", path, { body, contentType });
  }

  delete(path: string, body?: Json): Promise<Answer> {
    return this.send("DELETE", path, { body });
  }

  /** For what is not JSON. */
  raw(path: string): Promise<Response> {
    return this.#send(request("GET", path, {}));
  }

  async watch(path: string, accept?: string): Promise<WatchReader> {
    const response = await this.#send(request("GET", path, { accept }));
    if (response.body === null) throw new Error("the watch has no body");
    return new WatchReader(response.status, response.body.getReader());
  }
}

function request(method: string, path: string, { contentType = "application/json", accept, ...sent }: Sent): Request {
  const headers = new Headers({ "user-agent": "contract/1" });
  if (accept !== undefined) headers.set("accept", accept);
  const body = sent.text ?? (sent.body === undefined ? undefined : JSON.stringify(sent.body));
  if (body === undefined) return new Request(ORIGIN + path, { method, headers });
  headers.set("content-type", contentType);
  return new Request(ORIGIN + path, { method, headers, body });
}

/** Reads events one at a time, however they are cut into chunks. */
export class WatchReader {
  readonly status: number;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(status: number, reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.status = status;
    this.#reader = reader;
  }

  /** @returns undefined at the end of the stream. */
  async next(): Promise<WatchEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end !== -1) {
        const line: unknown = JSON.parse(this.#text.slice(0, end));
        this.#text = this.#text.slice(end + 1);
        return isWatchEvent(line) ? line : undefined;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  async take(count: number): Promise<readonly WatchEvent[]> {
    const events: WatchEvent[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (event === undefined) break;
      events.push(event);
    }
    return events;
  }

  /** `ADDED a`, `BOOKMARK`: what most tests compare. */
  async names(count: number): Promise<readonly string[]> {
    return (await this.take(count)).map(({ type, object }) => {
      const name = at(object, "metadata", "name");
      return typeof name === "string" ? `${type} ${name}` : type;
    });
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

function isWatchEvent(value: unknown): value is WatchEvent {
  return isObject(value) && typeof value["type"] === "string" && isObject(value["object"]);
}
