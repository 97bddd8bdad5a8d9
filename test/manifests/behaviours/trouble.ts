/** A function that throws, a watch that falls silent, a cluster full of what is none of our business. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { HostProcess } from "../../e2e/host-process.ts";
import { becomes } from "../../support/wait.ts";
import { ACCOUNT, ROOT, type Deployed } from "../deployed.ts";
import { CONTENT, OTHER, UP_A, UP_B, type Behaviour, type Corner } from "./corner.ts";
import type { Ground } from "./ground.ts";
import { shownOf, sights, watchTimedOut } from "./sight.ts";
import type { HostOptions } from "./stage.ts";

/** A watch without a byte for 90 s is taken for dead. Behaviours allow 5 s more. */
const SILENT_MS = 95_000;

const CROWD = 50_000;
const CROWD_VALUE = "x".repeat(1_024);
/** What the crowd may cost a host, in bytes: less than its values alone. One that kept it would pay twice as much. */
const CROWD_COST = CROWD * CROWD_VALUE.length;

/** `mirror`, but for sources that ask it to throw. */
const MIRROR = `import mirror from "./lib/whole/mirror.ts";
export default {
  ...mirror,
  reconcile(source, cache, context) {
    if (source.data?.throw === "yes") throw new Error("as asked");
    return mirror.reconcile(source, cache, context);
  },
};
`;
const CLEANUP = `export { default } from "./lib/whole/cleanup-on-delete.ts";\n`;

/** How the host of these rows is started: as in its pod, with functions that can throw, which are written to the folder. */
export async function troubled({ folder, deployed }: Ground): Promise<HostOptions> {
  const functions = join(folder, "functions");
  await mkdir(join(functions, "lib"), { recursive: true });
  await cp(join(ROOT, "functions"), join(functions, "lib", "whole"), { recursive: true });
  await writeFile(join(functions, "mirror.ts"), MIRROR);
  await writeFile(join(functions, "cleanup-on-delete.ts"), CLEANUP);
  const { env } = await podOf(deployed);
  return { flags: ["--functions", functions], env };
}

export const throwing: Behaviour = {
  id: "B45-throws",
  name: "a key on which the function throws keeps what it has, and every other key goes on",
  async run(it) {
    const other = `${it.name}-other`;
    for (const name of [it.name, other]) await it.source(CONTENT, {}, name);
    for (const name of [it.name, other]) await it.copied(CONTENT, name);
    await it.patch(it.home, { data: { ...OTHER.data, throw: "yes" } });
    await becomes(async () => (await throws(it)) >= 3, true);
    await it.delete(UP_A);
    await it.patch(it.home, OTHER, other);
    await it.copied(OTHER, other);
    assert.deepEqual([...(await it.copies()).keys()], [UP_B], "neither repaired nor removed");
    await it.copied(CONTENT, it.name, [UP_B]);
    assert.match(it.stage.host.stdout, /"function":"mirror","key":"source-b45-throws\/b45-throws".*FUNCTION_THREW/);

    assert.ok((await withoutSuccess(it)) > 0, "a metric shows it");

    await it.patch(it.home, { data: { throw: null } });
    await it.copied(OTHER);
    await becomes(() => withoutSuccess(it), 0);
  },
};

export const silent: Behaviour = {
  id: "B45-silent",
  name: "a watch that falls silent holds up nothing else, is shown, and is established anew at its deadline",
  async run(it) {
    const { host, proxy } = it.stage;
    const unseen = `${it.name}-unseen`;
    await it.source();
    await it.copied();

    using silence = proxy.hold(sights.sources.isAsked);
    await it.source(CONTENT, {}, unseen);
    await it.patch(UP_A, { data: { a: "edited" } });
    await it.copied(CONTENT, it.name, [UP_A, UP_B, await it.target()]);
    assert.deepEqual(await it.copies(unseen), new Map(), "nobody has told of it");
    await becomes(async () => (await ageOf(it, host)) > 80, true, SILENT_MS);
    await host.readyIs(500, "watches");
    assert.match(host.stdout, watchTimedOut(sights.sources));

    silence.release();
    await it.copied(CONTENT, unseen, [UP_A, UP_B, `team-up-${it.name}`]);
    await host.readyIs(200);
    await becomes(async () => (await ageOf(it, host)) < 30, true);
  },
};

