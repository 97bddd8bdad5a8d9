/** A server that is unwell: it is not stormed, its pauses are kept, and what waited for it comes soon after it is well. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { configMap, source } from "./objects.ts";
import type { Fault } from "../support/in-process-transport.ts";
import type { RecordedRequest } from "./recorder.ts";
import { world } from "./world.ts";

const MINUTE = 60_000;
const namespaces = Array.from({ length: 300 }, (_, i) => `team-${i}`);

const tooMany = (retryAfter: string): Fault => ({
  do: "answer",
  status: 429,
  headers: { "retry-after": retryAfter },
  body: {},
});
const isCreate = ({ verb, resource }: RecordedRequest): boolean => verb === "create" && resource === "configmaps";
const isRead = ({ verb, resource }: RecordedRequest): boolean => verb === "get" && resource === "configmaps";

suite("of a fan-out to 300 namespaces", () => {
  const rows: readonly { readonly name: string; readonly reply: Fault; readonly most: number }[] = [
    {
      name: "a server that asks for pauses of ten seconds gets a few tries after each",
      reply: tooMany("10"),
      most: 220,
    },
    { name: "a server that nobody reaches gets a few tries, ever later", reply: { do: "fail" }, most: 500 },
  ];
  for (const { name, reply, most } of rows)
    test(name, async (context) => {
      const w = await world(context, { namespaces });
      await w.converged();
      w.mark();
      w.rule((request) => (isCreate(request) ? reply : undefined));
      await w.create(source("default/settings"));
      await w.advance(MINUTE);
      const tries = w.writeRequests().length;
      assert.ok(tries > 0 && tries <= most, `${tries} tries`);
      w.rule(() => undefined);
      await w.advance(MINUTE);
      assert.equal((await w.copies()).length, namespaces.length);
    });

  test("one name that always meets a pause keeps no other waiting", async (context) => {
    const w = await world(context, { namespaces });
    w.rule((request) => (isCreate(request) && request.key === "team-0/settings" ? tooMany("10") : undefined));
    await w.create(source("default/settings"));
    await w.advance(5_000);
    assert.equal((await w.copies()).length, namespaces.length - 1);
  });
});

test("100 keys that meet pauses of a second back off all the same", async (context) => {
  const w = await world(context, { namespaces: ["team-a"], concurrency: 32 });
  await w.converged();
  w.rule((request) => (isCreate(request) ? tooMany("1") : undefined));
  for (let i = 0; i < 100; i++) await w.create(source(`default/s-${i}`));
  await w.advance(2 * MINUTE);
  w.mark();
  await w.advance(MINUTE);
  const tries = w.writeRequests().length;
  assert.ok(tries > 0 && tries < 500, `${tries} tries`);
  w.rule(() => undefined);
  await w.advance(5 * MINUTE);
  assert.equal((await w.copies()).length, 100);
});

test("nobody is left waiting for a day, whatever the server says", async (context) => {
  const w = await world(context, {});
  let isFirst = true;
  w.rule((request) => {
    if (!isCreate(request) || !isFirst) return undefined;
    isFirst = false;
    return tooMany("86400");
  });
  await w.create(source("default/settings"));
  await w.advance(7 * MINUTE);
  assert.deepEqual(await w.copies(), ["team-a/settings", "team-b/settings"]);
});

suite("a pause holds for the reads before a write as well:", () => {
  test("the second look before a deletion, which is not made meanwhile", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    w.mark();
    w.rule((request) => (isRead(request) ? tooMany("30") : undefined));
    await w.delete(ConfigMap, "default/settings");
    await w.advance(MINUTE);
    assert.ok(w.requests.filter(isRead).length <= 4, `${w.requests.filter(isRead).length} reads`);
    assert.equal((await w.copies()).length, 2);
  });

  test("the question whose a name is", async (context) => {
    const w = await world(context, { objects: [configMap("team-a/settings")] });
    await w.converged();
    w.mark();
    w.rule((request) => (isRead(request) ? tooMany("30") : undefined));
    await w.create(source("default/settings"));
    await w.advance(MINUTE);
    assert.ok(w.requests.filter(isRead).length <= 4, `${w.requests.filter(isRead).length} reads`);
  });
});

test("after an outage of three seconds 1 500 keys are done within half a minute", async (context) => {
  const count = 1_500;
  const w = await world(context, { namespaces: ["team-a"], isDown: true, concurrency: 32 });
  for (let i = 0; i < count; i++) await w.create(source(`default/s-${i}`));
  w.rule((request) => (isCreate(request) ? { do: "answer", status: 503, body: {} } : undefined));
  await w.boot();
  await w.advance(3_000);
  w.rule(() => undefined);
  await w.advance(30_000);
  assert.equal((await w.copies()).length, count);
});
