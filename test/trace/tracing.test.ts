import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { describe, it } from "node:test";
import { systemClock } from "../../runtime/clock/clock.ts";
import { asksForExport, exportEnvironment, setUpTracing, type Tracing } from "../../runtime/trace/tracing.ts";
import { start } from "./spans.ts";

interface Line {
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

async function tracingUnder(env: NodeJS.ProcessEnv): Promise<{ readonly tracing: Tracing; readonly lines: Line[] }> {
  const lines: Line[] = [];
  const log = { info: (message: string, fields: Line["fields"]) => void lines.push({ message, fields }) };
  return { tracing: await setUpTracing({ env, serviceVersion: "0.1.0", clock: systemClock, log }), lines };
}

function reconcile({ reconciles }: Tracing): { readonly traceId: string; readonly traceparent: string } {
  const trace = reconciles.start(start);
  const write = trace.request({ verb: "create", kind: "v1/ConfigMap", key: "team-a/settings" });
  write.end({ status: 201, result: "ok" });
  trace.end({ outcome: "success" });
  return { traceId: trace.traceId, traceparent: write.headers.traceparent };
}

describe("an export", () => {
  const rows: readonly { readonly env: NodeJS.ProcessEnv; readonly asked: boolean }[] = [
    { env: {}, asked: false },
    { env: { OTEL_SERVICE_NAME: "x", OTEL_TRACES_SAMPLER: "always_on" }, asked: false },
    { env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" }, asked: true },
    { env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c:4318/v1/traces" }, asked: true },
    { env: { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://c:4318" }, asked: false },
    { env: { OTEL_EXPORTER_OTLP_ENDPOINT: " " }, asked: false },
    { env: { OTEL_TRACES_EXPORTER: "otlp" }, asked: true },
    { env: { OTEL_TRACES_EXPORTER: "none", OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" }, asked: false },
    { env: { OTEL_SDK_DISABLED: "TRUE", OTEL_TRACES_EXPORTER: "otlp" }, asked: false },
    { env: { OTEL_SDK_DISABLED: "false", OTEL_TRACES_EXPORTER: "otlp" }, asked: true },
    { env: { OTEL_METRICS_EXPORTER: "otlp" }, asked: false },
  ];
  for (const { env, asked } of rows)
    it(`is ${asked ? "" : "not "}asked for by ${JSON.stringify(env)}`, () => assert.equal(asksForExport(env), asked));
});

describe("the SDK's settings", () => {
  const rows: readonly { readonly name: string; readonly env: NodeJS.ProcessEnv; readonly has: NodeJS.ProcessEnv }[] = [
    {
      name: "name the service, take a burst, and send neither metrics nor logs",
      env: {},
      has: {
        OTEL_SERVICE_NAME: "evenkeel",
        OTEL_RESOURCE_ATTRIBUTES: "service.version=0.1.0",
        OTEL_BSP_MAX_QUEUE_SIZE: "16384",
        OTEL_METRICS_EXPORTER: "none",
        OTEL_LOGS_EXPORTER: "none",
      },
    },
    {
      name: "are the user's where the user has some",
      env: { OTEL_SERVICE_NAME: "mine", OTEL_BSP_MAX_QUEUE_SIZE: "9", OTEL_METRICS_EXPORTER: "otlp" },
      has: { OTEL_SERVICE_NAME: "mine", OTEL_BSP_MAX_QUEUE_SIZE: "9", OTEL_METRICS_EXPORTER: "otlp" },
    },
    {
      name: "keep a service name and version given as resource attributes",
      env: { OTEL_RESOURCE_ATTRIBUTES: "service.name=mine,service.version=7,k8s.pod.name=p" },
      has: {
        OTEL_RESOURCE_ATTRIBUTES: "service.name=mine,service.version=7,k8s.pod.name=p",
        OTEL_SERVICE_NAME: undefined,
      },
    },
    {
      name: "take over nothing else of the environment",
      env: { PATH: "/bin", AWS_SECRET_ACCESS_KEY: "s" },
      has: { PATH: undefined, AWS_SECRET_ACCESS_KEY: undefined },
    },
  ];
  for (const { name, env, has } of rows)
    it(name, () => {
      const settings = exportEnvironment(env, "0.1.0");
      for (const [variable, value] of Object.entries(has)) assert.equal(settings[variable], value, variable);
    });
});

describe("without an export", () => {
  for (const env of [{}, { OTEL_SDK_DISABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" }])
    it(`spans have real ids, recent traces work and nothing is said: ${JSON.stringify(env)}`, async () => {
      const { tracing, lines } = await tracingUnder(env);
      const { traceId, traceparent } = reconcile(tracing);
      assert.match(traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      assert.equal(tracing.isExporting, false);
      assert.equal(tracing.recent.get(traceId)?.root.children.length, 2);
      await tracing.shutdown(0);
      assert.deepEqual(lines, []);
    });
});

describe("with a collector", () => {
  it("one POST carries every span, the service and the user's headers; process.env is as it was", async () => {
    await using collector = await fakeCollector();
    const before = { ...process.env };
    const { tracing, lines } = await tracingUnder({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=blue",
      OTEL_RESOURCE_ATTRIBUTES: "k8s.pod.name=evenkeel-0",
    });
    const { traceId } = reconcile(tracing);
    await tracing.shutdown(5_000);
    assert.deepEqual({ ...process.env }, before);
    assert.deepEqual(lines, []);
    assert.deepEqual(
      collector.posts.map(({ path }) => path),
      ["/v1/traces"],
    );
    const [post] = collector.posts;
    assert.ok(post !== undefined);
    assert.equal(post.headers["x-tenant"], "blue");
    for (const text of ["reconcile mirror", "create v1/ConfigMap", "evenkeel-0", '"evenkeel"', "0.1.0", traceId])
      assert.ok(post.body.includes(text), text);
    for (const text of ["process.command_args", "process.owner"]) assert.ok(!post.body.includes(text), text);
  });

  it("nothing is sent of traces that are not sampled, and the recent traces have them all the same", async () => {
    await using collector = await fakeCollector();
    const { tracing } = await tracingUnder({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0",
    });
    const { traceId, traceparent } = reconcile(tracing);
    await tracing.shutdown(5_000);
    assert.match(traceparent, /-00$/);
    assert.deepEqual(collector.posts, []);
    assert.equal(tracing.recent.get(traceId)?.spanCount, 3);
  });
});

describe("with a dead collector", () => {
  const LIMIT_MS = 100;
  // What shutdown left behind goes on until then, and this process with it.
  const soon = { OTEL_EXPORTER_OTLP_TIMEOUT: "1000" };
  const dead: readonly { readonly name: string; readonly listen: () => Server }[] = [
    { name: "that refuses", listen: () => createTcpServer((socket) => socket.resetAndDestroy()) },
    { name: "that never answers", listen: () => createTcpServer(() => {}) },
  ];
  for (const { name, listen } of dead)
    it(`${name}, a burst costs no waiting and shutdown keeps its limit`, async () => {
      const server = listen().listen(0, "127.0.0.1");
      const sockets = new Set<{ destroy(): void }>();
      server.on("connection", (socket) => sockets.add(socket));
      await once(server, "listening");
      const { tracing } = await tracingUnder({ OTEL_EXPORTER_OTLP_ENDPOINT: urlOf(server), ...soon });
      for (let i = 0; i < 1_000; i++) reconcile(tracing);
      const before = systemClock.now();
      await tracing.shutdown(LIMIT_MS);
      assert.ok(systemClock.now() - before < LIMIT_MS + 400, "shutdown is bounded");
      assert.equal(tracing.recent.list().length, 256);
      server.close();
      for (const socket of sockets) socket.destroy();
    });

  it("what overflows the queue is counted and said once", async () => {
    const server = createTcpServer(() => {}).listen(0, "127.0.0.1");
    const sockets = new Set<{ destroy(): void }>();
    server.on("connection", (socket) => sockets.add(socket));
    await once(server, "listening");
    const { tracing, lines } = await tracingUnder({
      OTEL_EXPORTER_OTLP_ENDPOINT: urlOf(server),
      OTEL_BSP_MAX_QUEUE_SIZE: "60",
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "30",
      OTEL_EXPORTER_OTLP_TIMEOUT: "50",
      OTEL_BSP_EXPORT_TIMEOUT: "50",
    });
    for (let i = 0; i < 100; i++) reconcile(tracing);
    // The SDK tells of a loss with the first span that fits in again.
    const untilMs = systemClock.now() + 5_000;
    while (tracing.droppedSpanCount === 0 && systemClock.now() < untilMs) {
      await once(AbortSignal.timeout(20), "abort");
      reconcile(tracing);
    }
    await tracing.shutdown(LIMIT_MS);
    assert.ok(tracing.droppedSpanCount >= 100, `${tracing.droppedSpanCount} dropped`);
    assert.equal(lines.length, 1, JSON.stringify(lines));
    server.close();
    for (const socket of sockets) socket.destroy();
  });
});

describe("a setting that cannot be used", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT: "100" };
  const rows: readonly { readonly env: NodeJS.ProcessEnv; readonly says: RegExp; readonly isExporting: boolean }[] = [
    {
      env: { ...endpoint, OTEL_TRACES_SAMPLER: "sometimes" },
      says: /OTEL_TRACES_SAMPLER=sometimes/,
      isExporting: true,
    },
    {
      env: { ...endpoint, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" },
      says: /OTEL_TRACES_SAMPLER_ARG=2 is not a ratio/,
      isExporting: true,
    },
    { env: { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "quic" }, says: /quic/, isExporting: true },
    { env: { ...endpoint, OTEL_BSP_MAX_QUEUE_SIZE: "-4" }, says: /OTEL_BSP_MAX_QUEUE_SIZE/, isExporting: true },
    { env: { OTEL_EXPORTER_OTLP_ENDPOINT: "not a url" }, says: /=not a url is not a URL/, isExporting: false },
    { env: { OTEL_TRACES_EXPORTER: "jaeger" }, says: /jaeger/, isExporting: false },
  ];
  for (const { env, says, isExporting } of rows)
    it(`is named in a line and does no harm: ${JSON.stringify(env)}`, async () => {
      const { tracing, lines } = await tracingUnder(env);
      assert.equal(tracing.isExporting, isExporting);
      assert.match(String(lines[0]?.fields["setting"]), says);
      assert.match(tracing.reconciles.start(start).traceId, /^[0-9a-f]{32}$/);
      await tracing.shutdown(20);
    });
});

interface Post {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function fakeCollector() {
  const posts: Post[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (text: string) => (body += text));
    request.on("end", () => {
      posts.push({ path: request.url ?? "", headers: request.headers, body });
      response.end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    posts,
    url: urlOf(server),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
