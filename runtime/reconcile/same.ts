/** Whether what is there already says what is wanted. The writer's first saving: no difference, no request. */
import { Digests, keptDigest, NOT_CONTENT } from "../cache/content.ts";
import { isRecord, own } from "../kube/json.ts";
import type { KubeObject } from "../kube/object.ts";
import { OUR_PREFIX } from "./provenance.ts";

/**
 * Whether `have` needs no write to be `want`. Labels and annotations of others are left alone; those under our prefix must
 * be exactly ours; all else but `status` must be equal, where an empty or false field is as good as an absent one.
 * @param digests shared by wishes that share bodies
 */
export function isSame(want: KubeObject, have: KubeObject, digests?: Digests): boolean {
  return (
    holds(want.metadata.labels, have.metadata.labels) &&
    holds(want.metadata.annotations, have.metadata.annotations) &&
    isContentSame(want, have, digests)
  );
}

/** Whether all but metadata and status is equal; by digest where no more is kept of `have`. */
export function isContentSame(want: KubeObject, have: KubeObject, digests: Digests = new Digests()): boolean {
  const digest = keptDigest(have);
  if (digest !== undefined) return digest === digests.of(want);
  return isEqual({ ...want, ...NOT_CONTENT }, { ...have, ...NOT_CONTENT });
}

/** Deep equality of JSON values; an empty or false field is as good as an absent one. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return isEmpty(a) && isEmpty(b);
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return isEmpty(a) && isEmpty(b);
    return a.every((item, i) => isEqual(item, (b as readonly unknown[])[i]));
  }
  for (const field in a) if (!isEqual(own(a, field), own(b, field))) return false;
  for (const field in b) if (!Object.hasOwn(a, field) && !isEmpty(own(b, field))) return false;
  return true;
}

/**
 * Whether every field that `want` names has that value in `have`; `have` may hold more, also in the items of a list of the
 * same length. An empty or false field may be absent: the server drops such fields of many kinds.
 */
export function isSubset(want: unknown, have: unknown): boolean {
  return isWithin(want, have, true);
}

/** As isSubset, but empty and false fields must be there: for wishes of which no digest tells that they were ever sent. */
export function isSpelledOut(want: unknown, have: unknown): boolean {
  return isWithin(want, have, false);
}

function isWithin(want: unknown, have: unknown, mayDropEmpty: boolean): boolean {
  if (want === undefined || want === have) return true;
  if (Array.isArray(want) && Array.isArray(have))
    return want.length === have.length && want.every((item, i) => isWithin(item, have[i], mayDropEmpty));
  if (!isRecord(want) || !isRecord(have)) return (want === null || mayDropEmpty) && isEmpty(want) && isEmpty(have);
  for (const field in want) if (!isWithin(own(want, field), own(have, field), mayDropEmpty)) return false;
  return true;
}

/** What `have` says where `want` says something; of a list that is longer or shorter than the wanted one, all. */
export function within(want: unknown, have: unknown): unknown {
  if (want === undefined) return undefined;
  if (Array.isArray(want) && Array.isArray(have) && want.length === have.length)
    return want.map((item, i) => within(item, have[i]));
  if (!isRecord(want) || !isRecord(have)) return have;
  return Object.fromEntries(Object.keys(want).map((field) => [field, within(own(want, field), own(have, field))]));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  if (typeof value !== "object") return false;
  for (const field in value) if (own(value, field) !== undefined) return false;
  return true;
}

function holds(want: Readonly<Record<string, string>> = {}, have: Readonly<Record<string, string>> = {}): boolean {
  for (const key in want) if (have[key] !== want[key]) return false;
  for (const key in have) if (key.startsWith(OUR_PREFIX) && want[key] === undefined) return false;
  return true;
}
