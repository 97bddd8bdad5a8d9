/** Answers a Query from the stores that a function declared. */
import { isDeepStrictEqual } from "node:util";
import { EvenkeelError } from "../kube/errors.ts";
import { kindKey } from "../kube/kind.ts";
import { compareResourceVersions, objectKey, type StoredObject } from "../kube/object.ts";
import { formatQuery, implies, matches, metadataOf, type Query, type Where } from "../kube/query.ts";
import { isDisjoint } from "./conjunction.ts";
import { metadataAlone } from "./content.ts";
import type { Change, Store } from "./store.ts";

/**
 * A store that holds all that the query means answers alone. Otherwise the answer is what the stores of that kind hold
 * together; where they differ about an object, the newest version counts.
 *
 * A store of whole objects answers reads of their metadata too. A store of metadata cannot answer a read of whole objects; if
 * it might hold objects that the whole stores lack, the read is refused.
 * @throws EvenkeelError FUNCTION_READ_UNDECLARED naming what to declare
 */
export function answerFrom(stores: readonly Store[]): (query: Query) => readonly StoredObject[] {
  const byKind = Map.groupBy(stores, ({ query }) => kindKey(query.kind));
  return (query) => {
    const candidates = byKind.get(kindKey(query.kind));
    if (candidates === undefined) throw undeclared(`the function reads ${kindKey(query.kind)}`);
    const able = candidates.filter((store) => canAnswer(store.query, query));
    const whole = able.find((store) => implies(query.where, store.query.where));
    if (whole === undefined) refuseHalf(query, candidates);
    if (query.part === "departed") return departed(whole === undefined ? able : [whole], query.where);
    const found = whole?.read(query.where) ?? union(able, query);
    return query.part === undefined ? found : found.map(metadataAlone);
  };
}

/** Whether what `declared` holds of an object is enough for `query`. */
export function canAnswer(declared: Query, query: Query): boolean {
  return declared.part === undefined || query.part !== undefined;
}

/**
 * Whether a read of `part` shows nothing new. Of metadata it does not when the resourceVersion alone is another: that counts
 * what happens to the whole object, and whoever wants to hear of all of it reads the object.
 */
export function looksSame(part: Query["part"], { before, after }: Pick<Change, "before" | "after">): boolean {
  if (part === undefined || before === undefined || after === undefined) return false;
  const { resourceVersion } = after.metadata;
  return isDeepStrictEqual({ ...before.metadata, resourceVersion }, after.metadata);
}

function refuseHalf(query: Query, stores: readonly Store[]): void {
  const partial = stores.find((store) => !canAnswer(store.query, query) && !isDisjoint(query.where, store.query.where));
  if (partial === undefined) return;
  const declared = formatQuery(partial.query);
  throw undeclared(
    `the function reads whole objects of ${formatQuery(query)}, and the cache holds ${declared}: ` +
      `read ${formatQuery(metadataOf(query))}, or declare ${formatQuery(query)} in \`reads\``,
  );
}

function undeclared(what: string): EvenkeelError {
  return new EvenkeelError("FUNCTION_READ_UNDECLARED", what);
}

function union(stores: readonly Store[], { where }: Query): readonly StoredObject[] {
  const found = new Map<string, StoredObject>();
  for (const store of stores)
    for (const object of store.read(where)) {
      const key = objectKey(object.metadata);
      // Another store may know already that the object has changed, and no longer matches.
      const newest = newestOf(stores, key, object);
      if (matches(where, newest)) found.set(key, newest);
    }
  return [...found.keys()].toSorted().flatMap((key) => found.get(key) ?? []);
}

/** What went last from one of them, when none of them has it. */
function departed(stores: readonly Store[], { namespace, name }: Where): readonly StoredObject[] {
  if (name === undefined) return [];
  const key = objectKey({ namespace, name });
  if (stores.some((store) => store.get(key) !== undefined)) return [];
  const gone = stores.flatMap((store) => store.departed(key) ?? []);
  return gone
    .toSorted((a, b) => compareResourceVersions(b.metadata.resourceVersion, a.metadata.resourceVersion) ?? 0)
    .slice(0, 1);
}

function newestOf(stores: readonly Store[], key: string, object: StoredObject): StoredObject {
  let newest = object;
  for (const store of stores) {
    const other = store.get(key);
    if (other === undefined) continue;
    const order = compareResourceVersions(other.metadata.resourceVersion, newest.metadata.resourceVersion);
    if (order !== undefined && order > 0) newest = other;
  }
  return newest;
}
