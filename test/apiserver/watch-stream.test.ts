/** How a watch lives and ends: bookmarks, its time, a client that leaves or does not read, a server that stops. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { at, isList } from "../../runtime/apiserver/object.ts";
import { settle } from "../support/virtual-clock.ts";
import type { ApiClient } from "./client.ts";
import { world } from "./world.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";

async function create(api: ApiClient, name: string): Promise<void> {
  assert.equal((await api.post(CONFIG_MAPS, { metadata: { name } })).status, 201);
}

async function openWatches(api: ApiClient): Promise<string> {
  const text = await (await api.raw("/metrics")).text();
  return /^apiserver_longrunning_requests\{verb="WATCH"\} (\d+)$/m.exec(text)?.[1] ?? "";
}

test("bookmarks come about every minute and carry the newest version, other kinds' writes included", async () => {
  const { api, clock } = world();
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=5&allowWatchBookmarks=true`);
  const made = await api.post("/api/v1/namespaces/default/secrets", { metadata: { name: "s" } });
  const next = watch.next();
  await clock.advance(80_000);
  const event = await next;
  assert.equal(event?.type, "BOOKMARK");
  assert.equal(at(event?.object, "metadata", "resourceVersion"), at(made.body, "metadata", "resourceVersion"));
  await watch.cancel();
});

test("a watch that did not ask for bookmarks gets none", async () => {
  const { api, clock } = world();
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=5`);
  await clock.advance(300_000);
  await create(api, "a");
  assert.deepEqual(await watch.names(1), ["ADDED a"]);
  await watch.cancel();
});

test("a watch ends cleanly at timeoutSeconds, with a last bookmark two seconds before", async () => {
  const { api, clock } = world();
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=5&timeoutSeconds=30&allowWatchBookmarks=true`);
  const names = watch.names(10);
  await clock.advance(28_500);
  await create(api, "late");
  await clock.advance(2_000);
  assert.deepEqual(await names, ["BOOKMARK", "ADDED late"]);
  assert.equal(await openWatches(api), "0");
});

test("a watch without timeoutSeconds ends between 30 and 60 minutes", async () => {
  const { api, clock } = world();
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=5`);
  const end = watch.next();
  await clock.advance(29 * 60_000);
  assert.equal(await openWatches(api), "1");
  await clock.advance(31 * 60_000);
  assert.equal(await end, undefined);
});

test("a client that leaves frees its watch and every timer of it", async () => {
  const { api, clock } = world();
  const before = clock.pendingCount;
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&allowWatchBookmarks=true`);
  assert.equal(await openWatches(api), "1");
  await watch.cancel();
  assert.equal(await openWatches(api), "0");
  assert.equal(clock.pendingCount, before);
});

test("an aborted request ends its watch", async () => {
  const { api, server } = world();
  const abort = new AbortController();
  const response = await server.fetch(new Request(`http://x${CONFIG_MAPS}?watch=1`, { signal: abort.signal }));
  const text = response.text();
  abort.abort();
  assert.equal(await text, "");
  assert.equal(await openWatches(api), "0");
});

test("a watcher that does not read is ended instead of growing without bound", async () => {
  const { api } = world({ maxWatchBacklog: 5 });
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=5`);
  for (let i = 0; i < 6; i++) await create(api, `m${i}`);
  await settle();
  assert.equal(await openWatches(api), "0");
  assert.deepEqual(await watch.names(10), []);
});

test("a watcher that reads keeps up with any number of events", async () => {
  const { api } = world({ maxWatchBacklog: 5 });
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=5`);
  const seen = watch.names(50);
  for (let i = 0; i < 50; i++) await create(api, `m${i}`);
  assert.deepEqual(
    await seen,
    Array.from({ length: 50 }, (_, i) => `ADDED m${i}`),
  );
  await watch.cancel();
});

test("a present state larger than the backlog is delivered whole", async () => {
  const { api } = world({ maxWatchBacklog: 5 });
  for (let i = 0; i < 40; i++) await create(api, `m${String(i).padStart(2, "0")}`);
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1`);
  await create(api, "z");
  const names = await watch.names(41);
  assert.deepEqual([names.length, names.at(0), names.at(-1)], [41, "ADDED m00", "ADDED z"]);
  await watch.cancel();
});

test("closing the server ends every watch, after what was waiting in it, and leaves no timer", async () => {
  const { api, server, clock } = world();
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=5`);
  await create(api, "a");
  await server.close();
  assert.deepEqual(await watch.names(5), ["ADDED a"]);
  assert.equal(clock.pendingCount, 0);
});

test("20,000 ConfigMaps reach a watcher and a list", async () => {
  const { api, server } = world({ maxWatchBacklog: 20_000 });
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=5`);
  const seen = watch.take(20_000);
  const body = JSON.stringify({ metadata: { generateName: "copy-" }, data: { x: "1" } });
  const headers = { "content-type": "application/json" };
  for (let i = 0; i < 20_000; i++)
    await server.fetch(new Request(`http://x${CONFIG_MAPS}`, { method: "POST", headers, body }));
  assert.equal((await seen).length, 20_000);
  const list = await api.get(CONFIG_MAPS);
  const items = list.body["items"];
  assert.ok(isList(items));
  assert.equal(items.length, 20_000);
  await watch.cancel();
});
