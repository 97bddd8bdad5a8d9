/** Each row of client-go's TestTryAcquireOrRenewLeases, TestFastPathLeaderElection and TestReleaseLeaseLeases, in our words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import type { LeaseSpec } from "../../runtime/lease/lease.ts";
import { LeaseLock, type Attempt } from "../../runtime/lease/lease-lock.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { LeaseServer } from "./lease-server.ts";
import { ReplicaClock } from "./replica.ts";

interface Bench {
  readonly clock: VirtualClock;
  readonly server: LeaseServer;
  readonly attempt: (isLeading: boolean, signal?: AbortSignal) => Promise<Attempt["type"] | Code>;
  readonly release: () => Promise<"done" | Code>;
  /** Verbs and outcomes since the last call. */
  readonly handled: () => readonly string[];
}

function bench(spec?: LeaseSpec): Bench {
  const clock = new VirtualClock();
  const server = new LeaseServer(clock);
  if (spec !== undefined) server.put(spec);
  const process = new ReplicaClock(clock);
  const lock = new LeaseLock({
    api: server.api("us", process),
    clock: process,
    lease: { namespace: "system", name: "evenkeel" },
    identity: "us",
    leaseDurationMs: 15_000,
    requestMs: 2_500,
  });
  const settled = async <T>(promise: Promise<T>): Promise<T | Code> => {
    const outcome = promise.catch((error: unknown) => codeOf(error));
    await clock.advance(0);
    return outcome;
  };
  return {
    clock,
    server,
    attempt: async (isLeading, signal = new AbortController().signal) => {
      const result = await settled(lock.tryAcquireOrRenew(isLeading, signal));
      return typeof result === "string" ? result : result.type;
    },
    release: async () => (await settled(lock.release())) ?? "done",
    handled: () => server.log.splice(0).map(({ verb, outcome }) => `${verb} ${outcome}`),
  };
}

const held: LeaseSpec = { holderIdentity: "them", leaseDurationSeconds: 10, renewTime: "t1", leaseTransitions: 4 };

test("creates the lease when there is none", async () => {
  const { server, attempt, handled } = bench();
  assert.equal(await attempt(false), "held");
  assert.deepEqual(handled(), ["get API_NOT_FOUND", "create ok"]);
  assert.equal(server.spec.leaseTransitions, 0);
});

test("waits for the duration that the record says, counted from when it was first seen", async () => {
  const { clock, server, attempt } = bench({ ...held, renewTime: "1970-01-01T00:00:00.000000Z" });
  assert.equal(await attempt(false), "notOurs", "an old time in the record means nothing");
  await clock.advance(9_999);
  assert.equal(await attempt(false), "notOurs");
  await clock.advance(1);
  assert.equal(await attempt(false), "held");
  assert.deepEqual([server.spec.holderIdentity, server.spec.leaseTransitions], ["us", 5]);
});

test("waits anew whenever the record has changed", async () => {
  const { clock, server, attempt } = bench(held);
  await attempt(false);
  await clock.advance(9_000);
  server.put({ ...held, renewTime: "t2" });
  assert.equal(await attempt(false), "notOurs");
  await clock.advance(9_999);
  assert.equal(await attempt(false), "notOurs");
  await clock.advance(1);
  assert.equal(await attempt(false), "held");
});

test("does not take a change of metadata for a sign of life", async () => {
  const { clock, server, attempt } = bench(held);
  await attempt(false);
  await clock.advance(9_000);
  server.put(held, { labels: { touched: "yes" } });
  await attempt(false);
  await clock.advance(1_000);
  assert.equal(await attempt(false), "held");
});

test("takes at once a lease that nobody holds, however long it would run", async () => {
  const { server, attempt } = bench({ ...held, holderIdentity: "" });
  assert.equal(await attempt(false), "held");
  assert.equal(server.spec.leaseTransitions, 5);
});

test("takes at once a lease that it took without hearing so, and counts no second transition", async () => {
  const { clock, server, attempt } = bench({ ...held, holderIdentity: "" });
  server.weather = ({ verb }) => (verb === "update" ? { fate: "unanswered" } : {});
  const givenUp = new AbortController();
  const taking = attempt(false, givenUp.signal);
  await clock.advance(0);
  givenUp.abort(new EvenkeelError("API_TIMEOUT", "given up"));
  assert.equal(await taking, "API_TIMEOUT");
  const { acquireTime } = server.spec;
  server.weather = () => ({});
  assert.equal(await attempt(false), "held");
  assert.deepEqual([server.spec.leaseTransitions, server.spec.acquireTime], [5, acquireTime]);
});

