import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import cleanupOnDelete from "../../functions/cleanup-on-delete.ts";
import mirror from "../../functions/mirror.ts";
import { createApiServer } from "../../runtime/apiserver/server.ts";
import { parseConfig } from "../../runtime/host/config-file.ts";
import type { ProgramProblem } from "../../runtime/host/program.ts";
import { statusSource, type StatusOptions } from "../../runtime/host/status.ts";
import { parseTraceLink } from "../../runtime/host/trace-link.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import { EvenkeelError, meanings } from "../../runtime/kube/errors.ts";
import { ConfigMap, Namespace } from "../../runtime/kube/kind.ts";
import type { Cell, ThreadFaults } from "../../runtime/reconcile/cell/cell.ts";
import { InlineCell } from "../support/inline-cell.ts";
import type { LoadedFunction } from "../../runtime/reconcile/loader.ts";
import { RecentTraces } from "../../runtime/trace/recent.ts";
import { createReconcileTracer } from "../../runtime/trace/reconcile-tracer.ts";
import { Machine } from "../scenario/machine.ts";
import { configMap, namespace, source } from "../scenario/objects.ts";
import { inProcessTransport } from "../support/in-process-transport.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const definitions = { mirror, "cleanup-on-delete": cleanupOnDelete };
const functions: ReadonlyMap<string, LoadedFunction> = new Map(
  Object.entries(definitions).map(([name, definition], i) => [
    name,
    { name, file: `/functions/${name}.ts`, generation: i + 1, cell: new InlineCell(name, definition) },
  ]),
);

interface World {
  readonly dryRun?: boolean;
  readonly problems?: readonly ProgramProblem[];
  /** Kinds that the API server refuses to list. */
  readonly forbidden?: string;
  readonly lease?: StatusOptions["lease"];
  /** Of the cell of mirror. */
  readonly threadFaults?: ThreadFaults;
}

function faulty(cell: Cell, threadFaults: ThreadFaults): Cell {
  return {
    name: cell.name,
    declaration: cell.declaration,
    threadFaults,
    attempt: (job, answers) => cell.attempt(job, answers),
    readConfig: (value) => cell.readConfig(value),
    rest: () => cell.rest(),
    wake: () => cell.wake(),
  };
}

/** The shipped functions at work on the embedded API server, with a source, two targets and a stranger in the way of one. */
async function world(
  context: TestContext,
  { dryRun = false, problems = [], forbidden, lease, threadFaults }: World = {},
) {
  const clock = new VirtualClock();
  const server = createApiServer({ clock });
  const user = new ApiClient({ clock, transport: inProcessTransport((request) => server.fetch(request)) });
  for (const name of ["team-a", "team-b"]) await user.create(Namespace, namespace(name));
  await user.create(ConfigMap, source("default/settings", { data: { password: "s3cr3t" } }));
  await user.create(ConfigMap, source("default/taken"));
  await user.create(ConfigMap, configMap("team-a/taken"));
  const recent = new RecentTraces();
  const machine = new Machine({
    clock,
    transport: inProcessTransport((request) =>
      forbidden !== undefined && new URL(request.url).pathname.endsWith(forbidden)
        ? Promise.resolve(new Response("{}", { status: 403 }))
        : server.fetch(request),
    ),
    tracer: createReconcileTracer(new TracerProvider().getTracer("t"), clock, (trace) => recent.add(trace)),
    concurrency: 4,
    log: () => {},
    settled: () => {},
  });
  const text = JSON.stringify({ functions: { mirror: { prefixes: ["team-"] } }, dryRun });
  const cells = new Map([...functions].map(([name, { cell }]) => [name, cell]));
  const config = await parseConfig(text, { file: "evenkeel.yaml", functions: cells });
  const [mirrored] = functions.values();
  if (threadFaults !== undefined && mirrored !== undefined)
    await machine.start(
      new Map(functions).set("mirror", { ...mirrored, cell: faulty(mirrored.cell, threadFaults) }),
      config,
    );
  else await machine.start(functions, config);
  context.after(async () => {
    const stopped = machine.stop();
    await clock.advance(1);
    await stopped;
  });
  await clock.advance(2_000);
  const status = statusSource({
    version: "1.2.3",
    identity: "replica-1",
    traceLink: parseTraceLink("http://localhost:16686/trace/{traceId}", "--trace-link"),
    clock,
    lease,
    readyz: new Map([
      ["caches", () => (forbidden === undefined ? undefined : "v1/Namespace */* has not synced")],
      ["lease", () => undefined],
    ]),
    recent,
    functions: () => machine.functions.all,
    informers: () => machine.informers.all(),
    problems: () => problems,
  });
  return { status, clock, user };
}

