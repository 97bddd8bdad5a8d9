/** An API server made of a few lines: discovery is answered, and what a test says. It remembers what it was asked. */
import { ApiClient } from "../../runtime/kube/client.ts";
import type { Observation } from "../../runtime/kube/exchange.ts";
import type { Transport } from "../../runtime/kube/transport.ts";
import { inProcessTransport } from "../support/in-process-transport.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

export interface Asked {
  readonly method: string;
  /** With its query, as sent. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface FakeServer {
  readonly client: ApiClient;
  readonly transport: Transport;
  readonly clock: VirtualClock;
  /** Without discovery. */
  readonly asked: readonly Asked[];
  readonly observed: readonly Observation[];
}

export function fakeServer(answer: (asked: Asked) => Response | Promise<Response>): FakeServer {
  const clock = new VirtualClock();
  const asked: Asked[] = [];
  const observed: Observation[] = [];
  const transport = inProcessTransport(async (request) => {
    const path = request.url.slice("http://in-process".length);
    const document = discovery.get(path);
    if (document !== undefined) return json(document);
    const text = await request.text();
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    const one = { method: request.method, path, headers: Object.fromEntries(request.headers), body };
    asked.push(one);
    return answer(one);
  });
  const observer = (observation: Observation): void => void observed.push(observation);
  return { client: new ApiClient({ transport, clock, observer }), transport, clock, asked, observed };
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  const all = { "content-type": "application/json", ...headers };
  return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers: all });
}

export function status(code: number, reason: string, details: object = {}, message = reason): object {
  return { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message, details };
}

export function configMap(name: string, resourceVersion = "7", more: object = {}): object {
  const metadata = { name, namespace: "team-a", uid: `uid-${name}`, resourceVersion };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, ...more };
}

/** A body that is sent chunk by chunk; `open` leaves it without an end. */
export function streamed(chunks: readonly (string | Uint8Array)[], end: "ends" | "open" = "ends"): Response {
  return new Response(
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
        if (end === "ends") controller.close();
      },
    }),
  );
}

export function aggregated(groups: readonly object[]): object {
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", metadata: {}, items: groups };
}

export function group(name: string, version: string, resources: readonly object[], freshness = "Current"): object {
  return { metadata: { name }, versions: [{ version, freshness, resources }] };
}

export function served(kind: string, resource: string, scope: "Namespaced" | "Cluster", subresources: string[] = []) {
  return {
    resource,
    responseKind: { group: "", version: "", kind },
    scope,
    verbs: ["create", "get", "list", "watch"],
    subresources: subresources.map((subresource) => ({ subresource, verbs: ["get"] })),
  };
}

const discovery: ReadonlyMap<string, object> = new Map([
  [
    "/api",
    aggregated([
      group("", "v1", [
        served("ConfigMap", "configmaps", "Namespaced"),
        served("Namespace", "namespaces", "Cluster"),
        served("Secret", "secrets", "Namespaced"),
      ]),
    ]),
  ],
  [
    "/apis",
    aggregated([
      group("apps", "v1", [served("Deployment", "deployments", "Namespaced", ["status", "scale"])]),
      group("rbac.authorization.k8s.io", "v1", [served("ClusterRole", "clusterroles", "Cluster")]),
    ]),
  ],
]);
