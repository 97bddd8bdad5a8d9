/**
 * Effects × what is there → writes. Pure, and the only place that decides a write: what differs is written, what
 * is not provably ours is reported, what is as wanted costs nothing.
 */
import { hash } from "node:crypto";
import { Digests, isContentKnown, isImmutable, isWhole } from "../cache/content.ts";
import { kindKey, type Kind } from "../kube/kind.ts";
import type { KubeObject, ObjectName, StoredObject } from "../kube/object.ts";
import { asApplied, asStored } from "./as-stored.ts";
import type { Effects, Reference } from "./effects.ts";
import { asUpdateOf, withMetadataKeys } from "./metadata-keys.ts";
import { DIGEST, isChildOf, markOf, OUR_PREFIX, provenanceOf, stamp, type Provenance } from "./provenance.ts";
import { isContentSame, isEqual, isSame, isSpelledOut, isSubset, within } from "./same.ts";

/** What the cache shows, as far as a plan needs it. */
export interface Observed {
  readonly functionName: string;
  /** The object that was reconciled. */
  readonly source: StoredObject;
  /** This key's children; what is not proven to be one is left alone. */
  readonly children: readonly StoredObject[];
  /** Of the status that was sent last, as its write says. */
  readonly statusDigest: string | undefined;
  /** Comparisons, by digest, that the API server has decided: these objects fulfil these wishes. */
  readonly fulfilled: ReadonlySet<string>;
  /** The object from the cache that holds the most of it, if any does. */
  find(kind: Kind, name: ObjectName): StoredObject | undefined;
  /** A child that has gone lately, by its name, if nothing has followed it. */
  departed(kind: Kind, name: ObjectName): StoredObject | undefined;
}

interface Target {
  readonly kind: Kind;
  readonly name: ObjectName;
}

export type Write = Target &
  (
    | {
        readonly verb: "create";
        readonly body: KubeObject;
        readonly strategy: ChildStrategy;
        /** An immutable child of that name and with other content has gone: a replacement in two steps. */
        readonly isSuccessor?: true;
      }
    | {
        readonly verb: "update";
        readonly body: KubeObject;
        readonly strategy: ChildStrategy;
        readonly comparison: Comparison;
      }
    /** An immutable object has to make way for its successor. */
    | { readonly verb: "replace"; readonly body: KubeObject; readonly uid: string; readonly resourceVersion: string }
    | { readonly verb: "delete"; readonly uid: string; readonly resourceVersion: string }
    | { readonly verb: "release"; readonly patch: object; readonly uid: string }
    | { readonly verb: "apply"; readonly body: object; readonly comparison: Comparison }
    | { readonly verb: "status"; readonly body: object; readonly digest: string; readonly comparison: Comparison }
    | { readonly verb: "scale"; readonly patch: object }
  );

/**
 * A wish and what there was of it. The server stores much in a spelling of its own (1000m is 1, an empty field is none, a
 * webhook has its way), which no comparison here foresees. But an answer that leaves the version as it was says that
 * nothing had to be changed: the wish is fulfilled for as long as both stay as they are.
 */
interface Comparison {
  /** Of the object that was looked at. */
  readonly resourceVersion: string;
  readonly digest: string;
}

/**
 * How children of a kind are kept. `update`: all fields are the function's; the object is replaced by what is wanted.
 * `apply`: the server and other controllers fill in fields of their own, so the wanted ones are applied.
 * Neither is the verb of a write: a child's is `create` or `update` by either, `apply` is for others' objects.
 */
export type ChildStrategy = "update" | "apply";

/** A wish that cannot be carried out, because the object there is not provably ours. */
export type Refused = Target & {
  readonly wish: "child" | "deletion" | "release";
  /** Whose child the object is that is in the way; undefined for a stranger. */
  readonly holder: Provenance | undefined;
};

