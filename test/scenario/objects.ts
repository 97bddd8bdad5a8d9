/** Objects of scenarios, named by their key. */
import type { ConfigMap, Namespace, UntypedObject } from "../../runtime/kube/kind.ts";
import { parseKey, type ObjectMeta } from "../../runtime/kube/object.ts";
import type { Child } from "../../runtime/reconcile/effects.ts";

type Marks = Partial<Pick<ObjectMeta, "labels" | "annotations">>;
type Content = Pick<ConfigMap, "data" | "binaryData" | "immutable">;

/** @param key `NAMESPACE/NAME` */
export function configMap(key: string, { labels, annotations, ...content }: Marks & Content = {}): Child<ConfigMap> {
  const { name, namespace = "default" } = parseKey(key);
  const metadata = { name, namespace, ...(labels && { labels }), ...(annotations && { annotations }) };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, ...content };
}

/** A ConfigMap that asks to be mirrored. */
export function source(
  key: string,
  { finalizers = [], ...content }: Marks & Content & Pick<ObjectMeta, "finalizers"> = {},
): ConfigMap {
  const labels = { ...content.labels, mirror: "true" };
  const { metadata, ...rest } = configMap(key, { data: { a: "1" }, ...content, labels });
  return finalizers.length === 0 ? { ...rest, metadata } : { ...rest, metadata: { ...metadata, finalizers } };
}

export function namespace(name: string): Namespace {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

/** With one container. @param key `NAMESPACE/NAME` */
export function deployment(key: string): UntypedObject<"apps/v1", "Deployment"> {
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
  const spec = { selector: { matchLabels: labels }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: parseKey(key), spec };
}

export const RETAIN = { "evenkeel.dev/retain": "true" };

/** `it`, asking for its copies to outlive it. */
export function asking(it: ConfigMap): ConfigMap {
  return { ...it, metadata: { ...it.metadata, annotations: RETAIN } };
}
