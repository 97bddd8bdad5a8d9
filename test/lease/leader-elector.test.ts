import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, EvenkeelError } from "../../runtime/kube/errors.ts";
import { ReplicaClock } from "./replica.ts";
import { Replicas, type Replica } from "./replicas.ts";

// Acquiring.

test("leads at once when there is no lease, and says so", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  assert.equal(a.outcome, "leading");
  assert.ok(a.elector.isLeader());
  assert.equal(a.elector.holder, "a");
  assert.deepEqual(a.told, ["leads", "new leader a"]);
});

test("does not lead before it has acquired, nor beside a leader that renews", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  const b = replicas.add("b");
  assert.ok(!b.elector.isLeader());
  b.start();
  await replicas.clock.advance(300_000);
  assert.deepEqual([a.elector.isLeader(), b.elector.isLeader(), b.outcome], [true, false, "pending"]);
  assert.equal(b.elector.holder, "a");
  assert.deepEqual(b.told, ["new leader a"], "told once, not at every poll");
});

test("a candidate polls every 2 to 4.4 s, a leader renews every 2 s by one PUT", async () => {
  const replicas = new Replicas();
  await replicas.leader("a");
  replicas.add("b").start();
  await replicas.clock.advance(100_000);
  assert.equal(replicas.server.watchCount, 1, "and watches once");
  const times = replicas.server.sent.filter(({ client, verb }) => client === "b" && verb === "get");
  const gaps = times.slice(1).map(({ atMs }, i) => atMs - (times[i]?.atMs ?? 0));
  assert.ok(
    gaps.every((gapMs) => gapMs >= 2_000 && gapMs < 4_400),
    gaps.join(),
  );
  assert.ok(Math.max(...gaps) - Math.min(...gaps) > 500, "jitter");
  const renewals = replicas.server.log.filter(({ client }) => client === "a").slice(2);
  assert.deepEqual(new Set(renewals.map(({ verb }) => verb)), new Set(["update"]));
  assert.equal(renewals.length, 50);
});

test("a successor leads within leaseDuration + two polls after a crash", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const replicas = new Replicas(seed);
    const a = await replicas.leader("a");
    const b = replicas.add("b");
    b.start();
    await replicas.clock.advance(60_000);
    a.clock.stop();
    const tookMs = await replicas.until(() => b.elector.isLeader());
    // One poll (2 to 4.4 s) sees the last renewal, from then on it is 15 s, and one poll finds them over.
    assert.ok(tookMs > 10_000 && tookMs <= 15_000 + 2 * 4_400, `seed ${seed}: ${tookMs} ms`);
  }
});

test("goes on trying through every kind of failure", async () => {
  const replicas = new Replicas();
  replicas.server.weather = () => ({ fate: "API_FORBIDDEN" });
  const a = await replicas.leader("a");
  await replicas.clock.advance(20_000);
  replicas.server.weather = () => ({ fate: "lost" });
  await replicas.clock.advance(20_000);
  assert.equal(a.outcome, "pending");
  assert.ok(a.told.includes("API_FORBIDDEN") && a.told.includes("API_TIMEOUT"));
  replicas.server.weather = () => ({});
  await replicas.until(() => a.elector.isLeader(), 10_000);
});

test("recognises an acquisition whose answer was lost", async () => {
  const replicas = new Replicas();
  replicas.server.weather = ({ verb }) => (verb === "create" ? { fate: "unanswered" } : {});
  const a = await replicas.leader("a");
  assert.ok(!a.elector.isLeader());
  await replicas.until(() => a.elector.isLeader(), 7_100);
  assert.equal(replicas.server.spec.leaseTransitions, 0);
});

