/** A relist that loses much holds deletions until the loss is confirmed. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Change } from "../../runtime/cache/store.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import { sleep } from "../../runtime/clock/clock.ts";
import { FakeCluster } from "./support/fake-cluster.ts";
import { InformerRig } from "./support/informer-rig.ts";
import { added, failure, initialEnd, object } from "./support/objects.ts";
import { page, ScriptedApi, type WatchStep } from "./support/scripted-api.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

function objects(count: number): readonly StoredObject[] {
  return Array.from({ length: count }, (_, index) => object(`o${index}`, 3));
}

function watchList(count: number, version: number): readonly WatchStep[] {
  return [...objects(count).map((object) => ({ type: "added" as const, object })), initialEnd(version)];
}

/** An informer that held `before` objects and, by a relist, holds `after`; its first confirming list has failed. */
async function relisted(
  before: number,
  after: number,
  then: readonly WatchStep[] = [],
): Promise<{ readonly rig: InformerRig; readonly api: ScriptedApi }> {
  const clock = new VirtualClock();
  const api = new ScriptedApi(clock, {
    watches: [
      [...watchList(before, 10), failure("API_EXPIRED")],
      [...watchList(after, 20), ...then],
    ],
  });
  const rig = new InformerRig(api, {}, clock);
  await rig.clock.advance(100);
  api.script({ lists: [failure("API_UNAVAILABLE")] });
  await rig.clock.advance(2_000);
  assert.equal(rig.informer.store.size, after);
  return { rig, api };
}

suite("drop guard: when it holds", () => {
  const rows: readonly (readonly [before: number, after: number, isHeld: boolean, why: string])[] = [
    [10, 0, false, "ten may go at any time"],
    [11, 0, true, "eleven of eleven is more than ten and more than a fifth"],
    [100, 80, false, "a fifth may go"],
    [100, 79, true, "more than a fifth"],
    [40, 29, true, "eleven of forty"],
    [100, 100, false, "nothing went"],
    [30, 50, false, "more came"],
  ];
  for (const [before, after, isHeld, why] of rows)
    test(`${before} → ${after}: ${isHeld ? "holds" : "trusts"}, because ${why}`, async () => {
      const { rig } = await relisted(before, after);
      assert.equal(rig.informer.deletionsHeld !== undefined, isHeld);
      assert.equal(rig.count("deletions-held"), isHeld ? 1 : 0);
      await rig.informer.stop();
      assert.equal(rig.clock.pendingCount, 0);
    });

  test("the first list never does", async () => {
    const api = new ScriptedApi(new VirtualClock(), { watches: [[initialEnd(9)]] });
    const rig = new InformerRig(api);
    await rig.clock.advance(1);
    assert.equal(rig.informer.deletionsHeld, undefined);
    await rig.informer.stop();
  });

  test("deletions by watch events never do", async () => {
    const gone = objects(50).map(({ metadata }, index): WatchStep => ({
      type: "deleted",
      object: object(metadata.name, 20 + index),
    }));
    const rig = new InformerRig(new ScriptedApi(new VirtualClock(), { watches: [[...watchList(50, 10), ...gone]] }));
    await rig.clock.advance(1);
    assert.equal(rig.informer.store.size, 0);
    assert.equal(rig.informer.deletionsHeld, undefined);
    await rig.informer.stop();
  });

  test("holds before any handler hears of the loss", async () => {
    const api = new ScriptedApi(new VirtualClock(), {
      watches: [[...watchList(50, 10), failure("API_EXPIRED")], watchList(5, 20)],
    });
    const rig = new InformerRig(api);
    const held: boolean[] = [];
    rig.informer.onChange(({ after }: Change) => {
      if (after === undefined) held.push(rig.informer.deletionsHeld !== undefined);
    });
    await rig.clock.advance(3_000);
    assert.deepEqual(new Set(held), new Set([true]));
    await rig.informer.stop();
  });
});

