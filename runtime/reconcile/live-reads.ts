/** Answers queries from the API server; keys that ask the same within a moment share one request. */
import type { SpanContext } from "@opentelemetry/api";
import { listAll, selection } from "../cache/list-all.ts";
import type { Clock } from "../clock/clock.ts";
import type { Api } from "../kube/api.ts";
import { kindKey } from "../kube/kind.ts";
import { objectKey, type StoredObject } from "../kube/object.ts";
import { formatQuery, matches, type Query } from "../kube/query.ts";
import { canBeNamed } from "../kube/resource-path.ts";
import type { SecondLookSpan } from "../trace/reconcile-trace.ts";
import { Slots } from "./slots.ts";
import { tracedGet, tracedRequest } from "./traced-request.ts";

/**
 * Requests at the same time, over all keys. A run may have read thousands of objects; all at once they would wait for
 * connections until their deadlines, and the writes of other keys behind them.
 */
const IN_FLIGHT = 16;

/** How old an answer may be, from the start of its request. */
const SHARE_MS = 1_000;

export class LiveReads {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #slots = new Slots(IN_FLIGHT);
  readonly #answers = new Map<string, { readonly startedMs: number; readonly answer: Promise<LiveAnswer> }>();

  constructor({ api, clock }: { readonly api: Api; readonly clock: Clock }) {
    this.#api = api;
    this.#clock = clock;
  }

  /** @param notBeforeMs the answer's request started no earlier than this. */
  async read(query: Query, notBeforeMs: number, options: LiveOptions): Promise<readonly StoredObject[]> {
    const id = formatQuery(query);
    const shared = this.#answers.get(id);
    const nowMs = this.#clock.now();
    if (shared !== undefined && shared.startedMs >= notBeforeMs && nowMs - shared.startedMs <= SHARE_MS) {
      const { objects, context } = await shared.answer;
      options.span.shared(context);
      return objects;
    }
    const answer = this.#slots.use(() => this.#ask(query, options));
    this.#answers.set(id, { startedMs: nowMs, answer });
    this.#clock.after(SHARE_MS, () => {
      if (this.#answers.get(id)?.answer === answer) this.#answers.delete(id);
    });
    return (await answer).objects;
  }

  async #ask(query: Query, { signal, span }: LiveOptions): Promise<LiveAnswer> {
    const { kind, where } = query;
    if (!canBeNamed(await this.#api.resource(kind, { signal }), where)) return { objects: [], context: undefined };
    if (where.name !== undefined && where.namespace !== undefined) {
      const name = where.namespace === "" ? { name: where.name } : { name: where.name, namespace: where.namespace };
      const { part } = selection(query);
      const { answer: found, context } = await tracedGet(this.#api, { kind, name, signal, part }, span);
      return { objects: found !== undefined && matches(where, found) ? [found] : [], context };
    }
    let last: SpanContext | undefined;
    const list: Api["list"] = async (kind, options) => {
      const start = { verb: "list", kind: kindKey(kind), query: formatQuery(query) } as const;
      const page = await tracedRequest(span, start, (headers) => this.#api.list(kind, { ...options, headers }));
      last = page.context;
      return page.answer;
    };
    const { objects } = await listAll({ list }, query, signal);
    const found = objects.filter((object) => matches(where, object));
    return {
      objects: found.toSorted((a, b) => (objectKey(a.metadata) < objectKey(b.metadata) ? -1 : 1)),
      context: last,
    };
  }
}

interface LiveAnswer {
  readonly objects: readonly StoredObject[];
  /** Of the request that brought it; of the last page. */
  readonly context: SpanContext | undefined;
}

export interface LiveOptions {
  readonly signal: AbortSignal;
  readonly span: SecondLookSpan;
}
