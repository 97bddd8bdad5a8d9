/**
 * Between a function and the plan: what was returned is proven to be effects. TypeScript says the same at compile time; this
 * holds for JavaScript, for casts and for mistakes that types cannot see. Nothing of a return value that fails is carried out.
 */
import { EvenkeelError, type Code } from "../kube/errors.ts";
import { describe, isSameKind, kindKey, type Kind } from "../kube/kind.ts";
import type { KubeObject } from "../kube/object.ts";
import type { DefinedFunction } from "./define.ts";
import type { Effects, EventEffect, Reference, ScaleEffect } from "./effects.ts";
import { className, hasPlainPrototype, PlainWalk } from "./plain-data.ts";
import { HOST_MARKS, markOf, OUR_PREFIX } from "./provenance.ts";

/** What a check needs to know beside the value. */
export interface Declared {
  /** `mirror`, for messages. */
  readonly name: string;
  readonly definition: Pick<DefinedFunction, "watches" | "writes" | "applies" | "subresources">;
  /** Whether a kind is namespaced, as discovery says; undefined while unknown. */
  isNamespaced(kind: Kind): boolean | undefined;
}

/**
 * @returns `value` itself, now known to be effects.
 * @throws EvenkeelError naming the function and the place: `mirror: children[2] has no metadata.name`.
 */
export function checkEffects(value: unknown, declared: Declared): Effects {
  if (value instanceof Promise || typeof (value as PromiseLike<unknown> | undefined)?.then === "function") {
    throw new EvenkeelError("FUNCTION_RETURNED_PROMISE", `${declared.name} returned a promise`);
  }
  if (!isPlain(value))
    throw fault(declared, "EFFECT_INVALID", `returned ${describeValue(value)} instead of an object of effects`);
  const plain = new PlainWalk();
  for (const name of Object.keys(value)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof Effects] : undefined;
    if (check === undefined)
      throw fault(declared, "EFFECT_UNKNOWN", `returned an unknown effect ${JSON.stringify(name)}`);
    if (value[name] === undefined) continue;
    check(value[name], declared);
    const impure = plain.fault(value[name]);
    if (impure !== undefined) throw fault(declared, "EFFECT_INVALID", `${name}: ${impure}, and effects are plain JSON`);
  }
  if (plain.charCount > MAX_CHARS)
    throw fault(declared, "EFFECT_TOO_LARGE", `returned effects of ${Math.ceil(plain.charCount / MEBI)} MiB`);
  checkContradictions(value, declared);
  return value;
}

const MEBI = 1024 * 1024;
/** Of all texts, each counted once however many children share it. An API server takes some 1.5 MiB in one object. */
const MAX_CHARS = 32 * MEBI;

/** Source: kubernetes pkg/apis/core/validation/events.go (ReasonLengthLimit). */
const MAX_REASON_CHARS = 128;

/** Of one run. Each is a request, and people read them. */
const MAX_EVENTS = 64;

type Fields = Readonly<Record<string, unknown>>;

