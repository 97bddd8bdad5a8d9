/**
 * Keeps a Store like the API server's state: one list, then watches without end. A state machine; each state says where
 * failure leads. Whatever fails, the objects stay in the store, the failure is reported, and the next attempt comes after a
 * delay. Only a proven, complete list at a version not older than what was seen replaces what the store holds.
 *
 *     idle ─→ watch-list ──initial events complete──→ watch ──closed──→ watch
 *                 │  └─not supported─→ list ──done──→   │
 *                 ↑                     ↑               │
 *                 └─────────────────────┴───expired─────┘      any failure: backoff ─→ where it says
 */
import { sleep, type Clock } from "../clock/clock.ts";
import type { WatchEvent } from "../kube/api.ts";
import { codeOf, EvenkeelError, type Code } from "../kube/errors.ts";
import type { StoredObject } from "../kube/object.ts";
import { formatQuery } from "../kube/query.ts";
import type { ListWatch } from "./holding.ts";
import { InitialEvents } from "./initial-events.ts";
import { listAll, selection } from "./list-all.ts";
import { RetryDelay } from "./retry-delay.ts";
import type { Change, Store } from "./store.ts";

export type ReflectorState =
  /** Not started. */
  | { readonly name: "idle" }
  /**
   * A watch that begins with the present objects; they are collected aside until the server says that they are complete.
   * Broken off, or the server unwell: again from nothing, after a delay. Refused, or not known to the server: `list` from then
   * on. Without an end, or failed again and again: `list` this time.
   */
  | { readonly name: "watch-list" }
  /** The present objects, in pages. Any failure: again from the first page, after a delay. */
  | { readonly name: "list" }
  /**
   * Changes since the store's version; the stream of a WatchList goes on. Closed by the server: `watch` at once.
   * Server unwell, credentials, permission, kind not served: `watch` after a delay, from the same version. Version expired,
   * not accepted, without an event again and again, or followed by nonsense: `watch-list` (or `list`) after a delay.
   */
  | { readonly name: "watch" }
  /** Waits after a failure, then goes on as `next` says. */
  | { readonly name: "backoff"; readonly error: unknown; readonly retryInMs: number; readonly next: AttemptName }
  | { readonly name: "stopped" };

export type AttemptName = "watch-list" | "list" | "watch";
type Step = Exclude<ReflectorState, { readonly name: "idle" | "stopped" }>;

export interface Failure {
  /** What was attempted. */
  readonly attempt: AttemptName;
  readonly error: unknown;
  readonly retryInMs: number;
  readonly next: AttemptName;
}

/** Told in the turn in which it happens. None of these may throw. */
interface ReflectorSink {
  /** The store now holds a new list; `sizeBefore` is how many objects it held until then. */
  replaced(changes: readonly Change[], sizeBefore: number): void;
  /** The store took in one watch event. */
  applied(changes: readonly Change[]): void;
  /** The server has begun to answer a watch that goes on from the store's version. */
  resumed(): void;
  entered(state: ReflectorState): void;
  failed(failure: Failure): void;
}

/** The server closes a watch after 5 to 10 minutes, at random, so that watches do not all come back at once. Source: client-go. */
const MIN_WATCH_SECONDS = 300;
const MAX_WATCH_SECONDS = 600;

/**
 * Bookmarks come about once a minute. A minute and a half without any byte means a dead connection, which TCP alone would
 * notice after 13 to 30 minutes (kubernetes#87615). A quiet kind of a server without bookmarks is watched anew each time.
 */
const IDLE_MS = 90_000;

/** After so many failures in a row a paged list is tried: what stands in the way of a WatchList may let it pass. */
const MAX_WATCH_LIST_FAILURES = 3;

/** A watch this short did no work; reopened at once it would be a request storm. Source: client-go VeryShortWatchError. */
const SHORT_WATCH_MS = 1_000;

/**
 * After this many watches without an event, suspect the version they start at, and relist. A server whose history went back
 * may close them, call the version too new, or (kube-apiserver) stay silent until it reaches it again.
 */
const MAX_EMPTY_WATCHES = 3;

/** A watch that lived so long shows that the server is well. */
const HEALTHY_WATCH_MS = 30_000;

/** Failures that say nothing about our version: the same attempt may succeed later. */
const PATIENT: ReadonlySet<Code> = new Set<Code>([
  "API_TOO_MANY_REQUESTS",
  "API_UNAVAILABLE",
  "API_UNREACHABLE",
  "API_UNTRUSTED",
  "API_TIMEOUT",
  "API_UNAUTHORIZED",
  "API_FORBIDDEN",
  "API_NOT_FOUND",
  "KIND_NOT_SERVED",
]);

