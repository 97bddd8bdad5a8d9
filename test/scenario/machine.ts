/** One host process on the world's API server, without its endpoints and its lease: everything between watch and write. */
import type { Clock } from "../../runtime/clock/clock.ts";
import type { Config } from "../../runtime/host/config-file.ts";
import { Engine } from "../../runtime/host/engine.ts";
import { functionObserver } from "../../runtime/host/observers.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import type { Transport } from "../../runtime/kube/transport.ts";
import type { Report } from "../../runtime/reconcile/controller.ts";
import type { LoadedFunction } from "../../runtime/reconcile/loader.ts";
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

export class Machine {
  readonly informers: Engine["informers"];
  readonly functions: Engine["functions"];
  readonly metrics: Metrics;
  readonly #cut = new AbortController();

  constructor({ clock, transport, tracer, concurrency, log: write, settled }: MachineOptions) {
    const log = createLogger({ stream: { write }, clock, format: "json", verbosity: 4 });
    const metrics = createMetrics({ version: "0.0.0" });
    const { informers, functions } = new Engine({
      api: new ApiClient({ clock, transport }),
      clock,
      log,
      metrics,
      tracer,
      identity: "test",
      concurrency,
      isVerifying: true,
      isLeading: () => true,
      signal: this.#cut.signal,
      observe: (name) => {
        const observer = functionObserver(name, { clock, metrics, log, concurrency });
        const { controller } = observer;
        const tell = (report: Report): void => {
          controller.settled(report);
          settled(name, report);
        };
        return { ...observer, controller: { ...controller, settled: tell } };
      },
    });
    this.metrics = metrics;
    this.informers = informers;
    this.functions = functions;
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
