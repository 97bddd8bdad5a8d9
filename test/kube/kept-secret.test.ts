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

test("kept secret: one that was old when it came, by clocks that differ, is kept for 10 s", async () => {
  const clock = new VirtualClock();
  let askedCount = 0;
  const secret = new KeptSecret(clock, async () => ({ authorization: `t-${++askedCount}`, freshForMs: 0 }));
  for (let i = 0; i < 50; i++) assert.equal((await secret.get(false)).freshForMs, 10_000);
  assert.equal(askedCount, 1);
  await clock.advance(10_000);
  await secret.get(false);
  assert.equal(askedCount, 2);
});

for (const isRefused of [false, true])
  test(`kept secret: ${isRefused ? "refused" : "old"}, and no other to be had, it is asked for every 10 s`, async () => {
    const clock = new VirtualClock();
    let askedCount = 0;
    const secret = new KeptSecret(clock, async () => {
      if (++askedCount > 1) throw new Error("log in first");
      return { authorization: "t", freshForMs: 60_000 };
    });
    await secret.get(false);
    await clock.advance(60_000);
    const outcomes: string[] = [];
    for (let second = 0; second < 11; second++) {
      outcomes.push(await secret.get(isRefused).then(({ authorization = "" }) => authorization, String));
      await clock.advance(1_000);
    }
    const failed = "Error: log in first";
    assert.deepEqual(outcomes, [failed, ...Array<string>(9).fill("t"), failed]);
  });