suite("drop guard: how it ends", () => {
  test("two lists, thirty seconds apart, confirm the loss; a failed one does not count", async () => {
    const { rig, api } = await relisted(50, 5);
    assert.match(rig.informer.deletionsHeld ?? "", /lost 45 objects; 0 of 2 lists/);
    assert.equal(rig.count("confirmation-failed"), 1);
    api.script({ lists: [page(21, objects(5)), page(22, objects(5))] });
    await rig.clock.advance(30_000);
    assert.match(rig.informer.deletionsHeld ?? "", /1 of 2 lists/);
    await rig.clock.advance(28_000);
    assert.notEqual(rig.informer.deletionsHeld, undefined);
    await rig.clock.advance(2_000);
    assert.equal(rig.informer.deletionsHeld, undefined);
    assert.equal(rig.count("deletions-released"), 1);
    await rig.informer.stop();
  });

  test("a list from before the relist does not count", async () => {
    const { rig, api } = await relisted(50, 5);
    api.script({ lists: [page(19, objects(5))] });
    await rig.clock.advance(31_000);
    assert.match(rig.informer.deletionsHeld ?? "", /0 of 2 lists/);
    await rig.informer.stop();
  });

  test("lists confirm the loss also of a kind that changes while they are made", async () => {
    const clock = new VirtualClock();
    const cluster = new FakeCluster();
    for (let i = 0; i < 40; i++) cluster.put(`n/o${i}`);
    const rig = new InformerRig(cluster, {}, clock);
    await clock.advance(2_000);
    cluster.afterPage = () => sleep(clock, 200, undefined);
    cluster.drop(failure("API_UNREACHABLE"));
    for (let i = 0; i < 20; i++) cluster.remove(`n/o${i}`);
    cluster.compact();
    for (let ms = 0; ms < 90_000; ms += 100) {
      cluster.put("n/busy", { changed: String(ms) });
      await clock.advance(100);
    }
    assert.equal(rig.count("deletions-held"), 1);
    assert.equal(rig.informer.deletionsHeld, undefined);
    await rig.informer.stop();
  });

  test("a list that shows the lost objects has the store repaired, and then the guard lifts", async () => {
    const { rig, api } = await relisted(50, 5);
    api.script({ lists: [page(25, objects(50))], watches: [watchList(50, 26)] });
    await rig.clock.advance(31_000);
    assert.equal(rig.informer.store.size, 50);
    assert.equal(rig.informer.deletionsHeld, undefined);
    assert.equal(rig.count("deletions-released"), 1);
    await rig.informer.stop();
  });

  test("a repair that lacks them as well leaves it held", async () => {
    const { rig, api } = await relisted(50, 5);
    api.script({ lists: [page(25, objects(50))], watches: [watchList(5, 26)] });
    await rig.clock.advance(31_000);
    assert.match(rig.informer.deletionsHeld ?? "", /0 of 2 lists/);
    await rig.informer.stop();
  });

  test("confirmations before a list that shows the objects count no more", async () => {
    const { rig, api } = await relisted(50, 5);
    api.script({ lists: [page(21, objects(5)), page(25, objects(50))], watches: [watchList(5, 26)] });
    await rig.clock.advance(62_000);
    assert.match(rig.informer.deletionsHeld ?? "", /0 of 2 lists/);
    api.script({ lists: [page(27, objects(5))] });
    await rig.clock.advance(30_000);
    assert.match(rig.informer.deletionsHeld ?? "", /1 of 2 lists/);
    await rig.informer.stop();
  });

  test("objects created again under the old names are not the lost ones", async () => {
    const { rig, api } = await relisted(50, 5);
    const again = [
      ...objects(5),
      ...Array.from({ length: 45 }, (_, index) => object(`o${index + 5}`, 21, { uid: `new ${index}` })),
    ];
    api.script({ lists: [page(25, again), page(26, again)] });
    await rig.clock.advance(62_000);
    assert.equal(rig.informer.deletionsHeld, undefined);
    assert.equal(api.calls.filter((call) => call === "watch-list").length, 2, "and nothing needs repair");
    await rig.informer.stop();
  });

  test("objects that the watch brings back lift it, once", async () => {
    const back = objects(30).map(({ metadata }, index) => added(metadata.name, 40 + index));
    const { rig, api } = await relisted(30, 15, [35_000, ...back]);
    api.script({ lists: [page(21, objects(15)), page(80, objects(30))] });
    await rig.clock.advance(62_000);
    assert.equal(rig.informer.deletionsHeld, undefined);
    assert.equal(rig.count("deletions-released"), 1);
    await rig.informer.stop();
  });

  test("a second loss meanwhile begins the confirmation anew", async () => {
    const { rig, api } = await relisted(100, 50, [40_000, failure("API_EXPIRED")]);
    api.script({ lists: [page(21, objects(50))], watches: [watchList(10, 30)] });
    await rig.clock.advance(30_000);
    assert.match(rig.informer.deletionsHeld ?? "", /lost 50 objects; 1 of 2/);
    api.script({ lists: [page(31, objects(10)), page(32, objects(10))] });
    await rig.clock.advance(15_000);
    assert.match(rig.informer.deletionsHeld ?? "", /lost 90 objects; 0 of 2/);
    await rig.clock.advance(50_000);
    assert.equal(rig.informer.deletionsHeld, undefined);
    await rig.informer.stop();
  });
});
