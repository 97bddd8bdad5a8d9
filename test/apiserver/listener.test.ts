/** The socket: what it serves, what it refuses, how it stops. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { VirtualClock } from "../support/virtual-clock.ts";
import { until } from "../support/wait.ts";
import { createApiServer } from "../../runtime/apiserver/server.ts";
import type { Listening } from "../../runtime/apiserver/listener.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

/** The status of a GET with these headers; fetch would not let a test choose Host and Origin. */
function statusOf({ url }: Listening, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  request(`${url}/api/v1/namespaces`, { headers }, (response) => {
    response.resume();
    resolve(response.statusCode);
  })
    .on("error", reject)
    .end();
  return promise;
}

test("requests that a web page made, and requests for another host name, are refused", async () => {
  const server = createApiServer({ clock: new VirtualClock() });
  const listening = await server.listen(LOOPBACK);
  assert.equal(await statusOf(listening, {}), 200);
  assert.equal(await statusOf(listening, { host: "localhost:1" }), 200);
  assert.equal(await statusOf(listening, { origin: "http://evil.example" }), 403);
  assert.equal(await statusOf(listening, { "sec-fetch-site": "cross-site" }), 403);
  assert.equal(await statusOf(listening, { host: "evil.example" }), 403);
  await server.close();
});

test("closing ends open watches and connections at once", async () => {
  const server = createApiServer({ clock: new VirtualClock() });
  const { url } = await server.listen(LOOPBACK);
  const watch = await fetch(`${url}/api/v1/configmaps?watch=1&resourceVersion=5`);
  const end = watch.text();
  await server.close();
  assert.equal(await end, "");
  await assert.rejects(fetch(`${url}/healthz`));
});

test("a watch over the socket ends when its client leaves", async () => {
  const server = createApiServer({ clock: new VirtualClock() });
  const { url } = await server.listen(LOOPBACK);
  const watch = await fetch(`${url}/api/v1/configmaps?watch=1`);
  await watch.body?.cancel();
  const isOver = async (): Promise<boolean> =>
    (await (await fetch(`${url}/metrics`)).text()).includes('apiserver_longrunning_requests{verb="WATCH"} 0');
  await until(isOver, { what: "the watch is over" });
  await server.close();
});

test("a port that is taken is an error, not a crash", async () => {
  const server = createApiServer({ clock: new VirtualClock() });
  const { url } = await server.listen(LOOPBACK);
  await assert.rejects(server.listen({ host: "127.0.0.1", port: Number(new URL(url).port) }), { code: "EADDRINUSE" });
  await server.close();
});

test("an idle connection is kept for longer than Go clients keep it, which is 90 s", async () => {
  const server = createApiServer({ clock: new VirtualClock() });
  const { url } = await server.listen(LOOPBACK);
  const answer = await fetch(`${url}/version`);
  await answer.body?.cancel();
  assert.equal(answer.headers.get("keep-alive"), "timeout=95");
  await server.close();
});
