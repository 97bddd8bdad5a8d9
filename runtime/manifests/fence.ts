/**
 * The fence: admission policies that hold the host's account to what evenkeel promises, even if the host itself were taken
 * over. One policy for each kind that functions write, one for each part of a kind, one for everything else. They read the
 * account's name first, so no other's requests are slowed or refused.
 *
 * The bounds are written into the policies, not read from a parameter object: only who may change admission policies can
 * widen them. A configuration that is widened alone is refused at the fence, and the traces say so.
 */
import { groupKind, type Kind } from "../kube/kind.ts";
import type { Subresource } from "../reconcile/define.ts";
import { NAME, type Installation } from "./installation.ts";
import { kindPolicy } from "./kind-policy.ts";
import type { Manifest } from "./manifest.ts";
import { partPolicy, partRule } from "./part-policy.ts";
import { OWN_LEASE, policy, prefixesVariable, ruleFor, type Policy } from "./policy.ts";

/** What the fence is drawn from. The account is fenced in whatever namespace it is. */
type Bounds = Pick<Installation, "functions" | "prefixes">;

/** All the policies with their bindings, by the names of the policies. */
export function fence(bounds: Bounds): readonly Manifest[] {
  return policies(bounds).flatMap(({ name, spec }) => [
    { object: { apiVersion: API_VERSION, kind: "ValidatingAdmissionPolicy", metadata: { name }, spec } },
    {
      object: {
        apiVersion: API_VERSION,
        kind: "ValidatingAdmissionPolicyBinding",
        metadata: { name },
        spec: { policyName: name, validationActions: ["Deny", "Audit"] },
      },
    },
  ]);
}

/** The policies whose first variable is that of the prefixes. */
export function prefixedPolicyNames(bounds: Bounds): readonly string[] {
  const { name: prefixes } = prefixesVariable(bounds);
  return policies(bounds).flatMap(({ name, spec }) => (spec.variables?.[0]?.name === prefixes ? [name] : []));
}

const API_VERSION = "admissionregistration.k8s.io/v1";

function policies(bounds: Bounds): readonly Policy[] {
  const declared = [...bounds.functions.values()];
  const kinds = distinct(
    declared.flatMap(({ writes, applies }) => writes.concat(applies)),
    groupKind,
  );
  const parts = distinct(
    declared.flatMap(({ subresources }) => subresources),
    ({ of, subresource }) => `${groupKind(of)}/${subresource}`,
  );
  return [
    ...kinds.map((kind) => kindPolicy(kind, bounds)),
    ...parts.map((part) => partPolicy(part, bounds)),
    otherPolicy(kinds, parts),
  ];
}

/** One for each key, sorted by it. */
function distinct<T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] {
  const byKey = new Map(items.map((item) => [keyOf(item), item]));
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

/** All that no other policy judges: whatever somebody binds to the account one day, it writes its Lease, and Events. */
function otherPolicy(kinds: readonly Kind[], parts: readonly Subresource[]): Policy {
  return policy(`${NAME}.other`, {
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: ["*"],
          apiVersions: ["*"],
          resources: ["*/*"],
          operations: ["CREATE", "UPDATE", "DELETE", "CONNECT"],
        },
      ],
      excludeResourceRules: [
        ...kinds.map((kind) => ruleFor(kind, "", ["*"])),
        ...parts.map(partRule),
        { apiGroups: ["events.k8s.io"], apiVersions: ["*"], resources: ["events"], operations: ["CREATE"] },
      ],
    },
    validations: [
      {
        expression: `request.resource.group == "coordination.k8s.io" && request.resource.resource == "leases"
  && ${OWN_LEASE}`,
        message: "evenkeel writes its Lease, Events, and the kinds that its functions declare; nothing else",
      },
    ],
  });
}
