/**
 * `node test/jaeger/cost.ts [ROUNDS]`: what tracing costs a host. The same load (sources that change, each with one copy)
 * on an embedded API server outside the host's process; no export, a real Jaeger, a collector that refuses and one that
 * never answers take turns, so that a busy machine is unfair to all of them alike. Prints the medians of all turns.
 */
import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createApiServer } from "../../runtime/apiserver/server.ts";
import { systemClock } from "../../runtime/clock/clock.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import { ConfigMap, Namespace } from "../../runtime/kube/kind.ts";
import { spreadOf } from "../bench/spread.ts";
import { HostProcess } from "../e2e/host-process.ts";
import { inProcessTransport } from "../support/in-process-transport.ts";
import { until } from "../support/wait.ts";
import { startJaeger } from "./jaeger.ts";

const ROUNDS = Number(process.argv[2] ?? 3);
const SOURCES = 20;
const WARM_UPDATES = 20;
const UPDATES = 60;
const UPDATE_EVERY_MS = 100;

interface Turn {
  readonly cpuMs: number;
  readonly reconciles: number;
  /** Mean, from picked up to settled. */
  readonly reconcileMs: number;
  readonly failedExports: number;
  readonly dropped: number;
  readonly shutdownMs: number;
}

const jaeger = await startJaeger();
const refusing = await listen((socket) => socket.resetAndDestroy());
const silent = await listen(() => {});
const endpoints: Readonly<Record<string, string | undefined>> = {
  "no export": undefined,
  "a real Jaeger": jaeger.otlpHttp,
  "a collector that refuses": refusing.url,
  "one that never answers": silent.url,
};
const turns = new Map<string, Turn[]>(Object.keys(endpoints).map((name) => [name, []]));
try {
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, endpoint] of Object.entries(endpoints)) turns.get(name)?.push(await turn(endpoint));
} finally {
  refusing.close();
  silent.close();
  await jaeger.stop();
}
report();

async function turn(endpoint: string | undefined): Promise<Turn> {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-cost-"));
  const server = createApiServer({ clock: systemClock });
  const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
  await writeFile(join(folder, "kubeconfig"), server.kubeconfig(url));
  await writeFile(join(folder, "evenkeel.yaml"), "functions:\n  mirror:\n    prefixes: [team-]\n");
  const transport = inProcessTransport((request) => server.fetch(request));
  const user = new ApiClient({ clock: systemClock, transport });
  await user.create(Namespace, { metadata: { name: "team-a" } });
  for (let i = 0; i < SOURCES; i++) await user.create(ConfigMap, source(i, 0));
  const ends: (() => unknown)[] = [];
  const host = new HostProcess(
    { after: (hook) => void ends.push(hook as () => unknown) },
    {
      args: ["--kubeconfig", join(folder, "kubeconfig"), "--no-leader-elect"],
      cwd: folder,
      env: endpoint === undefined ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
    },
  );
  try {
    const address = await host.address();
    await host.waitForLine(/"message":"working"/);
    await load(user, 1, WARM_UPDATES);
    const before = await measured(address);
    await load(user, 1 + WARM_UPDATES, UPDATES);
    const after = await measured(address);
    const stoppedMs = systemClock.now();
    await host.stop();
    const count = after.reconciles - before.reconciles;
    return {
      cpuMs: (after.cpuSeconds - before.cpuSeconds) * 1000,
      reconciles: count,
      reconcileMs: ((after.reconcileSeconds - before.reconcileSeconds) * 1000) / count,
      failedExports: after.failedExports,
      dropped: after.dropped,
      shutdownMs: systemClock.now() - stoppedMs,
    };
  } finally {
    for (const end of ends) await end();
    await transport.close();
    await server.close();
    await rm(folder, { recursive: true });
  }
}

/** At a steady pace, which no host here falls behind: the same number of changes is the same number of reconciles. */
async function load(user: ApiClient, from: number, updates: number): Promise<void> {
  const startedMs = systemClock.now();
  for (let i = 0; i < updates; i++) {
    for (let j = 0; j < SOURCES; j++) {
      const { metadata } = await user.get(ConfigMap, source(j, 0).metadata);
      const { resourceVersion } = metadata;
      const next = source(j, from + i);
      const changed = { ...next, metadata: { ...next.metadata, resourceVersion } };
      await user.update(ConfigMap, changed);
    }
    const due = startedMs + (i + 1) * UPDATE_EVERY_MS;
    await until(() => systemClock.now() >= due, { what: "the next update is due", everyMs: 5 });
  }
}

function source(index: number, version: number) {
  const metadata = { namespace: "default", name: `settings-${index}`, labels: { mirror: "true" } };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { version: `${version}` } } as const;
}

interface Sample {
  readonly cpuSeconds: number;
  readonly reconciles: number;
  readonly reconcileSeconds: number;
  readonly failedExports: number;
  readonly dropped: number;
}

async function measured(address: string): Promise<Sample> {
  const page = await (await fetch(`${address}/metrics`)).text();
  const sum = (name: string): number => {
    const values = [...page.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"))];
    return values.reduce((total, [, value]) => total + Number(value), 0);
  };
  return {
    cpuSeconds: sum("process_cpu_seconds_total"),
    reconciles: sum("controller_runtime_reconcile_time_seconds_count"),
    reconcileSeconds: sum("controller_runtime_reconcile_time_seconds_sum"),
    failedExports: sum("evenkeel_span_export_errors_total"),
    dropped: sum("evenkeel_spans_dropped_total"),
  };
}

async function listen(answer: (socket: Socket) => void): Promise<{ readonly url: string; close(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    answer(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function report(): void {
  const rows = [...turns].map(([exportTo, all]) => ({
    "export to": exportTo,
    "CPU per reconcile (µs)": Math.round(median(all.map(({ cpuMs, reconciles }) => (cpuMs * 1000) / reconciles))),
    "reconcile, mean (ms)": Number(median(all.map(({ reconcileMs }) => reconcileMs)).toFixed(2)),
    reconciles: Math.round(median(all.map(({ reconciles }) => reconciles))),
    "failed exports": median(all.map(({ failedExports }) => failedExports)),
    "spans dropped": median(all.map(({ dropped }) => dropped)),
    "SIGTERM to exit (ms)": Math.round(median(all.map(({ shutdownMs }) => shutdownMs))),
  }));
  process.stdout.write(`${ROUNDS} turns each, medians\n`);
  // oxlint-disable-next-line no-console -- a table for whoever ran the script
  console.table(rows);
}

function median(values: readonly number[]): number {
  return spreadOf(values)?.median ?? Number.NaN;
}
