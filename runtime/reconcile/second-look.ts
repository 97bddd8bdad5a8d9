/**
 * Before anything is deleted, the function is asked again with what the API server says at this moment. It is pure, so it can
 * be: only a deletion that it wants on the cache and on the live cluster is carried out. A cache that missed an event, or a
 * server that woke up in the past, deletes nothing.
 */
import type { Clock } from "../clock/clock.ts";
import { canAnswer } from "../cache/answer.ts";
import { listAll, selection } from "../cache/list-all.ts";
import type { SpanContext } from "@opentelemetry/api";
import type { Api } from "../kube/api.ts";
import { kindKey, type Kind } from "../kube/kind.ts";
import { objectKey, type StoredObject } from "../kube/object.ts";
import { formatQuery, matches, type Query } from "../kube/query.ts";
import type { SecondLookSpan } from "../trace/reconcile-trace.ts";
import type { Answer, Cell, Job } from "./cell/cell.ts";
import { runInRounds } from "./cell/rounds.ts";
import type { Run } from "./run.ts";
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

  async #ask(query: Query, { signal, span }: LiveOptions): Promise<LiveAnswer> {
    const { kind, where } = query;
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

export interface SecondLook {
  readonly cell: Cell;
  readonly isNamespaced: (kind: Kind) => boolean | undefined;
  /** Of the first run. */
  readonly job: Job;
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

/**
 * @returns the run on live answers; undefined when the reconciled object itself is gone. Where nothing was read but what is
 * not there, and it is not there either on the live cluster, that is the first run: the same inputs, the same effects.
 * @throws EvenkeelError of the API: then nothing is known, and nothing may be deleted.
 */
export async function secondLook({
  cell,
  isNamespaced,
  job,
  first,
  source,
  declared,
  notBeforeMs,
  live,
  options,
}: SecondLook): Promise<Run | undefined> {
  let { object } = job;
  if (source !== undefined) {
    const [found] = await live.read(source, notBeforeMs, options);
    if (found === undefined || found.metadata.uid !== object.metadata.uid) return undefined;
    object = found;
  }
  const ask = async (query: Query): Promise<Answer> => {
    const found = await live.read(query, notBeforeMs, options);
    const holders = declared.filter((held) => kindKey(held.kind) === kindKey(query.kind) && canAnswer(held, query));
    return { objects: found.filter((each) => holders.some(({ where }) => matches(where, each))) };
  };
  const foreseen = first.reads.map(({ query }) => query);
  const found = await Promise.all(foreseen.map(ask));
  const isAbsent = ({ objects }: Answer, i: number): boolean => objects?.length === 0 && first.reads[i]?.count === 0;
  if (object === job.object && found.every(isAbsent)) return first;
  const { run } = await runInRounds({
    cell,
    job: { ...job, object },
    foreseen,
    answer: (queries, added) => (added === foreseen ? found : Promise.all(queries.map(ask))),
    isNamespaced,
  });
  return run;
}