test("stops campaigning when told to, with the caller's reason, and never begins again", async () => {
  const replicas = new Replicas();
  await replicas.leader("a");
  const b = replicas.add("b");
  b.start();
  await replicas.clock.advance(5_000);
  b.stop.abort(new Error("enough"));
  await replicas.clock.advance(0);
  assert.equal(b.outcome, "stopped");
  assert.deepEqual([b.told, b.elector.leading.aborted], [["new leader a"], false], "it never led");
  const sentCount = replicas.server.sent.filter(({ client }) => client === "b").length;
  await replicas.clock.advance(60_000);
  assert.equal(replicas.server.sent.filter(({ client }) => client === "b").length, sentCount);
  await assert.rejects(b.elector.acquire(new AbortController().signal), (error) => codeOf(error) === "BUG");
});

test("sends nothing when it was told to stop before it began", async () => {
  const replicas = new Replicas();
  const a = replicas.add("a");
  a.stop.abort(new Error("enough"));
  a.start();
  await replicas.clock.advance(60_000);
  assert.deepEqual([a.outcome, replicas.server.sent.length], ["stopped", 0]);
});

test("does not lead when it is told to stop in the moment of the answer, and can give the lease up", async () => {
  const replicas = new Replicas();
  const api = replicas.server.api("a", new ReplicaClock(replicas.clock));
  const a: Replica = replicas.add("a", {
    api: {
      ...api,
      create(...args) {
        const answer = api.create(...args);
        void answer.then(() => a.stop.abort(new Error("enough")));
        return answer;
      },
    },
  });
  a.start();
  await replicas.clock.advance(60_000);
  assert.deepEqual([a.outcome, a.elector.isLeader(), a.told], ["stopped", false, ["new leader a"]]);
  await Promise.all([a.elector.release(), replicas.clock.advance(0)]);
  assert.equal(replicas.server.spec.holderIdentity, "");
});

test("whoever may end the campaign may not end the leadership", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  a.stop.abort(new Error("enough"));
  await replicas.clock.advance(60_000);
  assert.ok(a.elector.isLeader());
});

test("tells of no new leader when the lease is nobody's", async () => {
  const replicas = new Replicas();
  replicas.server.put({ holderIdentity: "" });
  replicas.server.weather = ({ verb }) => (verb === "update" ? { fate: "API_FORBIDDEN" } : {});
  const a = await replicas.leader("a");
  await replicas.clock.advance(10_000);
  assert.deepEqual(new Set(a.told), new Set(["API_FORBIDDEN"]));
});

test("refuses an empty identity, which would be everybody's", () => {
  assert.throws(
    () => new Replicas().add("a", { identity: "" }),
    (error) => codeOf(error) === "BUG",
  );
});

// Renewing and losing.

test("row 9: two renewals that are never answered do not end the leadership when the third is", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  let updates = 0;
  replicas.server.weather = ({ verb }) => (verb === "update" && ++updates <= 2 ? { fate: "unanswered" } : {});
  await replicas.clock.advance(60_000);
  assert.ok(a.elector.isLeader());
  assert.ok(!a.told.includes("leads no more"));
  assert.deepEqual(
    a.told.filter((told) => told === "API_TIMEOUT"),
    ["API_TIMEOUT"],
    "of one attempt: it renewed, read, and renewed again",
  );
});

for (const roundTripMs of [600, 1_400, 2_000, 2_600]) {
  const slow = { requestMs: roundTripMs / 2, responseMs: roundTripMs / 2 };
  const wayOfOne = `where each answer takes ${roundTripMs} ms`;

  test(`a free lease is led, and goes on being led, ${wayOfOne}`, async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const replicas = new Replicas(seed);
      replicas.server.weather = () => slow;
      const [a, b] = [replicas.add("a"), replicas.add("b")];
      for (const each of [a, b]) each.start();
      const leads = (): boolean => a.elector.isLeader() || b.elector.isLeader();
      await replicas.until(leads, 12_000);
      for (let i = 0; i < 60; i++) {
        await replicas.clock.advance(1_000);
        assert.ok(leads(), `seed ${seed}`);
      }
    }
  });

  test(`row 9: one renewal that is carried out and never answered ends no leadership ${wayOfOne}`, async () => {
    const replicas = new Replicas();
    const a = await replicas.leader("a");
    let updates = 0;
    replicas.server.weather = ({ verb }) =>
      verb === "update" && ++updates === 1 ? { ...slow, fate: "unanswered" } : slow;
    await replicas.clock.advance(60_000);
    assert.ok(a.elector.isLeader());
    assert.deepEqual(a.told, ["leads", "new leader a"], "the same attempt has read it, and renewed it again");
  });
}

