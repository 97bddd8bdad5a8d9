/**
 * The host under the manifests and nothing else: through the whole mirror scenario it is never refused, and never asks for
 * anything that the rules do not name. The API server's audit log is the witness.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { AuditRow } from "../controlplane/audit-log.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { mirrorScenario } from "../e2e/scenario.ts";
import { until } from "../support/wait.ts";
import { AUDIT_POLICY, Deployed, MANIFESTS, requestsOfAccount } from "./deployed.ts";
import { formatRow, names, rulesOf } from "./rules.ts";

// Before the control plane starts, whose flags name both.
const folder = mkdtempSync(join(tmpdir(), "evenkeel-manifests-"));
const [policyFile, auditLog] = [join(folder, "policy.yaml"), join(folder, "audit.log")];
writeFileSync(policyFile, AUDIT_POLICY);
const flags = { apiServer: [`--audit-policy-file=${policyFile}`, `--audit-log-path=${auditLog}`] };

describeOnControlPlane("least privilege", { flags }, (controlPlane) => {
  let deployed: Deployed;

  before(async () => {
    deployed = await Deployed.on(controlPlane(), folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("the host mirrors under the manifests alone", async (context) => {
    await mirrorScenario(context, {
      cluster: controlPlane(),
      startHost: async (identity) => {
        const host = deployed.host(context, identity);
        await host.waitForLine(/"message":"waiting for the lease"/);
        return host;
      },
      lease: { namespace: "evenkeel", name: "evenkeel" },
      hostWrites: async () => counted((await requestsOfAccount(auditLog)).filter(isWrite)),
      steadyMs: 10_000,
    });
  });

  test("a prefix that is narrowed, with its fence: the copies outside go, one inside comes", async (context) => {
    const overlay = join(MANIFESTS, "overlays", "one-prefix");
    const copies = async (): Promise<string> => {
      const query = ["get", "configmaps", "-A", "-l", "evenkeel.dev/function=mirror"];
      return deployed.admin(...query, "-o", "jsonpath={.items[*].metadata.namespace}");
    };
    assert.match(await copies(), /team-a team-b/);
    await deployed.apply(overlay);
    await deployed.admin("create", "namespace", "team-a-1");
    const host = deployed.host(context, "narrow", join(overlay, "evenkeel.yaml"));
    const isNarrow = async (): Promise<boolean> => (await copies()) === "team-a-1";
    await until(isNarrow, { what: "only team-a-1 has a copy" });
    await host.stop();
  });

  test("no request of it was refused for want of rights, or by the fence", async () => {
    const requests = await requestsOfAccount(auditLog);
    assert.ok(requests.length > 50, `${requests.length} requests seen`);
    // The probe of the fence itself, by kubectl.
    const refused = requests.filter(
      ({ code, name }) => (code === 403 || code === 401 || code === 422) && name !== "probe",
    );
    assert.deepEqual(refused.map(formatRow), []);
  });

  test("every request of it is named by a rule", async (context) => {
    const rules = await rulesOf(deployed);
    const requests = await requestsOfAccount(auditLog);
    const unnamed = requests.filter((row) => !rules.some((rule) => names(rule, row)));
    assert.deepEqual([...new Set(unnamed.map(formatRow))], []);
    // What it used of what it was granted, for whoever reads the report.
    const used = [...new Set(requests.map(({ verb, resource }) => `${verb} ${resource}`))].toSorted();
    context.diagnostic(used.join(", "));
    for (const expected of [
      "create configmaps",
      "update configmaps",
      "delete configmaps",
      "watch namespaces",
      "create events",
    ])
      assert.ok(used.includes(expected), used.join(", "));
  });
});

const isWrite = ({ verb, resource, name }: AuditRow): boolean =>
  !["get", "list", "watch"].includes(verb) && resource !== "leases" && name !== "probe";

/** `configmaps: 12`, a line for each resource. */
function counted(rows: readonly AuditRow[]): readonly string[] {
  return [...Map.groupBy(rows, ({ resource }) => resource)].map(([resource, { length }]) => `${resource}: ${length}`);
}
