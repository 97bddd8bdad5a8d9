/** process_* and what evenkeel says about itself. Read at each scrape: no timer, no observer, nothing that spins. */
import { Counter, Gauge, type Registry } from "./prom-client.ts";

/** As Tracing has them. */
export interface SpanCounts {
  readonly droppedSpanCount: number;
  readonly exportErrorCount: number;
}

interface ProcessMetrics {
  functionsLoaded(count: number): void;
  problems(count: number): void;
}

export function createProcessMetrics(
  registry: Registry,
  version: string,
  spans: SpanCounts = { droppedSpanCount: 0, exportErrorCount: 0 },
): ProcessMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, read: () => number): Counter =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });

  counter("process_cpu_seconds_total", "User and system CPU time.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge("process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
  gauge("process_start_time_seconds", "Start, since the Unix epoch.", () => performance.timeOrigin / 1000);
  counter(
    "evenkeel_spans_dropped_total",
    "Spans that were to be exported and that no collector took.",
    () => spans.droppedSpanCount,
  );
  counter("evenkeel_span_export_errors_total", "Exports of spans that failed.", () => spans.exportErrorCount);

  new Gauge({
    name: "evenkeel_build_info",
    help: "Always 1; the labels say what runs.",
    labelNames: ["version", "node"],
    registers,
  }).set({ version, node: process.version }, 1);
  const loaded = new Gauge({ name: "evenkeel_functions_loaded", help: "Functions in force.", registers });
  const problems = new Gauge({
    name: "evenkeel_problems",
    help: "Functions, and the configuration, whose newest version is not in force.",
    registers,
  });
  return { functionsLoaded: (count) => loaded.set(count), problems: (count) => problems.set(count) };
}
