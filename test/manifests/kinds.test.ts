/**
 * Functions that declare more than copies of ConfigMaps, under the manifests that are generated from them: parts of kinds,
 * kinds that the host itself writes, one kind in two versions, one whose content is no `spec`, one with a plural of its
 * own. For the fence the account has all rights, so whatever is refused is refused by a policy.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { HostProcess } from "../e2e/host-process.ts";
import { until } from "../support/wait.ts";
import { Deployed } from "./deployed.ts";
import { generateWith } from "./generate.ts";
import { TYPE_CHECKER, typeWarnings } from "./policies.ts";
import { CONTROL_PLANE, holds, NO_PROVENANCE, OUTSIDE } from "./refusal.ts";
import { deployment, marks, meta, NO_MARKS } from "./samples.ts";
import { suiteFolder } from "./suite-folder.ts";

/** Each namespace with a label `lock` has a Lease, and is told about. */
const LOCKS = `import { defineFunction, kind, Namespace, normal } from "#evenkeel";

const Lease = kind("coordination.k8s.io/v1", "Lease");
const Events = ["v1", "events.k8s.io/v1"].map((version) => kind(version, "Event"));

export default defineFunction({
  watches: Namespace,
  where: { labels: { lock: { exists: true } } },
  writes: [Lease, ...Events],
  reconcile: ({ metadata: { name: namespace } }) => ({
    children: [{ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "shard", namespace }, spec: {} }],
    events: [normal("Locked", "it has a Lease")],
  }),
});
`;

/** Does nothing, but might. */
const IDLE = `import { defineFunction, fields, kind, Namespace, scale, status } from "#evenkeel";

const Deployment = kind("apps/v1", "Deployment");
const PriorityClass = kind("scheduling.k8s.io/v1", "PriorityClass");
const Role = kind("rbac.authorization.k8s.io/v1", "Role");
const [V1, V2] = ["v1", "v2"].map((version) => kind(\`autoscaling/\${version}\`, "HorizontalPodAutoscaler"));

export default defineFunction({
  watches: Namespace,
  reads: [Deployment, V1],
  writes: [status(Namespace), scale(Deployment), PriorityClass, Role, fields(V1), V2],
  reconcile: () => ({}),
});
`;

/** Each namespace with a label `lock` has an Index, whose plural no rule forms. */
const INDEXER = `import { defineFunction, kind, Namespace } from "#evenkeel";

export default defineFunction({
  watches: Namespace,
  where: { labels: { lock: { exists: true } } },
  writes: [kind("example.com/v1", "Index", { plural: "indices" })],
  reconcile: ({ metadata: { name: namespace } }) => ({
    children: [{ apiVersion: "example.com/v1", kind: "Index", metadata: { name: "main", namespace } }],
  }),
});
`;

const INDICES = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "indices.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { kind: "Index", plural: "indices", singular: "index" },
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
  },
};

const LABELLED = { metadata: { labels: { "pod-security.kubernetes.io/enforce": "privileged" } } };
const STATUS_ALONE = /with its labels, annotations, finalizers and ownerReferences as they are/;
const CONDITION = {
  type: "Seen",
  status: "True",
  reason: "Seen",
  message: "",
  lastTransitionTime: "2026-01-01T00:00:00Z",
};

const role = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "Role",
  metadata: meta("team-a/r", marks("team-a/r", "Role.rbac.authorization.k8s.io")),
  rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }],
};
const ALL_RIGHTS = [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }];

/** Each is a merge patch of what the admin has put there. */
const patches: readonly {
  readonly name: string;
  readonly of: readonly string[];
  readonly patch: object;
  readonly refused?: RegExp;
}[] = [
  {
    name: "a scale",
    of: ["deployment", "web", "-n", "team-a", "--subresource=scale"],
    patch: { spec: { replicas: 3 } },
  },
  {
    name: "a scale outside the prefix",
    of: ["deployment", "web", "-n", "other", "--subresource=scale"],
    patch: { spec: { replicas: 0 } },
    refused: OUTSIDE,
  },
  {
    name: "a scale in kube-system",
    of: ["deployment", "web", "-n", "kube-system", "--subresource=scale"],
    patch: { spec: { replicas: 0 } },
    refused: CONTROL_PLANE,
  },
  {
    name: "a status",
    of: ["namespace", "team-a", "--subresource=status"],
    patch: { status: { conditions: [CONDITION] } },
  },
  {
    name: "a status outside the prefix, where sources are",
    of: ["namespace", "other", "--subresource=status"],
    patch: { status: { conditions: [CONDITION] } },
  },
  {
    name: "a label by way of the status",
    of: ["namespace", "team-a", "--subresource=status"],
    patch: LABELLED,
    refused: STATUS_ALONE,
  },
  {
    name: "a finalizer by way of the status",
    of: ["namespace", "team-a", "--subresource=status"],
    patch: { metadata: { finalizers: ["a.b/c"] } },
    refused: STATUS_ALONE,
  },
  {
    name: "a label by way of the status in kube-system",
    of: ["namespace", "kube-system", "--subresource=status"],
    patch: LABELLED,
    refused: CONTROL_PLANE,
  },
  { name: "a Role into nobody's", of: ["role", "r", "-n", "team-a"], patch: NO_MARKS },
  {
    name: "the rules of a Role with the marks taken off",
    of: ["role", "r", "-n", "team-a"],
    patch: { ...NO_MARKS, rules: ALL_RIGHTS },
    refused: NO_PROVENANCE,
  },
  {
    name: "a Role into one without rules with the marks taken off",
    of: ["role", "r", "-n", "team-a"],
    patch: { ...NO_MARKS, rules: null },
    refused: NO_PROVENANCE,
  },
];

