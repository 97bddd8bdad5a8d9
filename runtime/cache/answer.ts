/** Answers a Query from the stores that a function declared. */
import { EvenkeelError } from "../kube/errors.ts";
import { kindKey } from "../kube/kind.ts";
import { compareResourceVersions, objectKey, type StoredObject } from "../kube/object.ts";
import { implies, matches, type Query } from "../kube/query.ts";
import type { Store } from "./store.ts";

/**
 * A store that holds all that the query means answers alone. Otherwise the answer is what the stores of that kind hold
 * together; where they differ about an object, the newest version counts.
 * @throws EvenkeelError FUNCTION_READ_UNDECLARED for a kind of which there is no store
 */
export function answerFrom(stores: readonly Store[]): (query: Query) => readonly StoredObject[] {
  const byKind = Map.groupBy(stores, ({ query }) => kindKey(query.kind));
  return (query) => {
    const kind = kindKey(query.kind);
    const candidates = byKind.get(kind);
    if (candidates === undefined) throw new EvenkeelError("FUNCTION_READ_UNDECLARED", `the function reads ${kind}`);
    const whole = candidates.find((store) => implies(query.where, store.query.where));
    return whole?.read(query.where) ?? union(candidates, query);
  };
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
