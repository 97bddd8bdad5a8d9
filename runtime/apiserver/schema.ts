/**
 * Structural schemas: the OpenAPI v3 form that CustomResourceDefinitions use. One schema per kind serves decoding,
 * defaulting, strategic merge, server-side apply and the published OpenAPI document.
 */
import { own } from "../kube/json.ts";
import { FORMATS } from "./formats.ts";
import { type Json, type JsonObject, isList, isObject } from "./object.ts";

export interface Schema {
  readonly type?: "object" | "array" | "string" | "integer" | "boolean" | "number";
  readonly format?: "int32" | "int64" | "byte" | "date-time" | "micro-time" | "quantity";
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly default?: Json;
  readonly "x-kubernetes-preserve-unknown-fields"?: true;
  readonly "x-kubernetes-int-or-string"?: true;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic";
  readonly "x-kubernetes-patch-strategy"?: "merge" | "replace" | "merge,retainKeys" | "retainKeys";
  readonly "x-kubernetes-patch-merge-key"?: string;
  /** Go's omitempty on a scalar: its zero is the same as none. */
  readonly "x-evenkeel-omit-zero"?: true;
  /** Its number in protobuf: `7`, or `1.7` in the message that is field 1. */
  readonly "x-evenkeel-field"?: string;
}

export const STRING: Schema = { type: "string" };
/** Where empty is the same as none. */
export const OPTIONAL_STRING: Schema = { ...STRING, "x-evenkeel-omit-zero": true };

/** A field the schema does not describe: whatever is below it, it is kept and treated as one value. */
export const OPAQUE: Schema = { "x-kubernetes-preserve-unknown-fields": true };

/** The schema of a field of an object, or undefined when the object may not have it. */
export function fieldSchema(schema: Schema, field: string): Schema | undefined {
  const declared = own(schema.properties ?? {}, field);
  if (declared !== undefined) return declared;
  return schema.additionalProperties ?? (schema["x-kubernetes-preserve-unknown-fields"] === true ? OPAQUE : undefined);
}

/** The field names that identify an item of a list that merges by key. */
export function listKeys(schema: Schema): readonly string[] | undefined {
  return schema["x-kubernetes-list-type"] === "map" ? schema["x-kubernetes-list-map-keys"] : undefined;
}

interface Decoded {
  readonly value: JsonObject;
  /** Paths of fields that the schema does not know; they are not in `value`. */
  readonly unknownFields: readonly string[];
  /** `data.count: expected string, got number` */
  readonly typeErrors: readonly string[];
}

/**
 * What a typed server keeps of a JSON object: unknown fields, nulls and what is empty are dropped, a null in a list is
 * the zero of its type, and text that has a format takes its normal form.
 * Nothing throws: the caller decides what an unknown field or a wrong type means.
 */
export function decode(schema: Schema, value: JsonObject): Decoded {
  const unknownFields: string[] = [];
  const typeErrors: string[] = [];
  const walk = (schema: Schema, value: Json, path: string): Json | undefined => {
    const wrong = typeError(schema, value);
    if (wrong !== undefined) {
      typeErrors.push(`${path}: ${wrong}`);
      return undefined;
    }
    if (isObject(value)) return fields(schema, value, path);
    if (isList(value)) {
      const items = schema.items;
      if (items === undefined) return value;
      return value.map((item, i) => walk(items, item ?? zero(items), `${path}[${i}]`) ?? null);
    }
    return typeof value === "string" || schema.format === "quantity" ? text(schema, String(value), path) : value;
  };
  const text = (schema: Schema, value: string, path: string): string | undefined => {
    const format = own(FORMATS, schema.format ?? "");
    if (format === undefined) return value;
    const normal = format.normal(value);
    if (normal === undefined) typeErrors.push(`${path}: ${format.fault}`);
    return normal;
  };
  const fields = (schema: Schema, value: JsonObject, path: string): JsonObject => {
    const kept: (readonly [string, Json])[] = [];
    for (const [field, child] of Object.entries(value)) {
      const childPath = path === "" ? field : `${path}.${field}`;
      const childSchema = fieldSchema(schema, field);
      if (childSchema === undefined) unknownFields.push(childPath);
      // Go's zero for what a map of texts holds: its key stays.
      else if (child === null && schema.additionalProperties?.type === "string") kept.push([field, ""]);
      else if (child !== null && child !== undefined) {
        const decoded = walk(childSchema, child, childPath);
        if (decoded !== undefined && !isOmitted(childSchema, decoded)) kept.push([field, decoded]);
      }
    }
    return Object.fromEntries(kept);
  };
  return { value: fields(schema, value, ""), unknownFields, typeErrors };
}

/** What Go makes of a null in a list. */
function zero({ type }: Schema): Json {
  switch (type) {
    case "object":
      return {};
    case "string":
      return "";
    case "integer":
    case "number":
      return 0;
    case "boolean":
      return false;
    case "array":
    case undefined:
      return null;
    default:
      return type satisfies never;
  }
}

/** Go's omitempty: an empty map or list field is the same as none. An empty struct (`emptyDir: {}`) is not. */
function isOmitted(schema: Schema, value: Json): boolean {
  if (isList(value)) return schema.type === "array" && value.length === 0;
  if (isObject(value)) return schema.additionalProperties !== undefined && Object.keys(value).length === 0;
  return schema["x-evenkeel-omit-zero"] === true && (value === "" || value === 0 || value === false);
}

function typeError(schema: Schema, value: Json): string | undefined {
  if (schema["x-kubernetes-int-or-string"] === true)
    return typeof value === "string" || Number.isInteger(value)
      ? undefined
      : `expected integer or string, got ${typeName(value)}`;
  if (schema.format === "quantity" && typeof value !== "string" && typeof value !== "number")
    return `expected quantity, got ${typeName(value)}`;
  if (schema.type !== undefined && !hasType(schema.type, value))
    return `expected ${schema.type}, got ${typeName(value)}`;
  const isTooLong = schema.format === "int32" && typeof value === "number" && (value >= 2 ** 31 || value < -(2 ** 31));
  return isTooLong ? `${value} is no int32` : undefined;
}

function hasType(type: NonNullable<Schema["type"]>, value: Json): boolean {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return isList(value);
    case "integer":
      return Number.isInteger(value);
    case "number":
    case "string":
    case "boolean":
      return typeof value === type;
    default:
      return type satisfies never;
  }
}

function typeName(value: Json): string {
  return isList(value) ? "array" : typeof value;
}

/** Fills in what the schema says an absent field means. */
export function withDefaults(schema: Schema, value: Json): Json {
  if (isList(value)) {
    const items = schema.items;
    return items === undefined ? value : value.map((item) => withDefaults(items, item));
  }
  if (!isObject(value)) return value;
  const filled: Record<string, Json | undefined> = { ...value };
  for (const [field, child] of Object.entries(schema.properties ?? {})) {
    const present = filled[field] ?? child.default;
    if (present !== undefined) filled[field] = withDefaults(child, present);
  }
  if (schema.additionalProperties !== undefined)
    for (const [field, child] of Object.entries(value))
      if (child !== undefined) filled[field] = withDefaults(schema.additionalProperties, child);
  return filled;
}
