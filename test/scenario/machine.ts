/** One host process on the world's API server, without its endpoints and its lease: everything between watch and write. */
import { Informers } from "../../runtime/cache/informers.ts";
import type { Clock } from "../../runtime/clock/clock.ts";
import type { Config } from "../../runtime/host/config-file.ts";
import { FunctionSet } from "../../runtime/host/function-set.ts";
import { functionObserver, informerReporter } from "../../runtime/host/observers.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import type { Transport } from "../../runtime/kube/transport.ts";
import type { Report } from "../../runtime/reconcile/controller.ts";
import { Events } from "../../runtime/reconcile/events.ts";
import { indexers } from "../../runtime/reconcile/function-cache.ts";
import type { LoadedFunction } from "../../runtime/reconcile/loader.ts";
import { LiveReads } from "../../runtime/reconcile/live-reads.ts";
import { Slots } from "../../runtime/reconcile/slots.ts";
import { Writer } from "../../runtime/reconcile/writer.ts";
import { createLogger } from "../../runtime/trace/logs.ts";
import { createMetrics, type Metrics } from "../../runtime/trace/metrics.ts";
import type { ReconcileTracer } from "../../runtime/trace/reconcile-trace.ts";

export interface MachineOptions {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly tracer: ReconcileTracer;
  readonly concurrency: number;
  readonly log: (line: string) => void;
  readonly settled: (functionName: string, report: Report) => void;
}

const isLeading = (): boolean => true;

export class Machine {
  readonly informers: Informers;
  readonly functions: FunctionSet;
  readonly metrics: Metrics;
  readonly #cut = new AbortController();

  constructor({ clock, transport, tracer, concurrency, log, settled }: MachineOptions) {
    const api = new ApiClient({ clock, transport });
    const { signal } = this.#cut;
    const logger = createLogger({ stream: { write: log }, clock, format: "json", verbosity: 4 });
    this.metrics = createMetrics({ version: "0.0.0" });
    this.informers = new Informers({
      api,
      clock,
      indexers,
      report: informerReporter(this.metrics, logger, () => []),
    });
    this.functions = new FunctionSet({
      api,
      clock,
      informers: this.informers,
      writer: new Writer({ api, slots: new Slots(32), isLeading, signal }),
      live: new LiveReads({ api, clock }),
      events: new Events({ api, clock, identity: "test", isLeading, signal, onDropped: () => {} }),
      tracer,
      concurrency,
      signal,
      isVerifying: true,
      observe: (name) => {
        const observer = functionObserver(name, { clock, metrics: this.metrics, log: logger, concurrency });
        const { controller } = observer;
        const tell = (report: Report): void => {
          controller.settled(report);
          settled(name, report);
        };
        return { ...observer, controller: { ...controller, settled: tell } };
      },
    });
  }

  async start(functions: ReadonlyMap<string, LoadedFunction>, config: Config): Promise<void> {
    await this.functions.apply(functions, config);
    this.informers.start();
    this.functions.start();
  }

  async stop(): Promise<void> {
    await this.functions.stop();
    await this.informers.stop();
  }

  /** To be called when nothing gets through any more. */
  async kill(): Promise<void> {
    this.#cut.abort(new Error("killed"));
    await this.stop();
  }
}