test("row 9: makes at least three attempts before the deadline when nothing at all is answered, then stops", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.sent.length = 0;
  replicas.server.weather = () => ({ fate: "unanswered" });
  await replicas.clock.advance(9_999);
  assert.ok(a.elector.isLeader());
  await replicas.clock.advance(1);
  assert.ok(!a.elector.isLeader());
  assert.ok(a.elector.leading.aborted);
  assert.equal(codeOf(a.elector.leading.reason), "LEASE_LOST");
  assert.ok(replicas.server.sent.length >= 3, `${replicas.server.sent.length} attempts`);
});

test("row 9: the deadline cuts short the attempt that is under way", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.weather = () => ({ fate: "API_UNAVAILABLE" });
  await replicas.clock.advance(7_500);
  replicas.server.weather = () => ({ fate: "unanswered" });
  await replicas.clock.advance(2_499);
  assert.ok(!a.elector.leading.aborted);
  await replicas.clock.advance(1);
  assert.ok(a.elector.leading.aborted);
});

test("counts the deadline from when the renewal was sent, not from when it was answered", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.weather = () => ({ responseMs: 2_500 });
  await replicas.clock.advance(2_000);
  replicas.server.weather = ({ verb }) => (verb === "update" ? { fate: "lost" } : {});
  const leftMs = await replicas.until(() => !a.elector.isLeader());
  assert.equal(Math.round(leftMs / 10) * 10, 10_000, "sent at 2 s, answered at 4.5 s, over at 12 s");
});

test("an answer that a stall has kept until after the deadline does not make it leader again", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.weather = () => ({ fate: "API_UNAVAILABLE" });
  await replicas.clock.advance(7_500);
  replicas.server.weather = ({ verb }) => (verb === "update" ? { responseMs: 1_900 } : {});
  await replicas.clock.advance(2_000);
  assert.ok(a.elector.isLeader(), "sent at 8 s, to be answered at 9.9 s");
  a.clock.stop();
  await replicas.clock.advance(1_000);
  assert.ok(!a.elector.isLeader());
  a.clock.resume();
  await replicas.clock.advance(10);
  assert.ok(!a.elector.isLeader());
  assert.ok(a.elector.leading.aborted);
});

test("stops at once, not at the deadline, when it sees another holder", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.put({ holderIdentity: "kubectl", leaseDurationSeconds: 15 });
  await replicas.clock.advance(2_000);
  assert.ok(a.elector.leading.aborted);
  assert.deepEqual(a.told, ["leads", "new leader a", "leads no more", "new leader kubectl"]);
  assert.match(String(a.elector.leading.reason), /held by "kubectl", which leads now/);
});

test("of two replicas of one name one leads and the other stands by, until the first gives up", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("same");
  const b = await replicas.leader("same");
  await replicas.clock.advance(60_000);
  assert.deepEqual([a.elector.isLeader(), b.elector.isLeader()], [true, false]);
  await Promise.all([a.elector.release(), replicas.clock.advance(5_000)]);
  assert.deepEqual([a.elector.isLeader(), b.elector.isLeader()], [false, true]);
});

test("two replicas of one name that begin in the same millisecond do not lead both", async () => {
  const replicas = new Replicas();
  const twins = [replicas.add("a", { identity: "same" }), replicas.add("b", { identity: "same" })];
  for (const twin of twins) twin.start();
  for (let i = 0; i < 1_000; i++) {
    await replicas.clock.advance(10);
    assert.ok(twins.filter(({ elector }) => elector.isLeader()).length < 2, `after ${i * 10} ms`);
  }
});

