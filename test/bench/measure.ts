/** One turn: a contender is timed by its stopwatch, then its copies are taken away. */
import { get } from "node:http";

import { z } from "zod";

import { sleep, systemClock } from "../../runtime/clock/clock.ts";
import { until } from "../support/wait.ts";
import { figures } from "./figures.ts";
import type { Measures } from "./report.ts";
import type { Contender, World } from "./scenarios.ts";
import type { Running, Stage } from "./stage.ts";
import { threadsOf, usageOf, usedBetween } from "./usage.ts";

const READY_LIMIT_MS = 60_000;
const READY_POLL_MS = 5;
/** A world that a contender's start can be seen in: nothing in it. */
const EMPTY: World = { sources: 0, namespaces: 1 };

/** @throws Error with what `load` says, or with the controller's last words */
export async function measure({ arm, stopwatch }: Contender, stage: Stage, signal: AbortSignal): Promise<Measures> {
  try {
    switch (stopwatch.kind) {
      case "load":
        return await byLoad({ arm, ...stopwatch }, stage, signal);
      case "per-copy": {
        const idle = await running(await stage.run(arm, EMPTY), start);
        const { world } = stopwatch;
        return perCopy(idle, await byLoad({ arm, scenario: "fanout", world, flags: [] }, stage, signal), world);
      }
      case "start":
        return await running(await stage.run(arm, EMPTY), start);
      case "rest": {
        const { world, settleMs, overMs } = stopwatch;
        await byLoad({ arm, scenario: "fanout", world, flags: [] }, stage, signal);
        return await running(await stage.run(arm, world), (started) => rest(started, { settleMs, overMs, signal }));
      }
      default:
        return stopwatch satisfies never;
    }
  } finally {
    await stage.clear();
  }
}

interface LoadRun {
  readonly arm: Contender["arm"];
  readonly scenario: string;
  readonly world: World;
  readonly flags: readonly string[];
}

async function byLoad({ arm, scenario, world, flags }: LoadRun, stage: Stage, signal: AbortSignal): Promise<Measures> {
  const child = await stage.load(scenario, arm, world, flags);
  const stop = (): void => void child.stop();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const { code, signal: killed } = await child.exited;
    if (code !== 0) throw new Error(child.stderr.trim() || `load ended with ${killed ?? code}`);
    return measuresOf(child.stdout);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

const Quantiles = z.object({ p50: z.number(), p99: z.number() });
/** What is taken from a line of `load`; it leaves out what a scenario does not measure. */
const LoadResult = z.object({
  wall_s: z.number().optional(),
  ready_s: z.number().optional(),
  catch_up_s: z.number().optional(),
  first_copy_ms: Quantiles.optional(),
  last_copy_ms: Quantiles.optional(),
  controller_cpu_s: z.number(),
  apiserver_cpu_s: z.number().default(0),
  etcd_cpu_s: z.number().default(0),
  rss_mib: z.number(),
  anon_mib: z.number(),
  peak_rss_mib: z.number(),
  writes: z.record(z.string(), z.number()),
  refused: z.record(z.string(), z.number()).default({}),
});

/** @param line the JSON that `load` prints. @throws Error when it is something else */
export function measuresOf(line: string): Measures {
  const { writes, refused, first_copy_ms, last_copy_ms, ...numbers } = LoadResult.parse(JSON.parse(line));
  const all: Readonly<Record<string, number | undefined>> = {
    ...numbers,
    [figures.firstCopyP50.key]: first_copy_ms?.p50,
    [figures.lastCopyP50.key]: last_copy_ms?.p50,
    [figures.lastCopyP99.key]: last_copy_ms?.p99,
    [figures.writes.key]: total(writes),
    [figures.refused.key]: total(refused),
  };
  return Object.fromEntries(Object.entries(all).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** @param idle a start with nothing to do  @param busy a fan-out in `world` */
export function perCopy(idle: Measures, busy: Measures, { sources, namespaces }: World): Measures {
  const more = (busyKey: string, idleKey: string): number =>
    (((busy[busyKey] ?? Number.NaN) - (idle[idleKey] ?? Number.NaN)) * 1000) / (sources * namespaces);
  return {
    ...busy,
    [figures.cpuPerCopy.key]: more(figures.cpu.key, figures.cpu.key),
    [figures.wallPerCopy.key]: more(figures.wall.key, figures.ready.key),
  };
}

async function running(started: Running, time: (started: Running) => Promise<Measures>): Promise<Measures> {
  try {
    return await time(started);
  } finally {
    await started.child.stop();
  }
}

async function start(started: Running): Promise<Measures> {
  await ready(started);
  const readyMs = systemClock.now() - started.child.startedMs;
  const { cpuMs, rssMib } = await usageOf(started.child.pid);
  return { [figures.ready.key]: readyMs / 1000, [figures.cpu.key]: cpuMs / 1000, [figures.rss.key]: rssMib };
}

interface RestOptions {
  readonly settleMs: number;
  readonly overMs: number;
  readonly signal: AbortSignal;
}

async function rest(started: Running, { settleMs, overMs, signal }: RestOptions): Promise<Measures> {
  const { pid } = started.child;
  await ready(started);
  await sleep(systemClock, settleMs, signal);
  const [before, beforeMs] = [await threadsOf(pid), systemClock.now()];
  await sleep(systemClock, overMs, signal);
  const [after, afterMs] = [await threadsOf(pid), systemClock.now()];
  signal.throwIfAborted();
  const elapsedMs = afterMs - beforeMs;
  const { cpuMs, switches } = usedBetween(before, after);
  return {
    [figures.restCpu.key]: (cpuMs / elapsedMs) * 100,
    [figures.wakeUps.key]: switches / (elapsedMs / 1000),
    [figures.rss.key]: (await usageOf(pid)).rssMib,
  };
}

/** @throws Error with its last words when it ends instead */
async function ready({ child, readyUrl }: Running): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    if (child.hasEnded) throw new Error(`ended before it was ready: ${lastWords(child)}`);
    return (await statusOf(readyUrl)) === 200;
  };
  try {
    await until(isReady, { what: "ready", limitMs: READY_LIMIT_MS, everyMs: READY_POLL_MS });
  } catch (error) {
    if (child.hasEnded) throw error;
    throw new Error(`not ready within ${READY_LIMIT_MS / 1000} s: ${lastWords(child)}`, { cause: error });
  }
}

/** A connection of its own each time: a poller must not keep the one it measures busy. `undefined`: no answer. */
function statusOf(url: string): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const poll = get(url, { agent: false, timeout: 5_000 }, (answer) => resolve(answer.resume().statusCode));
  poll.on("timeout", () => poll.destroy());
  poll.on("error", () => resolve(undefined));
  return promise;
}

function lastWords({ stdout, stderr }: Running["child"]): string {
  return `${stderr}${stdout}`.trim().slice(-500);
}
