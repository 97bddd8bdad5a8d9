/**
 * What mirror and cleanup-on-delete promise, on a real API server and under the manifests alone, each by one host, as its
 * ServiceAccount. The first host goes through all that happens while it is up, then changes of its configuration, lists that
 * come late and a time without it; in the end the audit log is held against the rules. The second, in a cluster of its own
 * beside it, is in trouble: its function throws, its watch is silent until a deadline of 90 s, its cluster is crowded.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { suite, test, type TestContext } from "node:test";
import { z } from "zod";
import type { AuditRow } from "../controlplane/audit-log.ts";
import { absence } from "./behaviours/absence.ts";
import { coexist } from "./behaviours/coexist.ts";
import { converge, RIVAL } from "./behaviours/converge.ts";
import { Corner, homeOf, NEW, OLD, UP_A, UP_B, writesOfAccount, type Behaviour } from "./behaviours/corner.ts";
import { describeUnderManifests } from "./behaviours/ground.ts";
import { late } from "./behaviours/late.ts";
import { neverDestroy, OUTSIDE } from "./behaviours/never-destroy.ts";
import { reload } from "./behaviours/reload.ts";
import { Stage, type Config } from "./behaviours/stage.ts";
import { crowd, silent, throwing, troubled } from "./behaviours/trouble.ts";
import { ACCOUNT, requestsOfAccount } from "./deployed.ts";
import { formatRow, names, rulesOf } from "./rules.ts";

const rows = [...neverDestroy, ...converge, ...coexist];
const FIRST: Config = {
  prefixes: ["team-up-", "team-old-"],
  sourceNamespaces: [...new Set([...rows, ...reload, ...late, ...absence].map(({ id }) => homeOf(id))), UP_A, RIVAL],
};
const SECOND: Config = {
  prefixes: ["team-up-"],
  sourceNamespaces: [throwing, silent, crowd].map(({ id }) => homeOf(id)),
};

suite("mirror and cleanup-on-delete under the manifests", { concurrency: true }, () => {
  describeUnderManifests("whatever the cluster does", (ground) => {
    test("every behaviour that one host can show", { concurrency: 4 }, async (context) => {
      const stage = await Stage.of({ context, ...ground() }, FIRST);
      for (const name of [UP_A, UP_B, OLD, NEW]) await stage.admin.namespace(name);
      await stage.startHost();
      await Promise.all(rows.map((row) => show(row, stage, context)));
      for (const row of [...reload, ...late, ...absence]) await show(row, stage, context);
      await stage.host.stop();
    });

    test("B08: every deletion names the uid and the resourceVersion that it means", async () => {
      const conditions = await preconditions(ground().auditLog);
      assert.ok(conditions.length > 50, `${conditions.length} deletions seen`);
      for (const { uid, resourceVersion } of conditions) assert.ok(uid.length > 0 && /^\d+$/.test(resourceVersion));
    });

    test("no request of it was refused, but where a row had it refused", async () => {
      const requests = await requestsOfAccount(ground().auditLog);
      const refused = requests.filter((row) => [401, 403, 422].includes(row.code) && !isProvoked(row));
      assert.deepEqual(refused.map(formatRow), []);
      const outside = (await writesOfAccount(ground().auditLog)).filter(({ namespace }) => OUTSIDE.has(namespace));
      assert.deepEqual(outside.map(formatRow), []);
    });

    test("every request of it is named by a rule", async () => {
      const rules = await rulesOf(ground().deployed);
      const unnamed = (await requestsOfAccount(ground().auditLog)).filter(
        (row) => !rules.some((rule) => names(rule, row)),
      );
      assert.deepEqual([...new Set(unnamed.map(formatRow))], []);
    });
  });

  describeUnderManifests("whatever goes wrong", (ground) => {
    test("every behaviour that takes its time", { concurrency: 2 }, async (context) => {
      const stage = await Stage.of({ context, ...ground() }, SECOND);
      for (const name of [UP_A, UP_B]) await stage.admin.namespace(name);
      await stage.startHost(await troubled(ground()));
      await show(throwing, stage, context);
      await Promise.all([silent, crowd].map((row) => show(row, stage, context)));
    });
  });
});

function show({ id, name, run }: Behaviour, stage: Stage, context: TestContext): Promise<void> {
  return context.test(`${id}: ${name}`, async () => run(await Corner.of(id, stage)));
}

/** By a row; one namespace goes while others have a copy made there, and two are denied a copy. */
function isProvoked({ namespace, name }: AuditRow): boolean {
  const isDenied = ["b36-refused", "b42"].some((denied) => namespace === `team-up-${denied}` && name === denied);
  return name === "probe" || namespace === "team-up-b31" || isDenied;
}

const Deletion = z.object({
  verb: z.literal("delete"),
  objectRef: z.object({ resource: z.literal("configmaps") }),
  user: z.object({ username: z.literal(ACCOUNT) }),
  requestObject: z.object({ preconditions: z.object({ uid: z.string(), resourceVersion: z.string() }) }),
});

/** Of each deletion that the host asked for. @throws ZodError when one has none */
async function preconditions(
  auditLog: string,
): Promise<readonly { readonly uid: string; readonly resourceVersion: string }[]> {
  const lines = (await readFile(auditLog, "utf8")).split("\n").filter((line) => line.includes('"verb":"delete"'));
  return lines.map((line) => Deletion.parse(JSON.parse(line)).requestObject.preconditions);
}
