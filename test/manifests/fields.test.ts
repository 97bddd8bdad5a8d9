/**
 * Functions that apply fields to objects of others, under the manifests that are generated from them: the host with a sample
 * function, and the fence with the host left out. For the fence the account has all rights, so whatever is refused is
 * refused by a policy.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import type { KubectlResult } from "../controlplane/cluster.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { HostProcess } from "../e2e/host-process.ts";
import { until } from "../support/wait.ts";
import { Deployed } from "./deployed.ts";
import { generateWith } from "./generate.ts";
import { TYPE_CHECKER, typeWarnings } from "./policies.ts";
import { CONTROL_PLANE, holds, NO_FINALIZERS, NO_HANDOVER, NO_OWNERS, NO_PROVENANCE, OUTSIDE } from "./refusal.ts";
import { deployment, marks, meta, NO_MARKS, OWNER, type Marked, type Sample } from "./samples.ts";
import { rulesOf } from "./rules.ts";
import { suiteFolder } from "./suite-folder.ts";

/** Each Deployment of a namespace carries the namespace's cost-centre. */
const COST_CENTRE = `import { defineFunction, fields, kind, Namespace } from "#evenkeel";

const Deployment = kind("apps/v1", "Deployment");

export default defineFunction({
  watches: Namespace,
  where: { labels: { "cost-centre": { exists: true } } },
  reads: [Deployment],
  writes: [fields(Deployment)],
  reconcile: ({ metadata: { name: namespace, labels = {} } }, cache) => ({
    apply: cache.list(Deployment, { namespace }).map(({ metadata: { name } }) => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace, labels: { "cost-centre": labels["cost-centre"] ?? "" } },
    })),
  }),
});
`;

/** Applies nothing, but might: to a kind that mirror has children of, and to Namespaces. */
const IDLE = `import { ConfigMap, defineFunction, fields, Namespace } from "#evenkeel";

export default defineFunction({
  watches: Namespace,
  reads: [ConfigMap],
  writes: [fields(ConfigMap), fields(Namespace)],
  reconcile: () => ({}),
});
`;

function configMap(key: string, more: Marked = {}): Sample {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: meta(key, more), data: { a: "1" } } as Sample;
}

