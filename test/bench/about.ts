/** Where and with what a run was measured, in sentences: without them its figures mean nothing. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { systemClock } from "../../runtime/clock/clock.ts";
import manifest from "../../package.json" with { type: "json" };

export interface Run {
  readonly size: string;
  readonly turns: number;
  /** How long it took so far. */
  readonly tookMs: number;
  /** `v1.36.4` */
  readonly kubernetes: string;
  /** Of the machine before anything of ours ran. */
  readonly load: number;
}

export async function about({ size, turns, tookMs, kubernetes, load }: Run): Promise<readonly string[]> {
  const day = new Date(systemClock.wall()).toISOString().slice(0, 10);
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const [go, module] = [await goVersion(), await goModules()];
  return [
    `${day}: size ${size}, ${turns} ${turns === 1 ? "turn" : "turns"} each, ${Math.ceil(tookMs / 60_000)} min. Only the ratios travel; times are this machine's, on this day.`,
    `${cpus().length} × ${cpu?.model.trim() ?? "unknown CPU"}, ${memory} GiB, Linux ${release().replace(/-.*/, "")}, shared by controller, API server, etcd and stopwatch; load average before: ${load.toFixed(1)}`,
    `evenkeel ${manifest.version} on Node ${process.versions.node}; peer: controller-runtime ${module}, ${go}; Kubernetes ${kubernetes}, etcd without fsync`,
  ];
}

/** Of the last minute. */
export function loadAverage(): number {
  return loadavg()[0] ?? 0;
}

/** `Go 1.26.8` */
async function goVersion(): Promise<string> {
  const { stdout } = await promisify(execFile)("go", ["env", "GOVERSION"], { cwd: import.meta.dirname });
  return stdout.trim().replace(/^go/, "Go ");
}

async function goModules(): Promise<string> {
  const goMod = await readFile(join(import.meta.dirname, "go.mod"), "utf8");
  return /sigs\.k8s\.io\/controller-runtime v(\S+)/.exec(goMod)?.[1] ?? "of an unknown version";
}