test("waits for another process of its own name as for anybody else, then counts a transition", async () => {
  const { clock, server, attempt } = bench({ ...held, holderIdentity: "us" });
  assert.equal(await attempt(false), "notOurs");
  await clock.advance(9_999);
  assert.equal(await attempt(false), "notOurs");
  await clock.advance(1);
  assert.equal(await attempt(false), "held");
  assert.equal(server.spec.leaseTransitions, 5);
});

test("a leader has lost a lease that carries its name, and that it did not write", async () => {
  const { server, attempt, release } = bench();
  await attempt(false);
  server.put({ ...server.spec, renewTime: "t2" });
  assert.equal(await attempt(true), "notOurs");
  assert.equal(await release(), "done");
  assert.equal(server.spec.holderIdentity, "us", "and does not give it up for the other");
});

test("what another process wrote is not ours, though it has our name and our time, or our mark", async () => {
  const { server, attempt, release } = bench();
  await attempt(false);
  const { annotations } = server.lease?.metadata ?? {};
  server.put(server.spec, { annotations: { "evenkeel.dev/written-by": "another" } });
  assert.equal(await attempt(true), "notOurs");
  // client-go keeps the annotations of whoever held the Lease before it.
  server.put({ ...server.spec, renewTime: "t2" }, { annotations });
  assert.equal(await attempt(true), "notOurs");
  assert.equal(await release(), "done");
  assert.equal(server.spec.holderIdentity, "us");
});

test("a lease that somebody took the mark off is still ours, and is marked again", async () => {
  const { server, attempt } = bench();
  await attempt(false);
  const { annotations } = server.lease?.metadata ?? {};
  server.put(server.spec, { annotations: { theirs: "stays" } });
  assert.equal(await attempt(true), "held");
  assert.deepEqual(server.lease?.metadata.annotations, { theirs: "stays", ...annotations });
});

test("trusts a record without a duration for as long as one of ours", async () => {
  const { clock, attempt } = bench({ holderIdentity: "them" });
  assert.equal(await attempt(false), "notOurs");
  await clock.advance(14_999);
  assert.equal(await attempt(false), "notOurs");
  await clock.advance(1);
  assert.equal(await attempt(false), "held");
});

test("yields to whoever takes an expired lease first", async () => {
  const { clock, server, attempt, handled } = bench(held);
  await attempt(false);
  await clock.advance(10_000);
  handled();
  server.weather = ({ verb }) => {
    if (verb === "update") server.put({ ...held, holderIdentity: "third" });
    return {};
  };
  assert.equal(await attempt(false), "notOurs");
  assert.deepEqual(handled(), ["get ok", "update API_CONFLICT", "get ok"]);
});

test("gives an attempt up after three conflicts: the next one comes soon", async () => {
  const { server, attempt, handled } = bench({ ...held, holderIdentity: "" });
  server.weather = ({ verb }) => {
    if (verb === "update") server.put(server.spec, { labels: { touched: "yes" } });
    return {};
  };
  assert.equal(await attempt(false), "API_CONFLICT");
  const round = ["get ok", "update API_CONFLICT"];
  assert.deepEqual(handled(), [...round, ...round, ...round]);
});

test("renews by a single PUT, conditional on the version it knows", async () => {
  const { attempt, handled } = bench();
  await attempt(false);
  handled();
  assert.equal(await attempt(true), "held");
  assert.equal(await attempt(true), "held");
  assert.deepEqual(handled(), ["update ok", "update ok"]);
});

test("reads again at once when the renewal conflicts, and goes on when the lease is still ours", async () => {
  const { server, attempt, handled } = bench();
  await attempt(false);
  handled();
  server.put(server.spec, { labels: { touched: "yes" } });
  assert.equal(await attempt(true), "held");
  assert.deepEqual(handled(), ["update API_CONFLICT", "get ok", "update ok"]);
  assert.deepEqual(server.lease?.metadata.labels, { touched: "yes" });
});

test("reads before it writes after a renewal whose outcome is unknown", async () => {
  const { server, attempt, handled } = bench();
  await attempt(false);
  server.weather = () => ({ fate: "API_UNREACHABLE" });
  assert.equal(await attempt(true), "API_UNREACHABLE");
  server.weather = () => ({});
  handled();
  assert.equal(await attempt(true), "held");
  assert.deepEqual(handled(), ["get ok", "update ok"]);
});

