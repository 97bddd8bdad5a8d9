/**
 * Heap bytes per cached object, for each part of objects that an informer can hold: `node test/cache/bytes-per-object.ts`.
 *
 * The objects are copies as `mirror` makes them, with 1 KB of data, as they come off the wire; what is counted is all that an
 * informer keeps for each (object, key, index of owners). Each number is measured in a process of its own, after garbage
 * collection, as the difference that the objects make.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { holding } from "../../runtime/cache/holding.ts";
import { listAll } from "../../runtime/cache/list-all.ts";
import { Store } from "../../runtime/cache/store.ts";
import type { ListOptions, ListPage } from "../../runtime/kube/api.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { listPage } from "../../runtime/kube/list-page.ts";
import { select, type Part, type Query } from "../../runtime/kube/query.ts";
import { indexers } from "../../runtime/reconcile/function-cache.ts";

export type Mode = "whole" | Part;
export const MODES: readonly Mode[] = ["whole", "metadata+digest", "metadata"];

/** Copies of so many sources are in each namespace. */
const SOURCES = 50;
const WARM_UP = 1_000;

/** In a process of its own. @param objectCount the more, the less the fixed costs of a store show */
export function bytesPerObject(mode: Mode, objectCount: number): number {
  const script = fileURLToPath(import.meta.url);
  const out = execFileSync(process.execPath, ["--expose-gc", script, "--mode", mode, "--count", String(objectCount)]);
  return Number(out.toString());
}

async function measure(mode: Mode, objectCount: number): Promise<number> {
  await filledStore(mode, WARM_UP);
  const before = heapBytes();
  const store = await filledStore(mode, objectCount);
  return Math.round((heapBytes() - before) / store.size);
}

/** As an informer fills its own. All of it is kept to the end: what is let go would count as less. */
async function filledStore(mode: Mode, count: number): Promise<Store> {
  const query: Query = { ...select(ConfigMap), part: mode === "whole" ? undefined : mode };
  const store = new Store(query, indexers);
  const source = holding({ list: async (_, options) => page(count, query, options), watch: noWatch }, query);
  const { objects, resourceVersion } = await listAll(source, query, new AbortController().signal);
  store.replace(objects, resourceVersion);
  kept.push(source, store);
  return store;
}

const kept: unknown[] = [];

function noWatch(): never {
  throw new Error("nothing is watched here");
}

function page(count: number, { part }: Query, { limit = count, continue: token = "0" }: ListOptions = {}): ListPage {
  const first = Number(token);
  const last = Math.min(first + limit, count);
  const items = Array.from({ length: last - first }, (_, i) => copy(first + i));
  const metadata = { resourceVersion: "1", ...(last < count && { continue: String(last) }) };
  const answer: unknown = JSON.parse(JSON.stringify({ apiVersion: "v1", kind: "ConfigMapList", metadata, items }));
  return listPage(answer, { ...ConfigMap, part: part === "metadata" ? part : undefined }, "list", () => true);
}

function copy(i: number): object {
  const namespace = `team-${String(Math.floor(i / SOURCES)).padStart(4, "0")}`;
  const name = `settings-${i % SOURCES}`;
  const annotations = {
    "evenkeel.dev/owner": `ConfigMap/default/${name}`,
    "evenkeel.dev/owner-uid": uid(`source ${name}`),
    "evenkeel.dev/self": `ConfigMap/${namespace}/${name}`,
  };
  const creationTimestamp = `2026-01-01T00:${String(Math.floor(i / SOURCES) % 60).padStart(2, "0")}:00Z`;
  const identity = { name, namespace, uid: uid(`copy ${i}`), resourceVersion: String(100_000 + i), creationTimestamp };
  const labels = { "evenkeel.dev/function": "mirror" };
  const managedFields = [{ manager: "evenkeel-mirror", operation: "Update", fieldsV1: { "f:data": { "f:a": {} } } }];
  const data = { "app.yaml": `# ${i}\n`.padEnd(512, "a"), "log.yaml": `# ${i}\n`.padEnd(512, "b") };
  return { metadata: { ...identity, labels, annotations, managedFields }, data };
}

function uid(of: string): string {
  const hex = createHash("sha256").update(of).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}

function heapBytes(): number {
  for (let i = 0; i < 4; i++) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { mode: { type: "string" }, count: { type: "string", default: "20000" } } });
  const one = MODES.find((mode) => mode === values.mode);
  if (one !== undefined) console.log(await measure(one, Number(values.count)));
  else for (const mode of MODES) console.log(`${mode.padEnd(16)} ${bytesPerObject(mode, Number(values.count))} B`);
}