/** One entry per effect: an effect that is not here does not exist. */
const CHECKS: Readonly<Record<keyof Effects, (value: unknown, declared: Declared) => void>> = {
  children: (value, declared) => checkObjects("children", value, declared, OF_OURS),
  apply: (value, declared) => checkObjects("apply", value, declared, OF_OTHERS),
  deletions: (value, declared) => checkReferences("deletions", value, declared),
  releases: (value, declared) => checkReferences("releases", value, declared),
  status(value, declared) {
    if (!isPlain(value)) throw fault(declared, "EFFECT_INVALID", "status is not an object");
    const { watches, subresources } = declared.definition;
    if (!subresources.some((s) => s.subresource === "status" && isSameKind(s.of, watches.kind))) {
      throw fault(
        declared,
        "KIND_NOT_DECLARED",
        `returned a status, and \`writes\` does not declare status(${watches.kind.kind})`,
      );
    }
  },
  events(value, declared) {
    if (Array.isArray(value) && value.length > MAX_EVENTS)
      throw fault(declared, "EFFECT_TOO_LARGE", `returned ${value.length} events, and ${MAX_EVENTS} are the most`);
    each("events", value, declared, (event: Partial<EventEffect>, place) => {
      if (event.type !== "Normal" && event.type !== "Warning")
        throw fault(
          declared,
          "EFFECT_INVALID",
          `${place}.type is neither Normal nor Warning: use warning(reason, message) or normal(reason, message)`,
        );
      if (!isText(event.reason) || event.reason.length > MAX_REASON_CHARS)
        throw fault(declared, "EFFECT_INVALID", `${place}.reason is not a text of 1 to ${MAX_REASON_CHARS} characters`);
      if (!isText(event.message)) throw fault(declared, "EFFECT_INVALID", `${place}.message is not a text`);
    });
  },
  scale(value, declared) {
    const seen = new Set<string>();
    each("scale", value, declared, (item: Partial<ScaleEffect>, place) => {
      const count = item.replicas;
      if (!Number.isInteger(count) || count === undefined || count < 0)
        throw fault(declared, "EFFECT_INVALID", `${place}.replicas is not a count`);
      checkReference(item.of, `${place}.of`, declared);
      const of = item.of as Reference;
      const isDeclared = declared.definition.subresources.some(
        (s) => s.subresource === "scale" && isSameKind(s.of, of),
      );
      if (!isDeclared)
        throw fault(
          declared,
          "KIND_NOT_DECLARED",
          `${named(of, place)} is of a kind that \`writes\` does not declare with scale(KIND)`,
        );
      const key = markOf(of);
      if (seen.has(key)) throw fault(declared, "EFFECT_INVALID", `${named(of, `${place}.of`)} is also in scale`);
      seen.add(key);
    });
  },
  requeueAfterMs(value, declared) {
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0)
      throw fault(declared, "EFFECT_INVALID", "requeueAfterMs is not a number of milliseconds");
  },
  memo() {},
};

/** metadata that a function may wish for; all else is the server's or the host's. */
const WISHED_METADATA: ReadonlySet<string> = new Set(["name", "namespace", "labels", "annotations"]);

/** Fields of kinds whose content is compared as a whole. */
const MAPS: Readonly<Record<string, readonly string[]>> = {
  "v1/ConfigMap": ["data", "binaryData"],
  "v1/Secret": ["data", "stringData"],
};

/** What objects may be named in an effect, and with which labels and annotations. */
interface Limits {
  readonly checkKind: (kind: Kind, what: string, declared: Declared) => void;
  /** Whether a label or an annotation is the host's alone. */
  readonly isTaken: (key: string) => boolean;
}

const OF_OURS: Limits = { checkKind: checkWritten, isTaken: (key) => HOST_MARKS.has(key) };
const OF_OTHERS: Limits = { checkKind: checkApplied, isTaken: (key) => key.startsWith(OUR_PREFIX) };

function checkWritten(kind: Kind, what: string, declared: Declared): void {
  const { writes, applies } = declared.definition;
  if (writes.some((written) => isSameKind(written, kind))) return;
  const isOfOthers = applies.some((applied) => isSameKind(applied, kind));
  const why = isOfOthers ? `\`writes\` declares with fields(${kind.kind}) alone` : "is not in `writes`";
  throw fault(declared, "KIND_NOT_DECLARED", `${what} is of a kind that ${why}`);
}

function checkApplied(kind: Kind, what: string, declared: Declared): void {
  if (declared.definition.applies.some((applied) => isSameKind(applied, kind))) return;
  const why = `${what} is of a kind that \`writes\` does not declare with fields(${kind.kind})`;
  throw fault(declared, "KIND_NOT_DECLARED", why);
}

function checkObjects(effect: string, value: unknown, declared: Declared, limits: Limits): void {
  const seen = new Set<string>();
  each(effect, value, declared, (object: Partial<KubeObject> & Fields, place) => {
    const { apiVersion, kind, metadata } = object;
    if (!isText(apiVersion) || !isText(kind))
      throw fault(declared, "CHILD_INVALID", `${place} has no apiVersion or kind`);
    if (!isPlain(metadata) || !isText(metadata.name))
      throw fault(declared, "CHILD_INVALID", `${place} has no metadata.name`);
    if (metadata.namespace !== undefined && typeof metadata.namespace !== "string")
      throw fault(declared, "CHILD_INVALID", `${place}: metadata.namespace is not a string`);
    const what = named({ apiVersion, kind, metadata }, place);
    limits.checkKind({ apiVersion, kind }, what, declared);
    checkScope(metadata.namespace, declared.isNamespaced({ apiVersion, kind }), what, declared);
    checkMetadata(metadata, limits, what, declared);
    for (const field of MAPS[kindKey({ apiVersion, kind })] ?? [])
      checkMap(object[field], `${what}: ${field}`, declared);
    const key = markOf({ apiVersion, kind, metadata });
    if (seen.has(key)) throw fault(declared, "CHILD_DUPLICATE", `${what} is there twice`);
    seen.add(key);
  });
}

