/** The gate through which answers become StoredObjects: what has no identity, or is of another kind, stays out of every cache. */
import { EvenkeelError } from "./errors.ts";
import { recordOf, textOf, type JsonRecord } from "./json.ts";
import type { ObjectName, StoredObject } from "./object.ts";
import { metadataAlone, stripped } from "./stripped.ts";

/** What the object must say it is. */
export interface Expected {
  readonly apiVersion: string;
  readonly kind: string;
  /** `metadata`: it may be a PartialObjectMetadata as well, and only its metadata is taken. */
  readonly part?: "metadata" | undefined;
}

/**
 * Proves that `value` is a stored object of the expected kind, and strips it.
 * @param what the call, for the message: `list v1/ConfigMap`
 * @throws EvenkeelError API_BAD_RESPONSE: no object, no name, uid or resourceVersion, or another kind (a Table, a Status, a
 *   PartialObjectMetadata where a whole object was asked for).
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
  const { apiVersion, kind, part } = expected;
  return part === "metadata" ? metadataAlone(object, apiVersion, kind) : stripped(object, apiVersion, kind);
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

/** Source: apimachinery meta/v1 PartialObjectMetadata, the same for every kind. */
const PARTIAL = { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata" };

/** Whether what says to be of this kind can be what is expected; `suffix` is `List` for lists. */
export function isExpected({ apiVersion, kind }: JsonRecord, expected: Expected, suffix: "" | "List" = ""): boolean {
  return kindsOf(expected).some((it) => kind === `${it.kind}${suffix}` && apiVersion === it.apiVersion);
}

/** What the answer may say it is: a server that knows no PartialObjectMetadata answers with whole objects. */
export function kindsOf(expected: Expected): readonly Pick<Expected, "apiVersion" | "kind">[] {
  return expected.part === "metadata" ? [PARTIAL, expected] : [expected];
}

function requireKind(object: JsonRecord, expected: Expected, what: string): void {
  if (isExpected(object, expected)) return;
  const { apiVersion, kind } = object;
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