export const crowd: Behaviour = {
  id: "B44",
  name: `${CROWD} ConfigMaps of others are not asked for, not kept and not paid for`,
  async run(it) {
    const { stage } = it;
    const { env, limit } = await podOf(stage.deployed);
    const before = await memoryOf(it, stage.host);
    await stage.controlPlane.fill(
      "configmaps",
      Array.from({ length: CROWD }, (_, i) => member(it.home, `crowd-${i}`)),
    );
    const rest = `/api/v1/namespaces/${it.home}/configmaps?limit=1`;
    const remaining = async (): Promise<number> =>
      List.parse(await stage.admin.send("GET", rest)).metadata.remainingItemCount;
    await becomes(remaining, CROWD - 1);

    // Past the proxy, where others hold what they like. It fills its caches, and waits for the lease.
    const another = stage.beginHost({ kubeconfig: stage.deployed.kubeconfig, env });
    await another.waitForLine(/"message":"waiting for the lease"/);
    const beside = await memoryOf(it, another);
    assert.ok(beside < limit, `${beside} of ${limit} bytes`);
    assert.ok(beside - before < CROWD_COST, `${beside - before} bytes more`);
    await becomes(() => kept(it, another), await meant(it));
    await another.stop();

    const asked = await readsOfConfigMaps(stage.auditLog);
    assert.ok(asked.length >= 6, `${asked.length} reads seen; each host has three queries`);
    const wide = asked.filter((uri) => !new URL(uri, "https://host").searchParams.has("labelSelector"));
    assert.deepEqual(wide, []);
  },
};

const List = z.object({ metadata: z.object({ remainingItemCount: z.number().default(0) }) });

function member(namespace: string, name: string) {
  const metadata = { namespace, name, uid: randomUUID(), creationTimestamp: "2026-01-01T00:00:00Z" };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { value: CROWD_VALUE } };
}

/** As quantities of a pod are written: `320Mi`. */
const mebibytes = z
  .string()
  .regex(/^\d+Mi$/)
  .transform((text) => Number.parseInt(text, 10) * 2 ** 20);

const Container = z.object({
  env: z.array(z.object({ name: z.string(), value: z.string() })),
  resources: z.object({ limits: z.object({ memory: mebibytes }) }),
});

/** What the Deployment gives the host: its environment, and its memory in bytes. */
async function podOf(deployed: Deployed): Promise<{ readonly env: Record<string, string>; readonly limit: number }> {
  const path = "jsonpath={.spec.template.spec.containers[0]}";
  const text = await deployed.admin("get", "deployment", "evenkeel", "-n", "evenkeel", "-o", path);
  const { env, resources } = Container.parse(JSON.parse(text));
  return { env: Object.fromEntries(env.map(({ name, value }) => [name, value])), limit: resources.limits.memory };
}

/** Resident, in bytes. */
async function memoryOf(it: Corner, host: HostProcess): Promise<number> {
  const [, bytes] = /^process_resident_memory_bytes (\S+)$/m.exec(await it.stage.metrics(host)) ?? [];
  return Number(bytes);
}

/** How many objects the host keeps, by query. */
async function kept(it: Corner, host: HostProcess): Promise<unknown> {
  const page = await it.stage.metrics(host);
  return Object.values(sights).map((sight) => new Set(shownOf(page, "evenkeel_informer_objects", sight)));
}

/** How many there are. */
async function meant(it: Corner): Promise<unknown> {
  const count = async (path: string): Promise<unknown> => new Set([(await it.stage.admin.items(path)).length]);
  return Promise.all([
    count("/api/v1/configmaps?labelSelector=mirror%3Dtrue"),
    count("/api/v1/configmaps?labelSelector=evenkeel.dev%2Ffunction%3Dmirror"),
    count("/api/v1/namespaces"),
  ]);
}

const Read = z.object({
  user: z.object({ username: z.literal(ACCOUNT) }),
  verb: z.enum(["list", "watch"]),
  objectRef: z.object({ resource: z.literal("configmaps") }),
  requestURI: z.string(),
});

/** The URIs of all lists and watches of ConfigMaps that the account asked for. */
async function readsOfConfigMaps(auditLog: string): Promise<readonly string[]> {
  const lines = (await readFile(auditLog, "utf8")).split("\n").slice(0, -1);
  return lines.flatMap((line) => {
    const { data } = Read.safeParse(JSON.parse(line));
    return data === undefined ? [] : [data.requestURI];
  });
}

/** How often `mirror` has thrown. */
async function throws(it: Corner): Promise<number> {
  const [, count] = THROWS.exec(await it.stage.metrics()) ?? [];
  return Number(count);
}

/** Seconds for which the key that has failed longest has had no success. */
async function withoutSuccess(it: Corner): Promise<number> {
  const [, age] = LAST_SUCCESS.exec(await it.stage.metrics()) ?? [];
  return Number(age);
}

const LAST_SUCCESS = /^evenkeel_function_last_success_age_seconds\{controller="mirror"\} (\S+)$/m;
const THROWS = /^controller_runtime_reconcile_panics_total\{controller="mirror"\} (\S+)$/m;

/** Seconds since the watch of the sources last said anything. */
async function ageOf(it: Corner, host: HostProcess): Promise<number> {
  const page = await it.stage.metrics(host);
  return Math.max(...shownOf(page, "evenkeel_informer_last_event_age_seconds", sights.sources));
}
