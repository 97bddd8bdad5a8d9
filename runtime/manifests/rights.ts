/**
 * What the host must be allowed, no more: from what its functions declare, and from how the writer writes. Each right says
 * what it is for.
 */
import { groupOf, pluralOf, type Kind } from "../kube/kind.ts";
import { LEASE_NAME } from "../lease/lease.ts";
import type { Declaration } from "../reconcile/cell/cell.ts";
import { strategyOf, type ChildStrategy } from "../reconcile/plan.ts";

/** A rule of rbac.authorization.k8s.io/v1, and its reason. */
export interface Right {
  readonly rule: {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly verbs: readonly string[];
  };
  readonly because: string;
}

type Functions = ReadonlyMap<string, Declaration>;

/** In every namespace: sources and children are anywhere. Sorted by resource, reading before writing. */
export function clusterRights(functions: Functions): readonly Right[] {
  const uses = [...functions].flatMap(([name, definition]) => usesOf(name, definition));
  const resources = Map.groupBy(uses, ({ kind, part }) => `${pluralOf(kind)}${part} ${groupOf(kind)}`);
  const rights = [...resources.keys()].toSorted().flatMap((key) => rightsFor(resources.get(key) ?? []));
  return [...rights, EVENTS];
}

/** In the host's own namespace. */
export const leaseRights: readonly Right[] = [
  {
    rule: { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
    because:
      "leader election: the first replica makes the Lease. No name: RBAC knows none yet when an object is created,\nso the admission policy names it",
  },
  {
    rule: {
      apiGroups: ["coordination.k8s.io"],
      resources: ["leases"],
      resourceNames: [LEASE_NAME],
      verbs: ["get", "update", "watch"],
    },
    because: "leader election: renewed every two seconds; standbys see at once when it is given up",
  },
];

interface Use {
  readonly functionName: string;
  readonly kind: Kind;
  readonly part: "" | "/status" | "/scale";
  readonly how: "watches" | "reads" | "writes" | "applies fields to";
}

function usesOf(functionName: string, { watches, reads, writes, applies, subresources }: Declaration): readonly Use[] {
  return [
    { functionName, kind: watches.kind, part: "", how: "watches" },
    ...reads.map(({ kind }): Use => ({ functionName, kind, part: "", how: "reads" })),
    ...writes.map((kind): Use => ({ functionName, kind, part: "", how: "writes" })),
    ...applies.map((kind): Use => ({ functionName, kind, part: "", how: "applies fields to" })),
    ...subresources.map(({ of, subresource }): Use => ({
      functionName,
      kind: of,
      part: `/${subresource}`,
      how: "writes",
    })),
  ];
}

function rightsFor(uses: readonly Use[]): readonly Right[] {
  const [first] = uses;
  if (first === undefined) return [];
  const { kind, part } = first;
  const of = { apiGroups: [groupOf(kind)], resources: [`${pluralOf(kind)}${part}`] };
  const rights: Right[] = [];
  // Children are found by a watch of their own, so what is written is read too. `get` is the second look before a deletion.
  if (part === "") rights.push({ rule: { ...of, verbs: ["get", "list", "watch"] }, because: reasons(uses) });
  const writing = uses.filter(({ how }) => how === "writes" || how === "applies fields to");
  const hasChildren = part === "" && writing.some(({ how }) => how === "writes");
  const verbs = hasChildren ? CHILD_VERBS[strategyOf(kind)] : ["patch"];
  if (writing.length > 0) rights.push({ rule: { ...of, verbs }, because: reasons(writing) });
  return rights;
}

/** `mirror watches and writes it; cleanup-on-delete watches it` */
function reasons(uses: readonly Use[]): string {
  const byFunction = Map.groupBy(uses, ({ functionName }) => functionName);
  const how = (name: string): string => [...new Set(byFunction.get(name)?.map((use) => use.how))].join(" and ");
  const names = [...byFunction.keys()].toSorted();
  return names.map((name) => `${name} ${how(name)} it`).join("; ");
}

/**
 * What the writer sends for children. A release is a patch by either strategy; an apply that creates needs `create`
 * beside `patch`.
 */
const CHILD_VERBS: Readonly<Record<ChildStrategy, readonly string[]>> = {
  update: ["create", "update", "patch", "delete"],
  apply: ["create", "patch", "delete"],
};

const EVENTS: Right = {
  rule: { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"] },
  because: "what an operator must know is told as an Event beside its object",
};
