/** The small world that a plain `npm start` shows: three namespaces, one ConfigMap to be mirrored, and its configuration. */
import type { Api } from "../kube/api.ts";
import { ConfigMap, Namespace } from "../kube/kind.ts";
import type { Functions } from "../host/config-file.ts";

const NAMESPACES = ["team-a", "team-b", "other"];

/** For a host without a configuration file on the embedded API server. */
export function demoConfig(functions: Functions): string {
  return functions.has("mirror") ? "functions:\n  mirror:\n    prefixes: [team-]\n" : "";
}

export async function createDemoNamespaces(api: Api, signal: AbortSignal): Promise<void> {
  for (const name of NAMESPACES) await api.create(Namespace, namespace(name), { signal });
}

/** When the host is at work, so that it is seen at it. */
export async function createDemoSource(api: Api, signal: AbortSignal): Promise<void> {
  await api.create(ConfigMap, source, { signal });
}

const namespace = (name: string): Namespace => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });

const source: ConfigMap = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings", namespace: "default", labels: { mirror: "true" } },
  data: { greeting: "hello" },
};
