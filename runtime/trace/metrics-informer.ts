/** reflector_* and evenkeel_informer_*: whether each informer's view of the cluster is alive. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { Clock } from "../clock/clock.ts";

export interface InformerMetrics {
  /** How many objects the store holds. */
  objects(count: number): void;
  /** Something arrived: an object or a bookmark. */
  event(): void;
  listed(): void;
  watched(): void;
  /** A list or a watch failed. `code` is ours, as in EvenkeelError. */
  failed(code: string): void;
  /** Takes the informer's series away. */
  close(): void;
}

export function createInformerMetrics(registry: Registry, clock: Clock): (name: string) => InformerMetrics {
  const registers = [registry];
  const labelNames = ["name"] as const;
  const objects = new Gauge({
    name: "evenkeel_informer_objects",
    help: "Objects in the store.",
    labelNames,
    registers,
  });
  const lastEventMs = new Map<string, number>();
  const age = new Gauge({
    name: "evenkeel_informer_last_event_age_seconds",
    help: "Since the last sign of life of the watch, bookmarks included.",
    labelNames,
    registers,
    collect() {
      for (const [name, atMs] of lastEventMs) this.set({ name }, (clock.now() - atMs) / 1000);
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

  return (name) => {
    const codes = new Set<string>();
    for (const metric of [objects, lists, watches]) metric.inc({ name }, 0);
    return {
      objects: (count) => objects.set({ name }, count),
      event: () => void lastEventMs.set(name, clock.now()),
      listed: () => lists.inc({ name }),
      watched: () => watches.inc({ name }),
      failed(code) {
        codes.add(code);
        errors.inc({ name, code });
      },
      close() {
        lastEventMs.delete(name);
        for (const metric of [objects, age, lists, watches]) metric.remove({ name });
        for (const code of codes) errors.remove({ name, code });
      },
    };
  };
}
