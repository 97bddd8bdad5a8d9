/**
 * Which Lease a host holds while it works: that of the host which is deployed in this cluster, if one is. Two that led at the
 * same time, each with its own configuration, would undo each other's work.
 *
 * Not promised: a host that is deployed later does not look for one that was started by hand. It holds the Lease of its own
 * namespace, the only one that it may see.
 */
import type { Settings } from "../host/settings.ts";
import type { Api } from "../kube/api.ts";
import { codeOf, EvenkeelError } from "../kube/errors.ts";
import type { StoredObject } from "../kube/object.ts";
import { Lease, LEASE_NAME, leaseRecord, type LeaseName } from "../lease/lease.ts";
import type { Connection } from "./connect.ts";

/** Where `manifests/` put a host, unless told otherwise. */
const DEPLOYED = leaseIn("evenkeel");

type Reads = Pick<Api, "get" | "list">;

/** @throws EvenkeelError LEASE_AMBIGUOUS when there are several, and nobody said which */
export async function findLease(
  { api, namespace }: Pick<Connection, "namespace"> & { readonly api: Reads },
  { target, leaseNamespace }: Pick<Settings, "target" | "leaseNamespace">,
  signal: AbortSignal,
): Promise<LeaseName> {
  if (leaseNamespace !== undefined) return leaseIn(leaseNamespace);
  // A leftover somewhere must not keep those that are deployed from starting.
  if (target.kind === "in-cluster") return leaseIn(namespace);
  const leases = await whereAllowed(listLeases(api, signal));
  if (leases === undefined)
    return (await whereAllowed(api.get(Lease, DEPLOYED, { signal }))) ? DEPLOYED : leaseIn(namespace);
  if (leases.length > 1) {
    const all = leases.map(described).join(", ");
    throw new EvenkeelError("LEASE_AMBIGUOUS", `there are several Leases called ${LEASE_NAME}: ${all}`);
  }
  return leaseIn(leases[0]?.metadata.namespace ?? namespace);
}

function leaseIn(namespace: string): LeaseName {
  return { namespace, name: LEASE_NAME };
}

async function listLeases(api: Reads, signal: AbortSignal): Promise<readonly StoredObject[]> {
  const { items } = await api.list(Lease, { fieldSelector: `metadata.name=${LEASE_NAME}`, signal });
  return items;
}

/** Undefined: not there, or none of our business. */
async function whereAllowed<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (["API_NOT_FOUND", "API_FORBIDDEN"].includes(codeOf(error))) return undefined;
    throw error;
  }
}

function described(lease: StoredObject): string {
  const { holder } = leaseRecord(lease);
  const { namespace, name } = lease.metadata;
  return `${namespace}/${name} (${holder === "" ? "free" : `held by "${holder}"`})`;
}
