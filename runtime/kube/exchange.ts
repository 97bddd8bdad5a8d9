/** One request and its answer: sent over the Transport, bounded by a deadline, refused or not, and told to the observer. */
import type { Clock } from "../clock/clock.ts";
import type { CallOptions } from "./api.ts";
import { Deadlines, type Deadline } from "./deadline.ts";
import { Encodings, type ReadChunk } from "./encodings.ts";
import { codeOf, type Code } from "./errors.ts";
import type { Kind } from "./kind.ts";
import { refusal, type Asked } from "./refusal.ts";
import type { Lane, Transport, TransportRequest, TransportResponse } from "./transport.ts";

/** client-go's verbs, and `discover`. */
type Verb = "discover" | "get" | "list" | "watch" | "create" | "update" | "patch" | "apply" | "delete";

export interface Call {
  readonly verb: Verb;
  /** For messages: `create v1/ConfigMap team-a/settings`. */
  readonly what: string;
  readonly kind: Kind | undefined;
  /** What the path names; see `refusal`. */
  readonly about: "object" | "collection" | "other";
  /** Of a get; see `refusal`. */
  readonly asked?: Asked;
  readonly method: TransportRequest["method"];
  readonly path: string;
  /** Default JSON. */
  readonly accept?: string;
  readonly body?: string;
  /** Default JSON. */
  readonly contentType?: string;
  readonly options: CallOptions;
}

/** What the observer is told, once per call: for metrics and the request log. Never a body. */
export interface Observation {
  readonly verb: Verb;
  readonly method: TransportRequest["method"];
  /** With its query. */
  readonly path: string;
  /** `` in process. */
  readonly host: string;
  readonly kind: Kind | undefined;
  /** The HTTP status, when there was an answer. */
  readonly status?: number;
  /** Why there was none. */
  readonly code?: Code;
  /** Until the answer was complete; of a watch, until it began. */
  readonly durationMs: number;
  readonly auditId?: string | undefined;
}

export type Observer = (observation: Observation) => void;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What it says, whatever it was encoded in; undefined when that cannot be read. */
  readonly record: unknown;
}

/** An answer that goes on. */
export interface Stream {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly read: ReadChunk;
}

const DEFAULT_DEADLINE_MS = 30_000;

export class Exchanges {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #observer: Observer | undefined;
  readonly #deadlines: Deadlines;
  readonly #encodings: Encodings;

  constructor(transport: Transport, clock: Clock, observer: Observer | undefined, encodings = new Encodings()) {
    this.#encodings = encodings;
    this.#transport = transport;
    this.#clock = clock;
    this.#observer = observer;
    this.#deadlines = new Deadlines(clock);
  }

  /** @throws EvenkeelError API_… for any answer but 2xx, and for one that cannot be believed; the caller's reason when the caller aborts. */
  async ask(call: Call): Promise<Answer> {
    const { deadlineMs = DEFAULT_DEADLINE_MS, signal } = call.options;
    const deadline = this.#deadlines.begin(call.what, deadlineMs, signal);
    let response: TransportResponse;
    let bytes: Buffer;
    try {
      response = await this.#transport.send(new Outgoing(call, deadline));
      bytes = await response.bytes();
    } catch (error) {
      throw this.#unanswered(call, deadline.startedMs, deadline.reasonFor(error));
    } finally {
      deadline.clear();
    }
    const { status, headers } = response;
    this.#answered(call, deadline.startedMs, response, bytes);
    return { status, headers, record: this.#encodings.record(bytes, headers[CONTENT_TYPE], call.kind, call.what) };
  }

  /** As {@link ask}, but the body is handed out unread; `deadline` bounds its reading too and stays the caller's to clear. */
  async open(call: Call & { readonly kind: Kind }, deadline: Deadline): Promise<Stream> {
    const startedMs = this.#clock.now();
    let response: TransportResponse;
    let refusedAs: Buffer = NOTHING;
    try {
      response = await this.#transport.send(new Outgoing(call, deadline));
      if (isRefused(response)) refusedAs = await response.bytes();
    } catch (error) {
      throw this.#unanswered(call, startedMs, deadline.reasonFor(error));
    }
    this.#answered(call, startedMs, response, refusedAs);
    try {
      const read = this.#encodings.chunks(response.headers[CONTENT_TYPE], call.kind, call.what);
      return { chunks: response.body, read };
    } catch (error) {
      // It closes the exchange: nobody will read the body.
      deadline.expire(error);
      throw error;
    }
  }

  /** @returns `reason` */
  #unanswered(call: Call, startedMs: number, reason: unknown): unknown {
    this.#observe(call, startedMs, { code: codeOf(reason) });
    return reason;
  }

  /** @throws EvenkeelError when it is a refusal, which `bytes` word */
  #answered(call: Call, startedMs: number, response: TransportResponse, bytes: Buffer): void {
    const { status, headers } = response;
    this.#observe(call, startedMs, { status, auditId: headers["audit-id"] });
    if (!isRefused(response)) return;
    const body = this.#encodings.refusal(bytes, headers[CONTENT_TYPE], call.kind, call.what);
    throw refusal(call.what, { httpCode: status, headers, body }, call.about, call.asked);
  }

  #observe(call: Call, startedMs: number, outcome: Pick<Observation, "status" | "code" | "auditId">): void {
    this.#observer?.({
      verb: call.verb,
      method: call.method,
      path: call.path,
      host: this.#transport.host ?? "",
      kind: call.kind,
      durationMs: this.#clock.now() - startedMs,
      ...outcome,
    });
  }
}

/** A Call on its way. Its signal is the deadline's, which makes one only for a transport that cannot do without. */
class Outgoing implements TransportRequest {
  readonly method: TransportRequest["method"];
  readonly path: string;
  readonly headers: TransportRequest["headers"];
  readonly body: string | undefined;
  readonly lane: Lane;
  readonly ending: Deadline;

  constructor({ method, path, accept = JSON_TYPE, body, contentType = JSON_TYPE, options }: Call, ending: Deadline) {
    this.method = method;
    this.path = path;
    this.headers =
      body === undefined ? { accept, ...options.headers } : { accept, ...options.headers, "content-type": contentType };
    this.body = body;
    this.lane = options.lane ?? "requests";
    this.ending = ending;
  }

  get signal(): AbortSignal {
    return this.ending.signal;
  }
}

const JSON_TYPE = "application/json";
const CONTENT_TYPE = "content-type";
const NOTHING = Buffer.alloc(0);

function isRefused({ status }: TransportResponse): boolean {
  return status < 200 || status > 299;
}
