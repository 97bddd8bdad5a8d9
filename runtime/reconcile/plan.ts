/**
 * Step 6 of 9. Effects × what is there → writes. Pure, and the only place that decides a write: what differs is written, what
 * is not provably ours is reported, what is as wanted costs nothing.
 */
import { createHash } from "node:crypto";
import { Digests, isContentKnown, isImmutable } from "../cache/content.ts";
import { kindKey, type Kind } from "../kube/kind.ts";
import type { KubeObject, ObjectName, StoredObject } from "../kube/object.ts";
import { asApplied, asStored } from "./as-stored.ts";
import type { Effects, Reference } from "./effects.ts";
import { describe, DIGEST, isChildOf, OUR_PREFIX, provenanceOf, stamp, type Provenance } from "./provenance.ts";
import { isContentSame, isEqual, isSame, isSpelledOut, isSubset } from "./same.ts";

/** What the cache shows, as far as a plan needs it. */
export interface Observed {
  readonly functionName: string;
  /** The object that was reconciled. */
  readonly source: StoredObject;
  /** This key's children; what is not proven to be one is left alone. */
  readonly children: readonly StoredObject[];
  /** Of the status that was sent last, as its write says. */
  readonly statusDigest: string | undefined;
  /** Any object of a kind that the function touches, if a cache holds it: the cache that holds most of it. */
  find(kind: Kind, name: ObjectName): StoredObject | undefined;
}

export interface Target {
  readonly kind: Kind;
  readonly name: ObjectName;
}

export type Write = Target &
  (
    | { readonly verb: "create"; readonly body: KubeObject; readonly manner: Manner }
    | { readonly verb: "update"; readonly body: KubeObject; readonly manner: Manner }
    /** An immutable object has to make way for its successor. */
    | { readonly verb: "replace"; readonly body: KubeObject; readonly uid: string; readonly resourceVersion: string }
    | { readonly verb: "delete"; readonly uid: string; readonly resourceVersion: string }
    | { readonly verb: "release"; readonly patch: object; readonly uid: string }
    | { readonly verb: "apply"; readonly body: object }
    | { readonly verb: "status"; readonly body: object; readonly digest: string }
    | { readonly verb: "scale"; readonly patch: object }
  );

/**
 * How children of a kind are kept. `whole`: all fields are the function's, so the object is replaced by what is wanted.
 * `fields`: the server and other controllers fill in fields of their own, so the wanted ones are applied.
 */
export type Manner = "whole" | "fields";

/** A wish that cannot be carried out, because the object there is not provably ours. */
export type Refused = Target & {
  readonly wish: "child" | "deletion" | "release";
  /** Whose child the object is that is in the way; undefined for a stranger. */
  readonly holder: Provenance | undefined;
};

export interface Plan {
  /** In the order of sending: what is new comes before what goes. */
  readonly writes: readonly Write[];
  readonly refused: readonly Refused[];
  /** Objects that fields were to be applied to and that are not there: somebody else's to create. */
  readonly awaited: readonly Target[];
  /** Wished for and already so. */
  readonly unchangedCount: number;
}

export function plan(effects: Effects, observed: Observed): Plan {
  const draft: Draft = { writes: [], refused: [], awaited: [], unchangedCount: 0, digests: new Digests() };
  planChildren(effects, observed, draft);
  for (const body of effects.apply ?? []) planApply(body, observed, draft);
  if (effects.status !== undefined) planStatus(effects.status, observed, draft);
  for (const { of, replicas } of effects.scale ?? []) planScale(of, replicas, observed, draft);
  for (const reference of effects.releases ?? []) planMine(reference, "release", observed, draft);
  for (const reference of effects.deletions ?? []) planMine(reference, "deletion", observed, draft);
  const { writes, refused, awaited, unchangedCount } = draft;
  const { deletions = [], others = [] } = Object.groupBy(writes, ({ verb }) =>
    verb === "delete" ? "deletions" : "others",
  );
  return { writes: [...others, ...deletions], refused, awaited, unchangedCount };
}