test("two standbys of one name, woken by the same release, do not lead both", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const replicas = new Replicas(seed);
    // As in one network: whoever writes second writes in the same millisecond.
    const wayMs = (): number => 0.2 + replicas.clock.random();
    replicas.server.weather = () => ({ requestMs: wayMs(), responseMs: wayMs() });
    const leader = replicas.add("leader");
    leader.start();
    await replicas.clock.advance(100);
    const twins = [replicas.add("a", { identity: "same" }), replicas.add("b", { identity: "same" })];
    for (const twin of twins) {
      twin.start();
      await replicas.clock.advance(137);
    }
    await replicas.clock.advance(6_000);
    void leader.elector.release();
    for (let i = 0; i < 600; i++) {
      await replicas.clock.advance(10);
      assert.ok(twins.filter(({ elector }) => elector.isLeader()).length < 2, `seed ${seed}, after ${i * 10} ms`);
    }
  }
});

test("a leader that is deposed by another replica of its name says which flag tells them apart", async () => {
  const replicas = new Replicas();
  const { elector } = await replicas.leader("same");
  replicas.server.put({ ...replicas.server.spec, renewTime: "later" });
  await replicas.clock.advance(2_500);
  assert.equal(elector.isLeader(), false);
  assert.match(String(elector.leading.reason), /held by another process of the same name: .*--identity/);
});

test("a leader whose lease somebody emptied does not say that another leads", async () => {
  const replicas = new Replicas();
  const { elector } = await replicas.leader("a");
  replicas.server.put({ holderIdentity: "" });
  await replicas.clock.advance(2_000);
  assert.match(String(elector.leading.reason), /somebody has emptied it/);
});

for (const [fate, says] of [
  ["API_UNAUTHORIZED", /not renewed for 10 s .*; last attempt: lease system\/evenkeel; check the credentials/],
  ["unanswered", /not renewed for 10 s .*; last attempt: .*no complete answer within/],
] as const)
  test(`a leader whose renewals end ${fate} says that of its last attempt, and not that another leads`, async () => {
    const replicas = new Replicas();
    const { elector } = await replicas.leader("a");
    replicas.server.weather = () => ({ fate });
    await replicas.clock.advance(10_000);
    const reason: unknown = elector.leading.reason;
    assert.ok(reason instanceof EvenkeelError && reason.cause instanceof EvenkeelError);
    assert.equal(reason.cause.code, fate === "unanswered" ? "API_TIMEOUT" : fate);
    assert.match(reason.message, says);
    assert.doesNotMatch(reason.message, /leads now/);
  });

test("a failure that was overcome is not what a leadership ended of", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.weather = () => ({ fate: "API_UNAUTHORIZED" });
  await replicas.clock.advance(3_000);
  replicas.server.weather = () => ({});
  await replicas.clock.advance(3_000);
  a.clock.stop();
  await replicas.clock.advance(20_000);
  a.clock.resume();
  await replicas.clock.advance(1);
  const reason: unknown = a.elector.leading.reason;
  assert.ok(reason instanceof EvenkeelError);
  assert.equal(reason.cause, undefined);
});

test("stops when coordinated election prefers another holder, and then makes room for it", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.put({ ...replicas.server.spec, strategy: "OldestEmulationVersion", preferredHolder: "b" });
  await replicas.clock.advance(2_000);
  assert.ok(a.elector.leading.aborted);
  assert.equal(replicas.server.spec.holderIdentity, "a");
  await Promise.all([a.elector.release(), replicas.clock.advance(0)]);
  assert.equal(replicas.server.spec.holderIdentity, "");
  assert.equal(replicas.server.spec.preferredHolder, "b");
  assert.deepEqual(a.told, ["leads", "new leader a", "leads no more"], "each once");
});

test("one term: having lost, it sends nothing more and does not take a free lease", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.put({ holderIdentity: "", leaseDurationSeconds: 1 });
  await replicas.clock.advance(2_000);
  const sentCount = replicas.server.sent.length;
  await replicas.clock.advance(120_000);
  assert.equal(replicas.server.sent.length, sentCount);
  assert.ok(!a.elector.isLeader());
  await assert.rejects(a.elector.acquire(new AbortController().signal), (error) => codeOf(error) === "BUG");
});

