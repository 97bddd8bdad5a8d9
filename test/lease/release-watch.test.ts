/** What a candidate is told between two polls, and how often it asks to be told. */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import type { LeaseSpec } from "../../runtime/lease/lease.ts";
import { watchForRelease } from "../../runtime/lease/release-watch.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { LeaseServer, type Weather } from "./lease-server.ts";
import { ReplicaClock } from "./replica.ts";

const held: LeaseSpec = { holderIdentity: "them", leaseDurationSeconds: 15, renewTime: "t1" };

/** A watch that has begun, on a lease that somebody holds. */
async function bench(context: TestContext, weather: Weather = {}) {
  const clock = new VirtualClock();
  const server = new LeaseServer(clock);
  const end = new AbortController();
  context.after(() => end.abort());
  server.put(held);
  server.weather = () => weather;
  let told = 0;
  const over = watchForRelease({
    api: server.api("us", new ReplicaClock(clock)),
    clock,
    lease: { namespace: "system", name: "evenkeel" },
    retryPeriodMs: 2_000,
    since: () => server.lease?.metadata.resourceVersion,
    onRelease: () => told++,
    signal: end.signal,
  });
  await clock.advance(0);
  /** Pauses between the watches that were asked for, in seconds. */
  const pauses = (): readonly number[] =>
    server.sent.slice(1).map(({ atMs }, i) => (atMs - (server.sent[i]?.atMs ?? 0)) / 1_000);
  return { clock, server, end, over, told: () => told, pauses };
}

suite("a candidate's watch", () => {
  for (const { name, spec, told } of [
    { name: "tells of a release", spec: { ...held, holderIdentity: "" }, told: 1 },
    { name: "tells of no renewal", spec: { ...held, renewTime: "t2" }, told: 0 },
    { name: "tells of no other holder", spec: { ...held, holderIdentity: "others" }, told: 0 },
    { name: "tells of no deletion: the holder leads on until it finds out", spec: undefined, told: 0 },
  ])
    test(name, async (context) => {
      const watch = await bench(context);
      watch.server.put(spec);
      await watch.clock.advance(0);
      assert.equal(watch.told(), told);
    });

  test("that is refused is asked for ever more seldom, up to once a minute or two", async (context) => {
    const { clock, pauses } = await bench(context, { fate: "API_FORBIDDEN" });
    await clock.advance(20 * 60_000);
    const all = pauses();
    for (const [i, baseS] of [4, 8, 16, 32, 60, 60, 60].entries())
      assert.ok((all[i] ?? 0) >= baseS && (all[i] ?? 0) < 2 * baseS, `pause ${i}: ${all[i]} s`);
  });

  test("that ended as watches do begins again soon, however often it was refused before", async (context) => {
    const { clock, server, told } = await bench(context, { fate: "API_FORBIDDEN" });
    await clock.advance(10 * 60_000);
    server.weather = () => ({});
    await clock.advance(2 * 60_000);
    server.endWatches();
    await clock.advance(4_000);
    server.put({ ...held, holderIdentity: "" });
    await clock.advance(0);
    assert.equal(told(), 1);
  });

  test("waits for a version to watch from, and is over when it is told to be", async (context) => {
    const { clock, server, end, over } = await bench(context, { fate: "API_FORBIDDEN" });
    server.put(undefined);
    await clock.advance(5 * 60_000);
    assert.equal(server.sent.length, 1);
    end.abort();
    await over;
    assert.equal(clock.pendingCount, 0);
  });
});
