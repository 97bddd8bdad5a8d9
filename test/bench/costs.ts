/**
 * `npm run bench:costs`: what the parts cost that every reconcile pays for, in under a minute: calling a function in its
 * cell, replacing a thread that runs away, the workqueue, a span. Each figure is the median of several repetitions, with
 * minimum and maximum, beside what we aim at. It measures, and judges nothing.
 */
import { createServer } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

import { ROOT_CONTEXT, SpanKind } from "@opentelemetry/api";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

import { systemClock } from "../../runtime/clock/clock.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import { Workqueue } from "../../runtime/queue/workqueue.ts";
import type { Cell, Job } from "../../runtime/reconcile/cell/cell.ts";
import { runInRounds } from "../../runtime/reconcile/cell/rounds.ts";
import { openWorker } from "../../runtime/reconcile/cell/worker-cell.ts";
import { otlpExporter } from "../../runtime/trace/otlp-exporter.ts";
import { short, spreadOf } from "./spread.ts";

/** One line of the report. */
interface Cost {
  readonly what: string;
  readonly unit: string;
  readonly aim: string;
  readonly values: readonly number[];
}

type Meter = () => number;

const wallUs: Meter = () => systemClock.now() * 1_000;
const cpuUs: Meter = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

const IN_FLIGHT = 32;
/** What a host has in hand: a ConfigMap of 1.75 KB. */
const object: StoredObject & { readonly data: Readonly<Record<string, string>> } = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: {
    name: "settings",
    namespace: "default",
    uid: "5d1c1b1e-0000-4000-8000-000000000000",
    resourceVersion: "1000",
    creationTimestamp: "2026-01-01T00:00:00Z",
    labels: { mirror: "true" },
  },
  data: { a: "x".repeat(750), b: "y".repeat(740) },
};
/** A copy of it, 1.6 KB; or a run without end. */
const FUNCTION = `import { ConfigMap, defineFunction } from "#evenkeel";
export default defineFunction({
  watches: ConfigMap,
  writes: [ConfigMap],
  reconcile({ apiVersion, kind, metadata: { name }, data }) {
    if (name === "runaway") for (;;);
    return { children: [{ apiVersion, kind, metadata: { name, namespace: "team-a" }, data }] };
  },
});
`;
/** The least that a call can cost: two threads that slept are awake. On an idle virtual machine that is nearly all. */
const ECHO = `const { parentPort } = require("node:worker_threads");
parentPort.on("message", (value) => parentPort.postMessage(value));`;
const job: Job = { object, now: 0, memo: undefined, config: undefined, isVerifying: false };
const runaway: Job = { ...job, object: { ...object, metadata: { ...object.metadata, name: "runaway" } } };

// What waits on a thread or on a timer of the host's own keeps nothing alive by itself.
const alive = setInterval(() => {}, 60_000);
process.stdout.write(
  `node ${process.version}, ${availableParallelism()} processors, load ${loadavg()[0]?.toFixed(1)} at the start\n\n`,
);
for (const measure of [cellCosts, queueCosts, spanCosts]) for (const cost of await measure()) print(cost);
clearInterval(alive);

