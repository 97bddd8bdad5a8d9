/** Children that a real API server stores in another spelling than they were wished for in: no rewrite, no fight, no neglect. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { totalWrites } from "../controlplane/write-requests.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { becomes } from "../support/wait.ts";
import { HostProcess } from "./host-process.ts";
import { hostRights } from "./rights.ts";
import { World } from "./scenario.ts";

/** Quantities, empty text and zeros; and another manager's object. */
const LIMITS = `import { ConfigMap, defineFunction, fields, kind, select } from "#evenkeel";
const Deployment = kind("apps/v1", "Deployment");
const LimitRange = kind("v1", "LimitRange");
const ResourceQuota = kind("v1", "ResourceQuota");
const labels = { app: "web" };
const container = {
  name: "web",
  image: "web:1",
  env: [{ name: "EMPTY", value: "" }],
  resources: { limits: { cpu: "0.5", memory: "1024Mi" }, requests: { cpu: "500m", memory: "0.5Gi" } },
  livenessProbe: { initialDelaySeconds: 0, tcpSocket: { port: 80 } },
};
export default defineFunction({
  watches: select(ConfigMap, { labels: { limits: "true" } }),
  reads: [LimitRange],
  writes: [Deployment, ResourceQuota, fields(LimitRange)],
  reconcile: ({ metadata: { namespace } }) => ({
    children: [
      {
        apiVersion: "v1",
        kind: "ResourceQuota",
        metadata: { name: "ours", namespace },
        spec: { hard: { "limits.cpu": "1000m" } },
      },
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "ours", namespace },
        spec: {
          minReadySeconds: 0,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [container] } },
        },
      },
    ],
    apply: [
      {
        apiVersion: "v1",
        kind: "LimitRange",
        metadata: { name: "theirs", namespace },
        spec: { limits: [{ type: "Container", max: { cpu: "1000m" } }] },
      },
    ],
  }),
});
`;

const RESOURCES = ["resourcequotas", "deployments", "limitranges"];
const TOUCHES = 12;

describeOnControlPlane("what the server spells in its own way", {}, (controlPlane) => {
  test("costs one request more each, however often its source is touched, and comes back when it is deleted", async (context) => {
    const world = new World(controlPlane());
    const { rules, clusterRules } = hostRights();
    const all = { apiGroups: ["", "apps"], resources: RESOURCES, verbs: ["*"] };
    const account = { namespace: "spelling", name: "host", rules, clusterRules: [...clusterRules, all] };
    const { kubeconfig } = await controlPlane().serviceAccount(account);
    const folder = await tempFolder(context, { "none.yaml": "", [join("functions", "limits.ts")]: LIMITS });
    await folder.write(
      "theirs.yaml",
      "apiVersion: v1\nkind: LimitRange\nmetadata: { name: theirs, namespace: default }\n",
    );
    await world.do("create", "-f", join(folder.path, "theirs.yaml"));
    const applies = async (): Promise<readonly number[]> =>
      Promise.all(
        RESOURCES.map(async (resource) => {
          const rows = await controlPlane().writeRequests({ resource });
          return totalWrites(rows.filter(({ verb }) => verb === "APPLY"));
        }),
      );

    const args = ["--kubeconfig", kubeconfig, "--no-leader-elect", "--functions", "functions", "--config", "none.yaml"];
    const host = new HostProcess(context, { args: [...args, "-v", "4"], cwd: folder.path });
    await world.do("create", "configmap", "limits");
    await world.do("label", "configmap", "limits", "limits=true");
    await host.waitForLine(/"message":"reconciled".*"key":"default\/limits"/);
    for (let i = 0; i < TOUCHES; i++) {
      const ran = host.waitForNewLine(/"message":"reconciled".*"key":"default\/limits"/);
      await world.do("annotate", "configmap", "limits", "--overwrite", `tick=${i}`);
      await ran;
    }
    assert.deepEqual(await applies(), [2, 2, 2]);

    for (const resource of ["resourcequota", "deployment"]) {
      const uid = async (): Promise<string> => world.do("get", resource, "ours", "-o", "jsonpath={.metadata.uid}");
      const before = await uid();
      await world.do("delete", resource, "ours");
      const isNew = async (): Promise<boolean> =>
        ![before, ""].includes(
          await world.do("get", resource, "ours", "--ignore-not-found", "-o", "jsonpath={.metadata.uid}"),
        );
      await becomes(isNew, true);
    }
    await world.warningsAre([]);
    await host.stop();
  });
});
