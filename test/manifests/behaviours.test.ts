/**
 * What mirror and cleanup-on-delete promise, on a real API server and under the manifests alone: one host, as its
 * ServiceAccount, through every behaviour that one host can show. First all that happens while it is up, then changes of
 * its configuration, then a time without it; in the end the audit log is held against the rules.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import type { AuditRow } from "../controlplane/audit-log.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { absence } from "./behaviours/absence.ts";
import { coexist } from "./behaviours/coexist.ts";
import { converge, RIVAL } from "./behaviours/converge.ts";
import { Corner, homeOf, NEW, OLD, UP_A, UP_B, writesOfAccount, type Behaviour } from "./behaviours/corner.ts";
import { neverDestroy, OUTSIDE } from "./behaviours/never-destroy.ts";
import { reload } from "./behaviours/reload.ts";
import { Stage, type Config } from "./behaviours/stage.ts";
import { ACCOUNT, AUDIT_POLICY, Deployed, requestsOfAccount } from "./deployed.ts";
import { formatRow, names, rulesOf } from "./rules.ts";

const rows = [...neverDestroy, ...converge, ...coexist];
const FIRST: Config = {
  prefixes: ["team-up-", "team-old-"],
  sourceNamespaces: [...new Set([...rows, ...reload, ...absence].map(({ id }) => homeOf(id))), UP_A, RIVAL],
};

// Before the control plane starts, whose flags name both.
const folder = mkdtempSync(join(tmpdir(), "evenkeel-behaviours-"));
const [policyFile, auditLog] = [join(folder, "policy.yaml"), join(folder, "audit.log")];
// With what each deletion is conditional upon.
const deletions = `rules:
  - level: Request
    users: ["${ACCOUNT}"]
    verbs: [delete]
    resources: [{ group: "", resources: [configmaps] }]
`;
writeFileSync(policyFile, AUDIT_POLICY.replace("rules:\n", deletions));
const flags = { apiServer: [`--audit-policy-file=${policyFile}`, `--audit-log-path=${auditLog}`] };

describeOnControlPlane("mirror and cleanup-on-delete under the manifests", { flags }, (controlPlane) => {
  let deployed: Deployed;

  before(async () => {
    deployed = await Deployed.on(controlPlane(), folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("every behaviour that one host can show", { concurrency: 4 }, async (context) => {
    const options = { context, controlPlane: controlPlane(), deployed, folder, auditLog };
    const stage = await Stage.of(options, FIRST);
    for (const name of [UP_A, UP_B, OLD, NEW]) await stage.admin.namespace(name);
    await stage.startHost();
    const show = ({ id, name, run }: Behaviour): Promise<void> =>
      context.test(`${id}: ${name}`, async () => run(await Corner.of(id, stage)));
    await Promise.all(rows.map(show));
    for (const row of [...reload, ...absence]) await show(row);
    await stage.host.stop();
  });

  test("B08: every deletion names the uid and the resourceVersion that it means", async () => {
    const conditions = await preconditions();
    assert.ok(conditions.length > 50, `${conditions.length} deletions seen`);
    for (const { uid, resourceVersion } of conditions) assert.ok(uid.length > 0 && /^\d+$/.test(resourceVersion));
  });

  test("no request of it was refused, but where a row had it refused", async () => {
    const requests = await requestsOfAccount(auditLog);
    const refused = requests.filter((row) => [401, 403, 422].includes(row.code) && !isProvoked(row));
    assert.deepEqual(refused.map(formatRow), []);
    const outside = (await writesOfAccount(auditLog)).filter(({ namespace }) => OUTSIDE.has(namespace));
    assert.deepEqual(outside.map(formatRow), []);
  });

  test("every request of it is named by a rule", async () => {
    const rules = await rulesOf(deployed);
    const unnamed = (await requestsOfAccount(auditLog)).filter((row) => !rules.some((rule) => names(rule, row)));
    assert.deepEqual([...new Set(unnamed.map(formatRow))], []);
  });
});

/** By a row; one namespace goes while others have a copy made there, and one is denied its copy. */
function isProvoked({ namespace, name }: AuditRow): boolean {
  return name === "probe" || namespace === "team-up-b31" || (namespace === "team-up-b42" && name === "b42");
}

const Deletion = z.object({
  verb: z.literal("delete"),
  objectRef: z.object({ resource: z.literal("configmaps") }),
  user: z.object({ username: z.literal(ACCOUNT) }),
  requestObject: z.object({ preconditions: z.object({ uid: z.string(), resourceVersion: z.string() }) }),
});

/** Of each deletion that the host asked for. @throws ZodError when one has none */
async function preconditions(): Promise<readonly { readonly uid: string; readonly resourceVersion: string }[]> {
  const lines = (await readFile(auditLog, "utf8")).split("\n").filter((line) => line.includes('"verb":"delete"'));
  return lines.map((line) => Deletion.parse(JSON.parse(line)).requestObject.preconditions);
}
