/** What may be done to a part of a kind, its status or its scale: the part, and nothing else of the object. */
import type { Subresource } from "../reconcile/define.ts";
import type { Installation } from "./installation.ts";
import {
  kept,
  outsideControlPlane,
  policy,
  policyName,
  prefixesVariable,
  ruleFor,
  withinPrefixes,
  type Policy,
} from "./policy.ts";

export function partPolicy(part: Subresource, installation: Pick<Installation, "prefixes">): Policy {
  const { of, subresource } = part;
  const isScale = subresource === "scale";
  return policy(policyName(of, subresource), {
    matchConstraints: { resourceRules: [partRule(part)] },
    ...(isScale ? { variables: [prefixesVariable(installation)] } : {}),
    validations: [outsideControlPlane(of), isScale ? withinPrefixes(of) : STATUS_ALONE],
  });
}

/** The requests that the policy of this part judges. */
export function partRule({ of, subresource }: Subresource): object {
  return ruleFor(of, `/${subresource}`, ["UPDATE"]);
}

/**
 * Not bound by the prefixes: a status is told where the watched object is, and sources are anywhere. The server itself keeps
 * all but status and metadata.
 */
const STATUS_ALONE = {
  expression: `${kept("labels", "annotations", "finalizers", "ownerReferences")}\n`,
  message:
    "evenkeel writes the status of an object with its labels, annotations, finalizers and ownerReferences as they are",
};
