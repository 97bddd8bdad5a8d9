/** The Lease object of coordination.k8s.io: what its record says, and the bodies that claim, renew and release it. */
import { kind, type Kind } from "../kube/kind.ts";
import { microTime, type KubeObject, type ObjectMeta, type StoredObject } from "../kube/object.ts";

export interface LeaseSpec {
  /** Empty or absent when nobody holds it. */
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  /** RFC 3339 with microseconds, UTC (V1MicroTime). For people only: nobody may reckon with another machine's time. */
  readonly acquireTime?: string;
  readonly renewTime?: string;
  /** How often the holder changed. */
  readonly leaseTransitions?: number;
  /** Both set by coordinated leader election (KEP-4355): whom the present holder has to make room for. */
  readonly strategy?: string;
  readonly preferredHolder?: string;
}

export interface Lease extends KubeObject {
  readonly apiVersion: "coordination.k8s.io/v1";
  readonly kind: "Lease";
  readonly spec: LeaseSpec;
}

export const Lease: Kind<Lease> = kind("coordination.k8s.io/v1", "Lease");

/** Of the Lease that the leading host holds, in whichever namespace: its role and its policies name it. */
export const LEASE_NAME = "evenkeel";

/** Names one Lease; they are namespaced. */
export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

/** What a Lease says, whoever wrote it: every field is there. */
export interface LeaseRecord {
  /** `` when nobody holds it. */
  readonly holder: string;
  /** 0 when the record does not say. */
  readonly durationMs: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly transitions: number;
  /** `` when nobody else is to hold it. */
  readonly preferredHolder: string;
  /** Of the process of ours that wrote it; `` when somebody has taken it off. Others leave in place what they find. */
  readonly mark: string;
}

/** In an annotation, so that client-go, which has no field for it and keeps annotations, may hold the same Lease. */
const MARK = "evenkeel.dev/written-by";

/** Reads the record of an object that may be any Lease, also one written by hand. */
export function leaseRecord(object: KubeObject): LeaseRecord {
  const spec = specOf(object);
  return {
    holder: text(spec.holderIdentity),
    durationMs: count(spec.leaseDurationSeconds) * 1000,
    acquireTime: text(spec.acquireTime),
    renewTime: text(spec.renewTime),
    transitions: count(spec.leaseTransitions),
    preferredHolder: text(spec.preferredHolder),
    mark: text(object.metadata.annotations?.[MARK]),
  };
}

/** Whether two readings are of the same write. Metadata does not count: a label that somebody sets is no sign of life. */
export function isSameRecord(a: LeaseRecord, b: LeaseRecord): boolean {
  return (
    a.holder === b.holder &&
    a.durationMs === b.durationMs &&
    a.acquireTime === b.acquireTime &&
    a.renewTime === b.renewTime &&
    a.transitions === b.transitions &&
    a.preferredHolder === b.preferredHolder
  );
}

export interface Claim {
  readonly holder: string;
  /** What no other process has, though it may have the name. */
  readonly mark: string;
  readonly durationMs: number;
  readonly nowMs: number;
}

/** A new Lease, held by us. */
export function createdLease({ namespace, name }: LeaseName, claim: Claim): Lease {
  const spec = { ...term(claim), acquireTime: microTime(claim.nowMs), leaseTransitions: 0 };
  return body(marked({ namespace, name }, claim), spec);
}

/** `current`, renewed by its holder. What else is in the object stays. */
export function renewedLease(current: StoredObject, claim: Claim): Lease {
  return body(marked(current.metadata, claim), { ...specOf(current), ...term(claim) });
}

/** `current`, taken over: a transition, a new acquireTime, and no more wish of the past for a preferred holder. */
export function takenOverLease(current: StoredObject, claim: Claim): Lease {
  const { preferredHolder: _, ...rest } = specOf(current);
  const leaseTransitions = Math.min(leaseRecord(current).transitions + 1, MAX_INT32);
  const spec = { ...rest, ...term(claim), acquireTime: microTime(claim.nowMs), leaseTransitions };
  return body(marked(current.metadata, claim), spec);
}

/** The API server refuses a larger count, and then nobody could lead. */
const MAX_INT32 = 2 ** 31 - 1;

/** `current` without a holder. One second, so that whoever reads durations alone need not wait either. */
export function releasedLease(current: StoredObject, nowMs: number): Lease {
  const time = microTime(nowMs);
  return body(current.metadata, {
    ...specOf(current),
    holderIdentity: "",
    leaseDurationSeconds: 1,
    acquireTime: time,
    renewTime: time,
  });
}

function term({ holder, durationMs, nowMs }: Claim): LeaseSpec {
  return { holderIdentity: holder, leaseDurationSeconds: durationMs / 1000, renewTime: microTime(nowMs) };
}

function marked(metadata: ObjectMeta, { mark }: Claim): ObjectMeta {
  return { ...metadata, annotations: { ...metadata.annotations, [MARK]: mark } };
}

function body(metadata: ObjectMeta, spec: LeaseSpec): Lease {
  return { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
}

function specOf(object: KubeObject): LeaseSpec {
  return "spec" in object && typeof object.spec === "object" ? (object.spec ?? {}) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function count(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
