/** What the policies of the fence are made of: whose requests they read, of which kind, and where those may write. */
import { groupOf, kindKey, pluralOf, type Kind } from "../kube/kind.ts";
import { LEASE_NAME } from "../lease/lease.ts";
import { NAME, type Installation } from "./installation.ts";

export interface Policy {
  readonly name: string;
  readonly spec: Terms & { readonly failurePolicy: "Fail" };
}

interface Terms {
  readonly matchConstraints: object;
  /** Beside that of our account. */
  readonly matchConditions?: readonly Expression[];
  readonly variables?: readonly Expression[];
  readonly validations: readonly object[];
}

/** A line of CEL that has a name. */
export interface Expression {
  readonly name: string;
  readonly expression: string;
}

/** A policy for our account alone. What cannot be judged is refused. */
export function policy(name: string, { matchConstraints, matchConditions = [], ...rest }: Terms): Policy {
  const validations = rest.validations.map(asForbidden);
  const conditions = [OUR_ACCOUNT, ...matchConditions];
  return { name, spec: { failurePolicy: "Fail", matchConstraints, matchConditions: conditions, ...rest, validations } };
}

/** 403 and not the 422 of an object that is malformed: nothing that the host could write differently would help. */
function asForbidden(validation: object): object {
  return { ...validation, reason: "Forbidden" };
}

/** In whatever namespace: one that is moved, by kustomize's `namespace` or by hand, stays within its fence. */
const OUR_ACCOUNT: Expression = {
  name: "our-account",
  expression: `request.userInfo.username.startsWith("system:serviceaccount:")
  && request.userInfo.username.endsWith(":${NAME}")
`,
};

/** A request for our Lease, beside our account. The name is the object's: a request that creates may have none. */
export const OWN_LEASE = `request.operation in ["CREATE", "UPDATE"] && object.metadata.name == "${LEASE_NAME}"
  && request.userInfo.username == "system:serviceaccount:" + request.namespace + ":${NAME}"
`;

/** `evenkeel.configmaps`, `evenkeel.deployments.scale.apps` */
export function policyName(kind: Kind, part = ""): string {
  return [NAME, pluralOf(kind), part, groupOf(kind)].filter((word) => word !== "").join(".");
}

export function ruleFor(kind: Kind, part: "" | "/status" | "/scale", operations: readonly string[]): object {
  return { apiGroups: [groupOf(kind)], apiVersions: ["*"], resources: [`${pluralOf(kind)}${part}`], operations };
}

/** The first variable of each policy that has it; an overlay with other prefixes replaces it. */
export function prefixesVariable({ prefixes }: Pick<Installation, "prefixes">): Expression {
  return { name: "prefixes", expression: JSON.stringify(prefixes) };
}

/** Where a request means to write; empty where its object is in no namespace. A Namespace is where its own name says. */
function placeOf(kind: Kind): string {
  return kindKey(kind) === "v1/Namespace" ? "request.name" : 'request.?namespace.orValue("")';
}

export function outsideControlPlane(kind: Kind): object {
  return {
    expression: `!${placeOf(kind)}.startsWith("kube-")`,
    message: "evenkeel never touches the namespaces of the control plane",
  };
}

/** @param unless what is not bound by the prefixes. */
export function withinPrefixes(kind: Kind, unless = ""): object {
  const place = placeOf(kind);
  return {
    expression: `${unless === "" ? "" : `${unless} || `}${place} == ""
  || variables.prefixes.size() == 0 || variables.prefixes.exists(prefix, ${place}.startsWith(prefix))
`,
    messageExpression: `"evenkeel writes only into namespaces whose name starts with one of: " + variables.prefixes.join(", ")`,
  };
}

/** These fields of the metadata are as they were, in CEL. */
export function kept(...fields: readonly (keyof typeof EMPTY)[]): string {
  const of = (object: string, field: keyof typeof EMPTY): string =>
    `${object}.metadata.?${field}.orValue(${EMPTY[field]})`;
  return fields.map((field) => `${of("object", field)} == ${of("oldObject", field)}`).join("\n  && ");
}

const EMPTY = { labels: "{}", annotations: "{}", finalizers: "[]", ownerReferences: "[]" } as const;
