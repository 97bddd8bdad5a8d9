/**
 * A set of fields of an object, in the shape of `fieldsV1`: a tree whose edges are path elements.
 *
 *   f:data → { ".": member, f:a: member }     {"f:data":{".":{},"f:a":{}}}
 *
 * Edges: `f:name` a field, `k:{"name":"web"}` an item of a list by its keys, `v:"x"` an item of a set by its value.
 */
import { type Json, type JsonObject, isObject } from "../object.ts";

export interface FieldSet {
  /** The field at this path is itself in the set. */
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

export const EMPTY: FieldSet = { member: false, children: new Map() };

export function isEmpty(set: FieldSet): boolean {
  return !set.member && set.children.size === 0;
}

function make(member: boolean, children: readonly (readonly [string, FieldSet])[]): FieldSet {
  return { member, children: new Map(children.filter(([, child]) => !isEmpty(child))) };
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const edges = new Set([...a.children.keys(), ...b.children.keys()]);
  return make(
    a.member || b.member,
    [...edges].map((edge) => [edge, union(a.children.get(edge) ?? EMPTY, b.children.get(edge) ?? EMPTY)] as const),
  );
}

/** Fields of `a` that are not in `b`. A field below a member of `b` stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(b)) return a;
  return make(
    a.member && !b.member,
    [...a.children].map(([edge, child]) => [edge, difference(child, b.children.get(edge) ?? EMPTY)] as const),
  );
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return make(
    a.member && b.member,
    [...a.children].map(([edge, child]) => [edge, intersection(child, b.children.get(edge) ?? EMPTY)] as const),
  );
}

/** A set from paths: `fieldSetOf([["f:data", "f:a"]])`. */
export function fieldSetOf(paths: readonly (readonly string[])[]): FieldSet {
  return paths.reduce<FieldSet>((set, path) => union(set, single(path)), EMPTY);
}

function single([edge, ...rest]: readonly string[]): FieldSet {
  return edge === undefined ? { member: true, children: new Map() } : make(false, [[edge, single(rest)]]);
}

/** The form of metadata.managedFields[].fieldsV1. */
export function toJson(set: FieldSet): JsonObject {
  const json: Record<string, Json> = {};
  if (set.member && set.children.size > 0) json["."] = {};
  for (const [edge, child] of [...set.children].toSorted(([a], [b]) => (a < b ? -1 : 1))) json[edge] = toJson(child);
  return json;
}

/** @returns undefined when `json` is not a field set. */
export function fromJson(json: Json | undefined): FieldSet | undefined {
  return isObject(json) ? parse(json, false) : undefined;
}

function parse(json: JsonObject, inner: boolean): FieldSet | undefined {
  const children: (readonly [string, FieldSet])[] = [];
  let member = false;
  for (const [edge, child] of Object.entries(json)) {
    if (edge === ".") member = true;
    else if (!/^[fkvi]:/.test(edge) || !isObject(child)) return undefined;
    else {
      const parsed = parse(child, true);
      if (parsed === undefined) return undefined;
      children.push([edge, parsed]);
    }
  }
  return make(member || (inner && children.length === 0), children);
}

/** `.spec.containers[name="web"].image`: the paths of all members, as conflicts name them. */
export function paths(set: FieldSet, prefix = ""): string[] {
  const own = set.member ? [prefix] : [];
  const below = [...set.children]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([edge, child]) => paths(child, prefix + edgeText(edge)));
  return [...own, ...below];
}

/** `.name`, `[name="web"]`, `[="x"]` */
export function edgeText(edge: string): string {
  const text = edge.slice(2);
  switch (edge.slice(0, 2)) {
    case "f:":
      return `.${text}`;
    case "k:": {
      const keys: unknown = JSON.parse(text);
      const pairs = isObject(keys) ? Object.entries(keys) : [];
      return `[${pairs.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
    }
    case "v:":
      return `[=${text}]`;
    default:
      return `[${text}]`;
  }
}
