/**
 * What a function sees of the cache. Each read is recorded as the Query it stands for, with the answer's absence included:
 * what a key read is what wakes it.
 */
import type { Kind } from "../kube/kind.ts";
import type { KubeObject, ObjectName, StoredObject } from "../kube/object.ts";
import { matches, withWhere, type MetadataOf, type Query, type Where } from "../kube/query.ts";
import { both } from "./conjunction.ts";
import { deepFrozen } from "./freeze.ts";
import { checkedName, checkedQuery, checkedWhere } from "./read-arguments.ts";

/** Reads are synchronous, see one moment of the cache, and give frozen objects. */
export interface CacheReader {
  /**
   * The object of that name, or undefined. Without a namespace: that of the query, or else a cluster-scoped object.
   * @throws EvenkeelError FUNCTION_READ_UNDECLARED, FUNCTION_THREW for arguments of the wrong form
   */
  get<T extends KubeObject>(of: Kind<T> | Query<T>, name: ObjectName): (T & StoredObject) | undefined;
  /**
   * The objects that match both the query and `where`, sorted by key.
   * @throws EvenkeelError FUNCTION_READ_UNDECLARED, FUNCTION_THREW for arguments of the wrong form
   */
  list<T extends KubeObject>(of: Kind<T> | Query<T>, where?: Where): readonly (T & StoredObject)[];
  /**
   * What `get` gave last for that name, its metadata alone, when it is gone: deleted, or out of what the function declared.
   * Undefined while it is there, and where the host did not see it go within the last ten minutes, or 4 096 others since.
   * @throws EvenkeelError FUNCTION_READ_UNDECLARED, FUNCTION_THREW for arguments of the wrong form
   */
  departed<T extends KubeObject>(of: Kind<T> | Query<T>, name: ObjectName): (MetadataOf<T> & StoredObject) | undefined;
}

/**
 * @param answer the objects of a Query, sorted by key; whatever it throws passes through, and the read is not recorded.
 * @param record told of each read in the turn that read: no event can slip between.
 * @param onFailed told of what a read threw for want of an answer, or for one that nests too deep to be frozen
 */
export function trackedReader(
  answer: (query: Query) => readonly StoredObject[],
  record: (query: Query, result: readonly StoredObject[]) => void,
  onFailed: (error: unknown) => void = () => {},
): CacheReader {
  const answered = (query: Query, of: Where, more: Where): readonly StoredObject[] => {
    try {
      const result = answer(query).filter((object) => matches(of, object) && matches(more, object));
      for (const object of result) deepFrozen(object);
      return Object.freeze(result);
    } catch (error) {
      onFailed(error);
      throw error;
    }
  };
  const read = <T extends KubeObject>(of: Query<T>, more: Where): readonly (T & StoredObject)[] => {
    const query: Query = withWhere<KubeObject>(of, both(of.where, more));
    const result = answered(query, of.where, more);
    record(query, result);
    return result as readonly (T & StoredObject)[];
  };
  const readOne = <T extends KubeObject>(
    call: string,
    of: Query<T>,
    name: ObjectName,
  ): (T & StoredObject) | undefined => {
    const { namespace = of.where.namespace ?? "", name: exact } = checkedName(call, name);
    return read(of, { namespace, name: exact })[0];
  };
  return Object.freeze({
    get<T extends KubeObject>(of: Kind<T> | Query<T>, name: ObjectName): (T & StoredObject) | undefined {
      return readOne("cache.get", checkedQuery("cache.get", of), name);
    },
    list<T extends KubeObject>(of: Kind<T> | Query<T>, where: Where = {}): readonly (T & StoredObject)[] {
      return read(checkedQuery("cache.list", of), checkedWhere("cache.list", where));
    },
    departed<T extends KubeObject>(
      of: Kind<T> | Query<T>,
      name: ObjectName,
    ): (MetadataOf<T> & StoredObject) | undefined {
      const query = checkedQuery("cache.departed", of);
      return readOne("cache.departed", { ...query, part: "departed" }, name);
    },
  });
}