export interface Plan {
  readonly writes: readonly Write[];
  readonly refused: readonly Refused[];
  /** Objects that fields were to be applied to and that are not there: somebody else's to create. */
  readonly awaited: readonly Target[];
  /** Wished for and already so. */
  readonly unchangedCount: number;
  /** Those of `Observed.fulfilled` that still count. */
  readonly fulfilled: readonly string[];
}

/** What has to be sent so that the cluster is as `effects` wish it. Never throws for effects that were checked. */
export function plan(effects: Effects, observed: Observed): Plan {
  const draft: Draft = {
    writes: [],
    refused: [],
    awaited: [],
    unchangedCount: 0,
    fulfilled: [],
    digests: new Digests(),
  };
  planChildren(effects, observed, draft);
  for (const body of effects.apply ?? []) planApply(body, observed, draft);
  if (effects.status !== undefined) planStatus(effects.status, observed, draft);
  for (const { of, replicas } of effects.scale ?? []) planScale(of, replicas, observed, draft);
  for (const reference of effects.releases ?? []) planMine(reference, "release", observed, draft);
  for (const reference of effects.deletions ?? []) planMine(reference, "deletion", observed, draft);
  const { digests: _, ...planned } = draft;
  return planned;
}

interface Draft {
  readonly writes: Write[];
  readonly refused: Refused[];
  readonly awaited: Target[];
  unchangedCount: number;
  readonly fulfilled: string[];
  readonly digests: Digests;
}

function planChildren({ children, deletions = [], releases = [] }: Effects, observed: Observed, draft: Draft): void {
  if (children === undefined) return;
  for (const child of children) {
    planChild(stamp<KubeObject>(asStored(child), observed.functionName, observed.source), observed, draft);
  }
  // What is named in another wish is that wish's business.
  const named = new Set([...children, ...deletions, ...releases].map(markOf));
  // By uid: the cache shows an object in each version that `writes` names.
  const unnamed = new Map<string, StoredObject>();
  for (const child of observed.children) {
    const isMine = isChildOf(child, observed.functionName, observed.source);
    if (isMine && !named.has(markOf(child))) unnamed.set(child.metadata.uid, child);
  }
  if (unnamed.size === 0) return;
  // Some objects are served in several groups as well.
  for (const child of children) unnamed.delete(observed.find(child, child.metadata)?.metadata.uid ?? "");
  for (const child of unnamed.values()) draft.writes.push(...deletion(child));
}

