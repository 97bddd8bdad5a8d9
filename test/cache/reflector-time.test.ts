/** When the reflector asks: delays, deadlines, and how rarely it asks while all is well. Time is virtual. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { codeOf } from "../../runtime/kube/errors.ts";
import { bookmark, failure, initialEnd, object } from "./support/objects.ts";
import { ReflectorRig, syncedAB as synced } from "./support/reflector-rig.ts";
import { page, type WatchStep } from "./support/scripted-api.ts";

suite("reflector: time", () => {
  test("delays grow from 0.8 s to half a minute, each spread up to twofold, and none is shorter", async () => {
    const rig = new ReflectorRig({ watches: Array.from({ length: 9 }, () => [failure("API_TOO_MANY_REQUESTS")]) });
    await rig.clock.advance(600_000);
    const floors = [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000];
    const delays = rig.failures.map(({ retryInMs }) => retryInMs);
    for (const [index, floorMs] of floors.entries()) {
      const delayMs = delays[index] ?? 0;
      assert.ok(delayMs >= floorMs && delayMs <= 2 * floorMs, `delay ${index} is ${delayMs}, expected from ${floorMs}`);
    }
    await rig.stop();
  });

  test("the delay begins anew after two minutes without a failure", async () => {
    const fails = failure("API_UNREACHABLE");
    const rig = new ReflectorRig({
      watches: [[...synced, 2_000, fails], [fails], [fails], [121_000, bookmark(9), fails]],
    });
    await rig.clock.advance(300_000);
    assert.equal(rig.failures.length, 4);
    assert.ok((rig.failures[2]?.retryInMs ?? 0) >= 3200);
    assert.ok((rig.failures[3]?.retryInMs ?? Infinity) <= 1600);
    await rig.stop();
  });

  test("a watch found dead after a long life is opened again within two seconds", async () => {
    const dead: WatchStep[] = [bookmark(9), 90_000, failure("API_TIMEOUT")];
    const rig = new ReflectorRig({ watches: [[...synced, ...dead], dead, dead, dead] });
    await rig.clock.advance(400_000);
    assert.equal(rig.failures.length, 4);
    for (const { retryInMs } of rig.failures) assert.ok(retryInMs <= 1600, `${retryInMs}`);
    await rig.stop();
  });

  test("Retry-After is honoured, never early and at most a fifth late, on lists and on watches", async () => {
    const busy = failure("API_TOO_MANY_REQUESTS", { retryAfterMs: 7_000 });
    const rig = new ReflectorRig({
      watches: [[failure("API_INVALID")], [2_000, busy], [busy]],
      lists: [busy, page(7, [object("a", 3)])],
    });
    await rig.clock.advance(60_000);
    const asked = rig.failures.filter(({ error }) => codeOf(error) === "API_TOO_MANY_REQUESTS");
    assert.equal(asked.length, 3);
    for (const { retryInMs } of asked) assert.ok(retryInMs >= 7_000 && retryInMs <= 8_400, `${retryInMs}`);
    assert.deepEqual(rig.api.calls.slice(1), ["list 500", "list 500", ...Array<string>(3).fill("watch from 7")]);
    await rig.stop();
  });

  test("an absurd Retry-After is cut to five minutes", async () => {
    const rig = new ReflectorRig({ watches: [[failure("API_UNAVAILABLE", { retryAfterMs: 86_400_000 })]] });
    await rig.clock.advance(1);
    assert.ok((rig.failures[0]?.retryInMs ?? Infinity) <= 360_000);
    await rig.stop();
  });

  test("a history that has gone back is asked for every five to ten minutes in the end, and quickly at first", async () => {
    const rig = new ReflectorRig({
      watches: [[...synced, 2_000, failure("API_EXPIRED")], [initialEnd(4)]],
      lists: Array.from({ length: 100 }, () => page(4, [])),
    });
    await rig.clock.advance(10_000);
    assert.ok(rig.api.calls.length >= 3, `${rig.api.calls.length} in the first seconds`);
    await rig.clock.advance(3_600_000);
    assert.ok(rig.api.calls.length <= 22, `${rig.api.calls.length} in an hour`);
    assert.ok(
      rig.failures.slice(1).every(({ error, retryInMs }) => codeOf(error) === "API_WENT_BACK" && retryInMs <= 600_000),
    );
    await rig.stop();
  });

  test("watches ask for 300 to 600 seconds, and for longer patience than a bookmark takes", async () => {
    const short: WatchStep[] = [2_000, "end"];
    const rig = new ReflectorRig({ watches: [[...synced, ...short], ...Array.from({ length: 200 }, () => short)] });
    await rig.clock.advance(400_000);
    const seconds = rig.api.watchOptions.map(({ timeoutSeconds }) => timeoutSeconds);
    assert.ok(Math.min(...seconds) >= 300 && Math.min(...seconds) < 330, `${Math.min(...seconds)}`);
    assert.ok(Math.max(...seconds) <= 600 && Math.max(...seconds) > 570, `${Math.max(...seconds)}`);
    for (const { idleMs } of rig.api.watchOptions) assert.ok(idleMs > 65_000 && idleMs <= 120_000);
    await rig.stop();
  });

  test("in an hour of bookmarks there is no list, and at most one watch per five minutes", async () => {
    const fiveMinutes: WatchStep[] = [1, 2, 3, 4, 5].flatMap((minute) => [60_000, bookmark(100 + minute)]);
    const rig = new ReflectorRig({
      watches: [
        [...synced, ...fiveMinutes, "end"],
        ...Array.from({ length: 20 }, (): WatchStep[] => [...fiveMinutes, "end"]),
      ],
    });
    await rig.clock.advance(3_600_000);
    assert.equal(rig.api.calls.filter((call) => !call.startsWith("watch from")).length, 1);
    assert.ok(rig.api.calls.length <= 13, `${rig.api.calls.length}`);
    await rig.stop();
  });
});
