/** Which Lease a host joins the election of. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { findLease } from "../../runtime/cli/find-lease.ts";
import type { Target } from "../../runtime/host/given-settings.ts";
import type { ListOptions, ReadOptions } from "../../runtime/kube/api.ts";
import { codeOf, EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import type { ObjectName, StoredObject } from "../../runtime/kube/object.ts";

interface Row {
  readonly name: string;
  /** @default outside a pod */
  readonly target?: Target;
  readonly leaseNamespace?: string;
  /** Namespaces that have a Lease, and their holders. */
  readonly there?: Readonly<Record<string, string>>;
  /** How lists of all namespaces, and everything else, are refused. */
  readonly list?: Code;
  readonly get?: Code;
  /** The namespace of the Lease. */
  readonly joins?: string;
  readonly refused?: Code;
  readonly asked: readonly ("list" | "get")[];
}

const kubeconfig: Target = { kind: "kubeconfig", file: undefined, context: undefined };
const inPod: Target = { kind: "in-cluster" };

const rows: readonly Row[] = [
  { name: "its own namespace's, where there is none", joins: "own", asked: ["list"] },
  { name: "that of the deployed one", there: { evenkeel: "d" }, joins: "evenkeel", asked: ["list"] },
  {
    name: "that of the one deployed in another namespace",
    there: { platform: "d" },
    joins: "platform",
    asked: ["list"],
  },
  {
    name: "none of several: who leads by the one does not know who leads by the other",
    there: { platform: "d", own: "" },
    refused: "LEASE_AMBIGUOUS",
    asked: ["list"],
  },
  {
    name: "of several, the one that is named",
    there: { platform: "d", own: "" },
    leaseNamespace: "own",
    joins: "own",
    asked: [],
  },
  { name: "one that is named and not yet there", leaseNamespace: "planned", joins: "planned", asked: [] },
  {
    name: "that of the default namespace, where all cannot be listed",
    list: "API_FORBIDDEN",
    there: { evenkeel: "d", platform: "d" },
    joins: "evenkeel",
    asked: ["list", "get"],
  },
  {
    name: "its own namespace's, where nothing else is allowed",
    list: "API_FORBIDDEN",
    get: "API_FORBIDDEN",
    joins: "own",
    asked: ["list", "get"],
  },
  {
    name: "its own namespace's, where nothing else is allowed or there",
    list: "API_FORBIDDEN",
    joins: "own",
    asked: ["list", "get"],
  },
  {
    name: "in a pod, its own namespace's, whatever others there are",
    target: inPod,
    there: { own: "", platform: "d" },
    joins: "own",
    asked: [],
  },
  {
    name: "in a pod, the one that is named",
    target: inPod,
    leaseNamespace: "platform",
    joins: "platform",
    asked: [],
  },
  {
    name: "none, where the server does not answer",
    list: "API_UNREACHABLE",
    refused: "API_UNREACHABLE",
    asked: ["list"],
  },
];

const lease = (namespace: string, holderIdentity: string): StoredObject & { readonly spec: object } => ({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { name: "evenkeel", namespace, uid: namespace, resourceVersion: "1" },
  spec: { holderIdentity },
});

/** What ends the questions. */
const stop = new AbortController();

/** Of the Leases in a cluster, those called `evenkeel`. */
function fakeApi({ there = {}, list, get }: Row) {
  const leases = Object.entries(there).map(([namespace, holder]) => lease(namespace, holder));
  const asked: string[] = [];
  return {
    asked,
    list(_kind: unknown, { fieldSelector, signal }: ListOptions = {}) {
      asked.push("list");
      assert.equal(signal, stop.signal);
      assert.equal(fieldSelector, "metadata.name=evenkeel");
      if (list !== undefined) return Promise.reject(new EvenkeelError(list, "list"));
      return Promise.resolve({ items: leases, resourceVersion: "1", continue: undefined });
    },
    get(_kind: unknown, { namespace }: ObjectName, { signal }: ReadOptions = {}) {
      asked.push("get");
      assert.equal(signal, stop.signal);
      const found = leases.find(({ metadata }) => metadata.namespace === namespace);
      const code = get ?? (found === undefined ? "API_NOT_FOUND" : undefined);
      if (found === undefined || code !== undefined) return Promise.reject(new EvenkeelError(code ?? "BUG", "get"));
      return Promise.resolve(found);
    },
  };
}

suite("a host joins the election by", () => {
  for (const row of rows)
    test(row.name, async () => {
      const { target = kubeconfig, leaseNamespace, joins, refused } = row;
      const api = fakeApi(row);
      const found = findLease({ api, namespace: "own" }, { target, leaseNamespace }, stop.signal);
      if (joins !== undefined) assert.deepEqual(await found, { namespace: joins, name: "evenkeel" });
      else await assert.rejects(found, (error) => codeOf(error) === refused);
      assert.deepEqual(api.asked, row.asked);
    });

  test("none of several, and says whose they are and what to do", async () => {
    const api = fakeApi({ name: "", there: { default: "", platform: "p1" }, asked: [] });
    const anywhere = { target: kubeconfig, leaseNamespace: undefined };
    const found = findLease({ api, namespace: "default" }, anywhere, stop.signal);
    await assert.rejects(found, {
      message:
        'there are several Leases called evenkeel: default/evenkeel (free), platform/evenkeel (held by "p1"); pass --lease-namespace, or delete those that no host uses any more',
    });
  });
});