suite("the status of the host", () => {
  test("names each function with its declarations, state and queue", async (context) => {
    const { status } = await world(context);
    const [cleanup, mirrored] = status.read().functions;
    assert.deepEqual([cleanup?.name, cleanup?.generation, cleanup?.keyCount], ["cleanup-on-delete", 2, 3]);
    assert.deepEqual(mirrored, {
      name: "mirror",
      file: "/functions/mirror.ts",
      generation: 1,
      isDryRun: false,
      watches: "v1/ConfigMap */* [mirror=true]",
      reads: ["v1/Namespace */* (metadata)", "v1/ConfigMap */* [evenkeel.dev/function=mirror] (metadata)"],
      writes: ["v1/ConfigMap"],
      state: "working",
      waitsFor: [],
      problem: undefined,
      suspension: undefined,
      faultCount: 0,
      lastError: undefined,
      keyCount: 2,
      // The key that is blocked runs again later.
      queue: { high: 0, low: 0, delayed: 1, processing: 0 },
      troubled: ["default/taken"],
    });
  });

  test("says where the trace of each reconcile is shown, in the list and with its key", async (context) => {
    const { status } = await world(context);
    const all = status.read().reconciles;
    const ofKey = status.key("mirror", all.find((it) => it.function === "mirror")?.key ?? "")?.reconciles ?? [];
    assert.ok(all.length > 0 && ofKey.length > 0);
    for (const { traceId, traceUrl } of [...all, ...ofKey])
      assert.equal(traceUrl, `http://localhost:16686/trace/${traceId}`);
  });

  test("says that a function is suspended, why and for how long, and how many threads it ended", async (context) => {
    const error = new EvenkeelError("FUNCTION_TIMED_OUT", "mirror did not return");
    const { status } = await world(context, { threadFaults: { faultCount: 4, error, suspendedForMs: 2_000 } });
    const [cleanup, mirrored] = status.read().functions;
    assert.deepEqual([mirrored?.faultCount, mirrored?.suspension], [4, { forMs: 2_000, reason: error.message }]);
    assert.deepEqual([cleanup?.faultCount, cleanup?.suspension], [0, undefined]);
  });

  test("says which reconcile of a function failed last, when, and what to do", async (context) => {
    const { status, clock } = await world(context, { forbidden: "/namespaces/team-b/configmaps" });
    const [, mirrored] = status.read().functions;
    const { code, key, at = "", next } = mirrored?.lastError ?? {};
    // Both fail; the one that has an object in its way, too, settles last.
    assert.deepEqual([code, key, next], ["API_FORBIDDEN", "default/taken", meanings.API_FORBIDDEN.next]);
    assert.ok(Date.parse(at) <= clock.wall() && Date.parse(at) > clock.wall() - 2_000, at);
  });

  test("says that a function only plans", async (context) => {
    const { status } = await world(context, { dryRun: true });
    assert.ok(status.read().functions.every(({ isDryRun }) => isDryRun));
    assert.deepEqual(status.key("mirror", "default/settings")?.children, []);
  });

  test("says which cache a function waits for, and what is wrong with it", async (context) => {
    const { status } = await world(context, { forbidden: "/namespaces" });
    const { functions, caches, notReady } = status.read();
    const [cleanup, mirrored] = functions;
    assert.equal(cleanup?.state, "working", "what can work, works");
    assert.deepEqual([mirrored?.state, mirrored?.waitsFor], ["waiting for caches", ["v1/Namespace */* (metadata)"]]);
    const namespaces = caches.find(({ query }) => query === "v1/Namespace */* (metadata)");
    assert.deepEqual(
      [namespaces?.state, namespaces?.hasSynced, namespaces?.code, namespaces?.usedBy],
      ["waiting to retry", false, "API_FORBIDDEN", ["mirror"]],
    );
    assert.deepEqual(notReady, [{ check: "caches", reason: "v1/Namespace */* has not synced" }]);
  });

  test("shows the caches with size and age", async (context) => {
    const { status, clock } = await world(context);
    const before = status.read().caches.find(({ query }) => query === "v1/ConfigMap */* [mirror=true]");
    assert.deepEqual(
      [before?.state, before?.objectCount, before?.code, before?.usedBy],
      ["watching", 2, undefined, ["mirror", "cleanup-on-delete"]],
    );
    await clock.advance(30_000);
    const after = status.read().caches.find(({ query }) => query === "v1/ConfigMap */* [mirror=true]");
    assert.equal(after?.ageMs, (before?.ageMs ?? 0) + 30_000);
  });

  test("shows how much of each object a cache holds", async (context) => {
    const { status } = await world(context);
    assert.deepEqual(Object.fromEntries(status.read().caches.map(({ query, holds }) => [query, holds])), {
      "v1/ConfigMap */* [mirror=true]": "whole",
      "v1/Namespace */* (metadata)": "metadata",
      "v1/ConfigMap */* [evenkeel.dev/function=mirror] (metadata+digest)": "metadata+digest",
      "v1/ConfigMap */* [evenkeel.dev/function=cleanup-on-delete] (metadata+digest)": "metadata+digest",
    });
  });

  test("says what keeps a newest version from being at work", async (context) => {
    const problem = { about: "mirror", message: "functions/mirror.ts:1:1: no" };
    const { status } = await world(context, { problems: [problem] });
    const { functions, problems } = status.read();
    assert.deepEqual(problems, [problem]);
    assert.deepEqual(
      functions.map((each) => each.problem),
      [undefined, problem.message],
    );
  });

  test("lists the last reconciles, newest first, with what they wrote and why they ran", async (context) => {
    const { status } = await world(context);
    const run = status.read().reconciles.find(({ key, writes }) => key === "default/settings" && writes["create"]);
    assert.deepEqual(
      [run?.function, run?.outcome, run?.woke, run?.writes, run?.failedWriteCount],
      ["mirror", "success", "source listed", { create: 2 }, 0],
    );
    const blocked = status
      .read()
      .reconciles.find(({ key, failedWriteCount }) => key === "default/taken" && failedWriteCount > 0);
    assert.deepEqual([blocked?.writes, blocked?.failedWriteCount], [{ create: 1 }, 1], "an Event is no write");
    const starts = status.read().reconciles.map(({ start }) => start);
    assert.deepEqual(starts, starts.toSorted().toReversed());
  });

  test("holds no object's data", async (context) => {
    const { status } = await world(context);
    const all = JSON.stringify([status.read(), status.key("mirror", "default/settings")]);
    assert.ok(all.includes("default/settings"));
    assert.ok(!all.includes("s3cr3t") && !all.includes("password"));
  });
});

