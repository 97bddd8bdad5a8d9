/**
 * The host: puts the rooms together, and starts and stops them in one order.
 *
 *   start  functions → probes → caches → wait for sync → lease → workers
 *   stop   workers (to the last answer) → lease → caches → probes
 */
import type { SharedInformer } from "../cache/informer.ts";
import type { Informers } from "../cache/informers.ts";
import { sleep, type Clock } from "../clock/clock.ts";
import type { Api } from "../kube/api.ts";
import type { Reviews } from "../kube/reviews.ts";
import { codeOf, EvenkeelError } from "../kube/errors.ts";
import { formatQuery } from "../kube/query.ts";
import { LeaderElector } from "../lease/leader-elector.ts";
import type { LeaseName } from "../lease/lease.ts";
import { asLogged, type Logger } from "../trace/logs.ts";
import type { Metrics } from "../trace/metrics.ts";
import type { Tracing } from "../trace/tracing.ts";
import type { Addresses } from "./addresses.ts";
import { livezChecks, readyzChecks } from "./checks.ts";
import { Engine } from "./engine.ts";
import type { FunctionSet } from "./function-set.ts";
import type { ProgramProblem, ProgramState } from "./program.ts";
import { serve, type Served, type Serving } from "./serving.ts";
import type { Settings } from "./settings.ts";
import { statusSource } from "./status.ts";

interface HostOptions {
  readonly settings: Addresses & Pick<Settings, "concurrency" | "identity" | "traceLink">;
  readonly api: Api;
  readonly reviews: Reviews;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly version: string;
  /** The Lease to hold while working; undefined: work without one. */
  readonly lease: LeaseName | undefined;
  /** Run each function twice and compare: for development. */
  readonly isVerifying: boolean;
  /** The endpoints answer: told before a cache is begun to be filled. */
  readonly onServing?: (served: Served) => void;
}

/** How long the start waits for caches. Source: controller-runtime CacheSyncTimeout. */
const SYNC_DEADLINE_MS = 120_000;

export class Host {
  readonly #options: HostOptions;
  readonly #informers: Informers;
  readonly #functions: FunctionSet;
  readonly #elector: LeaderElector | undefined;
  /** Aborts all writes: when leadership is lost. */
  readonly #cut = new AbortController();
  #problems: readonly ProgramProblem[] = [];
  #serving: Serving | undefined;
  #isStarting = true;
  #isStopping = false;

  constructor(options: HostOptions) {
    this.#options = options;
    const { api, clock, log, metrics, tracing, settings, lease } = options;
    this.#elector = lease === undefined ? undefined : this.#makeElector(lease);
    const { identity, concurrency } = settings;
    const { informers, functions } = new Engine({
      api,
      clock,
      log,
      metrics,
      tracer: tracing.reconciles,
      identity,
      concurrency,
      isVerifying: options.isVerifying,
      isLeading: () => this.#elector?.isLeader() ?? true,
      signal: this.#cut.signal,
    });
    this.#informers = informers;
    this.#functions = functions;
  }

  /** Where the endpoints answer. */
  get served(): Served | undefined {
    return this.#serving?.served;
  }

