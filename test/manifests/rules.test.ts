/**
 * No rule is there for nothing: without any one of them, and without any one verb that writes, something that the host
 * promises no longer happens, and the API server says that it was this very right that was missing.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import type { AuditRow } from "../controlplane/audit-log.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import type { HostProcess } from "../e2e/host-process.ts";
import { until } from "../support/wait.ts";
import { AUDIT_POLICY, Deployed, requestsOfAccount } from "./deployed.ts";
import { rulesOf, setRules, type RoleName, type Rule } from "./rules.ts";

// Before the control plane starts, whose flags name both.
const folder = mkdtempSync(join(tmpdir(), "evenkeel-manifests-"));
const [policyFile, auditLog] = [join(folder, "policy.yaml"), join(folder, "audit.log")];
writeFileSync(policyFile, AUDIT_POLICY);
const flags = { apiServer: [`--audit-policy-file=${policyFile}`, `--audit-log-path=${auditLog}`] };

/** Something the host does: what a user does to have it happen, and whether it has. `id` keeps one test's objects apart. */
interface Promised {
  readonly prepare: (id: string, world: World) => Promise<void>;
  readonly isSo: (id: string, world: World) => Promise<boolean>;
}

const promised = {
  "a copy appears": {
    prepare: (id, world) => world.source(id),
    isSo: async (id, world) => (await world.copy(id)) !== "",
  },
  "an edit arrives": {
    async prepare(id, world) {
      await world.source(id);
      await world.copied(id);
      await world.admin("patch", "configmap", id, "-n", "default", "--type=merge", "-p", '{"data":{"colour":"green"}}');
    },
    isSo: async (id, world) => (await world.copy(id, "{.data.colour}")) === "green",
  },
  "the copy of a deleted source goes": {
    async prepare(id, world) {
      await world.source(id);
      await world.copied(id);
      await world.admin("delete", "configmap", id, "-n", "default");
    },
    isSo: async (id, world) => (await world.copy(id)) === "",
  },
  "a retained copy is released": {
    async prepare(id, world) {
      await world.source(id, { "evenkeel.dev/retain": "true" });
      await world.copied(id);
      await world.admin("delete", "configmap", id, "-n", "default");
    },
    isSo: async (id, world) =>
      (await world.copy(id, "{.metadata.uid} {.metadata.labels}")).trim().split(" ").length === 1,
  },
  "a taken name is told": {
    async prepare(id, world) {
      await world.admin("create", "configmap", id, "-n", "team-a");
      await world.source(id);
    },
    isSo: async (id, world) => (await world.admin("get", "events", "-n", "default")).includes(`team-a/${id}`),
  },
  "a replica leads": {
    prepare: () => Promise.resolve(),
    isSo: async (id, world) => (await world.holder()) === id,
  },
} satisfies Record<string, Promised>;

interface Proof {
  readonly role: RoleName;
  /** As the audit log names it. */
  readonly resource: string;
  /** The right without which it does not happen; the first one that is missed. */
  readonly verbs: readonly string[];
  readonly fails: keyof typeof promised;
}

const proofs: readonly Proof[] = [
  { role: "clusterrole", resource: "configmaps", verbs: ["get", "list", "watch"], fails: "a copy appears" },
  {
    role: "clusterrole",
    resource: "configmaps",
    verbs: ["create", "update", "patch", "delete"],
    fails: "a copy appears",
  },
  { role: "clusterrole", resource: "namespaces", verbs: ["get", "list", "watch"], fails: "a copy appears" },
  { role: "clusterrole", resource: "events", verbs: ["create"], fails: "a taken name is told" },
  { role: "role", resource: "leases", verbs: ["create"], fails: "a replica leads" },
  { role: "role", resource: "leases", verbs: ["get", "update", "watch"], fails: "a replica leads" },
];

/** Finer than rules: what writes. */
const verbProofs: readonly Proof[] = [
  { role: "clusterrole", resource: "configmaps", verbs: ["create"], fails: "a copy appears" },
  { role: "clusterrole", resource: "configmaps", verbs: ["update"], fails: "an edit arrives" },
  { role: "clusterrole", resource: "configmaps", verbs: ["delete"], fails: "the copy of a deleted source goes" },
  { role: "clusterrole", resource: "configmaps", verbs: ["patch"], fails: "a retained copy is released" },
  { role: "clusterrole", resource: "configmaps", verbs: ["get"], fails: "the copy of a deleted source goes" },
  { role: "role", resource: "leases", verbs: ["get"], fails: "a replica leads" },
  { role: "role", resource: "leases", verbs: ["update"], fails: "a replica leads" },
];

/** Far more than the host ever took on two cores; on what happens it does not wait. */
const LIMIT_MS = 20_000;

