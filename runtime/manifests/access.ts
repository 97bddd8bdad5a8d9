/** Who the host is and what it may do: the namespace it lives in, its ServiceAccount, its roles and their bindings. */
import { NAME, type Installation } from "./installation.ts";
import type { Manifest } from "./manifest.ts";
import { clusterRights, leaseRights, type Right } from "./rights.ts";

/** Pinned, so that an upgrade of the cluster changes no rule. */
const POD_SECURITY_VERSION = "v1.34";

export function namespaceManifest({ namespace }: Installation): Manifest {
  const modes = ["enforce", "warn", "audit"].flatMap((mode) => [
    [`pod-security.kubernetes.io/${mode}`, "restricted"],
    [`pod-security.kubernetes.io/${mode}-version`, POD_SECURITY_VERSION],
  ]);
  const labels = Object.fromEntries(modes) as Readonly<Record<string, string>>;
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } };
  return isOurNamespace({ namespace }) ? { object } : { object, remarks: [APPLIED_BY_ITSELF] };
}

const APPLIED_BY_ITSELF = {
  at: ["metadata", "name"],
  says: [
    "Not among the resources: one of this name may be there already, for more than the host, and `kubectl delete -k`",
    "would take it all. Where there is none, `kubectl apply -f` of this file by itself makes it.",
  ].join("\n"),
};

/** Whether it is made and deleted with the host: one that is not named after it may be somebody's. */
export function isOurNamespace({ namespace }: Pick<Installation, "namespace">): boolean {
  return namespace === NAME;
}

export function serviceAccountManifest({ namespace }: Installation): Manifest {
  return {
    object: {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: NAME, namespace },
      automountServiceAccountToken: false,
    },
    remarks: [
      { at: ["automountServiceAccountToken"], says: "The Deployment mounts a token of its own, which lives an hour." },
    ],
  };
}

/** What the functions need, in every namespace. */
export function clusterAccess({ namespace, functions }: Installation): readonly Manifest[] {
  return grant({ name: NAME }, clusterRights(functions), { name: NAME, namespace });
}

/** The Lease, in the host's own namespace. */
export function leaseAccess({ namespace }: Installation): readonly Manifest[] {
  const account = { name: NAME, namespace };
  return grant(account, leaseRights, account);
}

interface Account {
  readonly name: string;
  readonly namespace: string;
}

/** A rule, with its reason. */
type Granted = Pick<Right, "because"> & { readonly rule: object };

/** A role and its binding to one ServiceAccount, both of this name: in this namespace, or without one in the whole cluster. */
export function grant(
  metadata: { readonly name: string; readonly namespace?: string },
  rights: readonly Granted[],
  account: Account,
): readonly Manifest[] {
  const scope = metadata.namespace === undefined ? "Cluster" : "";
  const apiVersion = "rbac.authorization.k8s.io/v1";
  return [
    {
      object: { apiVersion, kind: `${scope}Role`, metadata, rules: rights.map(({ rule }) => rule) },
      remarks: rights.map(({ because }, index) => ({ at: ["rules", index], says: because })),
    },
    {
      object: {
        apiVersion,
        kind: `${scope}RoleBinding`,
        metadata,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: `${scope}Role`, name: metadata.name },
        subjects: [{ kind: "ServiceAccount", ...account }],
      },
    },
  ];
}
