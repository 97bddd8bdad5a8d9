/** What is served, said in both forms: one aggregated document, or one list per group and version. */
import type { JsonObject } from "./object.ts";
import type { Resource } from "./resources/resource.ts";
import type { ApiGroupVersion, ResourceTable } from "./resources/resource-table.ts";
import { notAcceptable } from "./status.ts";

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] as const;

interface Subresource {
  readonly name: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly string[];
}

function subresources({ group, version, kind, status, scale, finalize }: Resource): readonly Subresource[] {
  const own = { group, version, kind };
  const verbs = ["get", "patch", "update"];
  return [
    ...(finalize ? [{ name: "finalize", kind: own, verbs: ["update"] }] : []),
    ...(scale === undefined
      ? []
      : [{ name: "scale", kind: { group: "autoscaling", version: "v1", kind: "Scale" }, verbs }]),
    ...(status ? [{ name: "status", kind: own, verbs }] : []),
  ];
}

/** A question is only asked; namespaces are deleted one by one. */
function verbsOf(resource: Resource): readonly string[] {
  if (resource.answer !== undefined) return ["create"];
  return resource.finalize ? VERBS.filter((verb) => verb !== "deletecollection") : VERBS;
}

export const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** @returns whether the client takes the aggregated form. @throws ApiError 406 when it takes neither. */
export function wantsAggregated(accept: string | null): boolean {
  for (const entry of (accept ?? "").split(",").map((part) => part.replaceAll(" ", ""))) {
    if (entry === AGGREGATED) return true;
    if (entry === "" || entry === "application/json" || entry === "*/*" || entry === "application/*") return false;
  }
  throw notAcceptable();
}

/** Of `/api` (the core group) or of `/apis` (all others). */
export function aggregated(table: ResourceTable, core: boolean): JsonObject {
  const groups = Map.groupBy(inRoot(table, core), ({ group }) => group);
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: [...groups].map(([name, versions]) => ({
      metadata: name === "" ? {} : { name },
      versions: versions.map(({ version, resources }) => ({
        version,
        resources: resources.map(aggregatedResource),
        freshness: "Current",
      })),
    })),
  };
}

function inRoot(table: ResourceTable, core: boolean): readonly ApiGroupVersion[] {
  return table.groupVersions().filter(({ group }) => (group === "") === core);
}

function aggregatedResource(resource: Resource): JsonObject {
  const { group, version, kind, singular, namespaced, shortNames, categories } = resource;
  const below = subresources(resource).map(({ name, kind, verbs }) => ({
    subresource: name,
    responseKind: kind,
    verbs,
  }));
  return {
    resource: resource.resource,
    responseKind: { group, version, kind },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs: verbsOf(resource),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(below.length > 0 ? { subresources: below } : {}),
  };
}

/** `/api` */
export function apiVersions(): JsonObject {
  return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
}

/** `/apis` */
export function apiGroupList(table: ResourceTable): JsonObject {
  return { kind: "APIGroupList", apiVersion: "v1", groups: groupsOf(table).map(apiGroup) };
}

/** `/apis/<group>`; undefined when there is no such group. */
export function apiGroupNamed(table: ResourceTable, name: string): JsonObject | undefined {
  const found = groupsOf(table).find(({ group }) => group === name);
  return found === undefined ? undefined : { kind: "APIGroup", apiVersion: "v1", ...apiGroup(found) };
}

interface GroupVersions {
  readonly group: string;
  readonly versions: readonly ApiGroupVersion[];
}

function groupsOf(table: ResourceTable): readonly GroupVersions[] {
  const groups = Map.groupBy(inRoot(table, false), ({ group }) => group);
  return [...groups].map(([group, versions]) => ({ group, versions }));
}

function apiGroup({ group, versions }: GroupVersions): JsonObject {
  const named = versions.map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: named, preferredVersion: named[0] };
}

/** `/api/v1` or `/apis/<group>/<version>`; undefined when it is not served. */
export function apiResourceList(table: ResourceTable, group: string, version: string): JsonObject | undefined {
  const found = table.groupVersions().find((one) => one.group === group && one.version === version);
  if (found === undefined) return undefined;
  const groupVersion = group === "" ? version : `${group}/${version}`;
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources: found.resources.flatMap(listed) };
}

function listed(resource: Resource): readonly JsonObject[] {
  const { kind, singular, namespaced, shortNames, categories } = resource;
  const own = {
    name: resource.resource,
    singularName: singular,
    namespaced,
    kind,
    verbs: verbsOf(resource),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
  return [own, ...subresources(resource).map((below) => listedSubresource(resource, below))];
}

function listedSubresource(resource: Resource, { name, kind, verbs }: Subresource): JsonObject {
  const { group, version } = kind;
  return {
    name: `${resource.resource}/${name}`,
    singularName: "",
    namespaced: resource.namespaced,
    ...(group === resource.group ? {} : { group, version }),
    kind: kind.kind,
    verbs,
  };
}
