/**
 * The functions at work: which versions, with which configuration, and their controllers. A changed function or configuration
 * swaps the controllers that it concerns and no other; a candidate that does not fit leaves everything as it is.
 */
import { Tracker } from "../cache/tracker.ts";
import type { SharedInformer } from "../cache/informer.ts";
import type { Informers } from "../cache/informers.ts";
import type { Clock } from "../clock/clock.ts";
import type { Api } from "../kube/api.ts";
import type { Code } from "../kube/errors.ts";
import { groupKind, kindKey, pluralOf, type Kind } from "../kube/kind.ts";
import { kindsOf, type Cell } from "../reconcile/cell/cell.ts";
import { Controller, type ControllerObserver, type Memos } from "../reconcile/controller.ts";
import type { Events } from "../reconcile/events.ts";
import { FunctionCache } from "../reconcile/function-cache.ts";
import type { LoadedFunction } from "../reconcile/loader.ts";
import { Reconciler } from "../reconcile/reconciler.ts";
import type { LiveReads } from "../reconcile/live-reads.ts";
import { WriteCauses } from "../reconcile/write-causes.ts";
import type { Writer } from "../reconcile/writer.ts";
import type { Write } from "../reconcile/plan.ts";
import type { ReconcileTracer } from "../trace/reconcile-trace.ts";
import type { RequestResult } from "../trace/request-span.ts";
import type { Wake } from "../trace/wake.ts";
import type { WorkqueueObserver } from "../trace/workqueue-observer.ts";
import type { Config } from "./config-file.ts";

/** Measures one function: made with its first version, closed when it is gone. In between its counters only rise. */
export interface FunctionObserver {
  readonly controller: ControllerObserver;
  readonly queue: WorkqueueObserver;
  readonly onWrite: (verb: Write["verb"], result: RequestResult) => void;
  /** A version is there to be looked at. Failures of the one before say nothing about it. */
  begins(controller: Pick<Controller, "queue" | "blockedCounts" | "conflictCount">, cell: Cell): void;
  /** Of the present version; undefined while nothing has failed. */
  lastFailure(): Failure | undefined;
  /** A kind is served by another plural than the function says, or than is formed where it says none. */
  misnames(kind: Kind, served: string): void;
  close(): void;
}

/** A reconcile that failed. */
export interface Failure {
  readonly code: Code;
  readonly key: string;
  /** When, in milliseconds since the Unix epoch. */
  readonly wallMs: number;
}

interface FunctionSetOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly informers: Informers;
  readonly writer: Writer;
  readonly live: LiveReads;
  readonly events: Events;
  readonly tracer: ReconcileTracer;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Run each function twice and compare. */
  readonly isVerifying: boolean;
  readonly observe: (name: string) => FunctionObserver;
}

export class FunctionSet {
  readonly #options: FunctionSetOptions;
  readonly #causes = new WriteCauses();
  readonly #active = new Map<string, ActiveFunction>();
  /** One change at a time, in the order they came. */
  #changes: Promise<void> = Promise.resolve();
  #isWorking = false;

  constructor(options: FunctionSetOptions) {
    this.#options = options;
  }

  /** Makes these the functions at work. Resolves when the former ones have finished what they had in hand. */
  apply(functions: ReadonlyMap<string, LoadedFunction>, config: Config): Promise<void> {
    const change = this.#changes.then(() => this.#apply(functions, config));
    // What went wrong with one change is told to whoever made it, and holds up no later one.
    this.#changes = change.catch(() => {});
    return change;
  }