function planChild(child: KubeObject, observed: Observed, draft: Draft): void {
  const target = targetOf(child);
  const have = observed.find(target.kind, target.name);
  const strategy = strategyOf(child);
  if (strategy === "apply") return planAppliedChild(withDigest(child), have, observed, draft);
  const want = withMetadataKeys(child);
  if (have === undefined) {
    const gone = observed.departed(target.kind, target.name);
    const isNews = gone !== undefined && isImmutable(gone) && !isContentSame(want, gone, draft.digests);
    draft.writes.push({ ...target, verb: "create", body: want, strategy, ...(isNews && { isSuccessor: true }) });
  } else if (!isChildOf(have, observed.functionName, observed.source))
    draft.refused.push({ ...target, wish: "child", holder: provenanceOf(have) });
  else if (isToBeAwaited(have) || isSame(want, have, draft.digests)) draft.unchangedCount++;
  else if (isImmutable(have) && !isContentSame(want, have, draft.digests)) {
    const { uid, resourceVersion } = have.metadata;
    draft.writes.push({ ...target, verb: "replace", body: want, uid, resourceVersion });
  } else {
    // What is there and not wanted counts too, so that only the version tells whether it is still the same.
    const wish = [want.metadata, draft.digests.of(want)];
    const comparison = compare(wish, have, have.metadata.resourceVersion);
    planChange({ ...target, verb: "update", body: asUpdateOf(have, want), strategy, comparison }, observed, draft);
  }
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

function planAppliedChild(want: KubeObject, have: StoredObject | undefined, observed: Observed, draft: Draft): void {
  const target = targetOf(want);
  const at = (resourceVersion: string): KubeObject => ({ ...want, metadata: { ...want.metadata, resourceVersion } });
  if (have === undefined) draft.writes.push({ ...target, verb: "create", body: at(ABSENT_VERSION), strategy: "apply" });
  else if (!isChildOf(have, observed.functionName, observed.source))
    draft.refused.push({ ...target, wish: "child", holder: provenanceOf(have) });
  else if (isToBeAwaited(have) || isSubset(want, have)) draft.unchangedCount++;
  else {
    const body = at(have.metadata.resourceVersion);
    const comparison = compareFields(want, have);
    planChange({ ...target, verb: "update", body, strategy: "apply", comparison }, observed, draft);
  }
}

/** What differs is sent, unless the server has answered that it makes no difference. */
function planChange(
  write: Extract<Write, { readonly comparison: Comparison }>,
  { fulfilled }: Observed,
  draft: Draft,
): void {
  const { digest } = write.comparison;
  if (!fulfilled.has(digest)) return void draft.writes.push(write);
  draft.fulfilled.push(digest);
  draft.unchangedCount++;
}

function compareFields(want: object, have: StoredObject): Comparison {
  // What is not kept may have changed whenever the version has.
  return compare(want, have, isWhole(have) ? within(want, have) : have.metadata.resourceVersion);
}

function compare(wish: object, { metadata: { resourceVersion } }: StoredObject, found: unknown): Comparison {
  return { resourceVersion, digest: digestOf([wish, found]) };
}

function withDigest(want: KubeObject): KubeObject {
  const annotations = { ...want.metadata.annotations, [DIGEST]: digestOf(want) };
  return { ...want, metadata: { ...want.metadata, annotations } };
}

function digestOf(want: object): string {
  return hash("sha256", JSON.stringify(want)).slice(0, 16);
}

const UPDATED: ReadonlySet<string> = new Set(["v1/ConfigMap", "v1/Secret"]);

export function strategyOf(kind: Kind): ChildStrategy {
  return UPDATED.has(kindKey(kind)) ? "update" : "apply";
}

function planApply(wish: KubeObject, observed: Observed, draft: Draft): void {
  const target = targetOf(wish);
  const have = observed.find(target.kind, target.name);
  const fields = asApplied(wish);
  if (have === undefined) draft.awaited.push(target);
  else if (isSpelledOut(fields, have)) draft.unchangedCount++;
  else
    planChange(
      { ...target, verb: "apply", body: withUid(fields, have), comparison: compareFields(fields, have) },
      observed,
      draft,
    );
}

/** An apply with a uid changes that very object or nothing: it conflicts with a namesake, and creates none. */
function withUid(fields: KubeObject, { metadata: { uid } }: StoredObject): KubeObject {
  return { ...fields, metadata: { ...fields.metadata, uid } };
}

/**
 * What a status says beside the wish is another controller's, or was ours and is wanted no more: only a wish that is known to
 * have been sent tells the two apart. So it is sent once after a start, which changes nothing where all is another's.
 */
function planStatus(status: object, observed: Observed, draft: Draft): void {
  const { source, statusDigest } = observed;
  const { apiVersion, kind, metadata } = source;
  const have = (source as { readonly status?: unknown }).status ?? {};
  const digest = digestOf(status);
  if (isSpelledOut(status, have) && (digest === statusDigest || isEqual(status, have))) draft.unchangedCount++;
  else {
    const { name, namespace, resourceVersion } = metadata;
    const identity = namespace === undefined ? { name } : { name, namespace };
    const body = { apiVersion, kind, metadata: { ...identity, resourceVersion }, status };
    const comparison = compareFields({ status }, source);
    planChange({ ...targetOf(source), verb: "status", body, digest, comparison }, observed, draft);
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
