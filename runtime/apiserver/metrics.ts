/** The request counters that a real API server has, under the same names, in a registry of their own. */
import { Counter, Gauge, Registry } from "../trace/prom-client.ts";
import type { RequestInfo } from "./request-info.ts";

const LABELS = [
  "verb",
  "dry_run",
  "group",
  "version",
  "resource",
  "subresource",
  "scope",
  "component",
  "code",
] as const;

interface RequestFacts {
  /** As metrics say it: GET, LIST, WATCH, POST, PUT, PATCH, APPLY, DELETE, DELETECOLLECTION. */
  readonly verb: string;
  /** Undefined for everything that is not a resource. */
  readonly info: RequestInfo | undefined;
  readonly dryRun: boolean;
  readonly code: number;
}

export class ApiServerMetrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<(typeof LABELS)[number]>;

  /** @param openWatchCount is asked at each scrape. */
  constructor(openWatchCount: () => number) {
    this.#requests = new Counter({
      name: "apiserver_request_total",
      help: "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.",
      labelNames: LABELS,
      registers: [this.#registry],
    });
    const watches: Gauge<"verb"> = new Gauge({
      name: "apiserver_longrunning_requests",
      help: "Gauge of all active long-running apiserver requests broken out by verb.",
      labelNames: ["verb"],
      registers: [this.#registry],
      collect: () => watches.set({ verb: "WATCH" }, openWatchCount()),
    });
  }

  count({ verb, info, dryRun, code }: RequestFacts): void {
    this.#requests.inc({
      verb,
      dry_run: dryRun ? "All" : "",
      group: info?.group ?? "",
      version: info?.version ?? "",
      resource: info?.resource ?? "",
      subresource: info?.subresource ?? "",
      scope: scopeOf(info),
      component: "apiserver",
      code: String(code),
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function scopeOf(info: RequestInfo | undefined): string {
  if (info === undefined) return "";
  if (info.name !== undefined) return "resource";
  return info.namespace === undefined ? "cluster" : "namespace";
}
