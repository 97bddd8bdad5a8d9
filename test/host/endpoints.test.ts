import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createEndpoints, type EndpointsOptions } from "../../runtime/host/endpoints.ts";
import type { Checks } from "../../runtime/host/health.ts";
import { MetricsAccess } from "../../runtime/host/metrics-access.ts";
import { Live } from "../../runtime/host/page/live.ts";
import { createMetrics } from "../../runtime/trace/metrics.ts";
import { RecentTraces } from "../../runtime/trace/recent.ts";
import { createReconcileTracer } from "../../runtime/trace/reconcile-tracer.ts";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { start } from "../trace/spans.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { fakeStatus } from "./fake-status.ts";

function host(options: Partial<EndpointsOptions> = {}) {
  const clock = new VirtualClock();
  const recent = new RecentTraces();
  const tracer = createReconcileTracer(new TracerProvider().getTracer("t"), clock, (trace) => recent.add(trace));
  const livez: Checks = new Map([["loop", () => undefined]]);
  const readyz: Checks = new Map([["caches", () => "3 of 4 synced"]]);
  const source = fakeStatus();
  const live = new Live({ source, clock });
  const app = createEndpoints({
    health: { livez, readyz },
    metrics: { page: createMetrics({ version: "0.1.0" }) },
    status: { source, recent, live },
    isLoopback: true,
    ...options,
  });
  return { app, tracer, live };
}

interface Row {
  readonly path: string;
  readonly method?: string;
  readonly status: number;
  readonly type: string;
  readonly body: RegExp;
}

