/**
 * Before anything is deleted, the function is asked again with what the API server says at this moment. It is pure, so it can
 * be: only a deletion that it wants on the cache and on the live cluster is carried out. A cache that missed an event, or a
 * server that woke up in the past, deletes nothing.
 */
import type { Clock } from "../clock/clock.ts";
import { listAll } from "../cache/list-all.ts";
import type { SpanContext } from "@opentelemetry/api";
import type { Api } from "../kube/api.ts";
import { kindKey } from "../kube/kind.ts";
import { objectKey, type StoredObject } from "../kube/object.ts";
import { formatQuery, matches, type Query } from "../kube/query.ts";
import type { SecondLookSpan } from "../trace/reconcile-trace.ts";
import { runFunction, type Inputs, type Run, type Runnable } from "./run.ts";
import { tracedGet, tracedRequest } from "./traced-request.ts";

/** Answers queries from the API server; keys that ask the same within a moment share one request. */
export class LiveReads {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #shareMs: number;
  readonly #answers = new Map<string, { readonly startedMs: number; readonly answer: Promise<LiveAnswer> }>();

  /** @param shareMs how old an answer may be, from the start of its request. */
  constructor({
    api,
    clock,
    shareMs = 1_000,
  }: {
    readonly api: Api;
    readonly clock: Clock;
    readonly shareMs?: number;
  }) {
    this.#api = api;
    this.#clock = clock;
    this.#shareMs = shareMs;
  }

  /** @param notBeforeMs the answer's request started no earlier than this. */
  async read(query: Query, notBeforeMs: number, options: LiveOptions): Promise<readonly StoredObject[]> {
    const id = formatQuery(query);
    const shared = this.#answers.get(id);
    const nowMs = this.#clock.now();
    if (shared !== undefined && shared.startedMs >= notBeforeMs && nowMs - shared.startedMs <= this.#shareMs) {
      const { objects, context } = await shared.answer;
      options.span.shared(context);
      return objects;
    }
    const answer = this.#ask(query, options);
    this.#answers.set(id, { startedMs: nowMs, answer });
    this.#clock.after(this.#shareMs, () => {
      if (this.#answers.get(id)?.answer === answer) this.#answers.delete(id);
    });
    return (await answer).objects;
  }

  async #ask({ kind, where }: Query, { signal, span }: LiveOptions): Promise<LiveAnswer> {
    if (where.name !== undefined && where.namespace !== undefined) {
      const name = where.namespace === "" ? { name: where.name } : { name: where.name, namespace: where.namespace };
      const { answer: found, context } = await tracedGet(this.#api, { kind, name, signal }, span);
      return { objects: found !== undefined && matches(where, found) ? [found] : [], context };
    }
    let last: SpanContext | undefined;
    const list: Api["list"] = async (kind, options) => {
      const start = { verb: "list", kind: kindKey(kind), query: formatQuery({ kind, where }) } as const;
      const page = await tracedRequest(span, start, (headers) => this.#api.list(kind, { ...options, headers }));
      last = page.context;
      return page.answer;
    };
    const { objects } = await listAll({ list }, { kind, where }, signal);
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

export interface SecondLook {
  readonly runnable: Runnable;
  /** The inputs of the first run. */
  readonly inputs: Inputs;
  /** What the first run read. */
  readonly first: Run;
  /** The reconciled object; undefined when its own version is guarded by the preconditions of every deletion in question. */
  readonly source: Query | undefined;
  /** What the function declared: its cache holds no more than this, so the live answers show no more either. */
  readonly declared: readonly Query[];
  readonly notBeforeMs: number;
  readonly live: LiveReads;
  readonly options: LiveOptions;
}

/** Reads that were not foreseen make another round; a function whose reads never settle is not believed. */
const MAX_ROUNDS = 8;

/**
 * @returns the run on live answers; undefined when the reconciled object itself is gone.
 * @throws EvenkeelError of the API: then nothing is known, and nothing may be deleted.
 */
export async function secondLook({
  runnable,
  inputs,
  first,
  source,
  declared,
  notBeforeMs,
  live,
  options,
}: SecondLook): Promise<Run | undefined> {
  let object = inputs.object;
  if (source !== undefined) {
    const [found] = await live.read(source, notBeforeMs, options);
    if (found === undefined || found.metadata.uid !== object.metadata.uid) return undefined;
    object = found;
  }
  const answers = new Map<string, readonly StoredObject[]>();
  const ask = async (query: Query): Promise<void> => {
    const found = await live.read(query, notBeforeMs, options);
    const holders = declared.filter(({ kind }) => kindKey(kind) === kindKey(query.kind));
    answers.set(
      formatQuery(query),
      found.filter((object) => holders.some(({ where }) => matches(where, object))),
    );
  };
  let wanted: readonly Query[] = first.reads.map(({ query }) => query);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    await Promise.all(wanted.map(ask));
    const missing = new Map<string, Query>();
    const run = runFunction(runnable, {
      ...inputs,
      object,
      answer(query) {
        const id = formatQuery(query);
        const known = answers.get(id);
        if (known === undefined) missing.set(id, query);
        return known ?? [];
      },
    });
    // A run that met an unanswered read is void, whatever it returned.
    if (missing.size === 0) return run;
    wanted = [...missing.values()];
  }
  return { error: new Error(`${runnable.name}: the reads of the second look never settled`), reads: [] };
}
