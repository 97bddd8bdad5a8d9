/**
 * Functions may be plain JavaScript, so what they pass to the cache is checked. A misspelt condition must not pass for no
 * condition: `{ label: … }` would match every object of the kind.
 */
import { EvenkeelError } from "../kube/errors.ts";
import type { Kind } from "../kube/kind.ts";
import type { KubeObject, ObjectName } from "../kube/object.ts";
import { asQuery, type Query, type Where } from "../kube/query.ts";

/** @throws EvenkeelError FUNCTION_THREW */
export function checkedQuery<T extends KubeObject>(call: string, of: Kind<T> | Query<T>): Query<T> {
  const kind: unknown = isRecord(of) && "where" in of ? of["kind"] : of;
  if (!isRecord(kind) || typeof kind["apiVersion"] !== "string" || typeof kind["kind"] !== "string")
    refuse(call, "a kind", 'such as ConfigMap or kind("apps/v1", "Deployment")', of);
  const query = asQuery(of);
  checkedWhere(call, query.where);
  if (query.part !== undefined && query.part !== "metadata") refuse(call, "a part", "metadataOf(KIND)", query.part);
  return query;
}

/** @throws EvenkeelError FUNCTION_THREW */
export function checkedName(call: string, name: ObjectName): ObjectName {
  if (!isRecord(name) || typeof name["name"] !== "string" || name["name"] === "")
    refuse(call, "a name", '{ name: "settings", namespace: "team-a" }', name);
  if (!isTextOrAbsent(name["namespace"])) refuse(call, "a namespace", "a string", name["namespace"]);
  return name;
}

/** An empty `namePrefix` is one: every name begins with it. @throws EvenkeelError FUNCTION_THREW */
export function checkedWhere(call: string, where: Where): Where {
  if (!isRecord(where)) refuse(call, "conditions", '{ labels: { mirror: "true" } }', where);
  for (const [field, value] of Object.entries(where)) {
    if (field === "labels") checkLabels(call, value);
    else if (!TEXT_FIELDS.has(field)) refuseField(call, field);
    else if (!isTextOrAbsent(value)) refuse(call, `a ${field}`, "a string", value);
  }
  return where;
}

const TEXT_FIELDS: ReadonlySet<string> = new Set(["namespace", "name", "namePrefix"]);

function checkLabels(call: string, labels: unknown): void {
  if (labels === undefined) return;
  if (!isRecord(labels)) refuse(call, "labels", '{ mirror: "true" }', labels);
  for (const [key, rule] of Object.entries(labels))
    if (!isRule(rule)) refuse(call, `label ${key}`, "a string, { in }, { notIn } or { exists }", rule);
}

function isRule(rule: unknown): boolean {
  if (typeof rule === "string") return true;
  if (!isRecord(rule) || Object.keys(rule).length !== 1) return false;
  return isTexts(rule["in"]) || isTexts(rule["notIn"]) || typeof rule["exists"] === "boolean";
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Names the type of what was given, never its content: it may come from a Secret. */
function refuse(call: string, wanted: string, example: string, given: unknown): never {
  const what = given === null ? "null" : typeof given;
  throw new EvenkeelError("FUNCTION_THREW", `${call} wants ${wanted} (${example}), not ${what}`);
}

function refuseField(call: string, field: string): never {
  const what = `${call} knows no condition ${field}; there are namespace, name, namePrefix and labels`;
  throw new EvenkeelError("FUNCTION_THREW", what);
}
