/** Credentials are renewed once for all who wait, kept when renewal fails, and not renewed in a frenzy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep } from "../../runtime/clock/clock.ts";
import {
  bearer,
  plainCredentials,
  RenewedCredentials,
  type Doubt,
  type Identity,
} from "../../runtime/kube/credentials.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { settle, VirtualClock } from "../support/virtual-clock.ts";

const identity = (token: string, ca = "CA"): Identity => ({
  authorization: `Bearer ${token}`,
  tls: { ca, rejectUnauthorized: true },
});

/** Loads what `tokens` says, one after the other; the last one for ever. An Error is thrown; `hangs` takes 25 s. */
function loaded(tokens: readonly (string | Error)[], { freshForMs = 60_000, lifetimeMs = Infinity } = {}) {
  const clock = new VirtualClock();
  const doubts: (Doubt | undefined)[] = [];
  const world = { clock, loadCount: 0, doubts };
  const credentials = new RenewedCredentials({ server: "https://k:6443/", namespace: "n" }, clock, async (doubt) => {
    doubts.push(doubt);
    const token = tokens[Math.min(world.loadCount++, tokens.length - 1)] ?? "";
    if (token instanceof Error) throw token;
    if (token === "hangs") await sleep(clock, 25_000);
    return { identity: identity(token), freshForMs, expiresAtMs: clock.now() + lifetimeMs };
  });
  return Object.assign(world, { credentials });
}

test("credentials: loaded once for all who wait", async () => {
  const world = loaded(["a"]);
  const all = await Promise.all([
    world.credentials.current(),
    world.credentials.current(),
    world.credentials.current(),
  ]);
  assert.equal(world.loadCount, 1);
  assert.equal(all[0]?.authorization, "Bearer a");
  assert.equal(world.credentials.server, "https://k:6443");
});

test("credentials: synchronous while fresh, loaded again when old, and nobody waits for that", async () => {
  const world = loaded(["a", "b"]);
  const first = await world.credentials.current();
  await world.clock.advance(59_999);
  assert.deepEqual([world.credentials.current(), world.loadCount], [first, 1]);
  await world.clock.advance(1);
  assert.deepEqual([world.credentials.current(), world.loadCount], [first, 2]);
  await settle();
  assert.equal((await world.credentials.current()).authorization, "Bearer b");
});

test("credentials: a load that hangs keeps nobody waiting until what there is has expired", async () => {
  const world = loaded(["a", "hangs"], { freshForMs: 90_000, lifetimeMs: 100_000 });
  const first = await world.credentials.current();
  await world.clock.advance(90_000);
  for (let second = 0; second < 10; second++) {
    assert.equal(world.credentials.current(), first);
    await world.clock.advance(1_000);
  }
  const awaited = world.credentials.current();
  assert.ok(awaited instanceof Promise, "expired");
  await world.clock.advance(15_000);
  assert.equal((await awaited).authorization, "Bearer hangs");
  assert.equal(world.loadCount, 2);
});

test("credentials: what has expired goes on when no other can be had: it is the server that refuses", async () => {
  const world = loaded(["a", new Error("log in first")], { lifetimeMs: 60_000 });
  const first = await world.credentials.current();
  await world.clock.advance(60_000);
  assert.equal(await world.credentials.current(), first);
});

test("credentials: one that is refused while a load hangs is waited for", async () => {
  const world = loaded(["a", "hangs"]);
  const first = await world.credentials.current();
  await world.clock.advance(60_000);
  assert.equal(world.credentials.current(), first);
  const renewed = world.credentials.renew(first, "refused");
  await world.clock.advance(25_000);
  assert.equal((await renewed).authorization, "Bearer hangs");
  assert.equal(world.loadCount, 2);
});

