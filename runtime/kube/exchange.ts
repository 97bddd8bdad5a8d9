/** One request and its answer: sent over the Transport, bounded by a deadline, refused or not, and told to the observer. */
import type { Clock } from "../clock/clock.ts";
import type { CallOptions } from "./api.ts";
import { Deadline } from "./deadline.ts";
import { codeOf, type Code } from "./errors.ts";
import type { Kind } from "./kind.ts";
import { refusalOf } from "./refusal.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";

/** client-go's verbs, and `discover`. */
export type Verb = "discover" | "get" | "list" | "watch" | "create" | "update" | "patch" | "apply" | "delete";

export interface Call {
  readonly verb: Verb;
  /** For messages: `create v1/ConfigMap team-a/settings`. */
  readonly what: string;
  readonly kind: Kind | undefined;
  /** What the path names; see `refusal`. */
  readonly about: "object" | "collection" | "other";
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
  readonly requestBytes: number;
  readonly auditId?: string | undefined;
}

export type Observer = (observation: Observation) => void;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

const DEFAULT_DEADLINE_MS = 30_000;

export class Exchanges {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #observer: Observer | undefined;

  constructor(transport: Transport, clock: Clock, observer: Observer | undefined) {
    this.#transport = transport;
    this.#clock = clock;
    this.#observer = observer;
  }

  /** @throws EvenkeelError API_… for any answer but 2xx; the caller's reason when the caller aborts. */
  async ask(call: Call): Promise<Answer> {
    const { deadlineMs = DEFAULT_DEADLINE_MS, signal } = call.options;
    const deadline = new Deadline(this.#clock, call.what, deadlineMs, signal);
    try {
      const { response, text } = await this.#answer(call, deadline, true);
      if (isRefused(response)) throw refusalOf(call.what, response, text, call.about);
      return { status: response.status, headers: response.headers, text };
    } finally {
      deadline.clear();
    }
  }

  /** As {@link ask}, but the body is handed out unread; `deadline` bounds its reading too and stays the caller's to clear. */
  async open(call: Call, deadline: Deadline): Promise<AsyncIterable<Uint8Array>> {
    const { response, text } = await this.#answer(call, deadline, false);
    if (isRefused(response)) throw refusalOf(call.what, response, text, call.about);
    return response.body;
  }

  /** `text` is empty for an answer that is left to be read. */
  async #answer(
    call: Call,
    deadline: Deadline,
    isWhole: boolean,
  ): Promise<{ response: TransportResponse; text: string }> {
    const startedMs = this.#clock.now();
    let response: TransportResponse;
    let text = "";
    try {
      response = await this.#transport.send(requestOf(call, deadline.signal));
      if (isWhole || isRefused(response)) text = await response.text();
    } catch (error) {
      const reason = deadline.reasonFor(error);
      this.#observe(call, startedMs, { code: codeOf(reason) });
      throw reason;
    }
    this.#observe(call, startedMs, { status: response.status, auditId: response.headers["audit-id"] });
    return { response, text };
  }

  #observe(call: Call, startedMs: number, outcome: Pick<Observation, "status" | "code" | "auditId">): void {
    this.#observer?.({
      verb: call.verb,
      method: call.method,
      path: call.path,
      host: this.#transport.host ?? "",
      kind: call.kind,
      durationMs: this.#clock.now() - startedMs,
      requestBytes: call.body === undefined ? 0 : Buffer.byteLength(call.body),
      ...outcome,
    });
  }
}

function requestOf(call: Call, signal: AbortSignal): TransportRequest {
  const { body, options } = call;
  const headers: Record<string, string> = { accept: call.accept ?? "application/json", ...options.headers };
  if (body !== undefined) headers["content-type"] = call.contentType ?? "application/json";
  return { method: call.method, path: call.path, headers, body, lane: options.lane ?? "requests", signal };
}

function isRefused({ status }: TransportResponse): boolean {
  return status < 200 || status > 299;
}
