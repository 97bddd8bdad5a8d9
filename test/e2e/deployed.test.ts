/** A host that somebody starts by hand beside the one that is deployed in the cluster. */
import { test } from "node:test";
import { systemClock } from "../../runtime/clock/clock.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { apiServer } from "./api-server.ts";
import { greeting } from "./greeting.ts";
import { HostProcess } from "./host-process.ts";

test("it stands by while the deployed one leads", async (context) => {
  const server = await apiServer(context, () => Promise.resolve(undefined));
  await server.create("/api/v1/namespaces", { metadata: { name: "evenkeel" } });
  await server.create("/apis/coordination.k8s.io/v1/namespaces/evenkeel/leases", {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "evenkeel" },
    spec: {
      holderIdentity: "deployed",
      leaseDurationSeconds: 15,
      renewTime: new Date(systemClock.wall()).toISOString().replace("Z", "000Z"),
    },
  });
  const folder = await tempFolder(context, {
    "kubeconfig.yaml": server.kubeconfig,
    "functions/greet.ts": greeting("hello"),
  });
  const args = ["--functions", "functions", "--kubeconfig", "kubeconfig.yaml"];
  const host = new HostProcess(context, { args, cwd: folder.path });
  await host.waitForLine(/"message":"new leader","lease":"evenkeel\/evenkeel","leader":"deployed"/);
  await host.stop();
});
