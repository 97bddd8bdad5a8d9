import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { suite, test, type TestContext } from "node:test";
import { systemClock, type Clock } from "../../runtime/clock/clock.ts";
import type { Addresses } from "../../runtime/host/addresses.ts";
import { selfSigned } from "../../runtime/host/certificate.ts";
import type { Address } from "../../runtime/host/given-settings.ts";
import { serve } from "../../runtime/host/serving.ts";
import { createLogger } from "../../runtime/trace/logs.ts";
import { createMetrics } from "../../runtime/trace/metrics.ts";
import { RecentTraces } from "../../runtime/trace/recent.ts";
import { freePort } from "../controlplane/free-port.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { samplesOf } from "../trace/metrics-page.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { becomes, until } from "../support/wait.ts";
import { fakeStatus } from "./fake-status.ts";

const local = { host: "127.0.0.1", port: 0 };
const everywhere = { host: "", port: 0 };

async function world(
  context: TestContext,
  addresses: Partial<Addresses> = {},
  clock: Clock = systemClock,
  metrics = createMetrics({ version: "0.0.0" }),
) {
  const serving = await serve({
    addresses: {
      address: local,
      isAddressGiven: true,
      statusAddress: local,
      isStatusAddressGiven: false,
      metricsAddress: local,
      isMetricsAddressGiven: false,
      certificate: undefined,
      ...addresses,
    },
    livez: new Map(),
    readyz: new Map(),
    metrics,
    status: fakeStatus(),
    recent: new RecentTraces(),
    reviews: {
      authenticate: (token) => Promise.resolve({ username: token, uid: undefined, groups: [], extra: {} }),
      mayGet: ({ username }) => Promise.resolve(username === "prometheus"),
    },
    clock,
    log: createLogger({ stream: { write: () => true }, clock, format: "json", verbosity: 0 }),
  });
  context.after(() => serving.close());
  return serving;
}

async function statusOf(address: Address | undefined, path: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${address?.port}${path}`);
  await response.body?.cancel();
  return response.status;
}

async function secureStatus(address: Address | undefined, path: string, token?: string): Promise<number | undefined> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  // oxlint-disable-next-line node/no-tls-reject-unauthorized -- a self-signed certificate proves nothing, and is not meant to
  const request = get({
    host: "127.0.0.1",
    port: address?.port,
    path,
    headers,
    rejectUnauthorized: false,
    agent: false,
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

suite("the endpoints on their addresses", () => {
  test("count each time that the certificate of /metrics is read", async (context) => {
    const { cert, key } = selfSigned({ commonName: "a", names: [], notBefore: 0, notAfter: Date.UTC(2049, 0, 1) });
    const folder = await tempFolder(context, { crt: cert, key });
    const [clock, metrics] = [new VirtualClock(), createMetrics({ version: "0.0.0" })];
    const counts = async (): Promise<string> => {
      const samples = samplesOf(await metrics.text());
      return ["", "_errors"].map((of) => samples.get(`certwatcher_read_certificate${of}_total`)).join();
    };
    const certificate = { certFile: `${folder.path}/crt`, keyFile: `${folder.path}/key` };
    await world(context, { metricsAddress: { host: "0.0.0.0", port: 0 }, certificate }, clock, metrics);
    assert.equal(await counts(), "1,0");
    for (const [content, expected] of [
      [key, "2,0"],
      ["no key", "3,1"],
    ] as const) {
      await folder.write("key", content);
      await clock.advance(10_000);
      // The files are really read, which takes as long as it takes.
      await becomes(counts, expected);
    }
  });

  test("share a listener where they share an address", async (context) => {
    const { served } = await world(context);
    assert.deepEqual([served.status, served.metrics, served.isMetricsSecure], [served.health, served.health, false]);
    for (const path of ["/livez", "/", "/traces", "/metrics"])
      assert.equal(await statusOf(served.health, path), 200, path);
  });

  test("as in a pod: probes for all, the page on loopback alone, metrics with TLS for those who may", async (context) => {
    const { served } = await world(context, { address: everywhere, metricsAddress: { host: "0.0.0.0", port: 0 } });
    const { health, status, metrics } = served;
    assert.equal(new Set([health.port, status?.port, metrics?.port]).size, 3);
    for (const [path, code] of [
      ["/livez", 200],
      ["/", 404],
      ["/traces", 404],
      ["/live", 404],
      ["/metrics", 404],
    ] as const)
      assert.equal(await statusOf(health, path), code, path);
    for (const [path, code] of [
      ["/livez", 404],
      ["/", 200],
      ["/metrics", 404],
    ] as const)
      assert.equal(await statusOf(status, path), code, path);
    await assert.rejects(statusOf(metrics, "/metrics"), "plain HTTP gets no answer");
    assert.equal(await secureStatus(metrics, "/metrics"), 401);
    assert.equal(await secureStatus(metrics, "/metrics", "somebody"), 403);
    assert.equal(await secureStatus(metrics, "/metrics", "prometheus"), 200);
    assert.equal(await secureStatus(metrics, "/", "prometheus"), 404);
  });

  test("that are off answer nowhere", async (context) => {
    const { served } = await world(context, { statusAddress: undefined, metricsAddress: undefined });
    assert.deepEqual([served.status, served.metrics], [undefined, undefined]);
    for (const path of ["/", "/metrics", "/traces"]) assert.equal(await statusOf(served.health, path), 404, path);
  });

  test("take another port where a default is taken, and fail where it was asked for", async (context) => {
    const { served } = await world(context);
    const taken = served.health;
    const other = await world(context, { statusAddress: taken, metricsAddress: undefined });
    assert.notEqual(other.served.status?.port, taken.port);
    const another = await world(context, { statusAddress: undefined, metricsAddress: taken });
    assert.notEqual(another.served.metrics?.port, taken.port);
    for (const [asked, flag] of [
      [{ statusAddress: taken, isStatusAddressGiven: true, metricsAddress: undefined }, "--status-address"],
      [{ statusAddress: undefined, metricsAddress: taken, isMetricsAddressGiven: true }, "--metrics-address"],
    ] as const)
      await assert.rejects(world(context, asked), {
        code: "FLAG_INVALID",
        message: new RegExp(`^${flag} 127\\.0\\.0\\.1:\\d+ is in use by another process`),
      });
  });

  test("do not take one of their own for another process's", async (context) => {
    const port = await freePort();
    const address = { host: "127.0.0.1", port };
    const asked = { address, statusAddress: { host: "", port }, isStatusAddressGiven: true, metricsAddress: undefined };
    await assert.rejects(world(context, asked), {
      code: "FLAG_INVALID",
      message: new RegExp(`^--status-address :${port} is in use by our own --address 127\\.0\\.0\\.1:${port}: `),
    });
  });

  test("end at once though a page is looked at", async (context) => {
    const clock = new VirtualClock();
    const serving = await world(context, {}, clock);
    const response = await fetch(`http://127.0.0.1:${serving.served.health.port}/live`);
    const reader = response.body?.getReader();
    await reader?.read();
    let isOver = false;
    const read = async (): Promise<void> => {
      while ((await reader?.read())?.done === false);
      isOver = true;
    };
    const reading = read().catch(() => {}); // Cut off, and so not over.
    const closing = serving.close();
    try {
      await until(() => isOver, { what: "the page's stream ends, while no time passes", limitMs: 5_000, everyMs: 5 });
    } finally {
      await clock.advance(250);
      await closing;
    }
    await reading;
  });
});