function checkScope(namespace: unknown, isNamespaced: boolean | undefined, what: string, declared: Declared): void {
  if (isNamespaced === true && !isText(namespace)) throw fault(declared, "CHILD_INVALID", `${what} is in no namespace`);
  if (isNamespaced === false && namespace !== undefined)
    throw fault(declared, "CHILD_INVALID", `${what} is cluster-scoped and names a namespace`);
}

function checkMetadata(metadata: KubeObject["metadata"], { isTaken }: Limits, what: string, declared: Declared): void {
  const fields = metadata as unknown as Fields;
  for (const field in fields) {
    if (fields[field] !== undefined && !WISHED_METADATA.has(field))
      throw fault(declared, "CHILD_INVALID", `${what} sets metadata.${field}`);
  }
  for (const field of ["labels", "annotations"] as const) {
    const map = fields[field];
    checkMap(map, `${what}: metadata.${field}`, declared);
    const taken = Object.keys(map ?? {}).find(isTaken);
    if (taken !== undefined) throw fault(declared, "CHILD_INVALID", `${what} sets ${taken}, which is the host's`);
  }
}

/** The API server takes null for an empty text, and then what is there never equals what is wanted. */
function checkMap(map: unknown, what: string, declared: Declared): void {
  if (map !== undefined && (!isPlain(map) || Object.values(map).some((item) => typeof item !== "string")))
    throw fault(declared, "CHILD_INVALID", `${what} is not a map of strings`);
}

function checkReferences(effect: string, value: unknown, declared: Declared): void {
  each(effect, value, declared, (reference, place) => {
    checkReference(reference, place, declared);
    checkWritten(reference, named(reference, place), declared);
  });
}

/** An object that is to stay and to go would be written back and forth for ever. */
function checkContradictions({ children, apply, deletions, releases }: Effects, declared: Declared): void {
  const seen = new Map((children ?? []).map((child) => [markOf(child), "children"]));
  const check = (effect: string, references: readonly KubeObject[] = []): void => {
    for (const [i, reference] of references.entries()) {
      const key = markOf(reference);
      const before = seen.get(key);
      if (before !== undefined)
        throw fault(declared, "EFFECT_INVALID", `${named(reference, `${effect}[${i}]`)} is also in ${before}`);
      seen.set(key, effect);
    }
  };
  // An apply to a child would take our own marks off.
  check("apply", apply);
  check("deletions", deletions);
  check("releases", releases);
}

function checkReference(value: unknown, place: string, declared: Declared): void {
  const reference = value as Partial<Reference> | undefined;
  const { name, uid, resourceVersion } = (reference?.metadata ?? {}) as Partial<Reference["metadata"]>;
  if (![reference?.apiVersion, reference?.kind, name, uid, resourceVersion].every((text) => isText(text))) {
    throw fault(
      declared,
      "EFFECT_INVALID",
      `${place} does not name a stored object: pass the object that was read, with its uid and resourceVersion`,
    );
  }
}

function each(effect: string, value: unknown, declared: Declared, check: (item: never, place: string) => void): void {
  if (!Array.isArray(value))
    throw fault(declared, "EFFECT_INVALID", `${effect} is ${describeValue(value)} instead of a list`);
  for (const [i, item] of value.entries()) {
    if (!isPlain(item))
      throw fault(declared, "EFFECT_INVALID", `${effect}[${i}] is ${describeValue(item)} instead of an object`);
    check(item as never, `${effect}[${i}]`);
  }
}

function isPlain(value: unknown): value is Fields & Effects {
  return typeof value === "object" && value !== null && hasPlainPrototype(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** The type of a value, never the value. */
function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  if (Array.isArray(value)) return "a list";
  return isPlain(value) ? "an object" : `a ${className(value)}`;
}

/** `children[2] (v1/ConfigMap team-a/settings)` */
function named(object: KubeObject | Reference, place: string): string {
  return `${place} (${describe(object)})`;
}

function fault({ name }: Declared, code: Code, what: string): EvenkeelError {
  return new EvenkeelError(code, `${name}: ${what}`);
}
