/** Objects as trees of fields: which fields a value has, what differs between two, and one merged into another. */
import { type Json, type JsonObject, equal, isList, isObject } from "../object.ts";
import { OPAQUE, type Schema, fieldSchema, listKeys } from "../schema.ts";
import { EMPTY, type FieldSet, edgeText, isEmpty, union } from "./field-set.ts";

/** One child of a composite value. */
interface Child {
  readonly edge: string;
  readonly schema: Schema;
  readonly value: Json;
}

/** The children that are owned one by one, or undefined for a value that is owned whole. */
function childrenOf(schema: Schema, value: Json | undefined): readonly Child[] | undefined {
  if (isObject(value)) return isAtomic(schema) ? undefined : fieldsOf(schema, value);
  if (!isList(value)) return undefined;
  const keys = listKeys(schema);
  if (keys !== undefined) return itemsOf(schema, keys, value);
  if (schema["x-kubernetes-list-type"] !== "set") return undefined;
  return value.map((item) => ({ edge: `v:${JSON.stringify(item)}`, schema: schema.items ?? OPAQUE, value: item }));
}

function isAtomic(schema: Schema): boolean {
  const described = schema.properties !== undefined || schema.additionalProperties !== undefined;
  return schema["x-kubernetes-map-type"] === "atomic" || !described;
}

function fieldsOf(schema: Schema, value: JsonObject): readonly Child[] {
  return Object.entries(value).flatMap(([field, child]) =>
    child === undefined ? [] : [{ edge: `f:${field}`, schema: fieldSchema(schema, field) ?? OPAQUE, value: child }],
  );
}

function itemsOf(schema: Schema, keys: readonly string[], items: readonly Json[]): readonly Child[] {
  const itemSchema = schema.items ?? OPAQUE;
  return items.map((value) => ({ edge: itemEdge(itemSchema, keys, value), schema: itemSchema, value }));
}

function itemEdge(schema: Schema, keys: readonly string[], item: Json): string {
  const id = keys.toSorted().map((key) => {
    const value = isObject(item) ? item[key] : undefined;
    return [key, value ?? fieldSchema(schema, key)?.default ?? null] as const;
  });
  return `k:${JSON.stringify(Object.fromEntries(id))}`;
}

/** The fields that an applied configuration names: its leaves, its list items, and its empty objects. */
export function fieldsNamedBy(schema: Schema, value: Json): FieldSet {
  const children = childrenOf(schema, value);
  if (children === undefined) return { member: true, children: new Map() };
  const sets = children.map((child) => {
    const set = fieldsNamedBy(child.schema, child.value);
    const own = !child.edge.startsWith("f:") || !isDeclared(schema, child.edge) || isEmptyObject(child.value);
    return [child.edge, own ? { ...set, member: true } : set] as const;
  });
  return { member: false, children: new Map(sets.filter(([, set]) => !isEmpty(set))) };
}

function isDeclared(schema: Schema, edge: string): boolean {
  return schema.properties !== undefined && Object.hasOwn(schema.properties, edge.slice(2));
}

function isEmptyObject(value: Json): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

/** Items of which one could not say which is meant: `.metadata.finalizers: duplicate entries for key [="a/b"]` */
export function duplicateEntries(schema: Schema, value: Json, path = ""): readonly string[] {
  const children = childrenOf(schema, value) ?? [];
  const edges = new Set<string>();
  return children.flatMap(({ edge, schema: childSchema, value: child }) => {
    const below = duplicateEntries(childSchema, child, path + edgeText(edge));
    if (edges.has(edge)) return [`${path}: duplicate entries for key ${edgeText(edge)}`].concat(below);
    edges.add(edge);
    return below;
  });
}

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

const MEMBER: FieldSet = { member: true, children: new Map() };
const SAME: Comparison = { added: EMPTY, modified: EMPTY, removed: EMPTY };

/**
 * What changed from `before` to `after`, field by field.
 * @param isItem of a list: an item comes and goes; a struct that is a field exists whether or not it has fields.
 */
