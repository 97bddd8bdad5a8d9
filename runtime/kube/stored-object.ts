/** The gate through which answers become StoredObjects: what has no identity, or is of another kind, stays out of every cache. */
import { EvenkeelError } from "./errors.ts";
import { recordOf, textOf, type JsonRecord } from "./json.ts";
import type { ObjectName, StoredObject } from "./object.ts";
import { stripped } from "./stripped.ts";

/** What the object must say it is. */
export interface Expected {
  readonly apiVersion: string;
  readonly kind: string;
}

/**
 * Proves that `value` is a stored object of the expected kind, and strips it.
 * @param what the call, for the message: `list v1/ConfigMap`
 * @throws EvenkeelError API_BAD_RESPONSE: no object, no name, uid or resourceVersion, or another kind (a Table, a
 *   PartialObjectMetadata, a Status).
 */
export function storedObject(value: unknown, expected: Expected, what: string): StoredObject {
  const object = recordOf(value);
  if (object === undefined) throw badResponse(what, "what was sent is no object");
  requireKind(object, expected, what);
  return storedItem(object, expected, what);
}

/** As {@link storedObject}, for items of lists of built-in kinds: they leave apiVersion and kind out. */
export function storedItem(value: unknown, expected: Expected, what: string): StoredObject {
  const object = recordOf(value);
  if (object === undefined || !hasIdentity(object)) {
    throw badResponse(what, "an object was sent without metadata.name, uid or resourceVersion");
  }
  if (object["kind"] !== undefined || object["apiVersion"] !== undefined) requireKind(object, expected, what);
  return stripped(object, expected.apiVersion, expected.kind);
}

/** That the answer is about the object that was asked for: deletions are decided on such answers. */
export function requireName(object: StoredObject, { namespace = "", name }: ObjectName, what: string): StoredObject {
  const { metadata } = object;
  if (metadata.name === name && (metadata.namespace ?? "") === namespace) return object;
  throw badResponse(what, `the answer is another object, ${metadata.namespace ?? ""}/${metadata.name}`);
}

export function badResponse(what: string, because: string): EvenkeelError {
  return new EvenkeelError("API_BAD_RESPONSE", `${what}: ${because}`);
}

function requireKind({ apiVersion, kind }: JsonRecord, expected: Expected, what: string): void {
  if (kind === expected.kind && apiVersion === expected.apiVersion) return;
  throw badResponse(what, `the answer is of kind ${nameOf(apiVersion)}/${nameOf(kind)}`);
}

function nameOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 100) : "?";
}

function hasIdentity(object: JsonRecord): object is JsonRecord & { readonly metadata: StoredObject["metadata"] } {
  const metadata = recordOf(object["metadata"]);
  return (
    metadata !== undefined &&
    textOf(metadata["name"]) !== undefined &&
    textOf(metadata["uid"]) !== undefined &&
    textOf(metadata["resourceVersion"]) !== undefined
  );
}
