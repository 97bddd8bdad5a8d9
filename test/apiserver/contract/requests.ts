/** What the contract's cases send. */
import { type Json, type JsonObject, isObject } from "../../../runtime/apiserver/object.ts";

export function configMap(name: string, fields: JsonObject = {}): JsonObject {
  const { metadata = {}, ...rest } = fields;
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...(isObject(metadata) ? metadata : {}) }, ...rest };
}

export function containers(changes: Json): JsonObject {
  return { spec: { template: { spec: { containers: changes } } } };
}

export function container(name: string): JsonObject {
  return { spec: { containers: [{ name, image: "i:1" }] } };
}

export function deployment(spec: JsonObject): JsonObject {
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" }, spec };
}

export const OTHER_UID = "11111111-1111-4111-8111-111111111111";

export const METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
export const METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
export const WATCH_LIST = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
