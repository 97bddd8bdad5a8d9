/**
 * evenkeel_function_*, evenkeel_conflicts, evenkeel_blocked: what one function did wrong, what became of its thread,
 * and what it cannot write.
 */
import { Counter, Gauge, type Registry } from "./prom-client.ts";

/** What a function can be asked about at any time. */
interface FunctionGauges {
  /** How many of its threads it brought to an end. */
  readonly faultCount: number;
  readonly isSuspended: boolean;
  /** How long ago the first failure was of the key that has failed longest without a success since; 0 while none fails. */
  readonly failingMs: number;
  /** Wanted names that are held by objects that are not ours. */
  readonly conflictCount: number;
  /** Reason → how many objects are left out for now. */
  readonly blocked: ReadonlyMap<string, number>;
}

export interface FunctionMetrics {
  /** From here on the gauges are these. */
  attach(read: () => FunctionGauges): void;
  /** A reconcile failed. */
  failed(code: string): void;
  /** Takes the function's series away. */
  close(): void;
}

export function createFunctionMetrics(registry: Registry): (name: string) => FunctionMetrics {
  const registers = [registry];
  const labelNames = ["controller"] as const;
  const cells = new Map<string, () => FunctionGauges>();
  const errors = new Counter({
    name: "evenkeel_function_errors_total",
    help: "Reconciles that failed, by code.",
    labelNames: ["controller", "code"],
    registers,
  });
  const faults = new Counter({
    name: "evenkeel_function_thread_faults_total",
    help: "Threads that the function brought to an end: by not returning, by filling memory, by crashing. Each is replaced.",
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [controller, read] of cells) this.inc({ controller }, read().faultCount);
    },
  });
  const suspended = new Gauge({
    name: "evenkeel_function_suspended",
    help: "1 while the function is left alone for a while because it ended thread after thread, 0 otherwise.",
    labelNames,
    registers,
    collect() {
      for (const [controller, read] of cells) this.set({ controller }, read().isSuspended ? 1 : 0);
    },
  });

  const age = new Gauge({
    name: "evenkeel_function_last_success_age_seconds",
    help: "For how long the key that has failed longest has had no success; 0 while none fails.",
    labelNames,
    registers,
    collect() {
      for (const [controller, read] of cells) this.set({ controller }, read().failingMs / 1000);
    },
  });

  const conflicts = new Gauge({
    name: "evenkeel_conflicts",
    help: "Wanted names that are taken by objects that are not ours.",
    labelNames,
    registers,
    collect() {
      for (const [controller, read] of cells) this.set({ controller }, read().conflictCount);
    },
  });

  const blocked = new Gauge({
    name: "evenkeel_blocked",
    help: "Objects that cannot be written for now, by reason; each is retried automatically.",
    labelNames: ["controller", "reason"],
    registers,
    collect() {
      for (const [controller, read] of cells)
        for (const [reason, count] of read().blocked) this.set({ controller, reason }, count);
    },
  });

  return (controller) => {
    const codes = new Set<string>();
    return {
      attach: (read) => void cells.set(controller, read),
      failed(code) {
        codes.add(code);
        errors.inc({ controller, code });
      },
      close() {
        for (const reason of cells.get(controller)?.().blocked.keys() ?? []) blocked.remove({ controller, reason });
        cells.delete(controller);
        for (const metric of [faults, suspended, age, conflicts]) metric.remove({ controller });
        for (const code of codes) errors.remove({ controller, code });
      },
    };
  };
}
