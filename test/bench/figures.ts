/** Everything that is measured: what it is called, its unit, and where it comes from. Keys that `load` prints are its own. */
import type { Figure } from "./report.ts";

export const figures = {
  wall: figure("wall_s", "wall", "s"),
  ready: figure("ready_s", "start to ready", "s"),
  /** An edit made while the controller was down is mirrored so long after its start. */
  catchUp: figure("catch_up_s", "start to caught up", "s"),
  firstCopyP50: figure("first_copy_p50_ms", "first copy, p50", "ms"),
  lastCopyP50: figure("last_copy_p50_ms", "last copy, p50", "ms"),
  lastCopyP99: figure("last_copy_p99_ms", "last copy, p99", "ms"),
  cpu: figure("controller_cpu_s", "controller CPU", "s"),
  /** Both without what the start alone costs, which would make growth look smaller than it is. */
  cpuPerCopy: figure("cpu_per_copy_ms", "CPU per copy", "ms"),
  wallPerCopy: figure("wall_per_copy_ms", "wall per copy", "ms"),
  apiServerCpu: figure("apiserver_cpu_s", "API server CPU", "s"),
  etcdCpu: figure("etcd_cpu_s", "etcd CPU", "s"),
  rss: figure("rss_mib", "memory", "MiB"),
  /** Without mapped files: what a second process of the same program would need, too. */
  anon: figure("anon_mib", "memory, anonymous", "MiB"),
  peakRss: figure("peak_rss_mib", "peak memory", "MiB"),
  restCpu: figure("rest_cpu_percent", "CPU at rest", "% of a core"),
  /** Voluntary context switches of all threads. */
  wakeUps: figure("wake_ups_per_s", "wake-ups at rest", "/s"),
  writes: figure("writes", "writes", ""),
  refused: figure("refused", "of them refused", ""),
} as const;

/** For the rows of the picture. */
export function pictured(each: Figure): Figure {
  return { ...each, isPictured: true };
}

function figure(key: string, title: string, unit: string): Figure {
  return { key, title, unit, isPictured: false };
}
