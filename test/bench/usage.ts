/** What a process has used, as /proc tells it: Linux only. None of our contenders has processes below it. */
import { readdir, readFile } from "node:fs/promises";

/** Of a whole process, threads that have ended included. */
export interface Usage {
  /** User and system; counted in ticks of 10 ms. */
  readonly cpuMs: number;
  readonly rssMib: number;
}

/** So far, of one thread. */
export interface ThreadUsage {
  /** Counted in nanoseconds, which matters for processes that rest. */
  readonly cpuMs: number;
  /** Voluntary context switches: it waited for something. */
  readonly switches: number;
}

export type Threads = ReadonlyMap<string, ThreadUsage>;

const TICK_MS = 10;

export async function usageOf(pid: number): Promise<Usage> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const ticks = cpuTicks(await readFile(`/proc/${pid}/stat`, "utf8"));
  return { cpuMs: ticks * TICK_MS, rssMib: statusField(status, "VmRSS") / 1024 };
}

/** By thread id. */
export async function threadsOf(pid: number): Promise<Threads> {
  const folder = `/proc/${pid}/task`;
  const used = await Promise.all(
    (await readdir(folder)).map(async (thread): Promise<readonly [string, ThreadUsage][]> => {
      const read = (file: string): Promise<string> => readFile(`${folder}/${thread}/${file}`, "utf8").catch(() => "");
      const [schedstat, status] = [await read("schedstat"), await read("status")];
      // It has ended since it was listed.
      if (schedstat === "" || status === "") return [];
      const cpuMs = Number(schedstat.split(" ")[0]) / 1e6;
      return [[thread, { cpuMs, switches: statusField(status, "voluntary_ctxt_switches") }]];
    }),
  );
  return new Map(used.flat());
}

/** Of all threads together. One that ended in between takes its last with it. */
export function usedBetween(before: Threads, after: Threads): ThreadUsage {
  const total = { cpuMs: 0, switches: 0 };
  for (const [thread, { cpuMs, switches }] of after) {
    total.cpuMs += cpuMs - (before.get(thread)?.cpuMs ?? 0);
    total.switches += switches - (before.get(thread)?.switches ?? 0);
  }
  return total;
}

/** utime and stime of `/proc/PID/stat`. The name in brackets, which may hold anything, comes before them. */
export function cpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** A number of `/proc/PID/status`: kB where that is its unit. */
export function statusField(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? Number.NaN);
}

/** The processes that it started and has not waited for; none where it has ended itself. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, "utf8").catch(() => "")),
  );
  return lists.flatMap((list) => list.split(" ").filter((each) => each !== "")).map(Number);
}
