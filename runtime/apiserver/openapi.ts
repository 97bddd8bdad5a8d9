/**
 * OpenAPI v3, as far as clients act on it: the schemas of the kinds, and per verb which parameters it takes. kubectl
 * looks there for server-side field validation and for how to merge lists. v2 is there to be found, and empty.
 */
import { createHash } from "node:crypto";
import type { JsonObject } from "./object.ts";
import type { Resource } from "./resources/resource.ts";
import type { ApiGroupVersion, ResourceTable } from "./resources/resource-table.ts";

/** `/openapi/v3`: where the document of each group and version is. The hash lets clients cache it. */
export function openApiIndex(table: ResourceTable): JsonObject {
  const paths = table.groupVersions().map((groupVersion) => {
    const path = rootPath(groupVersion);
    const hash = createHash("sha256")
      .update(JSON.stringify(document(groupVersion)))
      .digest("hex")
      .toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const;
  });
  return { paths: Object.fromEntries(paths) };
}

/** The document of `api/v1` or `apis/<group>/<version>`; undefined when it is not served. */
export function openApiDocument(table: ResourceTable, path: string): JsonObject | undefined {
  const found = table.groupVersions().find((groupVersion) => rootPath(groupVersion) === path);
  return found === undefined ? undefined : document(found);
}

/**
 * `/openapi/v2`, where kubectl looks for a kind that v3 lacks. Without it kubectl says that validation failed, with it
 * that there is no such kind. It asks for protobuf only. Field 1 of a Document: `swagger: "2.0"`.
 */
export const OPENAPI_V2 = {
  contentType: "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
  body: "\n\u00032.0",
};

function rootPath({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function document({ resources }: ApiGroupVersion): JsonObject {
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "unversioned" },
    paths: Object.fromEntries(resources.flatMap(paths)),
    components: {
      schemas: Object.fromEntries(resources.map((resource) => [schemaName(resource), schemaOf(resource)])),
    },
  };
}

function gvk({ group, version, kind }: Resource): JsonObject {
  return { group, version, kind };
}

function schemaName({ group, version, kind }: Resource): string {
  return `io.k8s.api.${group === "" ? "core" : (group.split(".", 1)[0] ?? group)}.${version}.${kind}`;
}

function schemaOf(resource: Resource): JsonObject {
  const schema: JsonObject = JSON.parse(JSON.stringify(resource.schema));
  return { ...schema, "x-kubernetes-group-version-kind": [gvk(resource)] };
}

function paths(resource: Resource): readonly (readonly [string, JsonObject])[] {
  const base = `/${rootPath(resource)}/${resource.namespaced ? "namespaces/{namespace}/" : ""}${resource.resource}`;
  const write = ["dryRun", "fieldManager", "fieldValidation"];
  if (resource.answer !== undefined) return [[base, { post: operation(resource, "post", write) }]];
  const collection = {
    get: operation(resource, "list", [...LIST, "watch"]),
    post: operation(resource, "post", write),
    ...(resource.finalize ? {} : { delete: operation(resource, "deletecollection", [...LIST, "dryRun"]) }),
  };
  const item = {
    get: operation(resource, "get", []),
    put: operation(resource, "put", write),
    patch: { ...operation(resource, "patch", [...write, "force"]), requestBody: PATCH_BODY },
    delete: operation(resource, "delete", ["dryRun", "gracePeriodSeconds", "propagationPolicy"]),
  };
  return [
    [base, collection],
    [`${base}/{name}`, item],
  ];
}

const LIST = ["continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "resourceVersionMatch"];

/** The strategic form is named only by what it is: its merge keys are in the schemas. */
const PATCH_BODY: JsonObject = {
  content: Object.fromEntries(
    [
      "application/apply-patch+yaml",
      "application/json-patch+json",
      "application/merge-patch+json",
      "application/strategic-merge-patch+json",
    ].map((type) => [type, { schema: { type: "object" } }]),
  ),
};

function operation(resource: Resource, action: string, parameters: readonly string[]): JsonObject {
  return {
    operationId: `${action}${resource.kind}`,
    parameters: parameters.map((name) => ({ name, in: "query", schema: { type: "string", uniqueItems: true } })),
    responses: { "200": { description: "OK" } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk(resource),
  };
}