interface Draft {
  readonly writes: Write[];
  readonly refused: Refused[];
  readonly awaited: Target[];
  unchangedCount: number;
  readonly digests: Digests;
}

function planChildren({ children, deletions = [], releases = [] }: Effects, observed: Observed, draft: Draft): void {
  if (children === undefined) return;
  for (const child of children) {
    planChild(stamp<KubeObject>(asStored(child), observed.functionName, observed.source), observed, draft);
  }
  // What is named in another wish is that wish's business.
  const named = new Set([...children, ...deletions, ...releases].map(describe));
  for (const child of observed.children) {
    const isMine = isChildOf(child, observed.functionName, observed.source);
    if (isMine && !named.has(describe(child))) draft.writes.push(...deletion(child));
  }
}

function planChild(want: KubeObject, observed: Observed, draft: Draft): void {
  const target = targetOf(want);
  const have = observed.find(target.kind, target.name);
  const manner = mannerOf(want);
  if (manner === "fields") return planFields(withDigest(want), have, observed, draft);
  if (have === undefined) draft.writes.push({ ...target, verb: "create", body: want, manner });
  else if (!isChildOf(have, observed.functionName, observed.source))
    draft.refused.push({ ...target, wish: "child", holder: provenanceOf(have) });
  else if (isToBeAwaited(have) || isSame(want, have, draft.digests)) draft.unchangedCount++;
  else if (isImmutable(have) && !isContentSame(want, have, draft.digests)) {
    const { uid, resourceVersion } = have.metadata;
    draft.writes.push({ ...target, verb: "replace", body: want, uid, resourceVersion });
  } else draft.writes.push({ ...target, verb: "update", body: over(have, want), manner });
}

/**
 * Either its going wakes the key, and until then nothing can take its place; or it is in a cache of metadata and on its way
 * into that of our children, which wakes the key as well.
 */
function isToBeAwaited(have: StoredObject): boolean {
  return have.metadata.deletionTimestamp !== undefined || !isContentKnown(have);
}

/**
 * No stored object has this version, so an apply that carries it creates what is absent and conflicts with what is there: an
 * apply that cannot take over a stranger's object. Source: seen on kube-apiserver 1.36 (201 when absent, 409 when present).
 */
const ABSENT_VERSION = "1";

function planFields(want: KubeObject, have: StoredObject | undefined, observed: Observed, draft: Draft): void {
  const target = targetOf(want);
  const at = (resourceVersion: string): KubeObject => ({ ...want, metadata: { ...want.metadata, resourceVersion } });
  if (have === undefined) draft.writes.push({ ...target, verb: "create", body: at(ABSENT_VERSION), manner: "fields" });
  else if (!isChildOf(have, observed.functionName, observed.source))
    draft.refused.push({ ...target, wish: "child", holder: provenanceOf(have) });
  else if (isToBeAwaited(have) || isSubset(want, have)) draft.unchangedCount++;
  else draft.writes.push({ ...target, verb: "update", body: at(have.metadata.resourceVersion), manner: "fields" });
}

function withDigest(want: KubeObject): KubeObject {
  const annotations = { ...want.metadata.annotations, [DIGEST]: digestOf(want) };
  return { ...want, metadata: { ...want.metadata, annotations } };
}

function digestOf(want: object): string {
  return createHash("sha256").update(JSON.stringify(want)).digest("hex").slice(0, 16);
}

const WHOLE: ReadonlySet<string> = new Set(["v1/ConfigMap", "v1/Secret"]);

export function mannerOf(kind: Kind): Manner {
  return WHOLE.has(kindKey(kind)) ? "whole" : "fields";
}

/** `want` as an update of `have`: conditional on its version, and keeping the labels, annotations and finalizers of others. */
function over(have: StoredObject, want: KubeObject): StoredObject {
  return {
    ...want,
    metadata: {
      ...have.metadata,
      labels: { ...others(have.metadata.labels), ...want.metadata.labels },
      annotations: { ...others(have.metadata.annotations), ...want.metadata.annotations },
    },
  };
}

