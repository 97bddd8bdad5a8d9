/** Stored objects and watch events in one line each. */
import type { WatchEvent } from "../../../runtime/kube/api.ts";
import { EvenkeelError, type ApiStatus, type Code } from "../../../runtime/kube/errors.ts";
import { parseKey, type ObjectMeta, type StoredObject } from "../../../runtime/kube/object.ts";

/** A ConfigMap: `object("team-a/settings", 5)`. Its uid is `uid of <key>` unless given. */
export function object(key: string, version: number | string, more: Partial<ObjectMeta> = {}): StoredObject {
  const { name, namespace } = parseKey(key);
  const place = namespace === undefined ? { name } : { name, namespace };
  const metadata = { uid: `uid of ${key}`, ...more, ...place, resourceVersion: String(version) };
  return { apiVersion: "v1", kind: "ConfigMap", metadata };
}

export const added = (key: string, version: number, more?: Partial<ObjectMeta>): WatchEvent => ({
  type: "added",
  object: object(key, version, more),
});

export const modified = (key: string, version: number, more?: Partial<ObjectMeta>): WatchEvent => ({
  type: "modified",
  object: object(key, version, more),
});

export const deleted = (key: string, version: number, more?: Partial<ObjectMeta>): WatchEvent => ({
  type: "deleted",
  object: object(key, version, more),
});

export const bookmark = (version: number): WatchEvent => ({
  type: "bookmark",
  resourceVersion: String(version),
  isInitialEventsEnd: false,
});

export const initialEnd = (version: number): WatchEvent => ({
  type: "bookmark",
  resourceVersion: String(version),
  isInitialEventsEnd: true,
});

/** What the API client throws. */
export function failure(code: Code, status?: Partial<ApiStatus>): EvenkeelError {
  return new EvenkeelError(
    code,
    "scripted",
    status === undefined ? {} : { status: { httpCode: 0, causes: [], ...status } },
  );
}

/** `{ "team-a/settings": "5" }`: what is there, in which version. */
export function versions(objects: Iterable<StoredObject>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { metadata } of objects) {
    const key = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
    found[key] = metadata.resourceVersion;
  }
  return found;
}