function namespace(name: string): Sample {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

const copy = (key: string): Sample => configMap(key, marks(key));
const labelled = { metadata: { labels: { tier: "gold" } } };

const NOT_OURS = /deletes only what carries its own complete provenance, and of all else leaves the marks/;
const KEPT = /leaves the ownerReferences and the finalizers of others' objects as they are/;

/** Each is a merge patch of what the admin has put there. */
const changes: readonly {
  readonly name: string;
  readonly object: Sample;
  readonly patch: object;
  readonly refused?: RegExp;
}[] = [
  { name: "a field of a stranger", object: deployment("team-a/a"), patch: { spec: { replicas: 3 } } },
  { name: "a label of a stranger", object: deployment("team-a/a"), patch: labelled },
  {
    name: "a stranger that others have put ownerReferences and finalizers on",
    object: deployment("team-a/held", { ownerReferences: [OWNER], finalizers: ["a.b/c"] }),
    patch: labelled,
  },
  { name: "a stranger outside the prefix", object: deployment("other/a"), patch: labelled, refused: OUTSIDE },
  { name: "a stranger in kube-system", object: deployment("kube-system/a"), patch: labelled, refused: CONTROL_PLANE },
  {
    name: "a stranger's finalizers",
    object: deployment("team-a/a"),
    patch: { metadata: { finalizers: ["a.b/c"] } },
    refused: NO_FINALIZERS,
  },
  {
    name: "a stranger into one that no finalizer holds",
    object: deployment("team-a/held", { finalizers: ["a.b/c"] }),
    patch: { metadata: { finalizers: null } },
    refused: KEPT,
  },
  {
    name: "a stranger's ownerReferences",
    object: deployment("team-a/a"),
    patch: { metadata: { ownerReferences: [OWNER] } },
    refused: NO_OWNERS,
  },
  {
    name: "a stranger into one without its owner",
    // That owner is gone: without the finalizer the garbage collector would take it.
    object: deployment("team-a/owned", { ownerReferences: [OWNER], finalizers: ["a.b/c"] }),
    patch: { metadata: { ownerReferences: null } },
    refused: KEPT,
  },
  {
    name: "a stranger into one of ours",
    object: deployment("team-a/a"),
    patch: { metadata: marks("team-a/a", "Deployment.apps") },
    refused: NOT_OURS,
  },
  {
    name: "one mark of a stranger",
    object: deployment("team-a/marked", { annotations: { "evenkeel.dev/self": "x" } }),
    patch: { metadata: { annotations: { "evenkeel.dev/self": "y" } } },
    refused: NOT_OURS,
  },
  {
    name: "a mark of a stranger away",
    object: deployment("team-a/marked", { annotations: { "evenkeel.dev/self": "x" } }),
    patch: { metadata: { annotations: { "evenkeel.dev/self": null } } },
    refused: NOT_OURS,
  },
  {
    name: "a stranger that carries a mark, and leaves it",
    object: deployment("team-a/marked", { annotations: { "evenkeel.dev/self": "x" } }),
    patch: labelled,
  },
  { name: "the data of a stranger among children", object: configMap("team-a/s"), patch: { data: { a: "2" } } },
  {
    name: "a label of a stranger among children, outside the prefix",
    object: configMap("other/s"),
    patch: labelled,
    refused: OUTSIDE,
  },
  {
    name: "a stranger among children into a copy",
    object: configMap("team-a/s"),
    patch: { metadata: marks("team-a/s") },
    refused: NOT_OURS,
  },
  { name: "the data of a copy", object: copy("team-a/c"), patch: { data: { a: "2" } } },
  { name: "a copy outside the prefix", object: copy("other/c"), patch: { data: { a: "2" } }, refused: OUTSIDE },
  { name: "a copy outside the prefix into nobody's", object: copy("other/c"), patch: NO_MARKS },
  {
    name: "the owner of a copy",
    object: copy("team-a/c"),
    patch: { metadata: { annotations: { "evenkeel.dev/owner": "ConfigMap/default/other" } } },
    refused: NO_HANDOVER,
  },
  {
    name: "the data of a copy with the marks taken off",
    object: copy("team-a/c"),
    patch: { ...NO_MARKS, data: { a: "2" } },
    refused: NO_PROVENANCE,
  },
  { name: "a label of a Namespace", object: namespace("team-a"), patch: labelled },
  { name: "a label of a Namespace outside", object: namespace("other"), patch: labelled, refused: OUTSIDE },
  {
    name: "a label of a Namespace of the control plane",
    object: namespace("kube-system"),
    patch: labelled,
    refused: CONTROL_PLANE,
  },
];

const creations: readonly { readonly name: string; readonly object: Sample; readonly refused?: RegExp }[] = [
  { name: "of a stranger", object: deployment("team-a/new"), refused: NO_PROVENANCE },
  {
    name: "of one that is said to be ours, of a kind that no function has children of",
    object: deployment("team-a/new", marks("team-a/new", "Deployment.apps")),
    refused: NO_PROVENANCE,
  },
  { name: "of a stranger among children", object: configMap("team-a/new"), refused: NO_PROVENANCE },
  { name: "of a Namespace", object: namespace("team-new"), refused: NO_PROVENANCE },
  { name: "of a copy", object: copy("team-a/new") },
];

const deletions: readonly { readonly name: string; readonly object: Sample; readonly refused?: RegExp }[] = [
  { name: "a stranger", object: deployment("team-a/a"), refused: NOT_OURS },
  { name: "a stranger among children", object: configMap("team-a/s"), refused: NOT_OURS },
  { name: "a Namespace", object: namespace("team-b"), refused: NOT_OURS },
  { name: "a copy", object: copy("team-a/c") },
];

const controllers = ["namespace-controller", "garbage-collector-controller", TYPE_CHECKER];

describeOnControlPlane("fields of others' objects", { controllers }, (controlPlane) => {
  const folder = suiteFolder();
  let deployed: Deployed;

  before(async () => {
    const { manifests } = await generateWith({ "cost-centre.ts": COST_CENTRE, "idle.ts": IDLE }, folder());
    deployed = await Deployed.on(controlPlane(), folder(), manifests);
    for (const name of ["team-a", "team-b", "other"]) await deployed.admin("create", "namespace", name);
    const probe = ["patch", "namespace", "kube-public", "--type=merge", "--dry-run=server", "-p", "{}"];
    await until(async () => (await deployed.kubectl(probe)).code !== 0, { what: "it all stands" });
  });

  test("cost the right to patch, and none to create, update or delete", async () => {
    const rules = await rulesOf(deployed, ["clusterrole"]);
    const verbs = (resource: string): readonly string[] =>
      rules.filter(({ resources }) => resources.includes(resource)).map((rule) => rule.verbs.join(" "));
    assert.deepEqual(verbs("deployments"), ["get list watch", "patch"]);
    assert.deepEqual(verbs("namespaces"), ["get list watch", "patch"]);
    assert.deepEqual(verbs("configmaps"), ["get list watch", "create update patch delete"]);
  });

  test("are set by the host where they are free, and nowhere else", async (context) => {
    await deployed.adminApply(deployment("team-a/free"));
    await deployed.adminApply(deployment("team-a/taken", { labels: { "cost-centre": "7" } }));
    await deployed.adminApply(deployment("other/outside"));
    for (const name of ["team-a", "other"]) await deployed.admin("label", "namespace", name, "cost-centre=42");
    const args = [
      "--kubeconfig",
      deployed.kubeconfig,
      "--config",
      join(folder(), "manifests", "base", "evenkeel.yaml"),
    ];
    const functions = ["--functions", join(folder(), "functions"), "--identity", "fields"];
    const host = new HostProcess(context, { args: [...args, ...functions], cwd: folder() });
    const centre = (name: string, of: string): Promise<string> =>
      deployed.admin("get", "deployment", name, "-n", of, "-o", "jsonpath={.metadata.labels.cost-centre}");
    await until(async () => (await centre("free", "team-a")) === "42", { what: "it is set" });
    const told = async (): Promise<string> =>
      deployed.admin("get", "events.events.k8s.io", "-A", "-o", "jsonpath={range .items[*]}{.note}{'\\n'}{end}");
    const says = async (what: RegExp): Promise<void> => {
      await until(async () => what.test(await told()), { what: String(what) });
    };
    await says(/team-a\/taken: .*conflict with "kubectl".*cost-centre/);
    await says(/other\/outside: .*only into namespaces whose name starts with one of: team-/);
    await host.stop();
    assert.deepEqual([await centre("taken", "team-a"), await centre("outside", "other")], ["7", ""]);
  });

  test("are fenced by policies that the API server finds well typed", async () => {
    const names = ["configmaps", "deployments.apps", "namespaces", "other"];
    assert.deepEqual(await typeWarnings(deployed), Object.fromEntries(names.map((name) => [`evenkeel.${name}`, []])));
  });

  test("are held by the fence alone, whatever rights the account is given", async (context) => {
    const binding = ["clusterrolebinding", "by-mistake"];
    await deployed.admin("create", ...binding, "--clusterrole=cluster-admin", "--serviceaccount=evenkeel:evenkeel");
    for (const { name, object, patch, refused } of changes) {
      await context.test(
        `${refused === undefined ? "lets the host change" : "refuses to change"} ${name}`,
        async () => {
          await deployed.adminApply(object);
          const args = ["patch", ...named(object), "--type=merge", "--dry-run=server", "-p", JSON.stringify(patch)];
          holds(await deployed.kubectl(args), refused);
        },
      );
    }
    for (const { name, object, refused } of creations) {
      await context.test(`${refused === undefined ? "lets" : "refuses"} the creation ${name}`, async () => {
        const input = JSON.stringify(object);
        holds(await deployed.kubectl(["create", "--dry-run=server", "-f", "-"], input), refused);
        const apply = ["apply", "--server-side", "--dry-run=server", "-f", "-"];
        holds(await deployed.kubectl(apply, input), refused);
      });
    }
    for (const { name, object, refused } of deletions) {
      await context.test(
        `${refused === undefined ? "lets the host delete" : "refuses to delete"} ${name}`,
        async () => {
          await deployed.adminApply(object);
          holds(await deployed.kubectl(["delete", ...named(object), "--dry-run=server"]), refused);
        },
      );
    }
    await deployed.admin("delete", ...binding);
  });

  test("are narrowed by the overlay with other prefixes", async () => {
    await deployed.adminApply(deployment("team-b/a"));
    const args = ["patch", "deployment", "a", "-n", "team-b", "--type=merge", "--dry-run=server", "-p"];
    const patch = async (): Promise<KubectlResult> => deployed.kubectl([...args, JSON.stringify(labelled)]);
    holds(await patch());
    await deployed.apply(join(folder(), "manifests", "overlays", "one-prefix"));
    const isNarrow = async (): Promise<boolean> => /one of: team-a-$/m.test((await patch()).stderr);
    await until(isNarrow, { what: "the narrower fence stands" });
  });
});

function named({ kind, metadata: { name, namespace } }: Sample): readonly string[] {
  return [kind.toLowerCase(), name, ...(namespace === undefined ? [] : ["-n", namespace])];
}
