/**
 * workqueue_*: how much waits, for how long, and what is being worked on. Every series carries the queue's name twice:
 * controller-runtime's boards ask for `controller`, kube-controller-manager's for `name`.
 */
import { Counter, Gauge, Histogram, type Registry } from "./prom-client.ts";
import { family, type Family } from "./series.ts";
import type { WorkqueueObserver } from "./workqueue-observer.ts";

/** What a queue can be asked at any time. */
interface WorkqueueGauges {
  depth(priority: "high" | "low"): number;
  unfinishedWork(): { readonly totalMs: number; readonly longestMs: number };
}

export interface WorkqueueMetrics extends WorkqueueObserver {
  /** From here on the gauges are those of this queue. */
  attach(queue: WorkqueueGauges): void;
  /** Takes the queue's series away. */
  close(): void;
}

/** 10 ns to 1 000 s. Source: client-go util/workqueue/metrics.go */
const SECONDS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];

/** As controller-runtime prints them: its LowPriority is -100. Source: pkg/controller/priorityqueue */
const PRIORITIES = { high: "0", low: "-100" } as const;

export function createWorkqueueMetrics(registry: Registry): (name: string) => WorkqueueMetrics {
  const registers = [registry];
  const labelNames = ["name", "controller"] as const;
  const counter = (name: string, help: string): Family<"name" | "controller"> =>
    family(registry, Counter, { name, help, labelNames });
  const histogram = (name: string, help: string): Histogram<"name" | "controller"> =>
    new Histogram({ name, help, labelNames, buckets: SECONDS, registers });
  const queues = new Map<string, WorkqueueGauges>();
  const gauge = (name: string, help: string, value: (queue: WorkqueueGauges) => number): Gauge<"name" | "controller"> =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        for (const [queue, gauges] of queues) this.set({ name: queue, controller: queue }, value(gauges));
      },
    });

  const depth = new Gauge({
    name: "workqueue_depth",
    help: "Keys that are ready, by priority.",
    labelNames: ["name", "controller", "priority"],
    registers,
    collect() {
      for (const [queue, gauges] of queues) {
        for (const priority of ["high", "low"] as const) {
          this.set({ name: queue, controller: queue, priority: PRIORITIES[priority] }, gauges.depth(priority));
        }
      }
    },
  });
  const added = counter("workqueue_adds_total", "Keys that became ready.");
  const retried = counter("workqueue_retries_total", "Keys that were put back with a delay.");
  const queued = histogram("workqueue_queue_duration_seconds", "From ready to taken.");
  const worked = histogram("workqueue_work_duration_seconds", "From taken to done.");
  const unfinished = gauge(
    "workqueue_unfinished_work_seconds",
    "Time spent so far on what is not done yet.",
    (queue) => queue.unfinishedWork().totalMs / 1000,
  );
  const longest = gauge(
    "workqueue_longest_running_processor_seconds",
    "Age of the oldest work not done yet.",
    (queue) => queue.unfinishedWork().longestMs / 1000,
  );
  const byName = [queued, worked, unfinished, longest];

  return (name) => {
    const labels = { name, controller: name };
    const adds = added(labels);
    const retries = retried(labels);
    queued.zero(labels);
    worked.zero(labels);
    const queueing = queued.labels(labels);
    const working = worked.labels(labels);
    return {
      attach: (queue) => void queues.set(name, queue),
      added() {
        adds.value++;
      },
      taken: (queuedMs) => queueing.observe(queuedMs / 1000),
      done: (workMs) => working.observe(workMs / 1000),
      retried() {
        retries.value++;
      },
      close() {
        queues.delete(name);
        adds.close();
        retries.close();
        for (const metric of byName) metric.remove(labels);
        for (const priority of Object.values(PRIORITIES)) depth.remove({ ...labels, priority });
      },
    };
  };
}