/** How servers without WatchList refuse it. */
const NOT_SUPPORTED: ReadonlySet<Code> = new Set<Code>(["API_INVALID", "API_REJECTED"]);

export class Reflector {
  readonly #api: ListWatch;
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #sink: ReflectorSink;
  readonly #delay: RetryDelay;
  #state: ReflectorState = { name: "idle" };
  /** Ends what is under way: a request, a stream or a delay. */
  #attempt = new AbortController();
  #stream: AsyncIterator<WatchEvent> | undefined;
  #relistWanted = false;
  /** Until the server refuses one as unknown. */
  #canWatchList = true;
  #watchListFailureCount = 0;
  #emptyWatchCount = 0;
  /** Whether the server has begun to answer the watch that goes on from the store's version. */
  #isAnswered = false;
  #lastHeardMs: number | undefined;

  constructor(options: {
    readonly api: ListWatch;
    readonly clock: Clock;
    readonly store: Store;
    readonly sink: ReflectorSink;
  }) {
    this.#api = options.api;
    this.#clock = options.clock;
    this.#store = options.store;
    this.#sink = options.sink;
    this.#delay = new RetryDelay(options.clock);
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** When the server last said anything (list, event, bookmark), by the clock's `now`. */
  get lastHeardMs(): number | undefined {
    return this.#lastHeardMs;
  }

  /** Runs until `signal` is aborted; resolves when nothing is under way any more. To be called once. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#attempt.abort();
    signal.addEventListener("abort", stop, { once: true });
    let state: Step = { name: "watch-list" };
    while (!signal.aborted) {
      this.#enter(state);
      state = await this.#next(state, signal);
    }
    await this.#close();
    this.#enter({ name: "stopped" });
  }

  /** Drops what is under way and takes a new list; nothing is missed in between. */
  relist(): void {
    this.#relistWanted = true;
    this.#attempt.abort();
  }

  #enter(state: ReflectorState): void {
    this.#state = state;
    this.#sink.entered(state);
  }

  async #next(state: Step, signal: AbortSignal): Promise<Step> {
    let next = state;
    try {
      next = await this.#step(state);
    } catch (error) {
      await this.#close();
      const isInterrupted = signal.aborted || this.#relistWanted;
      if (!isInterrupted && state.name !== "backoff") next = this.#backOff(state.name, error);
    }
    if (!this.#relistWanted) return next;
    await this.#close();
    this.#relistWanted = false;
    return { name: this.#firstList };
  }

  #step(state: Step): Promise<Step> {
    switch (state.name) {
      case "watch-list":
        return this.#watchList();
      case "list":
        return this.#list();
      case "watch":
        return this.#watch(this.#stream ?? this.#open(this.#store.resourceVersion ?? "", false));
      case "backoff":
        return this.#wait(state.retryInMs, state.next);
      default:
        return state satisfies never;
    }
  }

  async #watchList(): Promise<Step> {
    // No version: the server proves that its cache is as new as the storage before it answers, so no list is from the past.
    const stream = this.#open("", true);
    const { signal } = this.#attempt;
    const initial = new InitialEvents(this.#clock, () => this.#attempt.abort());
    try {
      for (let next = await stream.next(); next.done !== true; next = await stream.next()) {
        const end = initial.take(next.value);
        if (end === undefined) continue;
        signal.throwIfAborted();
        this.#replace(initial.objects, end);
        return { name: "watch" };
      }
    } catch (error) {
      if (!initial.isGivenUp) throw error;
    } finally {
      initial.stop();
    }
    if (initial.isUnknown) this.#canWatchList = false;
    if (initial.isGivenUp) this.#watchListFailureCount = MAX_WATCH_LIST_FAILURES;
    const how = initial.isGivenUp ? "was given up" : "ended";
    throw this.#unavailable(`watch ${how} before its initial events were complete`);
  }

  async #list(): Promise<Step> {
    const signal = this.#begin();
    const { objects, resourceVersion } = await listAll(this.#api, this.#store.query, signal);
    signal.throwIfAborted();
    this.#replace(objects, resourceVersion);
    return { name: "watch" };
  }

