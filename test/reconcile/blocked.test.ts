/** What cannot be written for now, and when it is tried again. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Blocked, type BlockReason } from "../../runtime/reconcile/blocked.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

interface Rig {
  readonly clock: VirtualClock;
  readonly blocked: Blocked;
}

function rig(): Rig {
  const clock = new VirtualClock();
  return { clock, blocked: new Blocked(clock) };
}

const COPY = "v1/ConfigMap team-a/settings";
const OTHER = "v1/ConfigMap team-b/settings";

const inA = (name: string): string => `v1/ConfigMap team-a/${name}`;

suite("blocked", () => {
  const rows: readonly { readonly reason: BlockReason; readonly firstMs: number; readonly lastMs: number }[] = [
    { reason: "not_ours", firstMs: 5_000, lastMs: 60_000 },
    { reason: "terminating", firstMs: 30_000, lastMs: 600_000 },
    { reason: "not_found", firstMs: 5_000, lastMs: 300_000 },
    { reason: "denied", firstMs: 1_000, lastMs: 300_000 },
    { reason: "not_converging", firstMs: 600_000, lastMs: 600_000 },
  ];
  for (const { reason, firstMs, lastMs } of rows) {
    test(`${reason} waits from ${firstMs} to ${lastMs} ms, spread by a fifth`, () => {
      const { blocked } = rig();
      const pauses = Array.from({ length: 20 }, () => {
        blocked.block(COPY, reason, "team-a");
        return blocked.nextTryInMs(0) ?? 0;
      });
      const [first = 0] = pauses;
      const last = pauses.at(-1) ?? 0;
      assert.ok(first >= firstMs && first <= firstMs * 1.2, String(first));
      assert.ok(last >= lastMs && last <= lastMs * 1.2, String(last));
    });
  }

  test("holds a target until its time, and no other", async () => {
    const { clock, blocked } = rig();
    blocked.block(COPY, "denied", "team-a");
    assert.deepEqual([blocked.isHeld(COPY), blocked.isHeld(OTHER)], [true, false]);
    await clock.advance(1_200);
    assert.deepEqual([blocked.isHeld(COPY), blocked.nextTryInMs(0)], [false, 0]);
  });

  test("says whether a block is news: told once per reason", () => {
    const { blocked } = rig();
    const news = (["denied", "denied", "not_ours", "denied"] as const).map((reason) =>
      blocked.block(COPY, reason, "team-a"),
    );
    assert.deepEqual(news, [true, false, true, true]);
  });

  test("starts over with the pauses when the reason is another", () => {
    const { blocked } = rig();
    for (let i = 0; i < 8; i++) blocked.block(COPY, "denied", "team-a");
    blocked.block(COPY, "not_ours", "team-a");
    assert.equal(blocked.get(COPY)?.tries, 0);
  });

  test("next to be tried is the earliest of all", () => {
    const { blocked } = rig();
    assert.equal(blocked.nextTryInMs(0), undefined);
    blocked.block(COPY, "terminating", "team-a");
    blocked.block(OTHER, "denied", "team-b");
    assert.ok((blocked.nextTryInMs(0) ?? Infinity) <= 1_200);
  });

  test("a change of a namespace frees what its state had blocked, and nothing else", () => {
    const { blocked } = rig();
    blocked.block(inA("a"), "terminating", "team-a");
    blocked.block(inA("b"), "not_found", "team-a");
    blocked.block(inA("c"), "denied", "team-a");
    blocked.block(inA("d"), "not_ours", "team-a");
    blocked.block(OTHER, "terminating", "team-b");
    blocked.clearNamespace("team-a");
    assert.deepEqual(
      ["a", "b", "c", "d"].map((name) => blocked.isHeld(inA(name))),
      [false, false, true, true],
    );
    assert.equal(blocked.isHeld(OTHER), true);
  });

  test("forgets what is cleared, and what is no longer wished for", () => {
    const { blocked } = rig();
    for (const target of [COPY, OTHER, "third"]) blocked.block(target, "denied", "team-a");
    blocked.clear("third");
    blocked.keepOnly(new Set([OTHER]));
    assert.deepEqual([blocked.size, blocked.targets("denied"), blocked.targets("not_ours")], [1, [OTHER], []]);
  });
});
