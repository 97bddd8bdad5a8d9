/**
 * The embedded API server: a Kubernetes API in this process and in memory. `npm start` runs against it when there is no
 * cluster, tests run against it without a network, and kubectl can talk to it.
 *
 * Promises: the list, watch and write semantics of a real kube-apiserver for the kinds in resources/; time only through
 * the Clock; a history that is bounded. Not promised: authentication (anybody who reaches the port is admin, so it
 * listens where it is told to and nowhere else), persistence, garbage collection by ownerReference, controllers.
 */
import { Hono } from "hono";
import type { Clock } from "../clock/clock.ts";
import type { Services } from "./call.ts";
import {
  AGGREGATED,
  aggregated,
  apiGroupList,
  apiGroupNamed,
  apiResourceList,
  apiVersions,
  wantsAggregated,
} from "./discovery.ts";
import { Dispatcher, failure } from "./dispatch.ts";
import { Expiry } from "./expiry.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { type Listening, listen } from "./listener.ts";
import { ApiServerMetrics } from "./metrics.ts";
import { INITIAL_NAMESPACES, NamespaceLifecycle } from "./namespace-lifecycle.ts";
import type { JsonObject } from "./object.ts";
import { OPENAPI_V2, openApiDocument, openApiIndex } from "./openapi.ts";
import { Registry } from "./registry.ts";
import { BUILT_IN, ResourceTable } from "./resources/resource-table.ts";
import { unknownPath } from "./status.ts";
import { Storage } from "./storage/storage.ts";
import { WatchSet } from "./watch-set.ts";

export interface ApiServerOptions {
  readonly clock: Clock;
  /** Changes kept per resource for watches and paged lists. @default 100,000, the watch cache's upper bound */
  readonly maxHistory?: number;
  /** Older changes are forgotten. @default five minutes, as etcd is compacted */
  readonly historyMs?: number;
  /** Events that may wait for a watcher that does not read; then its stream is ended. @default 10,000 */
  readonly maxWatchBacklog?: number;
}

export interface EmbeddedApiServer {
  /** In process, no socket. Never rejects: every error is a Status response. */
  fetch(request: Request): Promise<Response>;
  /** Serves on a socket as well. Port 0 takes any free one. */
  listen(options: { readonly host: string; readonly port: number }): Promise<Listening>;
  /** A kubeconfig, as YAML, for the url it listens on. */
  kubeconfig(url: string): string;
  /** Forgets the past, as an etcd compaction does: every older resourceVersion is then 410 Expired. */
  compact(): void;
  /** Ends every watch, closes every socket, stops every timer. */
  close(): Promise<void>;
}

/** What clients see as the version: the newest release whose behaviour is followed. */
const VERSION = { major: "1", minor: "36", gitVersion: "v1.36.4-evenkeel", platform: "node" };

export function createApiServer(options: ApiServerOptions): EmbeddedApiServer {
  const { clock, maxHistory = 100_000, historyMs = 300_000, maxWatchBacklog = 10_000 } = options;
  const resources = new ResourceTable(BUILT_IN);
  const storage = new Storage(clock, { maxChanges: maxHistory, maxAgeMs: historyMs });
  const registry = new Registry(clock, storage);
  const watches = new WatchSet();
  const metrics = new ApiServerMetrics(() => watches.size);
  const lifecycle = new NamespaceLifecycle(clock, storage, registry, resources);
  const expiry = new Expiry(clock, storage, resources.stored());
  for (const name of INITIAL_NAMESPACES) createNamespace(registry, resources, name);

  const services: Services = { clock, storage, registry, watches, maxWatchBacklog };
  const app = routes(resources, metrics, new Dispatcher(services, resources, metrics));
  const fetch = async (request: Request): Promise<Response> => app.fetch(request);
  const listening = new Set<Listening>();
  return {
    fetch,
    async listen(where) {
      const one = await listen(fetch, where);
      listening.add(one);
      return one;
    },
    kubeconfig,
    compact: () => storage.compact(),
    async close() {
      lifecycle.stop();
      expiry.stop();
      watches.closeAll();
      await Promise.all([...listening].map((one) => one.close()));
    },
  };
}

function createNamespace(registry: Registry, resources: ResourceTable, name: string): void {
  const resource = resources.find("", "v1", "namespaces");
  if (resource === undefined) return;
  const target = { resource, namespace: "", manager: "kube-apiserver", subresource: "", dryRun: false } as const;
  registry.create(target, { object: { apiVersion: "v1", kind: "Namespace", metadata: { name } } });
}

function routes(resources: ResourceTable, metrics: ApiServerMetrics, dispatcher: Dispatcher): Hono {
  // A path may end in a slash, as one of a user who types it does.
  const app = new Hono({ strict: false });
  app.get("/", () => json({ paths: servedPaths(app, resources) }));
  for (const path of ["/healthz", "/livez", "/readyz"]) app.get(path, () => new Response("ok"));
  app.get("/version", () => json(VERSION));
  app.get(
    "/metrics",
    async () => new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } }),
  );
  app.get("/openapi/v2", () => new Response(OPENAPI_V2.body, { headers: { "content-type": OPENAPI_V2.contentType } }));
  app.get("/openapi/v3", () => json(openApiIndex(resources)));
  app.get("/openapi/v3/*", (c) => found(openApiDocument(resources, c.req.path.slice("/openapi/v3/".length))));
  app.get("/api", (c) => discovered(c.req.raw, aggregated(resources, true), apiVersions()));
  app.get("/apis", (c) => discovered(c.req.raw, aggregated(resources, false), apiGroupList(resources)));
  app.get("/api/:version", (c) => found(apiResourceList(resources, "", c.req.param("version"))));
  app.get("/apis/:group", (c) => found(apiGroupNamed(resources, c.req.param("group"))));
  app.get("/apis/:group/:version", (c) =>
    found(apiResourceList(resources, c.req.param("group"), c.req.param("version"))),
  );
  app.all("*", async (c) => (await dispatcher.handle(c.req.raw)) ?? failure(unknownPath()));
  app.onError((error) => failure(error));
  return app;
}

/** What `kubectl get --raw /` shows: the paths that are fixed, and those of the groups. */
function servedPaths(app: Hono, resources: ResourceTable): readonly string[] {
  const fixed = app.routes.map(({ path }) => path).filter((path) => !/[:*]/.test(path) && path !== "/");
  const groups = resources.groupVersions().flatMap(({ group, version }) => {
    if (group === "") return [`/api/${version}`];
    return [`/apis/${group}`, `/apis/${group}/${version}`];
  });
  return [...new Set([...fixed, ...groups])].toSorted();
}

function json(value: JsonObject, contentType = "application/json"): Response {
  return new Response(`${JSON.stringify(value)}\n`, { headers: { "content-type": contentType } });
}

function found(value: JsonObject | undefined): Response {
  return value === undefined ? failure(unknownPath()) : json(value);
}

function discovered(request: Request, aggregatedForm: JsonObject, classicForm: JsonObject): Response {
  if (!wantsAggregated(request.headers.get("accept"))) return json(classicForm);
  return json(aggregatedForm, AGGREGATED);
}
