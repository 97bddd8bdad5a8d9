/** What an update may change, what it must state, and when it is no update at all. */
import { sameOwnership } from "./fields/managed-fields.ts";
import { type ApiObject, type Json, at, equal, isApiObject, isObject, withMetadata } from "./object.ts";
import type { Resource } from "./resources/resource.ts";
import { withDefaults } from "./schema.ts";
import { type FieldError, MODIFIED, badRequest, conflict, field, invalid } from "./status.ts";

export interface Preconditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/** The subresource that is written to; empty: the object itself. */
export type UpdateScope = "" | "status" | "scale" | "finalize";

/** @throws ApiError 422 when there is any fault. */
export function refuse(resource: Resource, object: ApiObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(resource, object.metadata.name ?? "", errors);
}

/** Derived and default fields filled in. */
export function prepared(resource: Resource, object: ApiObject): ApiObject {
  const filled = withDefaults(resource.schema, resource.prepare(object));
  return isObject(filled) && isApiObject(filled) ? filled : object;
}

/** @throws ApiError 400 when the object does not say that it is the one that the path names. */
export function checkName({ metadata }: ApiObject, namespace: string, name: string): void {
  if ((metadata.name ?? "") === "")
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (metadata.name !== name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  checkNamespace(metadata.namespace, namespace);
}

export function checkNamespace(given: string | undefined, namespace: string): void {
  if (given !== undefined && given !== "" && given !== namespace)
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
}

/** An update that would create cannot be meant for an object that already has a uid. @throws ApiError 409 */
export function checkNewUid(resource: Resource, { metadata }: ApiObject, name: string): void {
  const { uid = "" } = metadata;
  if (uid === "") return;
  const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
  throw conflict(resource, name, why);
}

/** @throws ApiError 409 for another uid or resourceVersion, 422 when the kind demands a resourceVersion. */
export function checkVersion(resource: Resource, live: ApiObject, { metadata }: ApiObject): void {
  const { name = "", uid = "", resourceVersion: liveVersion } = live.metadata;
  if (metadata.uid !== undefined && metadata.uid !== "" && metadata.uid !== uid)
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${uid}`,
    );
  const given = metadata.resourceVersion ?? "";
  if (given === liveVersion) return;
  if (given !== "" && given !== "0") throw conflict(resource, name, MODIFIED);
  if (resource.unconditionalUpdate) return;
  // The real server names the resource here, where all other faults of a field name the kind.
  const named = { group: resource.group, kind: resource.resource };
  throw invalid(named, name, [field.invalid("metadata.resourceVersion", 0, "must be specified for an update")]);
}

/** @throws ApiError 409, which names the kind and not the resource: so the real server has it. */
export function checkPreconditions({ group, kind }: Resource, { metadata }: ApiObject, wanted: Preconditions): void {
  const { name = "", uid = "", resourceVersion = "" } = metadata;
  const named = { group, resource: kind };
  if (wanted.uid !== undefined && wanted.uid !== uid) {
    const mismatch = `the UID in the precondition (${wanted.uid}) does not match the UID in record (${uid})`;
    throw conflict(named, name, `${mismatch}. The object might have been deleted and then recreated`);
  }
  if (wanted.resourceVersion === undefined || wanted.resourceVersion === resourceVersion) return;
  const versions = `precondition (${wanted.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion})`;
  throw conflict(named, name, `the ResourceVersion in the ${versions}. The object might have been modified`);
}

/** `object` with everything put back that this kind of update cannot change. */
export function carriedOver(resource: Resource, scope: UpdateScope, live: ApiObject, object: ApiObject): ApiObject {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp } = live.metadata;
  const given = object.metadata;
  const own = {
    name,
    namespace,
    uid: given.uid ?? uid,
    resourceVersion,
    generation,
    creationTimestamp,
    // A deletion that has begun stays; to begin one by a write is refused later.
    deletionTimestamp: live.metadata.deletionTimestamp ?? given.deletionTimestamp,
    deletionGracePeriodSeconds: given.deletionGracePeriodSeconds ?? live.metadata.deletionGracePeriodSeconds,
    selfLink: undefined,
  };
  return withMetadata(inScope(resource, scope, live, object), own);
}

function inScope(resource: Resource, scope: UpdateScope, live: ApiObject, object: ApiObject): ApiObject {
  switch (scope) {
    case "status": {
      const metadata = { ...object.metadata, labels: live.metadata.labels };
      return withMetadata({ ...live, metadata: object.metadata, status: object["status"] }, metadata);
    }
    case "finalize":
      return withSpecFinalizers(live, object);
    case "scale":
    case "": {
      const spec = resource.finalize ? withSpecFinalizers(object, live) : object;
      return resource.status ? { ...spec, status: live["status"] } : spec;
    }
    default:
      return scope satisfies never;
  }
}

function withSpecFinalizers(object: ApiObject, from: ApiObject): ApiObject {
  const spec = object["spec"];
  return { ...object, spec: { ...(isObject(spec) ? spec : {}), finalizers: at(from, "spec", "finalizers") } };
}

/** Only what is specified counts: a status or a label moves no generation. */
export function withGeneration(resource: Resource, live: ApiObject, after: ApiObject): ApiObject {
  const moved = resource.generationFields.some((name) => !equal(counted(live, name), counted(after, name)));
  return moved ? nextGeneration(resource, after) : after;
}

function counted(object: ApiObject, name: string): Json | undefined {
  return name === "annotations" ? object.metadata.annotations : object[name];
}

export function nextGeneration(resource: Resource, object: ApiObject): ApiObject {
  if (resource.generationFields.length === 0) return object;
  return withMetadata(object, { generation: (object.metadata.generation ?? 0) + 1 });
}

/** Differences in the times of managedFields alone do not count: the object is not written. */
export function isNoChange(live: ApiObject, after: ApiObject): boolean {
  return (
    sameOwnership(live.metadata.managedFields, after.metadata.managedFields) &&
    equal(withMetadata(live, { managedFields: undefined }), withMetadata(after, { managedFields: undefined }))
  );
}