test("keeps leading when the lease is deleted and nobody else was faster", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.put(undefined);
  await replicas.clock.advance(30_000);
  assert.ok(a.elector.isLeader());
  assert.equal(replicas.server.spec.holderIdentity, "a");
});

test("leads on, and alone, when the lease is deleted while a candidate stands by", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const replicas = new Replicas(seed);
    const a = await replicas.leader("a");
    const b = replicas.add("b");
    b.start();
    await replicas.clock.advance(20_000 + 317 * seed);
    replicas.server.put(undefined);
    for (let i = 0; i < 100; i++) {
      await replicas.clock.advance(100);
      assert.deepEqual([a.elector.isLeader(), b.elector.isLeader()], [true, false], `seed ${seed}`);
    }
    assert.equal(replicas.server.spec.holderIdentity, "a", `seed ${seed}`);
  }
});

// Stalls and clocks.

test("row 7: a leader stopped for 30 s says no the moment it goes on, before any of its timers", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  const b = replicas.add("b");
  b.start();
  await replicas.clock.advance(21_000);
  a.clock.stop();
  await replicas.clock.advance(30_000);
  assert.ok(b.elector.isLeader(), "the standby took over");
  assert.ok(!a.elector.isLeader());
  assert.ok(!a.elector.leading.aborted, "nothing of it has run yet");
  const writes = replicas.server.log.length;
  a.clock.resume();
  await replicas.clock.advance(60_000);
  assert.ok(a.elector.leading.aborted);
  assert.ok(b.elector.isLeader());
  assert.deepEqual(
    replicas.server.log.slice(writes).filter(({ client }) => client === "a"),
    [],
  );
});

test("a stall shorter than the deadline costs nothing", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  await replicas.clock.advance(20_500);
  a.clock.stop();
  await replicas.clock.advance(9_000);
  a.clock.resume();
  await replicas.clock.advance(1);
  assert.ok(a.elector.isLeader());
  await replicas.clock.advance(60_000);
  assert.ok(a.elector.isLeader());
});

test("row 49: after a suspension of 60 s it says no at once, and stays so when another took over", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  const b = replicas.add("b");
  b.start();
  await replicas.clock.advance(21_000);
  a.clock.suspend();
  await replicas.clock.advance(60_000);
  a.clock.resume();
  assert.ok(!a.elector.isLeader(), "the monotonic clock alone would say yes");
  await replicas.clock.advance(60_000);
  assert.deepEqual([a.elector.isLeader(), b.elector.isLeader()], [false, true]);
  assert.ok(a.elector.leading.aborted);
});

test("row 49: after a suspension of 60 s it leads on once a renewal has proved that nobody took over", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  await replicas.clock.advance(21_000);
  a.clock.suspend();
  await replicas.clock.advance(60_000);
  a.clock.resume();
  assert.ok(!a.elector.isLeader());
  await replicas.clock.advance(2_000);
  assert.ok(a.elector.isLeader());
  assert.ok(!a.elector.leading.aborted);
});

for (const hours of [-1, 1])
  test(`row 49: a wall clock set by ${hours} h ends no leadership and starts none`, async () => {
    const replicas = new Replicas();
    const a = await replicas.leader("a");
    const b = replicas.add("b");
    b.start();
    await replicas.clock.advance(21_000);
    for (const { clock } of [a, b]) clock.setWall(hours * 3_600_000);
    for (let i = 0; i < 60; i++) {
      await replicas.clock.advance(1_000);
      assert.ok(!b.elector.isLeader());
    }
    assert.ok(a.elector.isLeader());
    assert.ok(!a.elector.leading.aborted);
  });

test("row 49: a wall clock that was set back does not prolong a leadership", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  a.clock.setWall(-3_600_000);
  a.clock.stop();
  await replicas.clock.advance(10_000);
  assert.ok(!a.elector.isLeader());
});

