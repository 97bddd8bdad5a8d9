/** patch: four media types, one outcome. The first three change the live object; apply states what its manager wants. */
import { own } from "../../kube/json.ts";
import type { Call } from "../call.ts";
import { afterApply } from "../fields/managed-fields.ts";
import { duplicateEntries } from "../fields/structure.ts";
import { timestamp } from "../identity.ts";
import { type ApiObject, type Json, type JsonObject, at, isObject, withValue, without } from "../object.ts";
import { type WriteOptions, writeOptions } from "../options.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge-patch.ts";
import { applyStrategicMerge } from "../patch/strategic-merge.ts";
import type { Candidate, WriteTarget } from "../registry.ts";
import { type Body, type Parsed, parseText, readBody, shaped, typedAfterPatch, typedObject } from "../request-body.ts";
import { text } from "../resources/columns.ts";
import { type Resource, groupVersion, shown, storedAs } from "../resources/resource.ts";
import { decode } from "../schema.ts";
import { ApiError, badRequest, field, invalid, unsupportedMediaType } from "../status.ts";
import type { UpdateScope } from "../update-rules.ts";

export const APPLY = "application/apply-patch+yaml";
const PATCHES: Readonly<Record<string, (resource: Resource, live: JsonObject, patch: Json) => JsonObject>> = {
  "application/json-patch+json": (_, live, patch) => applyJsonPatch(live, patch),
  "application/merge-patch+json": (_, live, patch) => applyMergePatch(live, objectPatch(patch)),
  // The real server merges into a struct, which has a kind of its own: what the patch says of it does not count.
  "application/strategic-merge-patch+json": ({ schema }, live, patch) => ({
    ...applyStrategicMerge(schema, live, objectPatch(patch)),
    apiVersion: live["apiVersion"],
    kind: live["kind"],
  }),
};

export async function patch(call: Call, scope: Exclude<UpdateScope, "scale">): Promise<Response> {
  const options = writeOptions(call.query, "PatchOptions");
  const body = await readBody(call.request);
  const target = call.writeTarget(options.fieldManager, options.dryRun, scope);
  const isApply = body.mediaType === APPLY;
  checkOptions(options, isApply);
  const change = isApply
    ? applying(call, target, configuration(call, call.resource, target, body, options), options)
    : patching(call, body, options);
  const { version, created } = call.services.registry.update(target, call.name, change, isApply && scope === "");
  return call.answer(version, created ? 201 : 200);
}

/** @throws ApiError 422 */
export function checkOptions({ fieldManager, force }: WriteOptions, isApply: boolean): void {
  const errors = [
    ...(isApply && fieldManager === "" ? [field.required("fieldManager", "is required for apply patch")] : []),
    ...(!isApply && force !== undefined ? [field.forbidden("force", "may not be specified for non-apply patch")] : []),
  ];
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", errors);
}

/** @throws ApiError 415 for a media type that is no patch, 400 for bad text. */
export function patched(resource: Resource, live: JsonObject, body: Body): Parsed<JsonObject> {
  const apply = own(PATCHES, body.mediaType);
  if (apply === undefined) throw unsupportedMediaType([...Object.keys(PATCHES), APPLY]);
  const { value, duplicates } = parseText(body);
  return { value: apply(resource, live, value), duplicates };
}

function objectPatch(patch: Json): JsonObject {
  if (!isObject(patch)) throw badRequest("the patch is not a JSON object");
  return patch;
}

function patching(
  call: Call,
  body: Body,
  { fieldValidation }: WriteOptions,
): (live: ApiObject | undefined) => Candidate {
  const { resource } = call;
  return (live) => {
    if (live === undefined) throw badRequest("a patch needs an object to change");
    const result = patched(resource, shown(resource, live), body);
    const { object, warnings } = typedAfterPatch(resource, result, body, fieldValidation);
    call.warn(warnings);
    return { object: resource.convert?.toStored(object) ?? object };
  };
}

/** The manager's intention. Its uid and resourceVersion, if any, are preconditions; it creates what is missing. */
export function applying(
  call: Call,
  target: WriteTarget,
  config: JsonObject,
  { force = false }: WriteOptions,
): (live: ApiObject | undefined) => Candidate {
  const stored = storedAs(call.resource);
  const { manager, subresource } = target;
  const writer = { manager, subresource, apiVersion: groupVersion(stored), time: timestamp(call.services.clock) };
  return (live) => {
    const base = live ?? { apiVersion: groupVersion(stored), kind: stored.kind, metadata: {} };
    const { object, managedFields } = afterApply(stored.schema, base, config, writer, { force });
    return { object: shaped(stored, object).object, managedFields };
  };
}

/** What was sent, complete and checked. It is not stripped of empty values: to name a field is to own it. */
export function configuration(
  call: Call,
  resource: Resource,
  target: WriteTarget,
  body: Body,
  { fieldValidation }: WriteOptions,
): JsonObject {
  const { value, duplicates } = parseText(body, true);
  const given = objectPatch(value);
  if (given["kind"] === undefined || given["apiVersion"] === undefined)
    throw badRequest("invalid object type: kind and apiVersion are required for apply patch");
  checkStructure(resource, given);
  const { object, warnings } = typedObject(resource, { value: given, duplicates }, fieldValidation);
  call.warn(warnings);
  if (at(given, "metadata", "managedFields") !== undefined) throw badRequest("metadata.managedFields must be nil");
  const whole = resource.convert?.toStored(object) ?? { ...given, metadata: at(given, "metadata") ?? {} };
  const written = writable(storedAs(resource), target.subresource, whole);
  if (target.namespace === "") return written;
  return withValue(written, ["metadata", "namespace"], object.metadata.namespace ?? target.namespace);
}

/** What cannot be written through a path is not owned there, and meets no conflict. Source: GetResetFields of each kind. */
function writable(resource: Resource, scope: UpdateScope, config: JsonObject): JsonObject {
  if (!resource.status) return config;
  if (scope !== "status") return without(config, "status");
  const kept = Object.entries(config).filter(([name]) => ["apiVersion", "kind", "metadata", "status"].includes(name));
  return withValue(Object.fromEntries(kept), ["metadata", "labels"], undefined);
}

/** @throws ApiError 500 without a reason for what cannot be owned field by field: so the real server has it. */
function checkStructure({ group, version, kind, schema }: Resource, given: JsonObject): void {
  const { unknownFields, typeErrors } = decode(schema, given);
  const faults = [
    ...unknownFields.map((field) => `.${field}: field not declared in schema`),
    ...typeErrors.map((error) => `.${error}`),
    ...duplicateEntries(schema, given),
  ];
  if (faults.length === 0) return;
  const name = [at(given, "metadata", "namespace"), at(given, "metadata", "name")].map(text).join("/");
  const type = `${name}; ${group}/${version}, Kind=${kind}`;
  throw new ApiError(500, "", `failed to create typed patch object (${type}): ${faults.join(", ")}`);
}
