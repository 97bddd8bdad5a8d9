/** What metadata must satisfy, for every kind. Source: apimachinery pkg/api/validation/objectmeta.go. */
import { type ApiObject, equal } from "../object.ts";
import { type FieldError, field } from "../status.ts";
import { labelErrors, nameFaults, qualifiedNameFaults } from "./names.ts";
import type { Resource } from "./resource.ts";

const ANNOTATIONS_LIMIT_BYTES = 256 * 1024;
const STANDARD_FINALIZERS = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

export function metadataErrors(resource: Resource, object: ApiObject): FieldError[] {
  const { name = "", generateName = "", labels = {}, annotations = {}, finalizers = [] } = object.metadata;
  const errors: FieldError[] = [];
  if (generateName !== "")
    for (const fault of nameFaults(resource.names, generateName, true))
      errors.push(field.invalid("metadata.generateName", generateName, fault));
  if (name === "") errors.push(field.required("metadata.name", "name or generateName is required"));
  else for (const fault of nameFaults(resource.names, name)) errors.push(field.invalid("metadata.name", name, fault));
  errors.push(...labelErrors(labels, "metadata.labels"));
  errors.push(...annotationErrors(annotations));
  errors.push(...ownerErrors(object));
  errors.push(...finalizerErrors(finalizers, "metadata.finalizers"));
  return errors;
}

function annotationErrors(annotations: Readonly<Record<string, string>>): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    for (const fault of qualifiedNameFaults(key.toLowerCase()))
      errors.push(field.invalid("metadata.annotations", key, fault));
  }
  if (bytes > ANNOTATIONS_LIMIT_BYTES) errors.push(field.tooLong("metadata.annotations", ANNOTATIONS_LIMIT_BYTES));
  return errors;
}

function ownerErrors({ metadata: { ownerReferences = [] } }: ApiObject): FieldError[] {
  const path = "metadata.ownerReferences";
  const errors = ownerReferences.flatMap(({ apiVersion, kind, name, uid }) => [
    ...((apiVersion ?? "") === "" ? [field.invalid(`${path}.apiVersion`, "", "version must not be empty")] : []),
    ...((kind ?? "") === "" ? [field.invalid(`${path}.kind`, "", "must not be empty")] : []),
    ...((name ?? "") === "" ? [field.invalid(`${path}.name`, "", "must not be empty")] : []),
    ...((uid ?? "") === "" ? [field.invalid(`${path}.uid`, "", "must not be empty")] : []),
    ...(apiVersion === "v1" && kind === "Event"
      ? [field.invalid(path, kind, "/v1, Kind=Event is disallowed from being an owner")]
      : []),
  ]);
  const [first, second] = ownerReferences.filter((owner) => owner["controller"] === true);
  if (first !== undefined && second !== undefined) {
    const found = `Found "true" in references for ${first.kind}/${first.name} and ${second.kind}/${second.name}`;
    errors.push(field.invalid(path, ownerReferences, `Only one reference can have Controller set to true. ${found}`));
  }
  return errors;
}

export function finalizerErrors(finalizers: readonly string[], path: string): FieldError[] {
  const errors = finalizers.flatMap((name, i) => {
    const faults = qualifiedNameFaults(name).map((fault) => field.invalid(path, name, fault));
    if (name.includes("/") || STANDARD_FINALIZERS.has(name)) return faults;
    const fault = "name is neither a standard finalizer name nor is it fully qualified";
    return [...faults, field.invalid(`${path}[${i}]`, name, fault)];
  });
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    const why = "finalizer orphan and foregroundDeletion cannot be both set";
    errors.push(field.invalid(path, finalizers, why));
  }
  return errors;
}

/** What an update may not change. `after` has the server's own fields already carried over. */
export function metadataUpdateErrors(after: ApiObject, before: ApiObject): FieldError[] {
  const errors: FieldError[] = [];
  if (before.metadata.deletionTimestamp !== undefined) {
    const old = before.metadata.finalizers ?? [];
    const added = (after.metadata.finalizers ?? []).filter((name) => !old.includes(name));
    if (added.length > 0) {
      const found = `[]string{${added.map((name) => `"${name}"`).join(", ")}}`;
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${found}`;
      errors.push(field.forbidden("metadata.finalizers", why));
    }
  }
  for (const fixed of ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] as const)
    if (!equal(after.metadata[fixed], before.metadata[fixed]))
      errors.push(field.invalid(`metadata.${fixed}`, after.metadata[fixed] ?? "", "field is immutable"));
  return errors;
}