test("row 49: clocks whose rates differ by 1.4 neither depose a leader nor make a second", async () => {
  const replicas = new Replicas();
  const a = replicas.add("a", { rate: 1 / 1.18 });
  const b = replicas.add("b", { rate: 1.18 });
  a.start();
  await replicas.clock.advance(0);
  b.start();
  await replicas.clock.advance(300_000);
  assert.deepEqual([a.elector.isLeader(), b.elector.isLeader()], [true, false]);
});

// Releasing.

test("row 13: a successor leads less than 2 s after the release, and never before it", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const replicas = new Replicas(seed);
    const a = await replicas.leader("a");
    const b = replicas.add("b");
    replicas.server.weather = () => ({ requestMs: 20, responseMs: 20 });
    b.start();
    await replicas.clock.advance(20_000 + 317 * seed);
    assert.ok(a.elector.isLeader(), `seed ${seed}: leads while it drains`);
    const released = a.elector.release();
    assert.ok(!a.elector.isLeader(), `seed ${seed}: from the moment on`);
    const tookMs = await replicas.until(() => b.elector.isLeader());
    await released;
    assert.ok(tookMs < 2_000, `seed ${seed}: ${tookMs} ms`);
    const holders = replicas.server.log.filter(({ verb, outcome }) => verb === "update" && outcome === "ok");
    assert.deepEqual(
      holders.slice(-2).map(({ client, holder }) => `${client} wrote "${holder}"`),
      ['a wrote ""', 'b wrote "b"'],
      `seed ${seed}`,
    );
  }
});

test("row 13: a standby that has only just seen the lease hears of its release as well", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  const b = replicas.add("b");
  replicas.server.weather = () => ({ requestMs: 20, responseMs: 20 });
  b.start();
  await replicas.clock.advance(100);
  void a.elector.release();
  const tookMs = await replicas.until(() => b.elector.isLeader());
  assert.ok(tookMs < 500, `${tookMs} ms`);
});

test("without permission to watch, a successor finds the release with its next poll", async () => {
  const replicas = new Replicas();
  replicas.server.weather = ({ verb }) => (verb === "watch" ? { fate: "API_FORBIDDEN" } : {});
  const a = await replicas.leader("a");
  const b = replicas.add("b");
  b.start();
  await replicas.clock.advance(20_000);
  void a.elector.release();
  assert.ok((await replicas.until(() => b.elector.isLeader())) <= 4_400);
});

test("release: a renewal that arrives in between is a conflict, and the release is tried again", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.weather = ({ verb }) => (verb === "update" ? { requestMs: 50 } : {});
  await replicas.clock.advance(2_010);
  replicas.server.weather = ({ verb }) => (verb === "update" ? { requestMs: 60 } : {});
  const released = a.elector.release();
  await replicas.clock.advance(1_000);
  await released;
  assert.ok(replicas.server.log.some(({ outcome }) => outcome === "API_CONFLICT"));
  assert.deepEqual(a.told, ["leads", "new leader a", "leads no more"], "the renewal that was given up is no failure");
  assert.equal(replicas.server.spec.holderIdentity, "");
});

test("release: leaves alone what another has taken since it was last seen", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.put({ holderIdentity: "b", leaseDurationSeconds: 15 });
  await Promise.all([a.elector.release(), replicas.clock.advance(0)]);
  assert.equal(replicas.server.spec.holderIdentity, "b");
});

test("release: bounded by the renew deadline, then says why", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.weather = () => ({ fate: "lost" });
  const released = a.elector.release().catch((error: unknown) => codeOf(error));
  await replicas.clock.advance(13_000);
  assert.equal(await released, "API_TIMEOUT");
  assert.ok(!a.elector.isLeader());
});

test("release: an answer that says it never will is not asked again", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  replicas.server.sent.length = 0;
  replicas.server.weather = () => ({ fate: "API_FORBIDDEN" });
  const released = a.elector.release().catch((error: unknown) => codeOf(error));
  await replicas.clock.advance(0);
  assert.equal(await released, "API_FORBIDDEN");
  assert.equal(replicas.server.sent.length, 1);
});