export function compare(schema: Schema, before: Json | undefined, after: Json | undefined, isItem = false): Comparison {
  if (before === after) return SAME;
  const old = childrenOf(schema, before);
  const now = childrenOf(schema, after);
  const composite = (before === undefined || old !== undefined) && (after === undefined || now !== undefined);
  if (!composite) return compareLeaf(before, after);
  const parts = {
    added: new Map<string, FieldSet>(),
    modified: new Map<string, FieldSet>(),
    removed: new Map<string, FieldSet>(),
  };
  const oldByEdge = new Map((old ?? []).map((child) => [child.edge, child]));
  const nowByEdge = new Map((now ?? []).map((child) => [child.edge, child]));
  for (const edge of new Set([...oldByEdge.keys(), ...nowByEdge.keys()])) {
    const [was, is] = [oldByEdge.get(edge), nowByEdge.get(edge)];
    const inner = compare((is ?? was)?.schema ?? OPAQUE, was?.value, is?.value, !edge.startsWith("f:"));
    for (const part of ["added", "modified", "removed"] as const)
      if (!isEmpty(inner[part])) parts[part].set(edge, inner[part]);
  }
  const struct = schema.properties !== undefined && !isItem;
  return {
    added: { member: before === undefined && !struct, children: parts.added },
    modified: { member: false, children: parts.modified },
    removed: { member: after === undefined && !struct, children: parts.removed },
  };
}

function compareLeaf(before: Json | undefined, after: Json | undefined): Comparison {
  if (before === undefined) return { ...SAME, added: MEMBER };
  if (after === undefined) return { ...SAME, removed: MEMBER };
  return equal(before, after) ? SAME : { ...SAME, modified: MEMBER };
}

export function changedFields({ added, modified }: Comparison): FieldSet {
  return union(added, modified);
}

/** `live` with the fields of `config` laid over it. A null names a composite, no change. */
export function merged(schema: Schema, live: Json | undefined, config: Json): Json {
  const children = childrenOf(schema, config);
  const current = childrenOf(schema, live);
  if (current === undefined || live === undefined) return config;
  if (children === undefined) return config === null ? live : config;
  const result = new Map(current.map((child) => [child.edge, child]));
  const order = isList(config) ? interleaved(edgesOf(current), edgesOf(children)) : undefined;
  for (const { edge, schema, value } of children)
    result.set(edge, { edge, schema, value: merged(schema, result.get(edge)?.value, value) });
  return assemble(config, order?.flatMap((edge) => result.get(edge) ?? []) ?? [...result.values()]);
}

function edgesOf(children: readonly Child[]): readonly string[] {
  return [...new Set(children.map(({ edge }) => edge))];
}

/**
 * Items in the order in which the config gives them; those that it does not name are passed on the way to the next one
 * that both have, and so come early. Source: structured-merge-diff typed/merge.go visitListItems.
 */
function interleaved(live: readonly string[], given: readonly string[]): readonly string[] {
  const named = new Set(given);
  const known = new Set(live);
  const shared = given.filter((edge) => known.has(edge));
  const order = new Set<string>();
  let [l, g, next] = [0, 0, 0];
  while (l < live.length || g < given.length) {
    const [left, right] = [live[l], given[g]];
    if (left !== undefined && !named.has(left)) {
      order.add(left);
      l++;
    } else if (left !== undefined && right !== undefined && left !== right && isLater(left, shared, next)) {
      // Its turn comes by the config's order.
      l++;
    } else {
      if (left === right || (left !== undefined && order.has(left))) l++;
      if (right === undefined) continue;
      order.add(right);
      if (left === right || shared[next] === right) next++;
      g++;
    }
  }
  return [...order];
}

function isLater(edge: string, shared: readonly string[], next: number): boolean {
  return next < shared.length && shared[next] !== edge;
}

/** A value of the same container as `like`, with these children. */
function assemble(like: Json, children: readonly Child[]): Json {
  if (isList(like)) return children.map(({ value }) => value);
  return Object.fromEntries(children.map(({ edge, value }) => [edge.slice(2), value]));
}

/**
 * `value` without the fields of `unwanted` that nobody in `owned` holds. A composite that nobody owns anything of goes
 * whole, with what defaults have put into it; the keys of a list item stay as long as the item does.
 */
export function pruned(schema: Schema, value: Json, unwanted: FieldSet, owned: FieldSet): Json {
  const children = childrenOf(schema, value);
  if (isEmpty(unwanted) || children === undefined) return value;
  const keys = new Set(listKeys(schema));
  const kept = children.flatMap((child): readonly Child[] => {
    const below = unwanted.children.get(child.edge);
    if (below === undefined) return [child];
    const ownedBelow = owned.children.get(child.edge) ?? EMPTY;
    if (isEmpty(ownedBelow)) return [];
    const left = pruned(child.schema, child.value, below, ownedBelow);
    return [{ ...child, value: withIdentity(keys, child.value, left) }];
  });
  return assemble(value, kept);
}

function withIdentity(keys: ReadonlySet<string>, item: Json, left: Json): Json {
  if (keys.size === 0 || !isObject(item) || !isObject(left)) return left;
  return { ...Object.fromEntries(Object.entries(item).filter(([field]) => keys.has(field))), ...left };
}
