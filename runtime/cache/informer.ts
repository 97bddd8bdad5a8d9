/**
 * The objects of one Query, kept current and told about: a Store, the Reflector that feeds it, and handlers.
 *
 * Promises: every handler is told of every difference between two states of the store, in order for each object, in the turn
 * in which the store changed. Not promised: every state an object went through, or any order between different informers.
 * Handlers only enqueue: what they do is done before the next event is read.
 */
import type { Clock, Timer } from "../clock/clock.ts";
import type { Api } from "../kube/api.ts";
import { objectKey } from "../kube/object.ts";
import type { Query } from "../kube/query.ts";
import { DropGuard } from "./drop-guard.ts";
import { holding, type ListWatch } from "./holding.ts";
import { Reflector, type Failure, type ReflectorState } from "./reflector.ts";
import { Store, type Change, type Indexer } from "./store.ts";

type ChangeHandler = (change: Change) => void;

/** What an informer has to say to logs, metrics and traces. */
export type InformerReport =
  | { readonly type: "entered"; readonly state: ReflectorState }
  | { readonly type: "failed"; readonly failure: Failure }
  | { readonly type: "listed"; readonly objectCount: number; readonly changeCount: number }
  /** After a failure, a watch goes on from where it was: there was no need of a list. */
  | { readonly type: "recovered" }
  | { readonly type: "deletions-held"; readonly reason: string }
  | { readonly type: "deletions-released"; readonly reason: string }
  | { readonly type: "confirmation-failed"; readonly error: unknown }
  | { readonly type: "handler-threw"; readonly error: unknown };

export interface InformerOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly query: Query;
  readonly indexers?: Readonly<Record<string, Indexer>> | undefined;
  /** Told in the turn in which it happens. Must not throw. */
  readonly report?: ((report: InformerReport, informer: SharedInformer) => void) | undefined;
}

/** A resumed watch that lasts this long works, even if it is quiet: one whose version has expired ends at once. */
const PROBATION_MS = 10_000;

export class SharedInformer {
  readonly query: Query;
  readonly store: Store;
  /** Resolves when the first list is in the store and handlers have been told; pending for ever if stopped before. */
  readonly synced: Promise<void>;
  readonly #clock: Clock;
  readonly #report: (report: InformerReport) => void;
  readonly #reflector: Reflector;
  readonly #guard: DropGuard;
  readonly #handlers = new Set<ChangeHandler>();
  readonly #relistHandlers = new Set<() => void>();
  readonly #stop = new AbortController();
  readonly #resolveSynced: () => void;
  #running: Promise<void> | undefined;
  #hasSynced = false;
  #lastError: unknown;
  /** Runs while a watch is resumed after a failure and has not said anything yet. */
  #probation: Timer | undefined;

  constructor({ api, clock, query, indexers = {}, report = () => {} }: InformerOptions) {
    this.query = query;
    this.store = new Store(query, indexers, clock);
    this.#clock = clock;
    this.#report = (text) => report(text, this);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#resolveSynced = resolve;
    const source = holding(api, query);
    this.#reflector = this.#makeReflector(source);
    this.#guard = this.#makeGuard(source);
  }

  /** Idempotent. */
  start(): void {
    if (!this.#stop.signal.aborted) this.#running ??= this.#reflector.run(this.#stop.signal);
  }

  /** Idempotent; an informer that was stopped stays so. Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#running, this.#guard.stop()]);
  }

  /**
   * Tells `handler` of each change from now on, and, if there are objects already, of these first, as of origin `list`.
   * What it throws is reported, and stops nothing.
   * @returns what ends it, at once.
   */
  onChange(handler: ChangeHandler): () => void {
    this.#handlers.add(handler);
    const { query } = this;
    for (const after of this.store.read({}))
      this.#tell(() => handler({ query, key: objectKey(after.metadata), after, origin: "list" }));
    return () => void this.#handlers.delete(handler);
  }

  /** Tells `handler` after each list but the first: changes that it shows have been told, unchanged objects have not. */
  onRelist(handler: () => void): () => void {
    this.#relistHandlers.add(handler);
    return () => void this.#relistHandlers.delete(handler);
  }

  /** Whether the first list is in the store. Stays true, whatever fails later. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get state(): ReflectorState {
    return this.#reflector.state;
  }

  /** What keeps the informer from following the server, or undefined when nothing is known to. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Since the server last said anything; about a minute at most while all is well. Undefined before the first word. */
  get lastEventAgeMs(): number | undefined {
    const heardMs = this.#reflector.lastHeardMs;
    return heardMs === undefined ? undefined : this.#clock.now() - heardMs;
  }

  /** Why nothing may be deleted for what is missing here, or undefined when it may. */
  get deletionsHeld(): string | undefined {
    return this.#guard.reason;
  }

  #makeReflector(api: ListWatch): Reflector {
    return new Reflector({
      api,
      clock: this.#clock,
      store: this.store,
      sink: {
        replaced: (changes, sizeBefore) => this.#replaced(changes, sizeBefore),
        applied: (changes) => {
          this.#recovered();
          this.#deliver(changes);
        },
        resumed: () => {
          if (this.#lastError !== undefined) this.#probation = this.#clock.after(PROBATION_MS, () => this.#recovered());
        },
        entered: (state) => {
          this.#probation?.cancel();
          this.#report({ type: "entered", state });
        },
        failed: (failure) => {
          this.#lastError = failure.error;
          this.#report({ type: "failed", failure });
        },
      },
    });
  }

  #makeGuard(api: ListWatch): DropGuard {
    return new DropGuard({
      api,
      clock: this.#clock,
      store: this.store,
      relist: () => this.#reflector.relist(),
      sink: {
        held: (reason) => this.#report({ type: "deletions-held", reason }),
        released: (reason) => this.#report({ type: "deletions-released", reason }),
        failed: (error) => this.#report({ type: "confirmation-failed", error }),
      },
    });
  }

  #recovered(): void {
    if (this.#lastError === undefined) return;
    this.#lastError = undefined;
    this.#probation?.cancel();
    this.#report({ type: "recovered" });
  }

  #replaced(changes: readonly Change[], sizeBefore: number): void {
    this.#lastError = undefined;
    this.#guard.relisted(changes, sizeBefore);
    this.#report({ type: "listed", objectCount: this.store.size, changeCount: changes.length });
    this.#deliver(changes);
    if (this.#hasSynced) for (const handler of this.#relistHandlers) this.#tell(handler);
    this.#hasSynced = true;
    this.#resolveSynced();
  }

  #deliver(changes: readonly Change[]): void {
    // A handler added meanwhile is told of the store as it is, which has these changes already.
    const handlers = [...this.#handlers];
    for (const change of changes)
      for (const handler of handlers) if (this.#handlers.has(handler)) this.#tell(() => handler(change));
  }

  #tell(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#report({ type: "handler-threw", error });
    }
  }
}
