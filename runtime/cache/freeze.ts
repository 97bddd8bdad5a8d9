/** Cached objects are shared by every function, so what is handed out cannot be changed. */
import { EvenkeelError } from "../kube/errors.ts";
import { recordOf } from "../kube/json.ts";
import { describe } from "../kube/kind.ts";
import type { StoredObject } from "../kube/object.ts";

/**
 * How many levels an object may have that a function is given. An API server stores some 10 000, a structured clone gives up
 * at 2 000, and so does whoever else recurses; Kubernetes' own objects have 20.
 */
export const MAX_LEVELS = 512;

export function tooDeep(what: string): EvenkeelError {
  const why = `${what} nests more than ${MAX_LEVELS} deep and cannot be handed to a function`;
  return new EvenkeelError("OBJECT_TOO_DEEP", why);
}

/**
 * Freezes plain JSON to its leaves, and returns it. What is frozen at its root counts as frozen whole: only this function
 * freezes cached objects, and the root comes last.
 * @throws EvenkeelError OBJECT_TOO_DEEP
 */
export function deepFrozen<T>(value: T): T {
  freeze(value, value, 1);
  return value;
}

function freeze(value: unknown, root: unknown, level: number): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  if (level > MAX_LEVELS) throw tooDeep(isObject(root) ? describe(root) : "what it is given");
  for (const field of Object.values(value)) freeze(field, root, level + 1);
  Object.freeze(value);
}

function isObject(value: unknown): value is StoredObject {
  return recordOf(recordOf(value)?.["metadata"])?.["name"] !== undefined;
}
