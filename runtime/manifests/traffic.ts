/** Whom the host's pods may talk to, and how its lease requests are told from all others by the API server. */
import { NAME, POD_LABELS, type Installation } from "./installation.ts";
import type { Manifest } from "./manifest.ts";

/**
 * Out: the API server, by its ports, for no selector matches it. In: nothing; the kubelet's probes come from the node, which
 * no policy holds up. The overlays open what they need.
 */
export function networkPolicyManifest({ namespace }: Installation): Manifest {
  return {
    object: {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: NAME, namespace },
      spec: {
        podSelector: { matchLabels: POD_LABELS },
        policyTypes: ["Ingress", "Egress"],
        egress: [
          {
            ports: [
              { protocol: "TCP", port: 443 },
              { protocol: "TCP", port: 6443 },
            ],
          },
        ],
      },
    },
    remarks: [
      { at: ["spec", "policyTypes"], says: "Nothing comes in: probes come from the node, which is always let in." },
      {
        at: ["spec", "egress", 0],
        says: "The API server: 443 is its Service, 6443 what most networks see behind it. Narrow it by ipBlock where its\naddress is known.",
      },
    ],
  };
}

/**
 * Accounts outside kube-system share one crowded level; whose renewals wait there loses the lease to a neighbour's list
 * requests. Source: kube-apiserver's bootstrap configuration, where `leader-election` serves kube-system alone.
 */
export function flowSchemaManifest({ namespace }: Installation): Manifest {
  return {
    object: {
      apiVersion: "flowcontrol.apiserver.k8s.io/v1",
      kind: "FlowSchema",
      metadata: { name: `${NAME}-leases` },
      spec: {
        priorityLevelConfiguration: { name: "leader-election" },
        // Between the server's own for elections (100, 200) and those for everybody (9000 and up).
        matchingPrecedence: 300,
        distinguisherMethod: { type: "ByUser" },
        rules: [
          {
            subjects: [{ kind: "ServiceAccount", serviceAccount: { name: NAME, namespace } }],
            resourceRules: [
              {
                apiGroups: ["coordination.k8s.io"],
                resources: ["leases"],
                namespaces: [namespace],
                verbs: ["create", "get", "update"],
              },
            ],
          },
        ],
      },
    },
  };
}
