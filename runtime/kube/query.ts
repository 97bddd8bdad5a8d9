/**
 * A Query says which objects of one kind are meant. It is data, never a closure: it can be printed in a trace, shared
 * between keys, indexed, and sent to the API server as a selector.
 */
import { own } from "./json.ts";
import { kindKey, type Kind } from "./kind.ts";
import type { KubeObject } from "./object.ts";

/** What a label must be: this value, one of these, none of these, or just there (or not there). */
export type LabelRule =
  | string
  | { readonly in: readonly string[] }
  | { readonly notIn: readonly string[] }
  | { readonly exists: boolean };

/** All given conditions hold together. `{}` matches every object of the kind. */
export interface Where {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** Literal and anchored at the start; never a pattern. */
  readonly namePrefix?: string | undefined;
  readonly labels?: Readonly<Record<string, LabelRule>> | undefined;
}

/**
 * How much of each object is meant, where it is not all of it. `metadata`: apiVersion, kind and metadata. `metadata+digest`:
 * these, and a digest of the rest, which shows no function anything; what the host keeps of the children it made. `departed`:
 * the metadata of what is gone, as it was last seen; a read of one name, and never what a store holds.
 */
export type Part = "metadata" | "metadata+digest" | "departed";

export interface Query<T extends KubeObject = KubeObject> {
  readonly kind: Kind<T>;
  readonly where: Where;
  /** Absent: whole objects. */
  readonly part?: Part | undefined;
}

/** What `metadataOf` leaves of an object. */
export type MetadataOf<T extends KubeObject> = Pick<T, "apiVersion" | "kind" | "metadata">;

/** Names the objects of `kind` that match `where`: `select(ConfigMap, { labels: { mirror: "true" } })`. */
export function select<T extends KubeObject>(kind: Kind<T>, where: Where = {}): Query<T> {
  return Object.freeze({ kind, where: Object.freeze({ ...where }) });
}

/** A Kind stands for all of its objects. */
export function asQuery<T extends KubeObject>(of: Kind<T> | Query<T>): Query<T> {
  return "where" in of ? of : select(of);
}

/**
 * The same objects, of which nothing but apiVersion, kind and metadata is asked for: `metadataOf(Namespace)`. The rest is
 * neither sent nor kept, and a change that shows in no more than another resourceVersion wakes no key.
 */
export function metadataOf<T extends KubeObject>(of: Kind<T> | Query<T>): Query<MetadataOf<T>> {
  const { kind, where } = asQuery(of);
  return Object.freeze({ kind, where, part: "metadata" });
}

/** The same part of the objects that match `where` instead. */
export function withWhere<T extends KubeObject>({ kind, part }: Query<T>, where: Where): Query<T> {
  const query = select(kind, where);
  return part === undefined ? query : Object.freeze({ ...query, part });
}

/** Whether `object`, known to be of the query's kind, is meant by `where`. */
export function matches(where: Where, { metadata }: Pick<KubeObject, "metadata">): boolean {
  if (where.name !== undefined && metadata.name !== where.name) return false;
  if (where.namespace !== undefined && (metadata.namespace ?? "") !== where.namespace) return false;
  if (where.namePrefix !== undefined && !metadata.name.startsWith(where.namePrefix)) return false;
  if (where.labels === undefined) return true;
  for (const key in where.labels) if (!labelMatches(where.labels[key], labelOf({ metadata }, key))) return false;
  return true;
}

export function labelOf({ metadata: { labels } }: Pick<KubeObject, "metadata">, key: string): string | undefined {
  return labels === undefined ? undefined : own(labels, key);
}

/** Whether a label of this value (absent: undefined) keeps `rule`. As the API server: `notIn` also allows that it is absent. */
export function labelMatches(rule: LabelRule | undefined, value: string | undefined): boolean {
  if (rule === undefined || typeof rule === "string") return value === rule;
  if ("in" in rule) return value !== undefined && rule.in.includes(value);
  if ("notIn" in rule) return value === undefined || !rule.notIn.includes(value);
  return rule.exists === (value !== undefined);
}

/** The values that `rule` names, when it allows no others. */
export function valuesOf(rule: LabelRule): readonly string[] | undefined {
  if (typeof rule === "string") return [rule];
  return "in" in rule ? rule.in : undefined;
}

/**
 * Whether every object that `narrow` matches is sure to match `wide`: then a store of `wide` can answer `narrow`.
 * Errs on the side of false.
 */
export function implies(narrow: Where, wide: Where): boolean {
  if (wide.name !== undefined && narrow.name !== wide.name) return false;
  if (wide.namespace !== undefined && narrow.namespace !== wide.namespace) return false;
  if (wide.namePrefix !== undefined && !(narrow.name ?? narrow.namePrefix ?? "").startsWith(wide.namePrefix))
    return false;
  return Object.entries(wide.labels ?? {}).every(([key, rule]) => {
    const other = own(narrow.labels ?? {}, key);
    return other !== undefined && ruleImplies(key, other, rule);
  });
}

function ruleImplies(key: string, narrow: LabelRule, wide: LabelRule): boolean {
  const values = valuesOf(narrow) ?? [];
  if (values.length > 0) return values.every((value) => labelMatches(wide, value));
  return formatLabel(key, narrow, pathWord) === formatLabel(key, wide, pathWord);
}

/** The Kubernetes label selector of `where`, canonical (sorted), or undefined when it has none. */
export function labelSelector(where: Where): string | undefined {
  return formatLabels(where, (word) => word);
}

function formatLabels({ labels }: Where, word: (text: string) => string): string | undefined {
  const rules = Object.entries(labels ?? {}).map(([key, rule]) => formatLabel(key, rule, word));
  return rules.length === 0 ? undefined : rules.toSorted().join(",");
}

function formatLabel(key: string, rule: LabelRule, word: (text: string) => string): string {
  if (typeof rule === "string") return `${word(key)}=${word(rule)}`;
  if ("in" in rule) return `${word(key)} in (${rule.in.map(word).toSorted().join(",")})`;
  if ("notIn" in rule) return `${word(key)} notin (${rule.notIn.map(word).toSorted().join(",")})`;
  return rule.exists ? word(key) : `!${word(key)}`;
}

/**
 * One line, the same for queries that mean the same and for no others, whatever strings a function puts in them:
 * `v1/ConfigMap default/* [mirror=true]`, with ` (metadata)` for a part. It identifies a query, in maps and in traces.
 */
export function formatQuery({ kind, where, part }: Query): string {
  const { namespace, name, namePrefix } = where;
  let text = `${pathWord(kindKey(kind))} ${namespace === undefined ? "*" : nameWord(namespace)}/`;
  if (name !== undefined) text += nameWord(name);
  if (name !== undefined && namePrefix !== undefined) text += "&";
  if (name === undefined || namePrefix !== undefined) text += `${nameWord(namePrefix ?? "")}*`;
  const labels = formatLabels(where, pathWord);
  if (labels !== undefined) text += ` [${labels}]`;
  if (part !== undefined) text += ` (${part})`;
  return text;
}

/** Quoted where it could be taken for one of the signs around it: an object named `a*` is not all that begin with `a`. */
function nameWord(text: string): string {
  return NAME.test(text) ? text : JSON.stringify(text);
}

/** The same for what may have slashes: kinds, labels and their values. Nothing at all would not be seen in a list of values. */
function pathWord(text: string): string {
  return PATH.test(text) ? text : JSON.stringify(text);
}

const NAME = /^[\w.:-]*$/;
const PATH = /^[\w./-]+$/;