  async #watch(stream: AsyncIterator<WatchEvent>): Promise<Step> {
    const { signal } = this.#attempt;
    const openedMs = this.#clock.now();
    let eventCount = 0;
    try {
      for (let next = await stream.next(); next.done !== true; next = await stream.next()) {
        signal.throwIfAborted();
        eventCount++;
        this.#emptyWatchCount = 0;
        this.#lastHeardMs = this.#clock.now();
        this.#sink.applied(this.#store.apply(next.value));
      }
    } catch (error) {
      if (eventCount === 0 && this.#isVersionDoubtful(error)) this.#emptyWatchCount++;
      throw error;
    } finally {
      if (this.#clock.now() - openedMs >= HEALTHY_WATCH_MS) this.#delay.reset();
    }
    this.#stream = undefined;
    const isShort = this.#clock.now() - openedMs < SHORT_WATCH_MS;
    this.#emptyWatchCount = isShort && eventCount === 0 ? this.#emptyWatchCount + 1 : 0;
    if (isShort) throw this.#unavailable("watch was closed as soon as it was opened");
    return { name: "watch" };
  }

  /** Of a watch that told nothing: it was answered, and silent then; or its version is too new for a server that may only lag. */
  #isVersionDoubtful(error: unknown): boolean {
    if (!(error instanceof EvenkeelError) || error.code !== "API_TIMEOUT") return false;
    return this.#isAnswered || error.status?.causes.includes("ResourceVersionTooLarge") === true;
  }

  async #wait(retryInMs: number, next: AttemptName): Promise<Step> {
    await sleep(this.#clock, retryInMs, this.#begin());
    return { name: next };
  }

  #open(resourceVersion: string, sendInitialEvents: boolean): AsyncIterator<WatchEvent> {
    const span = MAX_WATCH_SECONDS - MIN_WATCH_SECONDS + 1;
    this.#isAnswered = false;
    const stream = this.#api.watch(this.#store.query.kind, {
      ...selection(this.#store.query),
      resourceVersion,
      sendInitialEvents,
      timeoutSeconds: MIN_WATCH_SECONDS + Math.floor(span * this.#clock.random()),
      idleMs: IDLE_MS,
      onOpen: sendInitialEvents ? undefined : () => this.#answered(),
      lane: "watches",
      signal: this.#begin(),
    });
    this.#stream = stream[Symbol.asyncIterator]();
    return this.#stream;
  }

  #answered(): void {
    this.#isAnswered = true;
    this.#sink.resumed();
  }

  #begin(): AbortSignal {
    this.#attempt = new AbortController();
    return this.#attempt.signal;
  }

  /** Also a stream that nobody will read on, such as one whose list was refused. */
  async #close(): Promise<void> {
    this.#attempt.abort();
    await this.#stream?.return?.();
    this.#stream = undefined;
  }

  #replace(objects: Iterable<StoredObject>, resourceVersion: string): void {
    const sizeBefore = this.#store.size;
    const changes = this.#store.replace(objects, resourceVersion);
    this.#lastHeardMs = this.#clock.now();
    this.#watchListFailureCount = 0;
    this.#sink.replaced(changes, sizeBefore);
  }

  #backOff(attempt: AttemptName, error: unknown): Step {
    const isRefusal = attempt === "watch-list" && NOT_SUPPORTED.has(codeOf(error));
    const next = this.#leadsTo(attempt, codeOf(error));
    const retryInMs = isRefusal ? 0 : this.#delay.next(error);
    this.#sink.failed({ attempt, error, retryInMs, next });
    return { name: "backoff", error, retryInMs, next };
  }

  #leadsTo(attempt: AttemptName, code: Code): AttemptName {
    switch (attempt) {
      case "list":
        return "list";
      case "watch-list":
        if (NOT_SUPPORTED.has(code)) this.#canWatchList = false;
        // A server that is busy says nothing against WatchList, and would be busier with a list.
        if (code !== "API_TOO_MANY_REQUESTS") this.#watchListFailureCount++;
        return PATIENT.has(code) && this.#watchListFailureCount < MAX_WATCH_LIST_FAILURES ? "watch-list" : "list";
      case "watch":
        if (PATIENT.has(code) && this.#emptyWatchCount < MAX_EMPTY_WATCHES) return "watch";
        this.#emptyWatchCount = 0;
        return this.#firstList;
      default:
        return attempt satisfies never;
    }
  }

  get #firstList(): "watch-list" | "list" {
    return this.#canWatchList ? "watch-list" : "list";
  }

  #unavailable(what: string): EvenkeelError {
    return new EvenkeelError("API_UNAVAILABLE", `${formatQuery(this.#store.query)}: ${what}`);
  }
}
