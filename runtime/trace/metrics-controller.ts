/** controller_runtime_*: what became of each reconcile of one function, and of each of its writes. */
import { Counter, Gauge, Histogram, type Registry } from "./prom-client.ts";
import type { RequestResult } from "./request-span.ts";
import { family, type Family, type Series } from "./series.ts";

export interface ReconcileObservation {
  readonly result: "success" | "error" | "requeue" | "requeue_after";
  readonly durationMs: number;
  /** An error that is not retried. */
  readonly isTerminal: boolean;
  /** The function threw or ended its thread, where Go would have panicked. */
  readonly isPanic: boolean;
  readonly isTimeout: boolean;
}

export interface ControllerMetrics {
  /** How many reconciles may run at a time. */
  maxConcurrent(count: number): void;
  /** A reconcile begins; `ended` must follow. */
  started(): void;
  ended(observation: ReconcileObservation): void;
  wrote(verb: string, result: RequestResult): void;
  /** Takes the function's series away. */
  close(): void;
}

/** Source: controller-runtime pkg/internal/controller/metrics/metrics.go */
const RECONCILE_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

export function createControllerMetrics(registry: Registry): (name: string) => ControllerMetrics {
  const labelNames = ["controller"] as const;
  const counter = (name: string, help: string): Family<"controller"> =>
    family(registry, Counter, { name, help, labelNames });
  const gauge = (name: string, help: string): Family<"controller"> =>
    family(registry, Gauge, { name, help, labelNames });

  const totals = family(registry, Counter, {
    name: "controller_runtime_reconcile_total",
    help: "Reconciles, by result.",
    labelNames: ["controller", "result"],
  });
  const errors = counter(
    "controller_runtime_reconcile_errors_total",
    "Reconciles that failed, terminal ones included.",
  );
  const terminal = counter(
    "controller_runtime_terminal_reconcile_errors_total",
    "Reconciles that failed and are not retried.",
  );
  const panics = counter(
    "controller_runtime_reconcile_panics_total",
    "Reconciles in which the function threw or ended its thread.",
  );
  const timeouts = counter("controller_runtime_reconcile_timeouts_total", "Reconciles that passed their deadline.");
  const seconds = new Histogram({
    name: "controller_runtime_reconcile_time_seconds",
    help: "Duration of a reconcile.",
    labelNames,
    buckets: RECONCILE_SECONDS,
    registers: [registry],
  });
  const max = gauge("controller_runtime_max_concurrent_reconciles", "Reconciles that may run at a time.");
  const active = gauge("controller_runtime_active_workers", "Reconciles that are running.");
  const writes = family(registry, Counter, {
    name: "evenkeel_writes_total",
    help: "Write requests, by verb and by what became of them.",
    labelNames: ["controller", "verb", "result"],
  });

  return (controller) => {
    const labels = { controller };
    const total = (result: ReconcileObservation["result"]): Series => totals({ controller, result });
    const byResult = {
      success: total("success"),
      error: total("error"),
      requeue: total("requeue"),
      requeue_after: total("requeue_after"),
    };
    const its = {
      errors: errors(labels),
      terminal: terminal(labels),
      panics: panics(labels),
      timeouts: timeouts(labels),
      max: max(labels),
      active: active(labels),
    };
    const written = new Map<string, Series>();
    seconds.zero(labels);
    const durations = seconds.labels(labels);
    return {
      maxConcurrent(count) {
        its.max.value = count;
      },
      started() {
        its.active.value++;
      },
      ended({ result, durationMs, isTerminal, isPanic, isTimeout }) {
        its.active.value--;
        byResult[result].value++;
        durations.observe(durationMs / 1000);
        if (result === "error") its.errors.value++;
        if (isTerminal) its.terminal.value++;
        if (isPanic) its.panics.value++;
        if (isTimeout) its.timeouts.value++;
      },
      wrote(verb, result) {
        written.getOrInsertComputed(`${verb} ${result}`, () => writes({ controller, verb, result })).value++;
      },
      close() {
        for (const series of [...Object.values(byResult), ...Object.values(its), ...written.values()]) series.close();
        seconds.remove(labels);
      },
    };
  };
}
