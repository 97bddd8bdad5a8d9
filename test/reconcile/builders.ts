/** Objects, worlds, functions and plans in one line each, so that tables read like specifications. */
import assert from "node:assert/strict";
import { isWhole, metadataAlone, withDigestOnly, withoutContent } from "../../runtime/cache/content.ts";
import { deepFrozen } from "../../runtime/cache/freeze.ts";
import { kindKey, type ConfigMap, type Namespace } from "../../runtime/kube/kind.ts";
import { objectKey, parseKey, type KubeObject, type ObjectMeta, type StoredObject } from "../../runtime/kube/object.ts";
import { matches, type Query } from "../../runtime/kube/query.ts";
import type { DefinedFunction } from "../../runtime/reconcile/define.ts";
import type { Child, Effects } from "../../runtime/reconcile/effects.ts";
import { plan, strategyOf, type Observed, type Plan, type Write } from "../../runtime/reconcile/plan.ts";
import { claimedOwner, markOf, stamp } from "../../runtime/reconcile/provenance.ts";
import type { Runnable } from "../../runtime/reconcile/run.ts";

type Content = Partial<Pick<ConfigMap, "data" | "binaryData" | "immutable">>;

/** `configMap("default/settings", { labels: { mirror: "true" }, data: { a: "1" } })` */
export function configMap(
  key: string,
  { data, binaryData, immutable, ...meta }: Partial<ObjectMeta> & Content = {},
): ConfigMap & StoredObject {
  const content = {
    ...(data && { data }),
    ...(binaryData && { binaryData }),
    ...(immutable !== undefined && { immutable }),
  };
  return deepFrozen({ apiVersion: "v1", kind: "ConfigMap", metadata: stored(key, meta), ...content } as const);
}

export function namespace(name: string, meta: Partial<ObjectMeta> = {}): Namespace & StoredObject {
  return deepFrozen({ apiVersion: "v1", kind: "Namespace", metadata: stored(name, meta) } as const);
}

/** An object of any other kind: `other("apps/v1", "Deployment", "team-a/web", { spec: { replicas: 1 } })`. */
export function other(
  apiVersion: string,
  kind: string,
  key: string,
  fields: object = {},
  meta: Partial<ObjectMeta> = {},
): StoredObject {
  return deepFrozen({ apiVersion, kind, metadata: stored(key, meta), ...fields });
}

/** `object` as the host stores it when `functionName` makes it for `owner`. */
export function childOf<T extends KubeObject>(owner: StoredObject, functionName: string, object: T): T {
  return deepFrozen(stamp(object, functionName, owner));
}

/** What a cache that holds `objects`, and held `departed`, answers. */
export function answerOf(
  objects: readonly StoredObject[],
  departed: readonly StoredObject[] = [],
): (query: Query) => readonly StoredObject[] {
  return ({ kind, where, part }) =>
    (part === "departed" ? departed : objects)
      .filter((object) => kindKey(object) === kindKey(kind) && matches(where, object))
      .toSorted((a, b) => (objectKey(a.metadata) < objectKey(b.metadata) ? -1 : 1))
      .map((object) => (part === undefined ? object : deepFrozen(metadataAlone(object))));
}

/** `object` as the cache of children keeps it: a ConfigMap or a Secret without its content. */
export function digested(object: StoredObject): StoredObject {
  return strategyOf(object) === "update" && isWhole(object) ? withDigestOnly(object, object.metadata) : object;
}

/** `object` as a cache shows it that holds nothing but metadata. */
export function bare(object: StoredObject): StoredObject {
  return withoutContent(object, object.metadata);
}

/** A ConfigMap as a function wishes for it. */
export function wish(
  key: string,
  { data = { a: "1" }, immutable }: Pick<Content, "data" | "immutable"> = {},
): Child<ConfigMap> {
  const { name, namespace = "" } = parseKey(key);
  const content = { data, ...(immutable !== undefined && { immutable }) };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, ...content };
}

/**
 * What `mirror` makes of these wishes of `source` in a cluster that holds `objects`. Wishes for children get the same plan
 * whether their content is kept or a digest of it.
 */
export function planned(
  effects: Effects,
  source: StoredObject,
  objects: readonly StoredObject[],
  remembered: Partial<Remembered> = {},
): Plan {
  const on = (shown: readonly StoredObject[]): Plan => plannedOn(effects, source, shown, remembered);
  const whole = on(objects);
  if (effects.apply === undefined) assert.deepEqual(on(objects.map(digested)), whole);
  return whole;
}

type Remembered = Pick<Observed, "statusDigest" | "fulfilled" | "departed">;

function plannedOn(
  effects: Effects,
  source: StoredObject,
  objects: readonly StoredObject[],
  { statusDigest, fulfilled = new Set(), departed = () => undefined }: Partial<Remembered>,
): Plan {
  const all = [source, ...objects];
  return plan(effects, {
    functionName: "mirror",
    source,
    statusDigest,
    fulfilled,
    departed,
    children: objects.filter((object) => claimedOwner(object) === markOf(source)),
    find: (kind, name) =>
      all.find((object) => kindKey(object) === kindKey(kind) && objectKey(object.metadata) === objectKey(name)),
  });
}

/** The only write of that plan, which has this verb. */
export function onlyWrite<V extends Write["verb"]>({ writes }: Plan, verb: V): Extract<Write, { readonly verb: V }> {
  const [write] = writes;
  assert.deepEqual([writes.length, write?.verb], [1, verb]);
  return write as Extract<Write, { readonly verb: V }>;
}

/** `update v1/ConfigMap team-a/settings` */
export function said({ verb, kind, name }: Write): string {
  return `${verb} ${kindKey(kind)} ${objectKey(name)}`;
}

const CLUSTER_SCOPED: ReadonlySet<string> = new Set(["v1/Namespace", "v1/Node"]);

export function runnable(name: string, definition: DefinedFunction, config?: unknown): Runnable {
  return { name, definition, config, isNamespaced: (kind) => !CLUSTER_SCOPED.has(kindKey(kind)) };
}

function stored(key: string, meta: Partial<ObjectMeta>): StoredObject["metadata"] {
  const { name, namespace } = parseKey(key);
  const place = namespace === undefined ? { name } : { name, namespace };
  return { uid: `uid of ${key}`, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z", ...meta, ...place };
}
