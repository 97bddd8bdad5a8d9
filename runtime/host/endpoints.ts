/**
 * The host's own HTTP endpoints: health, metrics, and the status page with the recent traces. Everything is read-only, comes
 * from memory and holds names and counts, never an object's data. One app serves those that its address is meant for.
 */
import { Hono, type Context } from "hono";
import type { Metrics } from "../trace/metrics.ts";
import type { RecentTraces } from "../trace/recent.ts";
import { answerAll, answerOne, type Checks, type HealthAnswer } from "./health.ts";
import { isLoopbackName } from "./loopback.ts";
import type { MetricsAccess } from "./metrics-access.ts";
import type { Live } from "./page/live.ts";
import { addPage } from "./page/page.ts";
import type { StatusSource } from "./status.ts";

/** What one address serves; what is absent is not there. */
export interface EndpointsOptions {
  readonly health?: { readonly livez: Checks; readonly readyz: Checks } | undefined;
  readonly metrics?: MetricsEndpoint | undefined;
  readonly status?: StatusEndpoint | undefined;
  /** Whether only this machine can connect: then only its own names are answered to. */
  readonly isLoopback: boolean;
}

export interface MetricsEndpoint {
  readonly page: Pick<Metrics, "text" | "contentType">;
  /** Who may read it. Absent: whoever can connect. */
  readonly access?: MetricsAccess | undefined;
}

export interface StatusEndpoint {
  readonly source: StatusSource;
  readonly recent: Pick<RecentTraces, "list" | "get">;
  readonly live: Live;
}

export function createEndpoints({ health, metrics, status, isLoopback }: EndpointsOptions): Hono {
  const app = new Hono({ strict: false });
  app.use(async (c, next) => {
    const refusal = refusalOf(c, isLoopback);
    if (refusal === undefined) await next();
    else c.res = refusal;
    for (const [name, value] of Object.entries(securityHeaders))
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  });
  if (health !== undefined) addHealth(app, health);
  if (metrics !== undefined) addMetrics(app, metrics);
  if (status !== undefined) {
    addPage(app, status.source, status.live);
    addTraces(app, status.recent);
  }
  const paths = [
    ...(status === undefined ? [] : ["/", "/status", "/traces", "/traces/ID"]),
    ...(health === undefined ? [] : ["/healthz", "/livez", "/readyz"]),
    ...(metrics === undefined ? [] : ["/metrics"]),
  ];
  app.notFound((c) => c.text(`not here; there are: ${paths.join(" ")}\n`, 404));
  app.onError((_error, c) => c.text("internal error\n", 500));
  return app;
}

/** Answers of ours are of no use to another site, and but for the status page, which says so itself, hold nothing to run. */
const securityHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

function refusalOf(c: Context, isLoopback: boolean): Response | undefined {
  if (c.req.method !== "GET" && c.req.method !== "HEAD")
    return c.text("only GET and HEAD\n", 405, { allow: "GET, HEAD" });
  // A site whose name was made to point to loopback would read this with its visitor's browser (DNS rebinding).
  if (isLoopback && !isLoopbackName(c.req.header("host") ?? new URL(c.req.url).host))
    return c.text("this address answers to localhost and to loopback addresses alone\n", 421);
  return undefined;
}

function addHealth(app: Hono, { livez, readyz }: NonNullable<EndpointsOptions["health"]>): void {
  // /healthz is the old name of /livez.
  for (const [endpoint, checks] of [
    ["healthz", livez],
    ["livez", livez],
    ["readyz", readyz],
  ] as const) {
    app.get(`/${endpoint}`, (c) => {
      const excluded = c.req.queries("exclude") ?? [];
      return answer(c, answerAll(checks, { endpoint, isVerbose: isVerbose(c), excluded }));
    });
    app.get(`/${endpoint}/:check`, (c) =>
      answer(c, answerOne(checks, c.req.param("check"), { isVerbose: isVerbose(c) })),
    );
  }
}

function addMetrics(app: Hono, { page, access }: MetricsEndpoint): void {
  app.get("/metrics", async (c) => {
    const refusal = await access?.refusal(c.req.header("authorization"));
    if (refusal !== undefined) {
      if (refusal.status === 401) c.header("www-authenticate", "Bearer");
      return c.text(`${refusal.reason}\n`, refusal.status);
    }
    return c.body(await page.text(), 200, { "content-type": page.contentType });
  });
}

function addTraces(app: Hono, recent: StatusEndpoint["recent"]): void {
  app.get("/traces", (c) => {
    const { function: functionName, key, outcome } = c.req.query();
    return c.json({ traces: recent.list({ function: functionName, key, outcome }) });
  });
  app.get("/traces/:id", (c) => {
    const trace = recent.get(c.req.param("id"));
    return trace === undefined ? c.json({ error: "no such trace, or no longer kept" }, 404) : c.json(trace);
  });
}

function isVerbose(c: Context): boolean {
  return c.req.query("verbose") !== undefined;
}

function answer(c: Context, { status, body }: HealthAnswer): Response {
  return c.text(body, status);
}
