/** Credentials that do not do: told with the verb, the resource and the function that needs it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { writeKubeconfig } from "../controlplane/kubeconfig.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { HostProcess } from "./host-process.ts";
import { hostRights } from "./rights.ts";
import { CONFIG, World } from "./scenario.ts";

describeOnControlPlane("on a cluster", {}, (controlPlane) => {
  test("a token that nobody knows ends the start", async (context) => {
    const folder = await tempFolder(context, { "evenkeel.yaml": CONFIG, token: "nobody's" });
    const { url: server, caFile } = controlPlane();
    const kubeconfig = join(folder.path, "kubeconfig");
    await writeKubeconfig(kubeconfig, { server, caFile, tokenFile: join(folder.path, "token") });
    const host = new HostProcess(context, { args: ["--kubeconfig", kubeconfig], cwd: folder.path });
    await host.refuses(/Unauthorized.*; check the credentials$/);
  });

  test("a read that is not allowed is named, and heals when it is", async (context) => {
    const { path } = await tempFolder(context, { "evenkeel.yaml": CONFIG });
    const account = { namespace: "unread", name: "host" };
    const { kubeconfig } = await controlPlane().serviceAccount({
      ...account,
      ...hostRights({ reads: ["configmaps"] }),
    });
    const host = new HostProcess(context, { args: ["--kubeconfig", kubeconfig, "--no-leader-elect"], cwd: path });
    const [line] = await host.waitForLine(/^.*"message":"the cache cannot be filled.*$/m);
    assert.match(line, /"neededBy":\["mirror"\]/);
    assert.match(line, /(?:list|watch) resource .*namespaces.*; grant the permission/);
    await host.waitForLine(/"message":"working"/);
    await host.readyIs(500, "caches");
    await controlPlane().serviceAccount({ ...account, ...hostRights() });
    await host.waitForLine(/"message":"the cache is filled again"/, 60_000);
    await host.readyIs(200);
    await host.stop();
  });

  test("a write that is not allowed is named, in the log and in an Event", async (context) => {
    const { path } = await tempFolder(context, { "evenkeel.yaml": CONFIG });
    const rights = hostRights({ writes: ["update", "delete"] });
    const { kubeconfig } = await controlPlane().serviceAccount({ ...rights, namespace: "unwritten", name: "host" });
    const host = new HostProcess(context, { args: ["--kubeconfig", kubeconfig, "--no-leader-elect"], cwd: path });
    const world = new World(controlPlane());
    await world.do("create", "namespace", "team-a");
    await world.do("create", "configmap", "settings");
    await world.do("label", "configmap", "settings", "mirror=true");
    const [line] = await host.waitForLine(/^.*"message":"reconcile failed".*$/m);
    assert.match(line, /"function":"mirror"/);
    assert.match(line, /cannot (?:create|patch) resource .*configmaps.*team-a.*; grant the permission/);
    await world.warningsAre([/cannot (?:create|patch) resource .*configmaps/]);
    await host.stop();
  });
});
