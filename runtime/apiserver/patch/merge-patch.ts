/** RFC 7386: fields of the patch replace fields of the object, null removes, lists are replaced whole. */
import { type JsonObject, isObject } from "../object.ts";

export function applyMergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged = new Map(Object.entries(target));
  for (const [field, value] of Object.entries(patch)) {
    const current = merged.get(field);
    if (value === null) merged.delete(field);
    else merged.set(field, isObject(value) ? applyMergePatch(isObject(current) ? current : {}, value) : value);
  }
  return Object.fromEntries(merged);
}
