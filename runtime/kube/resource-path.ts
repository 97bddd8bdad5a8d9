/** URLs of the API server. Every name is checked before it becomes part of a path: an empty one would name the whole collection. */
import type { Resource } from "./api.ts";
import { EvenkeelError } from "./errors.ts";
import type { ObjectName } from "./object.ts";

/** Undefined values are left out. */
type QueryParameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** `/api/v1`, `/apis/apps/v1` */
export function versionPath(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/**
 * `/api/v1/configmaps`, `/api/v1/namespaces/team-a/configmaps`
 * @throws EvenkeelError API_INVALID: a namespace for a cluster-scoped kind, or one that cannot be part of a path
 */
export function collectionPath(resource: Resource, namespace: string | undefined, what: string): string {
  const base = versionPath(resource.kind.apiVersion);
  if (namespace === undefined || namespace === "") return `${base}/${resource.plural}`;
  if (!resource.isNamespaced) throw invalid(what, `${resource.kind.kind} is cluster-scoped and has no namespace`);
  return `${base}/namespaces/${segment(namespace, what)}/${resource.plural}`;
}

/** As {@link collectionPath}, for where objects are created: a namespaced kind needs its namespace. */
export function creationPath(resource: Resource, namespace: string | undefined, what: string): string {
  if (resource.isNamespaced && (namespace === undefined || namespace === "")) {
    throw invalid(what, `${resource.kind.kind} is namespaced and no namespace was given`);
  }
  return collectionPath(resource, namespace, what);
}

/** `/api/v1/namespaces/team-a/configmaps/settings`, with `/status` for a subresource */
export function objectPath(
  resource: Resource,
  { namespace, name }: ObjectName,
  what: string,
  subresource?: string,
): string {
  const path = `${creationPath(resource, namespace, what)}/${segment(name, what)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** `?a=b&c=d`, or nothing. */
export function queryString(parameters: QueryParameters): string {
  let query = "";
  for (const name in parameters) {
    const value = parameters[name];
    if (value !== undefined) query += `${query === "" ? "?" : "&"}${name}=${encodeURIComponent(value)}`;
  }
  return query;
}

/**
 * Whether an object of the resource can have this name and this namespace (`` for none); undefined allows any. What cannot be
 * is not there, and the API server need not be asked: it would refuse the question.
 */
export function canBeNamed(
  { isNamespaced }: Resource,
  { namespace, name }: { readonly namespace?: string | undefined; readonly name?: string | undefined },
): boolean {
  if (name !== undefined && !isSegment(name)) return false;
  if (namespace === undefined) return true;
  return isNamespaced ? isSegment(namespace) : namespace === "";
}

function segment(name: string, what: string): string {
  if (!isSegment(name)) throw invalid(what, `${JSON.stringify(name)} is no name of an object`);
  return encodeURIComponent(name);
}

/** Source: apimachinery api/validation/path (IsValidPathSegmentName). Case is kept: RBAC names have capitals and colons. */
function isSegment(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/%]/.test(name) && name.isWellFormed();
}

function invalid(what: string, because: string): EvenkeelError {
  return new EvenkeelError("API_INVALID", `${what}: ${because}`);
}
