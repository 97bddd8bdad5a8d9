/**
 * From `kubectl apply` to `kubectl apply --server-side` and back. The one keeps what it applied in an annotation, the
 * other in managedFields. For the manager `kubectl` alone the server minds both: what the annotation names may be taken
 * without a conflict, and an annotation that is there is kept up to date, so that a later `kubectl apply` still removes
 * what is no longer named.
 *
 * Source: apimachinery pkg/util/managedfields/internal, lastappliedmanager.go and lastappliedupdater.go.
 */
import { type ApiObject, type Json, type JsonObject, at, isObject, withValue } from "../object.ts";
import type { Schema } from "../schema.ts";
import { EMPTY, type FieldSet, difference } from "./field-set.ts";
import { changedFields, compare, fieldsNamedBy } from "./structure.ts";

const ANNOTATION = ["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"];
const MANAGER = "kubectl";

/** Fields of `live` that are still as `kubectl apply` left them. */
export function appliedByClient(schema: Schema, live: ApiObject, manager: string): FieldSet {
  const annotation = at(live, ...ANNOTATION);
  if (manager !== MANAGER || typeof annotation !== "string") return EMPTY;
  const config = parsed(annotation);
  if (!isObject(config) || config["apiVersion"] !== live.apiVersion) return EMPTY;
  const comparison = compare(schema, config, live);
  return difference(difference(fieldsNamedBy(schema, config), changedFields(comparison)), comparison.removed);
}

/** `object` with what was applied now in the annotation, if it has one. */
export function withLastApplied(object: JsonObject, config: JsonObject, manager: string): JsonObject {
  if (manager !== MANAGER || at(object, ...ANNOTATION) === undefined) return object;
  return withValue(object, ANNOTATION, `${JSON.stringify(withValue(config, ANNOTATION, undefined))}\n`);
}

/** Anybody may have written the annotation. */
function parsed(annotation: string): Json {
  try {
    const config: Json = JSON.parse(annotation);
    return config;
  } catch {
    return null;
  }
}
