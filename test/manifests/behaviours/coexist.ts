/** Beside others, and at no cost to them, while the host is up. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { becomes } from "../../support/wait.ts";
import { CONTENT, OTHER, UP_A, UP_B, type Behaviour, type Corner } from "./corner.ts";

/** Far enough apart that each touch of the source wakes its key. */
const TOUCH_MS = 50;

/** For the first tries of a write that is refused: after 1 s, then 2 s, and each pause up to a fifth longer. */
const TRIES_MS = 6_000;

export const coexist: readonly Behaviour[] = [
  {
    id: "B37",
    name: "copies carry nothing of the source's metadata",
    async run(it) {
      const annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "argocd.argoproj.io/tracking-id": "x",
        "meta.helm.sh/release-name": "x",
        "helm.sh/hook": "x",
        "config.k8s.io/owning-inventory": "x",
        "kopf.zalando.org/last-handled-configuration": "x",
        "objectset.rio.cattle.io/id": "x",
        note: "x",
      };
      const labels = {
        "app.kubernetes.io/instance": "x",
        "app.kubernetes.io/managed-by": "Helm",
        "kustomize.toolkit.fluxcd.io/name": "x",
        "kapp.k14s.io/app": "x",
      };
      await it.source(CONTENT, { labels, annotations });
      await it.patch(it.home, { metadata: { finalizers: ["example.com/hold"] } });
      await it.copied();
      const ours = ["evenkeel.dev/owner", "evenkeel.dev/owner-uid", "evenkeel.dev/self"];
      for (const { metadata } of (await it.copies()).values()) {
        assert.deepEqual(Object.keys(metadata.labels), ["evenkeel.dev/function"]);
        assert.deepEqual(Object.keys(metadata.annotations).toSorted(), ours);
        assert.deepEqual([metadata.ownerReferences, metadata.finalizers], [[], []]);
      }
      await it.patch(it.home, { metadata: { finalizers: null } });
    },
  },
  {
    id: "B40",
    name: "a source touched without a change of content costs no write",
    async run(it) {
      await it.source();
      await it.copied();
      await it.costsNoWrite(async () => {
        for (let tick = 0; tick < 20; tick++) {
          await it.patch(it.home, { metadata: { annotations: { leader: `${tick}` } } });
          await delay(TOUCH_MS);
        }
      });
    },
  },
  {
    id: "B41",
    name: "of many updates the last content wins, with no more writes than updates",
    async run(it) {
      await it.source({ data: { a: "0" } });
      await it.copied({ data: { a: "0" } });
      for (let i = 1; i <= 50; i++) await it.patch(it.home, { data: { a: `${i}` } });
      await it.copied({ data: { a: "50" } });
      const updates = (await it.writes()).filter(({ verb, namespace }) => verb !== "create" && namespace === UP_A);
      assert.ok(updates.length <= 50, `${updates.length} writes`);
      assert.deepEqual([...new Set(updates.map(({ code }) => code))], [200]);
    },
  },
  {
    id: "B42",
    name: "a target that refuses holds up no other, is tried ever more seldom, is told once, and gets its copy in the end",
    async run(it) {
      const target = await it.target();
      const lift = await deny(it, target);
      await it.source();
      await it.copied();
      await it.told("WriteRefused", /no room here/);
      await delay(TRIES_MS);
      const tries = (await it.writes()).filter(({ namespace, code }) => namespace === target && code === 403);
      assert.ok(tries.length >= 2 && tries.length <= 6, `${tries.length} tries`);
      await lift();
      const content = async (): Promise<unknown> => (await it.get(target))?.data;
      await becomes(content, CONTENT.data, 45_000);
    },
  },
  {
    id: "B36-refused",
    name: "an immutable copy stays while the one that is to replace it would be refused",
    async run(it) {
      const target = await it.target();
      const content = async (): Promise<unknown> => (await it.get(target))?.data;
      await it.source({ ...CONTENT, immutable: true });
      await it.copied({ ...CONTENT, immutable: true });
      await becomes(content, CONTENT.data);
      const lift = await deny(it, target);
      await it.delete(it.home);
      await it.source({ ...OTHER, immutable: true });
      await it.copied({ ...OTHER, immutable: true });
      await it.told("WriteRefused", /no room here/);
      assert.deepEqual(await content(), CONTENT.data);
      await lift();
      await becomes(content, OTHER.data, 45_000);
    },
  },
  {
    id: "B50",
    name: "a source that asks to retain its copies leaves them behind, without our marks",
    async run(it) {
      await it.source(CONTENT, { annotations: { "evenkeel.dev/retain": "true" } });
      await it.copied();
      await it.delete(it.home);
      await it.uncopied();
      for (const target of [UP_A, UP_B]) {
        const left = await it.get(target);
        assert.deepEqual(left?.data, CONTENT.data);
        assert.doesNotMatch(JSON.stringify([left?.metadata.labels, left?.metadata.annotations]), /evenkeel/);
      }
    },
  },
];

/** Has the cluster refuse this behaviour's copies in one namespace; the answer takes that back. */
async function deny({ name: corner, stage: { admin } }: Corner, target: string): Promise<() => Promise<void>> {
  const path = "/apis/admissionregistration.k8s.io/v1";
  const name = `deny-${corner}`;
  const policy = {
    failurePolicy: "Fail",
    matchConstraints: {
      resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["CREATE"] }],
    },
    validations: [
      {
        expression: `object.metadata.namespace != "${target}" || !object.metadata.name.startsWith("${corner}")`,
        message: "no room here",
        reason: "Forbidden",
      },
    ],
  };
  const binding = { policyName: name, validationActions: ["Deny"] };
  await admin.send("POST", `${path}/validatingadmissionpolicies`, { metadata: { name }, spec: policy });
  await admin.send("POST", `${path}/validatingadmissionpolicybindings`, { metadata: { name }, spec: binding });
  const probe = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `${corner}-probe`, namespace: target } };
  const stands = async (): Promise<boolean> => {
    const dryRun = `/api/v1/namespaces/${target}/configmaps?dryRun=All`;
    return (await admin.send("POST", dryRun, probe, [403])) === undefined;
  };
  await becomes(stands, true);
  return async () => {
    await admin.send("DELETE", `${path}/validatingadmissionpolicybindings/${name}`);
  };
}