function others(map: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !key.startsWith(OUR_PREFIX)));
}

function planApply(wish: KubeObject, observed: Observed, draft: Draft): void {
  const target = targetOf(wish);
  const have = observed.find(target.kind, target.name);
  const fields = asApplied(wish);
  if (have === undefined) draft.awaited.push(target);
  else if (isSpelledOut(fields, have)) draft.unchangedCount++;
  else draft.writes.push({ ...target, verb: "apply", body: of(have, fields) });
}

/** An apply with a uid changes that very object or nothing: it conflicts with a namesake, and creates none. */
function of({ metadata: { uid } }: StoredObject, fields: KubeObject): KubeObject {
  return { ...fields, metadata: { ...fields.metadata, uid } };
}

/**
 * What a status says beside the wish is another controller's, or was ours and is wanted no more: only a wish that is known to
 * have been sent tells the two apart. So it is sent once after a start, which changes nothing where all is another's.
 */
function planStatus(status: object, { source, statusDigest }: Observed, draft: Draft): void {
  const { apiVersion, kind, metadata } = source;
  const have = (source as { readonly status?: unknown }).status ?? {};
  const digest = digestOf(status);
  if (isSpelledOut(status, have) && (digest === statusDigest || isEqual(status, have))) draft.unchangedCount++;
  else {
    const { name, namespace, resourceVersion } = metadata;
    const identity = namespace === undefined ? { name } : { name, namespace };
    draft.writes.push({
      ...targetOf(source),
      verb: "status",
      body: { apiVersion, kind, metadata: { ...identity, resourceVersion }, status },
      digest,
    });
  }
}

function planScale(of: Reference, replicas: number, observed: Observed, draft: Draft): void {
  const have = observed.find(of, of.metadata) as
    | { readonly spec?: { readonly replicas?: number }; readonly metadata: StoredObject["metadata"] }
    | undefined;
  if (have?.metadata.uid !== of.metadata.uid || have.spec?.replicas === replicas) draft.unchangedCount++;
  else draft.writes.push({ ...targetOf(of), verb: "scale", patch: { spec: { replicas } } });
}

/** Deleting or letting go of one particular object: the very one that was named, and only if it is proven ours. */
function planMine(reference: Reference, wish: "deletion" | "release", observed: Observed, draft: Draft): void {
  const have = observed.find(reference, reference.metadata);
  if (have === undefined || have.metadata.uid !== reference.metadata.uid) draft.unchangedCount++;
  else if (provenanceOf(have) === undefined) draft.refused.push({ ...targetOf(have), wish, holder: undefined });
  else if (wish === "deletion") draft.writes.push(...deletion(have));
  else draft.writes.push({ ...targetOf(have), verb: "release", patch: withoutMarks(have), uid: have.metadata.uid });
}

function deletion(have: StoredObject): readonly Write[] {
  const { uid, resourceVersion, deletionTimestamp } = have.metadata;
  return deletionTimestamp === undefined ? [{ ...targetOf(have), verb: "delete", uid, resourceVersion }] : [];
}

/** A merge patch that takes our marks off, on condition that the object is still the one that was looked at. */
function withoutMarks({ metadata: { uid, resourceVersion, labels, annotations } }: StoredObject): object {
  return { metadata: { uid, resourceVersion, labels: oursAsNull(labels), annotations: oursAsNull(annotations) } };
}

function oursAsNull(map: Readonly<Record<string, string>> = {}): object {
  return Object.fromEntries(Object.keys(map).flatMap((key) => (key.startsWith(OUR_PREFIX) ? [[key, null]] : [])));
}

function targetOf({ apiVersion, kind, metadata: { name, namespace } }: KubeObject | Reference): Target {
  return { kind: { apiVersion, kind }, name: { name, namespace } };
}
