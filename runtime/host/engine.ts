/**
 * What works on a cluster: the caches, the functions, and what they write by. The host adds endpoints and a lease; scenarios
 * run it as it is, in virtual time.
 */
import { Informers } from "../cache/informers.ts";
import type { Clock } from "../clock/clock.ts";
import type { Api } from "../kube/api.ts";
import { Events } from "../reconcile/events.ts";
import { indexers } from "../reconcile/function-cache.ts";
import { LiveReads } from "../reconcile/live-reads.ts";
import { Slots } from "../reconcile/slots.ts";
import { Writer } from "../reconcile/writer.ts";
import { asLogged, type Logger } from "../trace/logs.ts";
import type { Metrics } from "../trace/metrics.ts";
import type { ReconcileTracer } from "../trace/reconcile-trace.ts";
import { FunctionSet, usersOf, type FunctionObserver } from "./function-set.ts";
import { functionObserver, informerReporter } from "./observers.ts";

interface EngineOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracer: ReconcileTracer;
  /** Of this replica, for Events. */
  readonly identity: string;
  /** Keys of one function that are worked on at the same time, ≥ 1. */
  readonly concurrency: number;
  /** Run each function twice and compare: for development. */
  readonly isVerifying: boolean;
  /** Asked immediately before every write. */
  readonly isLeading: () => boolean;
  /** Aborts all writes: when leadership is lost. */
  readonly signal: AbortSignal;
  /** @default {@link functionObserver} */
  readonly observe?: (name: string) => FunctionObserver;
}

/** Writes in flight over all functions. Beyond 32 nothing gets faster, and the first answer gets later. */
const WRITES_IN_FLIGHT = 32;

export class Engine {
  readonly informers: Informers;
  readonly functions: FunctionSet;

  constructor(options: EngineOptions) {
    const { api, clock, log, metrics, identity, concurrency, isLeading, signal } = options;
    this.informers = new Informers({
      api,
      clock,
      indexers,
      report: informerReporter(metrics, log, (informer) => usersOf(informer, this.functions.all)),
    });
    this.functions = new FunctionSet({
      api,
      clock,
      informers: this.informers,
      writer: new Writer({ api, slots: new Slots(WRITES_IN_FLIGHT), isLeading, signal }),
      live: new LiveReads({ api, clock }),
      events: new Events({
        api,
        clock,
        identity,
        isLeading,
        signal,
        onDropped: (why, error) => log.debug("event dropped", { why, error: asLogged(error) }),
      }),
      tracer: options.tracer,
      concurrency,
      signal,
      isVerifying: options.isVerifying,
      observe: options.observe ?? ((name) => functionObserver(name, { clock, metrics, log, concurrency })),
    });
  }
}