async function cellCosts(): Promise<readonly Cost[]> {
  const dir = await mkdtemp(join(tmpdir(), "evenkeel-costs-"));
  try {
    await writeFile(join(dir, "subject.js"), FUNCTION);
    const birth = { name: "subject", dir, file: join(dir, "subject.js"), generation: 1, onRead: () => {} };
    const cell = await openWorker(systemClock)({ ...birth, signal: new AbortController().signal });
    const alone = async (): Promise<void> => {
      for (let i = 0; i < 2_000; i++) await call(cell);
    };
    const pipelined = async (): Promise<void> => {
      let left = 20_000;
      const worker = async (): Promise<void> => {
        while (left-- > 0) await call(cell);
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    };
    await using thread = new Worker(ECHO, { eval: true });
    const echo = async (): Promise<void> => {
      for (let i = 0; i < 2_000; i++) {
        thread.postMessage(job);
        await once(thread, "message");
      }
    };
    await pipelined();
    const costs: Cost[] = [
      { what: "a call of a function, alone", unit: "µs", aim: "≤ 100", values: await repeated(7, 2_000, alone) },
      { what: "  a bare message to a thread and back", unit: "µs", aim: "", values: await repeated(7, 2_000, echo) },
      {
        what: `a call of a function, ${IN_FLIGHT} in flight`,
        unit: "µs",
        aim: "≤ 10",
        values: await repeated(7, 20_000, pipelined),
      },
      {
        what: "  of both threads' processor time",
        unit: "µs",
        aim: "",
        values: await repeated(5, 20_000, pipelined, cpuUs),
      },
      {
        what: "a runaway: past its 2 s, until the next key is served",
        unit: "ms",
        aim: "",
        values: await replacements(cell),
      },
    ];
    cell.rest();
    return costs;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function call(cell: Cell, it: Job = job): Promise<unknown> {
  const asked = { cell, job: it, foreseen: [], answer: () => [], isNamespaced: () => true };
  const { run } = await runInRounds(asked);
  return run.error;
}

/** The success in between keeps the function from being suspended. */
async function replacements(cell: Cell): Promise<readonly number[]> {
  const values: number[] = [];
  for (let i = 0; i < 3; i++) {
    const error = call(cell, runaway);
    const next = call(cell);
    if ((await error) === undefined) throw new Error("it came back");
    const startMs = systemClock.now();
    if ((await next) !== undefined) throw new Error("the next one failed");
    values.push(systemClock.now() - startMs);
  }
  return values;
}

async function queueCosts(): Promise<readonly Cost[]> {
  const keys = Array.from({ length: 10_000 }, (_, i) => `default/settings-${i}`);
  const queue = new Workqueue({ clock: systemClock });
  const turn = (): void => {
    for (const key of keys) queue.add(key);
    for (let item = queue.take(); item !== undefined; item = queue.take()) queue.done(item.key);
  };
  for (let i = 0; i < 20; i++) turn();
  const perOperationUs = await repeated(9, 3 * keys.length * 10, () => {
    for (let i = 0; i < 10; i++) turn();
  });
  queue.shutDown();
  const millions = perOperationUs.map((us) => 1 / us);
  return [{ what: "workqueue: add, take, done", unit: "million a second", aim: "≥ 1", values: millions }];
}

async function spanCosts(): Promise<readonly Cost[]> {
  const sink = createServer((request, response) => {
    request.resume().on("end", () => response.end());
  }).listen(0, "127.0.0.1");
  await once(sink, "listening");
  const address = sink.address();
  if (address === null || typeof address === "string") throw new Error("the sink has no port");
  process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = `http://127.0.0.1:${address.port}`;
  const exporter = (await otlpExporter(process.env, () => {}))();
  const processor = new BatchSpanProcessor({ exporter, maxQueueSize: 16_384, maxExportBatchSize: 1_024 });
  const exported = await spanValues(new TracerProvider({ spanProcessors: [processor] }), () => processor.forceFlush());
  await processor.shutdown();
  sink.close();
  return [
    {
      what: "a span with six attributes, nobody exports it",
      unit: "µs",
      aim: "",
      values: await spanValues(new TracerProvider({})),
    },
    { what: "the same, exported by OTLP to a collector on loopback", unit: "µs", aim: "≤ 15", values: exported },
  ];
}

/** In processor time: an export is waited for, and the collector's own share is in it. */
async function spanValues(
  provider: TracerProvider,
  flush: () => Promise<void> = async () => {},
): Promise<readonly number[]> {
  const tracer = provider.getTracer("costs");
  const COUNT = 10_000;
  const turn = async (): Promise<void> => {
    for (let i = 0; i < COUNT; i++) {
      const span = tracer.startSpan("reconcile mirror", { kind: SpanKind.INTERNAL }, ROOT_CONTEXT);
      span.setAttributes({
        "evenkeel.function": "mirror",
        "evenkeel.key": "default/settings",
        "k8s.namespace.name": "default",
      });
      span.setAttributes({ "evenkeel.reads": i, "evenkeel.restarts": 0, "evenkeel.result": "success" });
      span.end();
    }
    await flush();
  };
  await turn();
  return repeated(7, COUNT, turn, cpuUs);
}

/** What one of `count` operations took, so many times over. */
async function repeated(
  times: number,
  count: number,
  run: () => unknown,
  meter: Meter = wallUs,
): Promise<readonly number[]> {
  const values: number[] = [];
  for (let i = 0; i < times; i++) {
    const start = meter();
    await run();
    values.push((meter() - start) / count);
  }
  return values;
}

function print({ what, unit, aim, values }: Cost): void {
  const spread = spreadOf(values);
  if (spread === undefined) return;
  const { min, median, max } = spread;
  const figures = `${short(median)} ${unit}`.padEnd(24) + `${short(min)} – ${short(max)}`.padEnd(20);
  process.stdout.write(`${what.padEnd(58)}${figures}${aim === "" ? "" : `aim ${aim}`}\n`);
}
