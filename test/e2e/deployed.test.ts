/** A host that somebody starts by hand beside the one that is deployed in the cluster. */
import { test, type TestContext } from "node:test";
import { systemClock } from "../../runtime/clock/clock.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { apiServer } from "./api-server.ts";
import { greeting } from "./greeting.ts";
import { HostProcess } from "./host-process.ts";
import { hostRights } from "./rights.ts";
import { CONFIG, LEADING, World } from "./scenario.ts";

/** A host on a server where these namespaces have a Lease, held by `deployed`. */
async function beside(context: TestContext, ...namespaces: readonly string[]): Promise<HostProcess> {
  const server = await apiServer(context, () => Promise.resolve(undefined));
  for (const name of namespaces) {
    await server.create("/api/v1/namespaces", { metadata: { name } });
    await server.create(`/apis/coordination.k8s.io/v1/namespaces/${name}/leases`, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "evenkeel" },
      spec: {
        holderIdentity: "deployed",
        leaseDurationSeconds: 15,
        renewTime: new Date(systemClock.wall()).toISOString().replace("Z", "000Z"),
      },
    });
  }
  const folder = await tempFolder(context, {
    "kubeconfig.yaml": server.kubeconfig,
    "functions/greet.ts": greeting("hello"),
  });
  const args = ["--functions", "functions", "--kubeconfig", "kubeconfig.yaml"];
  return new HostProcess(context, { args, cwd: folder.path });
}

for (const namespace of ["evenkeel", "platform"])
  test(`it stands by while the one deployed in ${namespace} leads`, async (context) => {
    const host = await beside(context, namespace);
    await host.waitForLine(new RegExp(`"message":"new leader","lease":"${namespace}/evenkeel","leader":"deployed"`));
    await host.stop();
  });

test("it does not start where it cannot tell which of two elections it belongs to", async (context) => {
  const host = await beside(context, "evenkeel", "platform");
  await host.refuses(
    /^there are several Leases called evenkeel: evenkeel\/evenkeel .*, platform\/evenkeel .*; pass --lease-namespace/,
  );
});

describeOnControlPlane("on a real API server", {}, (controlPlane) => {
  test("it makes and removes nothing while the one deployed in another namespace leads", async (context) => {
    const world = new World(controlPlane());
    for (const name of ["squad-a", "team-a"]) await world.do("create", "namespace", name);
    await world.do("create", "configmap", "settings", "--from-literal=colour=blue");
    await world.do("label", "configmap", "settings", "mirror=true");
    const account = { ...hostRights(), namespace: "platform", name: "evenkeel" };
    const { kubeconfig } = await controlPlane().serviceAccount(account);
    const { path } = await tempFolder(context, {
      "team.yaml": CONFIG,
      "squad.yaml": CONFIG.replace("team-", "squad-"),
    });
    const start = (...args: readonly string[]): HostProcess => new HostProcess(context, { args, cwd: path });

    const deployed = start("--kubeconfig", kubeconfig, "--config", "squad.yaml");
    await deployed.waitForLine(LEADING);
    await world.copiesAre({ "squad-a": { colour: "blue" } });
    const byHand = start("--kubeconfig", controlPlane().adminKubeconfig, "--config", "team.yaml");
    await byHand.waitForLine(/"message":"new leader","lease":"platform\/evenkeel"/);
    await byHand.readyIs(200);
    await world.do("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"colour":"green"}}');
    await world.copiesAre({ "squad-a": { colour: "green" } });

    await deployed.stop();
    await world.copiesAre({ "team-a": { colour: "green" } });
    await byHand.stop();
  });
});
