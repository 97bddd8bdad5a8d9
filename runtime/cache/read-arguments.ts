/**
 * Checks what functions declare and what they pass to the cache: they may be plain JavaScript, and a misspelt condition such
 * as `{ label: … }` must not match every object of the kind. A fault is the end of a sentence that the caller begins:
 * `wants a kind (such as …), not string`. It names conditions and label keys, but never a value: that may come from a Secret.
 */
import { EvenkeelError } from "../kube/errors.ts";
import { isAnyObject } from "../kube/json.ts";
import type { Kind } from "../kube/kind.ts";
import type { KubeObject, ObjectName } from "../kube/object.ts";
import { asQuery, type Query, type Where } from "../kube/query.ts";

/** @throws EvenkeelError FUNCTION_THREW */
export function checkedQuery<T extends KubeObject>(call: string, of: Kind<T> | Query<T>): Query<T> {
  refuse(call, queryFault(of));
  return asQuery(of);
}

/** @throws EvenkeelError FUNCTION_THREW */
export function checkedName(call: string, name: ObjectName): ObjectName {
  refuse(call, nameFault(name));
  return name;
}

/** An empty `namePrefix` is one: every name begins with it. @throws EvenkeelError FUNCTION_THREW */
export function checkedWhere(call: string, where: Where): Where {
  refuse(call, whereFault(where));
  return where;
}

/** What keeps `of` from being a Kind or a Query; undefined when nothing does. */
export function queryFault(of: unknown): string | undefined {
  if (!isAnyObject(of) || !("where" in of)) return kindFault(of);
  const fault = kindFault(of["kind"]) ?? whereFault(of["where"]);
  if (fault !== undefined || of["part"] === undefined || of["part"] === "metadata") return fault;
  return wants("a part", "metadataOf(KIND)", of["part"]);
}

export function kindFault(kind: unknown): string | undefined {
  const isKind = isAnyObject(kind) && typeof kind["apiVersion"] === "string" && typeof kind["kind"] === "string";
  if (!isKind) return wants("a kind", 'such as ConfigMap or kind("apps/v1", "Deployment")', kind);
  return pluralFault(kind["plural"]);
}

/** As the API server has it of a CustomResourceDefinition. Source: apimachinery validation IsDNS1035Label. */
const PLURAL = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

function pluralFault(plural: unknown): string | undefined {
  if (plural === undefined || (typeof plural === "string" && PLURAL.test(plural))) return undefined;
  return typeof plural === "string"
    ? `wants a plural (indices), unlike ${JSON.stringify(plural)}`
    : wants("a plural", "indices", plural);
}

export function whereFault(where: unknown): string | undefined {
  if (!isAnyObject(where)) return wants("conditions", '{ labels: { mirror: "true" } }', where);
  for (const [field, value] of Object.entries(where)) {
    const fault = field === "labels" ? labelsFault(value) : textFault(field, value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function nameFault(name: unknown): string | undefined {
  if (!isAnyObject(name) || typeof name["name"] !== "string" || name["name"] === "")
    return wants("a name", '{ name: "settings", namespace: "team-a" }', name);
  return textFault("namespace", name["namespace"]);
}

const TEXT_FIELDS: ReadonlySet<string> = new Set(["namespace", "name", "namePrefix"]);

function textFault(field: string, value: unknown): string | undefined {
  if (!TEXT_FIELDS.has(field)) return `knows no condition ${field}; there are namespace, name, namePrefix and labels`;
  return value === undefined || typeof value === "string" ? undefined : wants(`a ${field}`, "a string", value);
}

/** What the API server would answer with 400. Source: apimachinery validation IsQualifiedName, IsValidLabelValue. */
const LABEL_KEY =
  /^((?=[^/]{1,253}\/)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?$/;

function labelsFault(labels: unknown): string | undefined {
  if (labels === undefined) return undefined;
  if (!isAnyObject(labels)) return wants("labels", '{ mirror: "true" }', labels);
  for (const [key, rule] of Object.entries(labels)) {
    if (!LABEL_KEY.test(key))
      return `wants labels with keys such as team or example.com/team, unlike ${JSON.stringify(key)}`;
    const values = namedValues(rule);
    if (values === undefined) return wants(`label ${key}`, "a string, { in }, { notIn } or { exists }", rule);
    if (!values.every((value) => LABEL_VALUE.test(value)))
      return `wants label ${key} with values of at most 63 letters, digits, -, _ and ., a letter or a digit at each end`;
  }
  return undefined;
}

/** The values that a rule names; undefined for what is no rule. */
function namedValues(rule: unknown): readonly string[] | undefined {
  if (typeof rule === "string") return [rule];
  if (!isAnyObject(rule) || Object.keys(rule).length !== 1) return undefined;
  if (typeof rule["exists"] === "boolean") return [];
  const values = rule["in"] ?? rule["notIn"];
  return isTexts(values) ? values : undefined;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function wants(what: string, example: string, given: unknown): string {
  return `wants ${what} (${example}), not ${given === null ? "null" : typeof given}`;
}

function refuse(call: string, fault: string | undefined): void {
  if (fault !== undefined) throw new EvenkeelError("FUNCTION_THREW", `${call} ${fault}`);
}
