import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { suite, test, type TestContext } from "node:test";
import { GRACE_MS } from "../../runtime/trace/delivery.ts";
import { asksForExport, exportEnvironment, setUpTracing, type Tracing } from "../../runtime/trace/tracing.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { until } from "../support/wait.ts";
import { start } from "./spans.ts";

interface Line {
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** Time passes only where a row says so: what waits for it, waits for ever. */
async function tracingUnder(
  env: NodeJS.ProcessEnv,
  clock = new VirtualClock(),
): Promise<{ readonly tracing: Tracing; readonly lines: Line[] }> {
  const lines: Line[] = [];
  const log = { info: (message: string, fields: Line["fields"]) => void lines.push({ message, fields }) };
  return { tracing: await setUpTracing({ env, serviceVersion: "0.1.0", clock, log }), lines };
}

function reconcile({ reconciles }: Tracing): { readonly traceId: string; readonly traceparent: string } {
  const trace = reconciles.start(start);
  const write = trace.request({ verb: "create", kind: "v1/ConfigMap", key: "team-a/settings" });
  write.end({ status: 201, result: "ok" });
  trace.end({ outcome: "success" });
  return { traceId: trace.traceId, traceparent: write.headers.traceparent };
}

suite("an export", () => {
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
    test(`is ${asked ? "" : "not "}asked for by ${JSON.stringify(env)}`, () => assert.equal(asksForExport(env), asked));
});

suite("the SDK's settings", () => {
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
    test(name, () => {
      const settings = exportEnvironment(env, "0.1.0");
      for (const [variable, value] of Object.entries(has)) assert.equal(settings[variable], value, variable);
    });
});

suite("without an export", () => {
  for (const env of [{}, { OTEL_SDK_DISABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" }])
    test(`spans have real ids, recent traces work and nothing is said: ${JSON.stringify(env)}`, async () => {
      const { tracing, lines } = await tracingUnder(env);
      const { traceId, traceparent } = reconcile(tracing);
      assert.match(traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      assert.equal(tracing.recent.get(traceId)?.root.children.length, 2);
      await tracing.shutdown(0);
      assert.deepEqual(lines, []);
    });
});

suite("with a collector", () => {
  test("one POST carries every span, the service and the user's headers; process.env is as it was", async () => {
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

  for (const [attributes, entry] of [
    ["garbage", 1],
    ["team=a,s3cret", 2],
    ["team=s3cret=b", 1],
    ["=s3cret", 1],
    ["team=a,,tier=%s3cret", 2],
    [`team=${"x".repeat(256)}`, 1],
  ] as const)
    test(`resource attributes that cannot be read are left out, which is said, and ours stay: ${attributes.slice(0, 30)}`, async () => {
      await using collector = await fakeCollector();
      const { tracing, lines } = await tracingUnder({
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_RESOURCE_ATTRIBUTES: attributes,
      });
      reconcile(tracing);
      await tracing.shutdown(5_000);
      assert.deepEqual(lines, [
        {
          message: "tracing setting ignored",
          fields: {
            setting: `OTEL_RESOURCE_ATTRIBUTES is left out: its entry ${entry} is not NAME=VALUE, of 255 characters at most, with %2C for "," and %3D for "="`,
          },
        },
      ]);
      for (const text of ['"evenkeel"', "service.version", "0.1.0"])
        assert.ok(collector.posts[0]?.body.includes(text), text);
    });

  test("nothing is sent of traces that are not sampled, and the recent traces have them all the same", async () => {
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

suite("an export that is answered with 200, and not taken", () => {
  const rows: readonly { readonly name: string; readonly protocol: string; readonly body: string | Buffer }[] = [
    {
      name: "in part",
      protocol: "http/json",
      body: JSON.stringify({ partialSuccess: { rejectedSpans: "3", errorMessage: "quota" } }),
    },
    // Field 1, of 2 bytes: field 1, the number 3.
    { name: "in part", protocol: "http/protobuf", body: Buffer.from([0x0a, 2, 0x08, 3]) },
    { name: "by a web page", protocol: "http/json", body: "<html>login please</html>" },
    { name: "by a web page", protocol: "http/protobuf", body: "<html>login please</html>" },
  ];
  for (const { name, protocol, body } of rows)
    test(`${name}, ${protocol}: its spans are counted, once, and one line says so`, async () => {
      await using collector = await fakeCollector(body);
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
      const { tracing, lines } = await tracingUnder(env);
      reconcile(tracing);
      await tracing.shutdown(5_000);
      assert.equal(collector.posts.length, 1);
      assert.equal(tracing.droppedSpanCount, 3);
      const isPage = name === "by a web page";
      assert.deepEqual(
        lines.map(({ message }) => message),
        isPage ? ["traces could not be exported", "last spans not delivered"] : ["spans refused by the collector"],
      );
      assert.equal(tracing.exportErrorCount, isPage ? 1 : 0);
    });
});

suite("at the end, with a limit of two seconds", () => {
  const LIMIT_MS = 2_000;
  // What is given up goes on until then, and this process with it.
  const soon = { OTEL_EXPORTER_OTLP_TIMEOUT: "3000" };
  const RECONCILES = 1_000;
  const SPANS = RECONCILES * 3;

  test("a collector that answers has every span", async () => {
    await using collector = await fakeCollector();
    const { tracing, lines } = await tracingUnder({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...json });
    for (let i = 0; i < RECONCILES; i++) reconcile(tracing);
    await tracing.shutdown(LIMIT_MS);
    const arrived = collector.posts.reduce((sum, { body }) => sum + body.split('"spanId"').length - 1, 0);
    assert.deepEqual([arrived, tracing.droppedSpanCount, lines], [SPANS, 0, []]);
  });

  test("one that never answers gets the grace, and what it did not take is counted and said in one line", async (context) => {
    const collector = await deadCollector(context, () => {});
    const clock = new VirtualClock();
    const { tracing, lines } = await tracingUnder({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...soon }, clock);
    // Less than makes an export of itself: nothing is known of the collector.
    for (let i = 0; i < 10; i++) reconcile(tracing);
    const ending = tracing.shutdown(LIMIT_MS);
    await collector.asked;
    await clock.advance(GRACE_MS - 1);
    assert.deepEqual(lines, []);
    await clock.advance(1);
    await ending;
    assert.equal(tracing.droppedSpanCount, 30);
    const fields = { droppedSpanCount: 30, why: "no answer in time" };
    assert.deepEqual(lines, [{ message: "last spans not delivered", fields }]);
  });

  test("one that refuses, and was asked before, is not waited for", async (context) => {
    const collector = await deadCollector(context, (socket) => socket.resetAndDestroy());
    // Too short for a second try, which takes 800 ms.
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_TIMEOUT: "700" };
    const { tracing, lines } = await tracingUnder(env);
    for (let i = 0; i < RECONCILES; i++) reconcile(tracing);
    await until(() => lines.length > 0, { what: "it has refused" });
    assert.deepEqual(
      lines.map(({ message }) => message),
      ["traces could not be exported"],
    );
    await isNotWaitedFor(tracing, lines, "the last export failed");
  });

  test("one that never answers, and was asked before, is not waited for", async (context) => {
    const collector = await deadCollector(context, () => {});
    const clock = new VirtualClock();
    const { tracing, lines } = await tracingUnder({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...soon }, clock);
    for (let i = 0; i < RECONCILES; i++) reconcile(tracing);
    await collector.asked;
    await clock.advance(GRACE_MS);
    await isNotWaitedFor(tracing, lines, "an export is long without an answer");
  });

  async function isNotWaitedFor(tracing: Tracing, lines: readonly Line[], why: string): Promise<void> {
    await tracing.shutdown(LIMIT_MS);
    const { message, fields } = lines.at(-1) ?? {};
    assert.deepEqual([message, fields?.["why"]], ["last spans not delivered", why]);
    assert.equal(tracing.droppedSpanCount, SPANS);
    assert.equal(tracing.recent.list().length, 256);
  }
});

suite("while the host works", () => {
  test("what a failed export held, and what overflows the queue, is counted and said once", async (context) => {
    const { tracing, lines } = await tracingUnder({
      OTEL_EXPORTER_OTLP_ENDPOINT: (await deadCollector(context, () => {})).url,
      OTEL_BSP_MAX_QUEUE_SIZE: "60",
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "30",
      OTEL_EXPORTER_OTLP_TIMEOUT: "50",
    });
    for (let i = 0; i < 100; i++) reconcile(tracing);
    // The SDK tells of an overflow with the first span that fits in again.
    let made = 300;
    await until(
      () => {
        reconcile(tracing);
        made += 3;
        return tracing.droppedSpanCount >= 240;
      },
      { what: () => `240 dropped; ${tracing.droppedSpanCount} are`, everyMs: 20 },
    );
    assert.equal(lines.length, 1, JSON.stringify(lines));
    await tracing.shutdown(0);
    assert.equal(tracing.droppedSpanCount, made, "each span once");
  });
});

suite("a setting that cannot be used", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT: "100" };
  const rows: readonly { readonly env: NodeJS.ProcessEnv; readonly says: RegExp; readonly exports: boolean }[] = [
    {
      env: { ...endpoint, OTEL_TRACES_SAMPLER: "sometimes" },
      says: /OTEL_TRACES_SAMPLER=sometimes/,
      exports: true,
    },
    {
      env: { ...endpoint, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" },
      says: /OTEL_TRACES_SAMPLER_ARG=2 is not a ratio/,
      exports: true,
    },
    { env: { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "quic" }, says: /quic/, exports: true },
    { env: { ...endpoint, OTEL_BSP_MAX_QUEUE_SIZE: "-4" }, says: /OTEL_BSP_MAX_QUEUE_SIZE/, exports: true },
    { env: { OTEL_EXPORTER_OTLP_ENDPOINT: "not a url" }, says: /=not a url is not a URL/, exports: false },
    { env: { OTEL_TRACES_EXPORTER: "jaeger" }, says: /jaeger/, exports: false },
  ];
  for (const { env, says, exports } of rows)
    test(`is named in a line and does no harm: ${JSON.stringify(env)}`, async () => {
      const { tracing, lines } = await tracingUnder(env);
      assert.match(String(lines[0]?.fields["setting"]), says);
      reconcile(tracing);
      await tracing.shutdown(20);
      assert.equal(
        tracing.droppedSpanCount,
        exports ? 3 : 0,
        "spans that nobody takes are counted where there is an exporter",
      );
    });
});

interface Post {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** As text, so that spans can be counted in it. */
const json = { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" };

async function deadCollector(context: TestContext, answer: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    answer(socket);
  }).listen(0, "127.0.0.1");
  context.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, "listening");
  return { url: urlOf(server), asked: once(server, "connection") };
}

async function fakeCollector(answer: string | Buffer = "") {
  const posts: Post[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (text: string) => (body += text));
    request.on("end", () => {
      posts.push({ path: request.url ?? "", headers: request.headers, body });
      response.end(answer);
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