const priorityClass = {
  apiVersion: "scheduling.k8s.io/v1",
  kind: "PriorityClass",
  metadata: {
    name: "p",
    labels: { "evenkeel.dev/function": "idle" },
    annotations: {
      "evenkeel.dev/owner": "Namespace/team-a",
      "evenkeel.dev/owner-uid": "u",
      "evenkeel.dev/self": "PriorityClass.scheduling.k8s.io/p",
    },
  },
  value: 1,
};

const lease = (namespace: string, name: string): object => ({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { namespace, name },
  spec: {},
});

const creations: readonly { readonly name: string; readonly object: object; readonly refused?: RegExp }[] = [
  { name: "a child that is in no namespace", object: priorityClass },
  { name: "another Lease beside its own", object: lease("evenkeel", "other"), refused: NO_PROVENANCE },
  { name: "a Lease of its own name elsewhere", object: lease("team-a", "evenkeel"), refused: NO_PROVENANCE },
];

const controllers = ["namespace-controller", "garbage-collector-controller", TYPE_CHECKER];

describeOnControlPlane("what functions may declare", { controllers }, (controlPlane) => {
  const folder = suiteFolder();
  let deployed: Deployed;
  let functions = "";

  before(async () => {
    const generated = await generateWith({ "locks.ts": LOCKS, "indexer.ts": INDEXER, "idle.ts": IDLE }, folder());
    functions = generated.functions;
    deployed = await Deployed.on(controlPlane(), folder(), generated.manifests);
    for (const name of ["team-a", "other"]) await deployed.admin("create", "namespace", name);
    for (const namespace of ["team-a", "other", "kube-system"])
      await deployed.adminApply(deployment(`${namespace}/web`));
    await deployed.adminApply(role);
    await deployed.adminApply(INDICES);
    await deployed.admin("wait", "--for=condition=Established", `crd/${INDICES.metadata.name}`, "--timeout=30s");
  });

  test("is fenced by policies that the API server finds well typed", async () => {
    const names = [
      "configmaps",
      "deployments.scale.apps",
      "events",
      "events.events.k8s.io",
      "horizontalpodautoscalers.autoscaling",
      "indices.example.com",
      "leases.coordination.k8s.io",
      "namespaces.status",
      "other",
      "priorityclasses.scheduling.k8s.io",
      "roles.rbac.authorization.k8s.io",
    ];
    assert.deepEqual(await typeWarnings(deployed), Object.fromEntries(names.map((name) => [`evenkeel.${name}`, []])));
  });

  test("the host's own Lease and Events, among children of these kinds", async (context) => {
    await deployed.admin("label", "namespace", "team-a", "lock=yes");
    const config = join(folder(), "manifests", "base", "evenkeel.yaml");
    const args = ["--kubeconfig", deployed.kubeconfig, "--config", config, "--functions", functions];
    const host = new HostProcess(context, { args: [...args, "--identity", "locks"], cwd: folder() });
    const get = (...args: readonly string[]): Promise<string> =>
      deployed.admin("get", ...args, "--ignore-not-found", "-o", "jsonpath={..metadata.name} {..reason}");
    await until(async () => (await get("lease", "shard", "-n", "team-a")) === "shard ", {
      what: "the child is there, so the host leads",
    });
    await until(async () => (await get("events", "-A")).includes("Locked"), {
      what: "it is told",
    });
    await until(async () => (await get("indices", "main", "-n", "team-a")) === "main ", {
      what: "the child with a plural of its own is there",
    });
    await host.stop();
  });

  test("is held by the fence alone, whatever rights the account is given", async (context) => {
    const binding = ["clusterrolebinding", "by-mistake"];
    await deployed.admin("create", ...binding, "--clusterrole=cluster-admin", "--serviceaccount=evenkeel:evenkeel");
    for (const { name, of, patch, refused } of patches) {
      await context.test(
        `${refused === undefined ? "lets the host change" : "refuses to change"} ${name}`,
        async () => {
          const args = ["patch", ...of, "--type=merge", "--dry-run=server", "-p", JSON.stringify(patch)];
          holds(await deployed.kubectl(args), refused);
        },
      );
    }
    for (const { name, object, refused } of creations) {
      await context.test(`${refused === undefined ? "lets the host" : "refuses to"} create ${name}`, async () => {
        holds(await deployed.kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(object)), refused);
      });
    }
    await deployed.admin("delete", ...binding);
  });
});
