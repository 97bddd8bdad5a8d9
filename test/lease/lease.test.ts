import assert from "node:assert/strict";
import { test } from "node:test";
import { microTime, type StoredObject } from "../../runtime/kube/object.ts";
import {
  createdLease,
  isSameRecord,
  leaseRecord,
  releasedLease,
  renewedLease,
  takenOverLease,
  type LeaseSpec,
} from "../../runtime/lease/lease.ts";

const nowMs = Date.UTC(2026, 0, 1, 12, 0, 0, 7);
const now = "2026-01-01T12:00:00.007000Z";
const ours = { holder: "us", mark: "our process", durationMs: 15_000, nowMs };
const marked = { "evenkeel.dev/written-by": "our process" };

function stored(spec: LeaseSpec | null | undefined): StoredObject & { readonly spec?: unknown } {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "evenkeel", namespace: "system", uid: "u", resourceVersion: "7", labels: { keep: "me" } },
    ...(spec === undefined ? {} : { spec }),
  };
}

test("writes times as RFC 3339 with microseconds", () => {
  assert.equal(microTime(nowMs), now);
});

test("creates a lease that we hold", () => {
  assert.deepEqual(createdLease({ namespace: "system", name: "evenkeel" }, ours), {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { namespace: "system", name: "evenkeel", annotations: marked },
    spec: {
      holderIdentity: "us",
      leaseDurationSeconds: 15,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    },
  });
});

test("a renewal changes the time of renewal and the mark alone, and keeps labels, version and unknown fields", () => {
  const spec = {
    holderIdentity: "us",
    leaseDurationSeconds: 15,
    acquireTime: "then",
    leaseTransitions: 3,
    strategy: "OldestEmulationVersion",
    futureField: 1,
  };
  const lease = renewedLease(stored(spec), ours);
  assert.deepEqual(lease.metadata, { ...stored(spec).metadata, annotations: marked });
  assert.deepEqual(lease.spec, { ...spec, renewTime: now });
});

test("a takeover counts one transition, begins a new term and drops the wish for a preferred holder", () => {
  const spec = { holderIdentity: "them", acquireTime: "then", leaseTransitions: 3, preferredHolder: "third" };
  assert.deepEqual(takenOverLease(stored(spec), ours).spec, {
    holderIdentity: "us",
    leaseDurationSeconds: 15,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: 4,
  });
});

test("a takeover is possible however often the holder has changed", () => {
  const spec = { holderIdentity: "them", leaseTransitions: 2_147_483_647 };
  assert.equal(takenOverLease(stored(spec), ours).spec.leaseTransitions, 2_147_483_647);
});

test("a release empties the holder for one second and keeps the count", () => {
  const spec = { holderIdentity: "us", leaseDurationSeconds: 15, acquireTime: "then", leaseTransitions: 3 };
  const lease = releasedLease(stored(spec), nowMs);
  assert.deepEqual(lease.spec, {
    holderIdentity: "",
    leaseDurationSeconds: 1,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: 3,
  });
  assert.equal(lease.metadata.resourceVersion, "7", "conditional");
});

for (const spec of [undefined, null, {}])
  test(`reads a lease that says nothing as held by nobody: ${JSON.stringify(spec)}`, () => {
    const record = leaseRecord(stored(spec));
    assert.deepEqual([record.holder, record.durationMs, record.transitions], ["", 0, 0]);
    assert.equal(takenOverLease(stored(spec), ours).spec.leaseTransitions, 1);
  });

test("takes a record for another write when any of its fields differs", () => {
  const spec = {
    holderIdentity: "us",
    leaseDurationSeconds: 15,
    acquireTime: "a",
    renewTime: "b",
    leaseTransitions: 1,
    preferredHolder: "c",
  };
  const record = leaseRecord(stored(spec));
  assert.ok(isSameRecord(record, leaseRecord(stored({ ...spec }))));
  for (const field of Object.keys(spec))
    assert.ok(!isSameRecord(record, leaseRecord(stored({ ...spec, [field]: undefined }))), field);
});
