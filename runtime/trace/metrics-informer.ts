/** reflector_* and evenkeel_informer_*: whether each informer's view of the cluster is alive. */
import { Counter, Gauge, type Registry } from "./prom-client.ts";

/** What an informer can be asked at any time: read at each scrape. */
export interface InformerGauges {
  readonly store: { readonly size: number };
  /** Since the server last said anything; undefined before its first word. */
  readonly lastEventAgeMs: number | undefined;
  readonly hasSynced: boolean;
  /** Why nothing is deleted for what is missing here; undefined when it may be. */
  readonly deletionsHeld: string | undefined;
}

export interface InformerMetrics {
  listed(): void;
  watched(): void;
  /** A list or a watch failed. `code` is ours, as in EvenkeelError. */
  failed(code: string): void;
  /** Takes the informer's series away, unless another one of the same name has them by now. */
  close(): void;
}

export function createInformerMetrics(registry: Registry): (name: string, gauges: InformerGauges) => InformerMetrics {
  const registers = [registry];
  const labelNames = ["name"] as const;
  const informers = new Map<string, { readonly gauges: InformerGauges; readonly codes: Set<string> }>();
  const gauge = (metric: string, help: string, read: (of: InformerGauges) => number | undefined): Gauge<"name"> =>
    new Gauge({
      name: metric,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const [name, { gauges }] of informers) {
          const value = read(gauges);
          if (value !== undefined) this.set({ name }, value);
        }
      },
    });

  gauge("evenkeel_informer_objects", "Objects in the store.", ({ store }) => store.size);
  gauge(
    "evenkeel_informer_last_event_age_seconds",
    "Since the last sign of life of the watch, bookmarks included.",
    ({ lastEventAgeMs }) => (lastEventAgeMs === undefined ? undefined : lastEventAgeMs / 1000),
  );
  gauge("evenkeel_informer_synced", "1 once the first list is in the store, 0 before.", ({ hasSynced }) =>
    hasSynced ? 1 : 0,
  );
  gauge(
    "evenkeel_deletions_held",
    "1 while deletions are held because a list lacks too much, 0 otherwise.",
    ({ deletionsHeld }) => (deletionsHeld === undefined ? 0 : 1),
  );
  const lists = new Counter({ name: "reflector_lists_total", help: "Lists taken.", labelNames, registers });
  const watches = new Counter({ name: "reflector_watches_total", help: "Watches opened.", labelNames, registers });
  const errors = new Counter({
    name: "reflector_errors_total",
    help: "Lists and watches that failed, by code.",
    labelNames: ["name", "code"],
    registers,
  });

  return (name, gauges) => {
    // The former one of this query may not have come to its end yet: the counters go on from where they are.
    const its = { gauges, codes: informers.get(name)?.codes ?? new Set<string>() };
    informers.set(name, its);
    for (const metric of [lists, watches]) metric.inc({ name }, 0);
    return {
      listed: () => lists.inc({ name }),
      watched: () => watches.inc({ name }),
      failed(code) {
        its.codes.add(code);
        errors.inc({ name, code });
      },
      close() {
        if (informers.get(name) !== its) return;
        informers.delete(name);
        for (const metric of [lists, watches]) metric.remove({ name });
        for (const code of its.codes) errors.remove({ name, code });
      },
    };
  };
}
