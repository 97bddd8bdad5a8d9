/** The rules that the manifests grant, as the cluster has them; and the cluster without one of them. */
import { z } from "zod";
import type { AuditRow } from "../controlplane/audit-log.ts";
import type { Deployed } from "./deployed.ts";

export const Rule = z.object({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  resourceNames: z.array(z.string()).optional(),
  verbs: z.array(z.string()),
});
export type Rule = z.infer<typeof Rule>;

const Role = z.object({ rules: z.array(Rule) });

export type RoleName = "clusterrole" | "role";

/** Of the ClusterRole and the Role, or of one of them. */
export async function rulesOf(
  deployed: Deployed,
  roles: readonly RoleName[] = ["clusterrole", "role"],
): Promise<readonly Rule[]> {
  const rules: Rule[] = [];
  for (const role of roles) {
    const text = await deployed.admin("get", role, "evenkeel", "-n", "evenkeel", "-o", "json");
    rules.push(...Role.parse(JSON.parse(text)).rules);
  }
  return rules;
}

export async function setRules(deployed: Deployed, role: RoleName, rules: readonly Rule[]): Promise<void> {
  const patch = JSON.stringify([{ op: "replace", path: "/rules", value: rules }]);
  await deployed.admin("patch", role, "evenkeel", "-n", "evenkeel", "--type=json", "-p", patch);
}

/** Whether the rule is what allows the request. */
export function names({ resources, resourceNames, verbs }: Rule, { verb, resource, name }: AuditRow): boolean {
  const isNamed = resourceNames === undefined || resourceNames.includes(name);
  return resources.includes(resource) && verbs.includes(verb) && isNamed;
}

/** `create configmaps team-a/settings: 201` */
export function formatRow({ verb, resource, namespace, name, code }: AuditRow): string {
  return `${verb} ${resource} ${namespace}/${name}: ${code}`;
}
