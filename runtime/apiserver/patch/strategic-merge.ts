/**
 * Strategic merge: as a merge patch, but lists whose schema names a merge key are merged item by item.
 * Directives: `$patch: delete|replace|merge`, `$retainKeys`, `$deleteFromPrimitiveList/x`, `$setElementOrder/x`.
 * Source: apimachinery pkg/util/strategicpatch.
 */
import { type Json, type JsonObject, equal, isList, isObject, without } from "../object.ts";
import { type Schema, fieldSchema } from "../schema.ts";
import { ApiError, badRequest } from "../status.ts";

const DELETE_PREFIX = "$deleteFromPrimitiveList/";
const ORDER_PREFIX = "$setElementOrder/";

/** @throws ApiError 400 on a directive that makes no sense. */
export function applyStrategicMerge(schema: Schema, target: JsonObject, patch: JsonObject): JsonObject {
  const directive = patch["$patch"];
  if (directive === "replace") return without(patch, "$patch");
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge")
    throw badRequest(`Unknown patch type: ${JSON.stringify(directive)}`);
  const merged = new Map(Object.entries(retained(target, patch)));
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith(DELETE_PREFIX)) {
      const name = field.slice(DELETE_PREFIX.length);
      const gone = list(value);
      merged.set(
        name,
        list(merged.get(name)).filter((item) => !gone.some((one) => equal(one, item))),
      );
    } else if (value === null) merged.delete(field);
    else if (!field.startsWith("$"))
      merged.set(field, mergeField(fieldSchema(schema, field), merged.get(field), value));
  }
  for (const [field, order] of Object.entries(patch)) {
    if (!field.startsWith(ORDER_PREFIX)) continue;
    const name = field.slice(ORDER_PREFIX.length);
    const key = fieldSchema(schema, name)?.["x-kubernetes-patch-merge-key"];
    checkOrder(list(patch[name]), order, key);
    merged.set(name, ordered(list(merged.get(name)), list(order), list(target[name]), key));
  }
  return Object.fromEntries(merged);
}

/**
 * What a patch adds or changes has its place in the order that it gives.
 * @throws ApiError 500 without a reason for an order that is none, or another: so the real server has it.
 */
function checkOrder(items: readonly Json[], order: Json | undefined, key: string | undefined): void {
  if (!isList(order)) throw new ApiError(500, "", "expected $setElementOrder to be a list");
  const id = (item: Json): Json => (key !== undefined && isObject(item) ? (item[key] ?? null) : item);
  const isDeleted = (item: Json): boolean => key !== undefined && isObject(item) && item["$patch"] === "delete";
  const placed = items.filter((item) => !isDeleted(item)).map(id);
  let next = 0;
  for (const one of order) if (next < placed.length && equal(placed[next], id(one))) next++;
  if (next < placed.length) throw new ApiError(500, "", "The order in patch list doesn't match $setElementOrder list");
}

function list(value: Json | undefined): readonly Json[] {
  return isList(value) ? value : [];
}

/** @throws ApiError 400 for a patch that names a field which it does not retain. */
function retained(target: JsonObject, patch: JsonObject): JsonObject {
  const keys = patch["$retainKeys"];
  if (keys === undefined) return target;
  const isKept = ([field, value]: readonly [string, Json | undefined]): boolean =>
    value === null || field.startsWith("$") || (isList(keys) && keys.includes(field));
  if (!isList(keys) || !Object.entries(patch).every(isKept)) throw badRequest("invalid patch format of retainKeys");
  return Object.fromEntries(Object.entries(target).filter(([field]) => keys.includes(field)));
}

function mergeField(schema: Schema | undefined, current: Json | undefined, value: Json | undefined): Json | undefined {
  if (isObject(value)) return applyStrategicMerge(schema ?? {}, isObject(current) ? current : {}, value);
  if (!isList(value) || schema?.["x-kubernetes-patch-strategy"]?.includes("merge") !== true) return value;
  const key = schema["x-kubernetes-patch-merge-key"];
  const live = list(current);
  const merged = key === undefined ? union(live, value) : mergeItems(schema.items ?? {}, key, live, value);
  return ordered(merged, value, live, key);
}

function union(current: readonly Json[], added: readonly Json[]): readonly Json[] {
  return [...current, ...added.filter((item) => !current.some((one) => equal(one, item)))];
}

function mergeItems(schema: Schema, key: string, current: readonly Json[], patch: readonly Json[]): readonly Json[] {
  const items = patch.map((item) => {
    if (!isObject(item)) throw badRequest(`an item of a list that is merged by ${key} is not an object`);
    return item;
  });
  // A lone `$patch: replace` makes the rest of the patch the whole list.
  if (items.some((item) => item["$patch"] === "replace")) return items.filter((item) => item["$patch"] !== "replace");
  let merged = [...current];
  for (const item of items) {
    const id = item[key];
    if (id === undefined) throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const index = merged.findIndex((one) => isObject(one) && equal(one[key], id));
    const found = merged[index];
    if (item["$patch"] === "delete") merged = merged.filter((_, i) => i !== index);
    else if (isObject(found)) merged[index] = applyStrategicMerge(schema, found, item);
    else merged.push(applyStrategicMerge(schema, {}, item));
  }
  return merged;
}

/**
 * Items of the patch in the order of the patch, the others in their live order, interleaved: another item comes before
 * the next patched one only if it did so in the live list. So what a patch adds comes first.
 */
function ordered(
  items: readonly Json[],
  patchOrder: readonly Json[],
  liveOrder: readonly Json[],
  key: string | undefined,
): readonly Json[] {
  const id = (item: Json): Json => (key !== undefined && isObject(item) ? (item[key] ?? null) : item);
  const rank = (order: readonly Json[], item: Json): number => order.findIndex((one) => equal(id(one), id(item)));
  const by = (order: readonly Json[], list: readonly Json[]): readonly Json[] =>
    list.toSorted((a, b) => rank(order, a) - rank(order, b));
  const patched = by(
    patchOrder,
    items.filter((item) => rank(patchOrder, item) !== -1),
  );
  const others = by(
    liveOrder,
    items.filter((item) => rank(patchOrder, item) === -1),
  );
  const result: Json[] = [];
  let next = 0;
  for (const item of patched) {
    const place = rank(liveOrder, item);
    for (let other = others[next]; other !== undefined; other = others[++next]) {
      const otherPlace = rank(liveOrder, other);
      if (place === -1 || otherPlace === -1 || otherPlace > place) break;
      result.push(other);
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}
