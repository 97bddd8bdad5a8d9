/** The bounded past: what a list or a watch gets when it asks for a version that is forgotten. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Json, at } from "../../runtime/apiserver/object.ts";
import type { ApiClient } from "./client.ts";
import { world } from "./world.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";

async function create(api: ApiClient, name: string): Promise<string> {
  const { body } = await api.post(CONFIG_MAPS, { metadata: { name } });
  return text(at(body, "metadata", "resourceVersion"));
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : assert.fail("expected a string");
}

async function expiredWatch(api: ApiClient, resourceVersion: string): Promise<void> {
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=${resourceVersion}`);
  assert.equal(watch.status, 200);
  const event = await watch.next();
  assert.equal(event?.type, "ERROR");
  assert.deepEqual([event?.object["code"], event?.object["reason"], event?.object["kind"]], [410, "Expired", "Status"]);
  assert.equal(await watch.next(), undefined);
}

test("after a compaction a watch from before it gets one ERROR event with 410 Expired, and ends", async () => {
  const { api, server } = world();
  const old = await create(api, "a");
  await create(api, "b");
  server.compact();
  await expiredWatch(api, old);
});

test("a watch from the compacted revision itself still works", async () => {
  const { api, server } = world();
  const last = await create(api, "a");
  server.compact();
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=${last}`);
  await create(api, "b");
  assert.deepEqual(await watch.names(1), ["ADDED b"]);
  await watch.cancel();
});

test("a continue token from before a compaction is 410 Expired, with a token for the inconsistent rest", async () => {
  const { api, server } = world();
  for (const name of ["a", "b", "c"]) await create(api, name);
  const first = await api.get(`${CONFIG_MAPS}?limit=1`);
  await create(api, "bb");
  server.compact();
  const token = at(first.body, "metadata", "continue");
  assert.equal(typeof token, "string");
  const gone = await api.get(`${CONFIG_MAPS}?limit=1&continue=${text(token)}`);
  assert.deepEqual([gone.status, gone.body["code"], gone.body["reason"]], [410, 410, "Expired"]);
  const inconsistent = at(gone.body, "metadata", "continue");
  const rest = await api.get(`${CONFIG_MAPS}?continue=${text(inconsistent)}`);
  assert.equal(rest.status, 200);
  assert.match(JSON.stringify(rest.body["items"]), /"name":"b".*"name":"bb".*"name":"c"/);
});

test("a list at an exact version from before a compaction is 410", async () => {
  const { api, server } = world();
  const old = await create(api, "a");
  await create(api, "b");
  server.compact();
  const answer = await api.get(`${CONFIG_MAPS}?resourceVersion=${old}&resourceVersionMatch=Exact`);
  assert.deepEqual([answer.status, answer.body["reason"]], [410, "Expired"]);
});

test("the history is bounded by a count", async () => {
  const { api } = world({ maxHistory: 3 });
  const old = await create(api, "a");
  for (const name of ["b", "c", "d", "e"]) await create(api, name);
  await expiredWatch(api, old);
});

test("the history is bounded by an age, also when nothing is written any more", async () => {
  const { api, clock } = world({ historyMs: 60_000 });
  const old = await create(api, "a");
  const recent = await create(api, "b");
  await clock.advance(30_000);
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=${old}`);
  assert.deepEqual(await watch.names(1), ["ADDED b"]);
  await watch.cancel();
  await clock.advance(31_000);
  await expiredWatch(api, old);
  const resumed = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=${recent}`);
  await create(api, "c");
  assert.deepEqual(await resumed.names(1), ["ADDED c"]);
  await resumed.cancel();
});

test("writes to one kind do not expire the versions of another", async () => {
  const { api } = world({ maxHistory: 3 });
  const version = await create(api, "a");
  for (let i = 0; i < 10; i++) await api.post("/api/v1/namespaces/default/secrets", { metadata: { name: `s${i}` } });
  const watch = await api.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=${version}`);
  await create(api, "b");
  assert.deepEqual(await watch.names(1), ["ADDED b"]);
  await watch.cancel();
});
