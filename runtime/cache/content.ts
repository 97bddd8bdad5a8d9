/**
 * The content of an object (all but what it is, its metadata and its status), and the digest that stands for it where the
 * content itself is not kept. A digest says whether two contents are equal; what they are, it tells nobody.
 *
 * It is kept under a symbol: functions, JSON, structuredClone and everything else that looks at fields do not see it.
 */
import { hash } from "node:crypto";
import type { KubeObject, StoredObject } from "../kube/object.ts";
import { MAX_LEVELS } from "./freeze.ts";

/** The fields that are not content. */
export const NOT_CONTENT = { apiVersion: undefined, kind: undefined, metadata: undefined, status: undefined };

const DIGEST = Symbol("digest of the content");
const IMMUTABLE = Symbol("the content is immutable");

/** No digest: nothing is known of the content. */
const UNKNOWN = "";

interface Marks {
  readonly [DIGEST]?: string;
  readonly [IMMUTABLE]?: true;
}

/** `object` with nothing but this metadata. */
export function withoutContent({ apiVersion, kind }: KubeObject, metadata: StoredObject["metadata"]): StoredObject {
  const reduced: StoredObject & Marks = { apiVersion, kind, metadata, [DIGEST]: UNKNOWN };
  return reduced;
}

/** The object as a query of metadata shows it, whatever is held of it. */
export function metadataAlone(object: StoredObject): StoredObject {
  return isWhole(object) ? withoutContent(object, object.metadata) : object;
}

/** `object` with this metadata and a digest of its content. */
export function withDigestOnly(object: KubeObject, metadata: StoredObject["metadata"]): StoredObject {
  const { apiVersion, kind } = object;
  const digest = new Digests().of(object);
  const reduced: StoredObject & Marks = { apiVersion, kind, metadata, [DIGEST]: digest };
  const immutable: StoredObject & Marks = { ...reduced, [IMMUTABLE]: true };
  return isImmutable(object) ? immutable : reduced;
}

/** Whether the content is there. */
export function isWhole(object: KubeObject & Marks): boolean {
  return object[DIGEST] === undefined;
}

/** Whether the content is there, or a digest of it. */
export function isContentKnown(object: KubeObject & Marks): boolean {
  return object[DIGEST] !== UNKNOWN;
}

/** The digest that was kept in place of the content; undefined when the object is whole. */
export function keptDigest(object: KubeObject & Marks): string | undefined {
  return object[DIGEST];
}

/** Whether the API server refuses every change of the content (ConfigMap, Secret). */
export function isImmutable(object: KubeObject & Marks & { readonly immutable?: unknown }): boolean {
  return object[IMMUTABLE] === true || object.immutable === true;
}

/** Digests of wishes. Each body is read once, however many children share it. Bodies must not change meanwhile. */
export class Digests {
  /** By the value of a field, which is nearly always under the same name. */
  readonly #known = new WeakMap<object, { readonly name: string; readonly digest: string }>();

  /** The same for contents that are equal, whatever the order of their fields; empty and false fields count as absent. */
  of(object: KubeObject): string {
    const digests: string[] = [];
    for (const [name, value] of Object.entries(object)) {
      const digest = Object.hasOwn(NOT_CONTENT, name) ? undefined : this.#ofField(name, value);
      if (digest !== undefined) digests.push(digest);
    }
    const [first] = digests;
    return digests.length === 1 && first !== undefined ? first : digestOf(digests.toSorted().join("\n"));
  }

  #ofField(name: string, value: unknown): string | undefined {
    const isShared = typeof value === "object" && value !== null;
    const known = isShared ? this.#known.get(value) : undefined;
    if (known?.name === name) return known.digest;
    const text = canonical(value);
    if (text === undefined) return undefined;
    const digest = digestOf(`${JSON.stringify(name)}:${text}`);
    if (isShared) this.#known.set(value, { name, digest });
    return digest;
  }
}

/** 128 bits of SHA-256 in 16 characters, one byte each. Cut before the text is made: a cut string keeps the whole alive. */
function digestOf(text: string): string {
  return hash("sha256", text, "buffer").toString("latin1", 0, 16);
}

/**
 * JSON with sorted fields and without empty ones; undefined for what counts as absent. Cut where it nests deeper than any
 * wish may: then it equals none.
 */
function canonical(value: unknown, level = 1): string | undefined {
  if (value === undefined || value === null || value === false) return undefined;
  if (typeof value !== "object") return JSON.stringify(value);
  if (level > MAX_LEVELS) return "…";
  if (Array.isArray(value))
    return value.length === 0 ? undefined : `[${value.map((item) => canonical(item, level + 1) ?? "null").join(",")}]`;
  const fields = Object.entries(value).flatMap(([name, field]) => {
    const text = canonical(field, level + 1);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return fields.length === 0 ? undefined : `{${fields.toSorted().join(",")}}`;
}