test("release: idempotent, and of one that never campaigned sends nothing", async () => {
  const replicas = new Replicas();
  await replicas.add("idle").elector.release();
  assert.equal(replicas.server.sent.length, 0);
  const a = await replicas.leader("a");
  assert.equal(a.elector.release(), a.elector.release());
  await replicas.clock.advance(60_000);
  assert.equal(replicas.server.log.filter(({ verb }) => verb === "update").length, 1);
});

test("release: ends a campaign, and frees the lease if that had been won unseen", async () => {
  const replicas = new Replicas();
  replicas.server.weather = ({ verb }) => (verb === "create" ? { fate: "unanswered" } : {});
  const a = await replicas.leader("a");
  assert.equal(replicas.server.spec.holderIdentity, "a");
  void a.elector.release();
  await replicas.clock.advance(1_000);
  assert.ok(a.outcome instanceof EvenkeelError && a.outcome.code === "LEASE_LOST");
  assert.equal(replicas.server.spec.holderIdentity, "");
});

// Liveness.

test("check: healthy as a standby, as a leader and after a release; unhealthy when it outlives its lease", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  const b = replicas.add("b");
  b.start();
  await replicas.clock.advance(300_000);
  assert.deepEqual([a.elector.check(), b.elector.check()], [undefined, undefined]);
  replicas.server.weather = ({ client }) => (client === "a" ? { fate: "lost" } : {});
  await replicas.clock.advance(33_000);
  assert.equal(a.elector.check(), undefined, "15 s of lease and 20 s of tolerance");
  await replicas.clock.advance(3_000);
  assert.equal(codeOf(a.elector.check()), "LEASE_LOST");
  void b.elector.release();
  await replicas.clock.advance(300_000);
  assert.equal(b.elector.check(), undefined);
});

test("checkStandby: fails for a candidate that has had no answer for 35 s, with its last error, until it has one", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  const b = replicas.add("b");
  const idle = replicas.add("idle");
  b.start();
  await replicas.clock.advance(300_000);
  assert.equal(b.elector.checkStandby(), undefined);
  replicas.server.weather = ({ client }) => (client === "b" ? { fate: "API_UNAUTHORIZED" } : {});
  await replicas.clock.advance(30_000);
  assert.equal(b.elector.checkStandby(), undefined, "15 s of lease and 20 s of tolerance");
  await replicas.clock.advance(10_000);
  assert.equal(codeOf(b.elector.checkStandby()), "API_UNAUTHORIZED");
  assert.match(
    String(b.elector.checkStandby()),
    /not acquired or seen held for \d\d s: lease system\/evenkeel; check the credentials$/,
  );
  assert.deepEqual(
    [b.elector.check(), a.elector.checkStandby(), idle.elector.checkStandby()],
    [undefined, undefined, undefined],
    "a restart would not mend it; the leader and one that does not campaign are no standbys",
  );
  replicas.server.weather = () => ({});
  await replicas.clock.advance(5_000);
  assert.equal(b.elector.checkStandby(), undefined);
});

test("checkStandby: fails also for one that has never had an answer, and no more when it has ended", async () => {
  const replicas = new Replicas();
  replicas.server.weather = () => ({ fate: "lost" });
  const a = await replicas.leader("a");
  await replicas.clock.advance(36_000);
  assert.equal(codeOf(a.elector.checkStandby()), "API_TIMEOUT");
  a.stop.abort(new Error("enough"));
  await replicas.clock.advance(0);
  assert.equal(a.elector.checkStandby(), undefined);
});

test("check: a release is one, also when the deadline had passed before it", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  a.clock.stop();
  await replicas.clock.advance(11_000);
  void a.elector.release();
  a.clock.resume();
  await replicas.clock.advance(300_000);
  assert.equal(a.elector.check(), undefined);
});

test("leaves no timer and no watch behind", async () => {
  const replicas = new Replicas();
  const a = await replicas.leader("a");
  const b = replicas.add("b");
  b.start();
  await replicas.clock.advance(20_000);
  for (const { elector } of [a, b]) void elector.release();
  await replicas.clock.advance(5_000);
  assert.deepEqual([replicas.clock.pendingCount, replicas.server.watchCount], [0, 0]);
});