describeOnControlPlane("each rule", { flags }, (controlPlane) => {
  let deployed: Deployed;
  let world: World;
  let all: Readonly<Record<RoleName, readonly Rule[]>>;

  before(async () => {
    deployed = await Deployed.on(controlPlane(), folder);
    world = new World(deployed);
    await deployed.admin("create", "namespace", "team-a");
    all = { clusterrole: await rulesOf(deployed, ["clusterrole"]), role: await rulesOf(deployed, ["role"]) };
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("has a proof in this file, and each proof its rule", () => {
    const granted = [...all.clusterrole, ...all.role].map(
      ({ resources, verbs }) => `${resources.join()}: ${verbs.join()}`,
    );
    assert.deepEqual(
      granted,
      proofs.map(({ resource, verbs }) => `${resource}: ${verbs.join()}`),
    );
  });

  test("is there: all that is promised happens", async (context) => {
    const host = deployed.host(context, "all");
    await host.waitForLine(/"message":"working"/);
    assert.equal(await world.holder(), "all");
    for (const [name, promise] of Object.entries<Promised>(promised)) {
      const id = name === "a replica leads" ? "all" : name.replaceAll(" ", "-");
      await promise.prepare(id, world);
      await until(async () => await promise.isSo(id, world), { what: name, limitMs: LIMIT_MS });
    }
    await host.stop();
  });

  for (const [index, proof] of [...proofs, ...verbProofs].entries()) {
    const { role, resource, verbs, fails } = proof;
    test(`but for ${verbs.join(", ")} on ${resource}: not so that ${fails}`, async (context) => {
      const id = `missing-${index}`;
      const isWhole = proofs.includes(proof);
      // A Lease that is there needs no creation, and one that is free needs no waiting.
      if (role === "role") await deployed.admin("delete", "lease", "evenkeel", "-n", "evenkeel", "--ignore-not-found");
      if (role === "role" && !(isWhole && verbs.includes("create"))) await world.freeLease();
      context.after(() => setRules(deployed, role, all[role]));
      const known = (await requestsOfAccount(auditLog)).length;
      const host = await startedWithout(proof, { context, id, isWhole });
      await promised[fails].prepare(id, world);
      await missed(proof, known);
      assert.equal(await promised[fails].isSo(id, world), false);
      await host.stop();
    });
  }

  async function startedWithout(
    { role, resource, verbs }: Proof,
    { context, id, isWhole }: { readonly context: TestContext; readonly id: string; readonly isWhole: boolean },
  ): Promise<HostProcess> {
    const rest = all[role].flatMap((rule) => {
      if (!rule.resources.includes(resource) || !verbs.every((verb) => rule.verbs.includes(verb))) return [rule];
      return isWhole ? [] : [{ ...rule, verbs: rule.verbs.filter((verb) => !verbs.includes(verb)) }];
    });
    await setRules(deployed, role, rest);
    const host = deployed.host(context, id);
    await host.waitForLine(/"message":"serving"/);
    return host;
  }
});

/** The API server has refused this account one of the verbs on the resource, since it knew `known` requests. */
async function missed({ resource, verbs }: Proof, known: number): Promise<void> {
  const isMissed = (row: AuditRow): boolean =>
    row.code === 403 && row.resource === resource && verbs.includes(row.verb);
  const what = `${verbs.join(" or ")} on ${resource} is refused`;
  const ask = async (): Promise<boolean> => (await requestsOfAccount(auditLog)).slice(known).some(isMissed);
  await until(ask, { what, limitMs: LIMIT_MS });
}

class World {
  readonly #deployed: Deployed;

  constructor(deployed: Deployed) {
    this.#deployed = deployed;
  }

  admin(...args: readonly string[]): Promise<string> {
    return this.#deployed.admin(...args);
  }

  source(name: string, annotations: Readonly<Record<string, string>> = {}): Promise<void> {
    const metadata = { name, namespace: "default", labels: { mirror: "true" }, annotations };
    return this.#deployed.adminApply({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { colour: "blue" } });
  }

  /** A field of the copy in team-a; empty when there is none. */
  copy(name: string, field = "{.metadata.uid}"): Promise<string> {
    return this.admin("get", "configmap", name, "-n", "team-a", "--ignore-not-found", "-o", `jsonpath=${field}`);
  }

  async copied(name: string): Promise<void> {
    const isThere = async (): Promise<boolean> => (await this.copy(name)) !== "";
    await until(isThere, { what: `${name} is copied`, limitMs: LIMIT_MS });
  }

  holder(): Promise<string> {
    const args = ["get", "lease", "evenkeel", "-n", "evenkeel", "--ignore-not-found"];
    return this.admin(...args, "-o", "jsonpath={.spec.holderIdentity}");
  }

  /** A Lease that a replica has given up. */
  freeLease(): Promise<void> {
    const metadata = { name: "evenkeel", namespace: "evenkeel" };
    return this.#deployed.adminApply({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec: {} });
  }
}