const rows: readonly Row[] = [
  { path: "/healthz", status: 200, type: "text/plain", body: /^ok$/ },
  { path: "/livez", status: 200, type: "text/plain", body: /^ok$/ },
  { path: "/livez?verbose", status: 200, type: "text/plain", body: /^\[\+\]loop ok\nlivez check passed\n$/ },
  { path: "/livez/loop", status: 200, type: "text/plain", body: /^ok$/ },
  { path: "/readyz", status: 500, type: "text/plain", body: /caches failed: reason withheld/ },
  { path: "/readyz?verbose=1", status: 500, type: "text/plain", body: /caches failed: 3 of 4 synced/ },
  { path: "/readyz?exclude=caches", status: 200, type: "text/plain", body: /^ok$/ },
  { path: "/readyz?exclude=a&exclude=caches", status: 200, type: "text/plain", body: /^ok$/ },
  { path: "/readyz/loop", status: 404, type: "text/plain", body: /no check "loop"; there are: caches/ },
  { path: "/metrics", status: 200, type: "text/plain", body: /^# HELP .*\n# TYPE /s },
  { path: "/traces", status: 200, type: "application/json", body: /^\{"traces":\[\]\}$/ },
  { path: "/traces/abc", status: 404, type: "application/json", body: /no such trace/ },
  { path: "/", status: 200, type: "text/html", body: /^<!doctype html>.*<h2 id="functions-title">Functions/s },
  { path: "/status", status: 200, type: "application/json", body: /"functions":\[\{"name":"mirror"/ },
  { path: "/status?function=mirror&key=default%2Fx", status: 200, type: "application/json", body: /"obstacles":/ },
  { path: "/status?function=none&key=x", status: 404, type: "application/json", body: /no such function/ },
  { path: "/page/page.css", status: 200, type: "text/css", body: /prefers-reduced-motion/ },
  { path: "/page/client.js", status: 200, type: "text/javascript", body: /EventSource/ },
  { path: "/page/icon.svg", status: 200, type: "image/svg+xml", body: /^<svg/ },
  { path: "/page/page.ts", status: 404, type: "text/plain", body: /^not here/ },
  { path: "/debug/pprof", status: 404, type: "text/plain", body: /^not here; there are: \/ \/status / },
  { path: "/..%2f..%2fetc/passwd", status: 404, type: "text/plain", body: /^not here/ },
  { path: "/metrics", method: "POST", status: 405, type: "text/plain", body: /^only GET and HEAD/ },
  { path: "/traces", method: "DELETE", status: 405, type: "text/plain", body: /^only GET and HEAD/ },
  { path: "/healthz", method: "HEAD", status: 200, type: "text/plain", body: /^$/ },
];

suite("the endpoints", () => {
  for (const { path, method = "GET", status, type, body } of rows)
    test(`${method} ${path} answers ${status}`, async () => {
      const response = await host().app.request(path, { method });
      assert.equal(response.status, status);
      assert.ok(response.headers.get("content-type")?.startsWith(type), response.headers.get("content-type") ?? "");
      assert.match(await response.text(), body);
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
      assert.equal(response.headers.get("cache-control"), "no-store");
      const policy = response.headers.get("content-security-policy") ?? "";
      assert.match(policy, /default-src 'none'/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe|data:|\*/);
      if (status === 405) assert.equal(response.headers.get("allow"), "GET, HEAD");
    });

  test("list the recent traces, filter them, and show one as a tree", async () => {
    const { app, tracer } = host();
    const trace = tracer.start(start);
    trace.end({ outcome: "success" });
    tracer.start({ ...start, key: "default/other" }).end({ outcome: "error", code: "API_FORBIDDEN" });
    const list = (await (await app.request("/traces?key=default/settings&function=mirror")).json()) as {
      traces: { traceId: string }[];
    };
    assert.deepEqual(
      list.traces.map(({ traceId }) => traceId),
      [trace.traceId],
    );
    const tree = (await (await app.request(`/traces/${trace.traceId}`)).json()) as { root: { name: string } };
    assert.equal(tree.root.name, "reconcile mirror");
  });

  test("say nothing about an error of ours", async () => {
    const page = { contentType: "text/plain", text: () => Promise.reject(new Error("secret")) };
    const response = await host({ metrics: { page } }).app.request("/metrics");
    assert.equal(response.status, 500);
    assert.equal(await response.text(), "internal error\n");
  });

  test("that are not meant for an address are not there", async () => {
    const { app } = host({ status: undefined, metrics: undefined });
    for (const path of ["/", "/status", "/live", "/traces", "/traces/a", "/metrics", "/page/page.css"])
      assert.equal((await app.request(path)).status, 404, path);
    assert.equal(await (await app.request("/")).text(), "not here; there are: /healthz /livez /readyz\n");
  });
});

suite("the name that is asked for", () => {
  const cases: readonly { readonly name: string; readonly isOurs: boolean }[] = [
    ...["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:80", "127.9.9.9", "[::1]:9", "a.localhost:1"].map(
      (name) => ({ name, isOurs: true }),
    ),
    ...[
      "evil.example",
      "evil.example:8080",
      "localhost.evil.example",
      "10.0.0.1",
      "[::2]:1",
      "127.0.0.1.evil.example",
    ].map((name) => ({ name, isOurs: false })),
    ...["", "localhost:80:80", "0.0.0.0", "1", "0x7f000001", "user@localhost"].map((name) => ({ name, isOurs: false })),
  ];
  for (const { name, isOurs } of cases)
    test(`on loopback, ${JSON.stringify(name)} is ${isOurs ? "answered" : "refused"}`, async () => {
      for (const path of ["/", "/traces", "/live", "/livez"]) {
        const { app, live } = host();
        const response = await app.request(path, { headers: { host: name } });
        assert.equal(response.status, isOurs ? 200 : 421, path);
        live.close();
      }
    });

  test("beyond loopback is anybody's", async () => {
    const { app } = host({ isLoopback: false });
    assert.equal((await app.request("/livez", { headers: { host: "10.1.2.3:8080" } })).status, 200);
  });
});

suite("/metrics for those who may", () => {
  const reviews = {
    authenticate: (token: string) =>
      Promise.resolve(token === "bad" ? undefined : { username: token, uid: undefined, groups: [], extra: {} }),
    mayGet: ({ username }: { readonly username: string }) =>
      username === "broken" ? Promise.reject(new Error("down")) : Promise.resolve(username === "prometheus"),
  };
  for (const { authorization, status } of [
    { authorization: undefined, status: 401 },
    { authorization: "Bearer bad", status: 401 },
    { authorization: "Bearer somebody", status: 403 },
    { authorization: "Bearer broken", status: 503 },
    { authorization: "Bearer prometheus", status: 200 },
  ])
    test(`answers ${status} to ${authorization ?? "nobody"}`, async () => {
      const access = new MetricsAccess({ reviews, clock: new VirtualClock(), onFailed: () => {} });
      const { app } = host({ metrics: { page: createMetrics({ version: "0" }), access }, isLoopback: false });
      const response = await app.request("/metrics", authorization === undefined ? {} : { headers: { authorization } });
      assert.equal(response.status, status);
      assert.equal(response.headers.get("www-authenticate"), status === 401 ? "Bearer" : null);
      assert.equal((await response.text()).includes("controller_runtime"), status === 200);
      assert.equal((await app.request("/livez")).status, 200, "probes need no token");
    });
});