  /**
   * Resolves when the workers work: for a standby that may be much later, or never.
   * @throws EvenkeelError when the endpoints cannot listen, nothing can be synced, or `signal` is aborted
   */
  async start(state: ProgramState, signal: AbortSignal): Promise<void> {
    const { settings, log, onServing } = this.#options;
    // Before anything is waited for: a later state that comes meanwhile finds this one applied.
    // No answer of the server is needed.
    await this.apply(state);
    // Probes before caches: those may take minutes, and whoever restarts us for not answering must be answered then.
    // What comes before (cli/insist.ts) ends by itself, in a pod within 10 s.
    this.#serving = await this.#serve();
    onServing?.(this.#serving.served);
    // Caches before the lease: a standby that takes over has them filled already.
    this.#informers.start();
    await this.#waitForSync(signal);
    this.#isStarting = false;
    // The lease before the workers: nobody writes who does not lead.
    if (this.#elector !== undefined) {
      log.info("waiting for the lease", { identity: settings.identity });
      await this.#elector.acquire(signal);
      log.info("leading", { identity: settings.identity });
    }
    if (!this.#isStopping) this.#functions.start();
  }

  /** Other functions, or another configuration. */
  async apply({ functions, config, problems }: ProgramState): Promise<void> {
    this.#problems = problems;
    this.#options.metrics.problems(problems.length);
    await this.#functions.apply(functions, config);
    this.#options.metrics.functionsLoaded(functions.size);
  }

  /** Rejects with LEASE_LOST when leadership ends without `stop`: the process must end. Never resolves. */
  get lost(): Promise<never> {
    const { promise, reject } = Promise.withResolvers<never>();
    const leading = this.#elector?.leading;
    leading?.addEventListener("abort", () => {
      if (this.#isStopping) return;
      this.#cut.abort(leading.reason);
      reject(leading.reason as EvenkeelError);
    });
    return promise;
  }

  /** Resolves when all is quiet. The lease goes only after the last write was answered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#functions.stop();
    await this.#elector?.release().catch((error: unknown) => {
      this.#options.log.info("the lease was not given up; it will run out", { error: asLogged(error) });
    });
    await this.#informers.stop();
    await this.#serving?.close();
  }

  #serve(): Promise<Serving> {
    const { metrics, tracing, version, clock, settings, reviews, log, lease } = this.#options;
    const { recent } = tracing;
    const checked = {
      elector: this.#elector,
      informers: () => this.#informers.all(),
      problems: () => this.#problems,
      isStarting: () => this.#isStarting,
    };
    const readyz = readyzChecks(checked);
    const status = statusSource({
      version,
      identity: settings.identity,
      traceLink: settings.traceLink,
      clock,
      lease: lease && this.#elector && { name: lease, elector: this.#elector },
      readyz,
      recent,
      functions: () => this.#functions.all,
      informers: checked.informers,
      problems: checked.problems,
    });
    const livez = livezChecks(checked);
    return serve({ addresses: settings, livez, readyz, metrics, status, recent, reviews, clock, log });
  }

  /**
   * Waits for every cache that can be filled. One that the server answers for and does not fill holds up the functions that
   * need it, and no other: what is wrong may be a webhook of a kind that most have nothing to do with.
   */
  async #waitForSync(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.now() + SYNC_DEADLINE_MS;
    for (;;) {
      const missing = this.#informers.all().filter((informer) => !informer.hasSynced);
      if (missing.every(({ lastError }) => HOPELESS.has(codeOf(lastError)))) break;
      if (signal.aborted) throw signal.reason;
      const isOverdue = clock.now() > untilMs;
      const isAnswered = ({ lastError }: SharedInformer): boolean =>
        isOverdue || (lastError instanceof EvenkeelError && lastError.status !== undefined);
      if (this.#canWork && missing.every(isAnswered)) break;
      if (isOverdue) throw cannotSync(missing);
      const pause = new AbortController();
      const stop = (): void => pause.abort();
      signal.addEventListener("abort", stop, { once: true });
      void Promise.race(missing.map(({ synced }) => synced)).then(stop);
      await sleep(clock, 100, pause.signal);
      signal.removeEventListener("abort", stop);
    }
  }

  /** Some function has all that it reads. */
  get #canWork(): boolean {
    return [...this.#functions.all.values()].some(({ cache }) => cache.hasSynced);
  }

  #makeElector(lease: LeaseName): LeaderElector {
    const { api, clock, log, metrics, settings } = this.#options;
    const gauge = metrics.lease(lease.name);
    let failed: string | undefined;
    return new LeaderElector({
      api,
      clock,
      lease,
      identity: settings.identity,
      onNewLeader: (leader) => log.info("new leader", { lease: `${lease.namespace}/${lease.name}`, leader }),
      observer: {
        leading: (isLeading) => gauge.leading(isLeading),
        attemptFailed(error) {
          const code = codeOf(error);
          if (code !== failed && error instanceof Error)
            log.info("the lease could not be acquired or renewed", { error });
          failed = code;
        },
      },
    });
  }
}

/** Failures that waiting does not mend: somebody has to install or to allow something. */
const HOPELESS: ReadonlySet<string> = new Set(["KIND_NOT_SERVED", "API_FORBIDDEN", "API_NOT_FOUND"]);

function cannotSync(missing: readonly SharedInformer[]): EvenkeelError {
  const [first] = missing;
  const what = first === undefined ? "a cache" : formatQuery(first.query);
  return new EvenkeelError("API_UNREACHABLE", `${what} could not be listed within two minutes`, {
    cause: first?.lastError,
  });
}
