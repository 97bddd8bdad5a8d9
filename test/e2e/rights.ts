/** What the host with mirror and cleanup-on-delete may do, and no more: a test that passes with these shows that they suffice. */
import type { PolicyRule, ServiceAccountOptions } from "../controlplane/cluster.ts";

export interface Less {
  /** Resources of the core group that may be read. */
  readonly reads?: readonly string[];
  /** What may be done to ConfigMaps. */
  readonly writes?: readonly string[];
}

export function hostRights(less: Less = {}): Required<Pick<ServiceAccountOptions, "rules" | "clusterRules">> {
  const { reads = ["configmaps", "namespaces"], writes = ["create", "update", "patch", "delete"] } = less;
  const clusterRules: readonly PolicyRule[] = [
    { apiGroups: [""], resources: reads, verbs: ["get", "list", "watch"] },
    { apiGroups: [""], resources: ["configmaps"], verbs: writes },
    { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"] },
  ];
  // The Lease lives in the namespace of the account.
  const rules = [
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "create", "update", "watch"] },
  ];
  return { rules, clusterRules };
}