  /** Lets all controllers work, now and later: the caller leads. Each starts when its own caches are filled. */
  start(): void {
    this.#isWorking = true;
    for (const active of this.#active.values()) this.#startWhenSynced(active);
  }

  /** Resolves when every write under way was answered; nothing is written after that. */
  async stop(): Promise<void> {
    this.#isWorking = false;
    await this.#changes;
    await Promise.all([...this.#active.values()].map((active) => this.#remove(active)));
  }

  /** What is at work, by name. */
  get all(): ReadonlyMap<string, ActiveFunction> {
    return this.#active;
  }

  async #apply(functions: ReadonlyMap<string, LoadedFunction>, config: Config): Promise<void> {
    for (const [name, active] of this.#active) {
      const next = functions.get(name);
      if (next === undefined) {
        await this.#remove(active);
        continue;
      }
      if (active.version === versionOf(next, config)) continue;
      // Taken before the former one gives its informers back, so that those they share go on.
      const cache = this.#cacheOf(next);
      await this.#end(active);
      const { observer, controller, loaded } = active;
      const because = loaded.generation === next.generation ? "config" : "function";
      // Another version may mean something else by them.
      const memos = because === "config" ? controller.memos : undefined;
      this.#begin(next, { config, cache, observer, because, memos });
    }
    for (const [name, loaded] of functions) {
      if (this.#active.has(name)) continue;
      this.#begin(loaded, { config, cache: this.#cacheOf(loaded), observer: this.#options.observe(name) });
    }
  }

  #cacheOf({ name, cell }: LoadedFunction): FunctionCache {
    return new FunctionCache(name, cell.declaration, this.#options.informers);
  }

  #begin(loaded: LoadedFunction, { config, cache, observer, because, memos }: Beginning): void {
    const { name, cell } = loaded;
    const scopes = new Map<string, boolean>();
    const tracker = new Tracker();
    const isDryRun = isDry(config, name);
    const causes = this.#causes;
    const reconciler = new Reconciler({
      ...this.#options,
      cell,
      config: config.functions.get(name),
      isNamespaced: (kind: Kind): boolean | undefined => scopes.get(kindKey(kind)),
      cache,
      tracker,
      causes,
      isDryRun,
      onWrite: observer.onWrite,
    });
    const controller = new Controller({
      ...this.#options,
      name,
      cache,
      tracker,
      reconciler,
      causes,
      because,
      memos,
      observer: observer.controller,
      queueObserver: observer.queue,
    });
    observer.begins(controller, cell);
    const active: ActiveFunction = {
      loaded,
      version: versionOf(loaded, config),
      cache,
      controller,
      observer,
      isDryRun,
      scopes,
      isEnded: false,
    };
    this.#active.set(name, active);
    cell.wake();
    this.#comparePlurals(active);
    if (this.#isWorking) this.#startWhenSynced(active);
  }

  #startWhenSynced(active: ActiveFunction): void {
    const ready = async (): Promise<void> => {
      await active.cache.waitForSync();
      await this.#learnScopes(active);
      if (this.#isWorking && !active.isEnded) active.controller.start();
    };
    // A kind that vanishes between the list and here is waited for by its informer; the function starts without its scope.
    ready().catch(() => active.controller.start());
  }

  /** The kinds were listed a moment ago, so discovery answers from memory. */
  async #learnScopes({ loaded: { cell }, scopes }: ActiveFunction): Promise<void> {
    const { writes, applies, subresources } = cell.declaration;
    const kinds = [...writes, ...applies, ...subresources.map(({ of }) => of)];
    const { api, signal } = this.#options;
    for (const kind of kinds) {
      // One that cannot be asked for now keeps no other from being known.
      const resource = await Promise.resolve(api.resource(kind, { signal })).catch(() => undefined);
      if (resource !== undefined) scopes.set(kindKey(kind), resource.isNamespaced);
    }
  }

  /**
   * For the manifests, which are made where no cluster is asked: a right to a resource of another name is none. Of a
   * kind that is not served, or cannot be asked for, its informer tells.
   */
  #comparePlurals({ loaded: { cell }, observer }: ActiveFunction): void {
    const { api, signal } = this.#options;
    const compare = async (kind: Kind): Promise<void> => {
      const { plural } = await api.resource(kind, { signal });
      const meant = pluralOf(this.#saidOf(kind) ?? kind);
      if (plural !== meant) observer.misnames({ ...kind, plural: meant }, plural);
    };
    for (const [kind] of Map.groupBy(kindsOf(cell.declaration), kindKey).values())
      if (kind !== undefined) compare(kind).catch(() => {});
  }

  /** As manifests/plurals.ts has it: what one function says is the kind's, for all functions and in all versions. */
  #saidOf(kind: Kind): Kind | undefined {
    const named = [...this.#active.values()].flatMap(({ loaded }) => kindsOf(loaded.cell.declaration));
    return named.find((it) => it.plural !== undefined && groupKind(it) === groupKind(kind));
  }

  async #end(active: ActiveFunction): Promise<void> {
    active.isEnded = true;
    // First, so that no key waits for the end of a suspension.
    active.loaded.cell.rest();
    await active.controller.stop();
    await active.cache.release();
  }

  async #remove(active: ActiveFunction): Promise<void> {
    await this.#end(active);
    this.#active.delete(active.loaded.name);
    active.observer.close();
  }
}

interface Beginning {
  readonly config: Config;
  readonly cache: FunctionCache;
  readonly observer: FunctionObserver;
  /** Why all its keys run, where it is not simply because they are there. */
  readonly because?: Wake["what"];
  readonly memos?: Memos | undefined;
}

/** One function at work. */
export interface ActiveFunction {
  readonly loaded: LoadedFunction;
  /** Same version: same code, same configuration. */
  readonly version: string;
  readonly cache: FunctionCache;
  readonly controller: Controller;
  readonly observer: FunctionObserver;
  readonly isDryRun: boolean;
  readonly scopes: Map<string, boolean>;
  isEnded: boolean;
}

/** The names of those that use it. */
export function usersOf(informer: SharedInformer, functions: ReadonlyMap<string, ActiveFunction>): readonly string[] {
  return [...functions].flatMap(([name, { cache }]) => (cache.informers.includes(informer) ? [name] : []));
}

function versionOf({ name, generation }: LoadedFunction, config: Config): string {
  return JSON.stringify([generation, isDry(config, name), config.functions.get(name) ?? null]);
}

function isDry({ dryRun }: Config, name: string): boolean {
  return dryRun === true || dryRun.has(name);
}
