/** What a path under /api and /apis names. Source: apiserver pkg/endpoints/request/requestinfo.go. */

export interface RequestInfo {
  readonly group: string;
  readonly version: string;
  /** Plural. */
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** `/api/v1/namespaces/x/status` is a subresource of a namespace, not a resource called status. */
const NAMESPACE_SUBRESOURCES = new Set(["status", "finalize"]);

/** @returns undefined when the path names no resource: discovery, or nothing at all. */
export function requestInfo(path: string): RequestInfo | undefined {
  const [root, ...parts] = path.replace(/\/$/, "").split("/").slice(1).map(decode);
  if (root !== "api" && root !== "apis") return undefined;
  const group = root === "api" ? "" : parts.shift();
  const version = parts.shift();
  if (group === undefined || version === undefined || parts.length === 0 || parts.includes("")) return undefined;
  const [first, namespace, third] = parts;
  const inNamespace = first === "namespaces" && third !== undefined && !NAMESPACE_SUBRESOURCES.has(third);
  const [resource, name, subresource, ...rest] = inNamespace ? parts.slice(2) : parts;
  if (resource === undefined || rest.length > 0) return undefined;
  return { group, version, resource, namespace: inNamespace ? namespace : undefined, name, subresource };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}
