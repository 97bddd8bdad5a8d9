/** Objects as the server holds them: JSON that is never changed in place, because watchers and lists share it. */
import { isRecord, own } from "../kube/json.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [field: string]: Json | undefined;
}

interface OwnerReference extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** Which fields one manager owns, in the form that clients see. */
export interface ManagedFieldsEntry extends JsonObject {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly time?: string;
  readonly fieldsType: "FieldsV1";
  readonly fieldsV1: JsonObject;
  readonly subresource?: string;
}

interface Metadata extends JsonObject {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

export interface ApiObject extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
}

export function isObject(value: unknown): value is JsonObject {
  return isRecord(value);
}

export function asObject(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

/** Whether a JSON object has the frame of an API object. What is inside is the schema's business. */
export function isApiObject(value: JsonObject): value is ApiObject {
  return typeof value["apiVersion"] === "string" && typeof value["kind"] === "string" && isObject(value["metadata"]);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The value at `path`, or undefined where the path ends early. */
export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let found = value;
  for (const field of path) {
    if (!isObject(found)) return undefined;
    found = own(found, field);
  }
  return found;
}

/** A copy of `value` with `path` set to `leaf`; undefined removes the field. Objects on the way are made when missing. */
export function withValue(value: JsonObject, path: readonly string[], leaf: Json | undefined): JsonObject {
  const [field, ...rest] = path;
  if (field === undefined) return value;
  if (rest.length === 0) return leaf === undefined ? without(value, field) : { ...value, [field]: leaf };
  const child = value[field];
  if (leaf === undefined && !isObject(child)) return value;
  return { ...value, [field]: withValue(isObject(child) ? child : {}, rest, leaf) };
}

export function without(value: JsonObject, ...fields: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([field]) => !fields.includes(field)));
}

/** The same object with some fields of its metadata replaced; a field set to undefined is removed. */
export function withMetadata<T extends ApiObject>(
  object: T,
  changes: { readonly [F in keyof Metadata]?: Metadata[F] | undefined },
): T {
  const metadata = Object.fromEntries(
    Object.entries({ ...object.metadata, ...changes }).filter(([, value]) => value !== undefined),
  );
  return { ...object, metadata };
}

/** Equality of JSON values; a field that is undefined counts as absent, the order of fields does not count. */
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isList(a)) return isList(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  for (const field in a) if (!equal(a[field], b[field])) return false;
  for (const field in b) if (b[field] !== undefined && a[field] === undefined) return false;
  return true;
}