test("reads before it writes after a renewal that was given up: the version it knows may be old", async () => {
  const { server, attempt, handled } = bench();
  await attempt(false);
  server.weather = () => ({ fate: "unanswered" });
  const givenUp = new AbortController();
  const renewal = attempt(true, givenUp.signal);
  givenUp.abort(new EvenkeelError("API_TIMEOUT", "given up"));
  assert.equal(await renewal, "API_TIMEOUT");
  server.weather = () => ({});
  handled();
  assert.equal(await attempt(true), "held");
  assert.deepEqual(handled(), ["get ok", "update ok"]);
});

test("a leader never takes back a lease that names somebody else or nobody", async () => {
  for (const holderIdentity of ["them", ""]) {
    const { clock, server, attempt, handled } = bench();
    await attempt(false);
    handled();
    server.put({ ...held, holderIdentity });
    await clock.advance(60_000);
    assert.equal(await attempt(true), "notOurs");
    assert.deepEqual(handled(), ["update API_CONFLICT", "get ok"]);
    assert.equal(await attempt(true), "notOurs");
    assert.deepEqual(handled(), ["get ok"], "also when it is asked again");
  }
});

test("a leader makes the lease anew when it was deleted, unless somebody else was faster", async () => {
  const { server, attempt, handled } = bench();
  await attempt(false);
  handled();
  server.put(undefined);
  assert.equal(await attempt(true), "held");
  assert.deepEqual(handled(), ["update API_NOT_FOUND", "get API_NOT_FOUND", "create ok"]);
  server.put(undefined);
  server.weather = ({ verb }) => {
    if (verb === "create") server.put(held);
    return {};
  };
  assert.equal(await attempt(true), "notOurs");
});

test("leaves a deleted lease to its last holder for as long as the record held", async () => {
  const { clock, server, attempt, handled } = bench(held);
  await attempt(false);
  server.put(undefined);
  await clock.advance(9_999);
  handled();
  assert.equal(await attempt(false), "notOurs");
  assert.deepEqual(handled(), ["get API_NOT_FOUND"]);
  await clock.advance(1);
  assert.equal(await attempt(false), "held");
  assert.deepEqual(handled(), ["get API_NOT_FOUND", "create ok"]);
});

test("does not renew a lease that coordinated election wants to give to another", async () => {
  const { server, attempt } = bench();
  await attempt(false);
  server.put({ ...server.spec, strategy: "OldestEmulationVersion", preferredHolder: "them" });
  assert.equal(await attempt(true), "endOfTerm");
  server.put({ ...server.spec, preferredHolder: "us" });
  assert.equal(await attempt(true), "held");
});

test("release empties a lease that is ours", async () => {
  const { server, attempt, release, handled } = bench({ ...held, holderIdentity: "" });
  await attempt(false);
  handled();
  assert.equal(await release(), "done");
  assert.deepEqual(handled(), ["get ok", "update ok"]);
  assert.deepEqual(
    [server.spec.holderIdentity, server.spec.leaseDurationSeconds, server.spec.leaseTransitions],
    ["", 1, 5],
  );
});

test("release compares the record it has just read: it never empties somebody else's lease", async () => {
  const { server, attempt, release, handled } = bench();
  await attempt(false);
  server.put(held);
  handled();
  assert.equal(await release(), "done");
  assert.deepEqual(handled(), ["get ok"]);
  assert.equal(server.spec.holderIdentity, "them");
});

test("release of a lease that changes hands between its GET and its PUT leaves it alone", async () => {
  const { server, attempt, release } = bench();
  await attempt(false);
  server.weather = ({ verb }) => {
    if (verb === "update") server.put(held);
    return {};
  };
  assert.equal(await release(), "API_CONFLICT");
  assert.equal(await release(), "done");
  assert.equal(server.spec.holderIdentity, "them");
});

test("release has nothing to do when the lease is gone", async () => {
  const { release, handled } = bench();
  assert.equal(await release(), "done");
  assert.deepEqual(handled(), ["get API_NOT_FOUND"]);
});

test("sends nothing once it was told to stop", async () => {
  const { server, attempt } = bench();
  assert.equal(await attempt(false, AbortSignal.abort(new EvenkeelError("LEASE_LOST", "stopped"))), "LEASE_LOST");
  assert.equal(server.sent.length, 0);
});

test("sends everything on the lease lane", async () => {
  const { server, attempt, release } = bench();
  await attempt(false);
  await attempt(true);
  await release();
  assert.deepEqual([...new Set(server.log.map(({ lane }) => lane))], ["lease"]);
});