test("credentials: the same content is the same identity, so connections live on", async () => {
  const world = loaded(["a", "a", "b"]);
  const first = await world.credentials.current();
  await world.clock.advance(60_000);
  assert.equal(await world.credentials.current(), first);
  await world.clock.advance(60_000);
  void world.credentials.current();
  await settle();
  const second = await world.credentials.current();
  assert.equal(second.authorization, "Bearer b");
  assert.equal(second.tls, first.tls, "a new token is no reason for new connections");
});

test("credentials: a reload that fails leaves the old ones in use and is tried again 10 s later", async () => {
  const world = loaded(["a", new Error("no such file"), "b"]);
  const first = await world.credentials.current();
  await world.clock.advance(60_000);
  for (let second = 0; second < 10; second++) {
    assert.equal(world.credentials.current(), first);
    await world.clock.advance(1_000);
  }
  assert.equal(world.loadCount, 2);
  void world.credentials.current();
  await settle();
  assert.equal((await world.credentials.current()).authorization, "Bearer b");
});

test("credentials: without any, the failure to load is thrown", async () => {
  const error = new EvenkeelError("FILE_NOT_FOUND", "token");
  const { credentials } = loaded([error]);
  await assert.rejects(async () => credentials.current(), error);
});

test("credentials: refused ones are renewed once, for all who were refused", async () => {
  const world = loaded(["a", "b"]);
  const refused = await world.credentials.current();
  const renewed = await Promise.all([
    world.credentials.renew(refused, "refused"),
    world.credentials.renew(refused, "refused"),
  ]);
  assert.equal(world.loadCount, 2);
  assert.deepEqual(new Set(renewed.map(({ authorization }) => authorization)), new Set(["Bearer b"]));
  // Who was refused with the old one later gets the new one, and no renewal.
  assert.equal(await world.credentials.renew(refused, "refused"), renewed[0]);
  assert.equal(world.loadCount, 2);
});

for (const doubt of ["refused", "untrusted"] as const) {
  test(`credentials: while everything is ${doubt}, they are loaded once a second`, async () => {
    const world = loaded(["a"]);
    const former = await world.credentials.current();
    for (let i = 0; i < 5; i++) assert.equal(await world.credentials.renew(former, doubt), former);
    assert.equal(world.loadCount, 2);
    await world.clock.advance(999);
    await world.credentials.renew(former, doubt);
    assert.equal(world.loadCount, 2);
    await world.clock.advance(1);
    await world.credentials.renew(former, doubt);
    assert.deepEqual(world.doubts, [undefined, doubt, doubt]);
  });
}

test("credentials: a lease that is renewed every 2 s finds what was rotated at its next attempt, not only the first time", async () => {
  const world = loaded(["a", "a", "a", "b"]);
  const former = await world.credentials.current();
  const seen: (string | undefined)[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    await world.clock.advance(2_000);
    seen.push((await world.credentials.renew(former, "untrusted")).authorization);
  }
  assert.deepEqual(seen, ["Bearer a", "Bearer a", "Bearer b"]);
});

test("credentials: a renewal that fails says why", async () => {
  const error = new EvenkeelError("API_UNAUTHORIZED", "the plugin failed");
  const world = loaded(["a", error]);
  await assert.rejects(world.credentials.renew(await world.credentials.current(), "refused"), error);
});

test("credentials: plain ones carry nothing and cannot be renewed", async () => {
  const credentials = plainCredentials({ url: "http://127.0.0.1:8001/" });
  const current = await credentials.current();
  assert.equal(credentials.server, "http://127.0.0.1:8001");
  assert.equal(current.authorization, undefined);
  assert.equal(await credentials.renew(current, "refused"), current);
});

test("credentials: a token that no header can carry is refused without quoting it", () => {
  for (const token of ["", " \n", "a b", "a\r\nx: y", "é"]) {
    assert.throws(
      () => bearer(token, "/token"),
      (error) => error instanceof EvenkeelError && error.code === "API_UNAUTHORIZED" && !error.message.includes("x: y"),
    );
  }
  assert.equal(bearer("abc\n", "/token"), "Bearer abc");
});
