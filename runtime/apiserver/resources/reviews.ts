/**
 * Reviews: who am I, and what may I do? The answer is the same for everybody, since whoever reaches this server may do
 * everything, and no question is kept.
 */
import type { JsonObject } from "../object.ts";
import { OPAQUE } from "../schema.ts";
import { AGE, NAME } from "./columns.ts";
import { type Resource, resource } from "./resource.ts";

const USER: JsonObject = { username: "admin", groups: ["system:masters", "system:authenticated"] };

function review(group: string, kind: string, description: string, answer: JsonObject): Resource {
  const singular = kind.toLowerCase();
  return resource({
    group,
    version: "v1",
    resource: `${singular}s`,
    singular,
    kind,
    namespaced: false,
    answer,
    description,
    fields: { spec: OPAQUE, status: OPAQUE },
    columns: [NAME, AGE],
  });
}

export const REVIEWS: readonly Resource[] = [
  review(
    "authentication.k8s.io",
    "SelfSubjectReview",
    "SelfSubjectReview says who the API server takes the caller for.",
    { userInfo: USER },
  ),
  review(
    "authorization.k8s.io",
    "SelfSubjectAccessReview",
    "SelfSubjectAccessReview says whether the caller may do something.",
    { allowed: true, reason: "embedded API server: everybody is admin" },
  ),
  review(
    "authorization.k8s.io",
    "SelfSubjectRulesReview",
    "SelfSubjectRulesReview lists what the caller may do in a namespace.",
    {
      resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
      nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
      incomplete: false,
    },
  ),
];
