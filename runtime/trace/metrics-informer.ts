/** reflector_* and evenkeel_informer_*: whether each informer's view of the cluster is alive. */
import { Counter, Gauge, type Registry } from "prom-client";

/** What an informer can be asked at any time: read at each scrape. */
export interface InformerGauges {
  readonly store: { readonly size: number };
  /** Since the server last said anything; undefined before its first word. */
  readonly lastEventAgeMs: number | undefined;
}

export interface InformerMetrics {
  listed(): void;
  watched(): void;
  /** A list or a watch failed. `code` is ours, as in EvenkeelError. */
  failed(code: string): void;
  /** Takes the informer's series away. */
  close(): void;
}

export function createInformerMetrics(registry: Registry): (name: string, gauges: InformerGauges) => InformerMetrics {
  const registers = [registry];
  const labelNames = ["name"] as const;
  const informers = new Map<string, InformerGauges>();
  const objects = new Gauge({
    name: "evenkeel_informer_objects",
    help: "Objects in the store.",
    labelNames,
    registers,
    collect() {
      for (const [name, { store }] of informers) this.set({ name }, store.size);
    },
  });
  const age = new Gauge({
    name: "evenkeel_informer_last_event_age_seconds",
    help: "Since the last sign of life of the watch, bookmarks included.",
    labelNames,
    registers,
    collect() {
      for (const [name, { lastEventAgeMs }] of informers) {
        if (lastEventAgeMs !== undefined) this.set({ name }, lastEventAgeMs / 1000);
      }
    },
  });
  const lists = new Counter({ name: "reflector_lists_total", help: "Lists taken.", labelNames, registers });
  const watches = new Counter({ name: "reflector_watches_total", help: "Watches opened.", labelNames, registers });
  const errors = new Counter({
    name: "reflector_errors_total",
    help: "Lists and watches that failed, by code.",
    labelNames: ["name", "code"],
    registers,
  });

  return (name, gauges) => {
    const codes = new Set<string>();
    informers.set(name, gauges);
    for (const metric of [lists, watches]) metric.inc({ name }, 0);
    return {
      listed: () => lists.inc({ name }),
      watched: () => watches.inc({ name }),
      failed(code) {
        codes.add(code);
        errors.inc({ name, code });
      },
      close() {
        informers.delete(name);
        for (const metric of [objects, age, lists, watches]) metric.remove({ name });
        for (const code of codes) errors.remove({ name, code });
      },
    };
  };
}