suite("the status of a key", () => {
  test("says why it ran, what it read and what it owns", async (context) => {
    const { status } = await world(context);
    const it = status.key("mirror", "default/settings");
    assert.deepEqual(
      [it?.kind, it?.exists, it?.isRunning, it?.retries, it?.wakes],
      ["v1/ConfigMap", true, false, 0, ["source listed"]],
    );
    assert.equal(it?.reads.includes("v1/Namespace */team-* (metadata)"), true);
    assert.deepEqual(it?.children.toSorted(), ["v1/ConfigMap team-a/settings", "v1/ConfigMap team-b/settings"]);
    assert.equal(it?.traces[0]?.root.name, "reconcile mirror");
  });

  test("says what stands in its way, and when it is tried again", async (context) => {
    const { status } = await world(context);
    const [obstacle, ...others] = status.key("mirror", "default/taken")?.obstacles ?? [];
    assert.equal(obstacle?.target, "v1/ConfigMap team-a/taken");
    assert.match(obstacle?.reason ?? "", /^exists and is not ours/);
    assert.ok((obstacle?.inMs ?? 0) > 0 && (obstacle?.inMs ?? 0) < 10_000);
    assert.deepEqual(others, []);
    assert.deepEqual(status.key("mirror", "default/settings")?.obstacles, []);
  });

  test("that is gone is still told about while its traces are kept", async (context) => {
    const { status, clock, user } = await world(context);
    const { metadata } = await user.get(ConfigMap, { namespace: "default", name: "settings" });
    await user.delete(ConfigMap, metadata, { uid: metadata.uid });
    await clock.advance(3_000);
    const it = status.key("mirror", "default/settings");
    assert.deepEqual([it?.exists, it?.reconciles[0]?.outcome, it?.children], [false, "gone", []]);
  });

  test("is found by a part of its name", async (context) => {
    const { status } = await world(context);
    assert.deepEqual(status.keysLike("mirror", "sett"), ["default/settings"]);
    assert.deepEqual(status.keysLike("mirror", "nothing"), []);
    assert.deepEqual(status.keysLike("nobody", ""), []);
    assert.equal(status.key("nobody", "default/settings"), undefined);
  });
});
