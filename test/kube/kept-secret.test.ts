/** A dear secret is asked for when it is old or refused, and not for each refusal. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KeptSecret } from "../../runtime/kube/kept-secret.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** `t-1`, `t-2`, … each fresh for 100 s. */
function numbered() {
  const clock = new VirtualClock();
  const world = { clock, askedCount: 0 };
  const secret = new KeptSecret(clock, async () => ({ authorization: `t-${++world.askedCount}`, freshForMs: 100_000 }));
  return Object.assign(world, { secret });
}

test("kept secret: asked for once while it is fresh, and its remaining life is told", async () => {
  const { clock, secret } = numbered();
  assert.deepEqual(await secret.get(false), { authorization: "t-1", freshForMs: 100_000 });
  await clock.advance(99_999);
  assert.deepEqual(await secret.get(false), { authorization: "t-1", freshForMs: 1 });
  await clock.advance(1);
  assert.deepEqual(await secret.get(false), { authorization: "t-2", freshForMs: 100_000 });
});

test("kept secret: asked for anew when refused, at most once in 10 s", async () => {
  const { clock, secret } = numbered();
  await secret.get(false);
  assert.equal((await secret.get(true)).authorization, "t-2");
  await clock.advance(9_999);
  assert.equal((await secret.get(true)).authorization, "t-2");
  await clock.advance(1);
  assert.equal((await secret.get(true)).authorization, "t-3");
});

test("kept secret: a failure to get one is thrown, and the former is not lost", async () => {
  const clock = new VirtualClock();
  let isBroken = false;
  const secret = new KeptSecret(clock, async () => {
    if (isBroken) throw new Error("log in first");
    return { authorization: "t", freshForMs: Infinity };
  });
  await secret.get(false);
  isBroken = true;
  await assert.rejects(secret.get(true), /log in first/);
  assert.equal((await secret.get(false)).authorization, "t");
});
