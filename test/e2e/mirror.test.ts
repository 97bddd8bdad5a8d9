/** The mirror scenario on the embedded API server, within the host and apart from it, and on a real one. */
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { createApiServer } from "../../runtime/apiserver/server.ts";
import { systemClock } from "../../runtime/clock/clock.ts";
import type { Cluster } from "../controlplane/cluster.ts";
import type { ControlPlane } from "../controlplane/control-plane.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { totalWrites } from "../controlplane/write-requests.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { HostProcess } from "./host-process.ts";
import { embeddedCluster, kubectlProgram } from "./kubectl.ts";
import { hostRights } from "./rights.ts";
import { CONFIG, mirrorScenario, type Stage } from "./scenario.ts";

const program = kubectlProgram();
const withoutKubectl =
  program === undefined && process.env["CI"] !== "true" ? "no kubectl: install it, or Go for a control plane" : false;

// At once: each spends most of its time in its steady state.
suite("mirror", { concurrency: true }, () => {
  test("on the embedded API server of `npm start`", { skip: withoutKubectl }, async (context) => {
    const { path } = await tempFolder(context, { "evenkeel.yaml": CONFIG });
    const host = new HostProcess(context, { args: ["--empty"], cwd: path });
    const [, kubeconfig = ""] = await host.waitForLine(/KUBECONFIG=([^;]+);/);
    const cluster = embeddedCluster(program ?? "kubectl", kubeconfig, path);
    await mirrorScenario(context, {
      cluster,
      startHost: () => Promise.resolve(host),
      lease: undefined,
      hostWrites: () => countedWrites(cluster),
      steadyMs: 20_000,
    });
  });

  test("on an embedded API server that outlives the host", { skip: withoutKubectl }, async (context) => {
    const server = createApiServer({ clock: systemClock });
    context.after(() => server.close());
    const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
    const folder = await tempFolder(context, { "evenkeel.yaml": CONFIG, kubeconfig: server.kubeconfig(url) });
    const kubeconfig = join(folder.path, "kubeconfig");
    const cluster = embeddedCluster(program ?? "kubectl", kubeconfig, folder.path);
    await mirrorScenario(context, {
      cluster,
      startHost: hostsOf(context, { kubeconfig, cwd: folder.path }),
      lease: { namespace: "default", name: "evenkeel" },
      hostWrites: () => countedWrites(cluster),
      steadyMs: 20_000,
    });
  });

  describeOnControlPlane("on a real API server", {}, (controlPlane) => {
    test("as a ServiceAccount with exactly the rights it needs", async (context) => {
      const { path } = await tempFolder(context, { "evenkeel.yaml": CONFIG });
      const account = await controlPlane().serviceAccount({ ...hostRights(), namespace: "evenkeel", name: "host" });
      await mirrorScenario(context, {
        cluster: controlPlane(),
        startHost: hostsOf(context, { kubeconfig: account.kubeconfig, cwd: path }),
        lease: { namespace: "evenkeel", name: "evenkeel" },
        hostWrites: async () => [
          ...(await auditedWrites(controlPlane(), account.user)),
          ...(await countedWrites(controlPlane())),
        ],
        steadyMs: 60_000,
      });
    });
  });
});

function hostsOf(
  context: TestContext,
  { kubeconfig, cwd }: { readonly kubeconfig: string; readonly cwd: string },
): Stage["startHost"] {
  return async (identity) => {
    const host = new HostProcess(context, { args: ["--kubeconfig", kubeconfig, "--identity", identity], cwd });
    await host.waitForLine(/"message":"waiting for the lease"/);
    return host;
  };
}

/** The server's own count, whoever wrote: nobody but the host writes while it is compared. */
async function countedWrites(cluster: Cluster): Promise<readonly string[]> {
  const counts: string[] = [];
  for (const resource of ["configmaps", "events", "namespaces"])
    counts.push(`${resource}: ${totalWrites(await cluster.writeRequests({ resource }))}`);
  return counts;
}

async function auditedWrites(controlPlane: ControlPlane, user: string): Promise<readonly string[]> {
  const rows = (await controlPlane.auditLog()).filter((row) => row.user === user && row.resource !== "leases");
  return rows.map(({ verb, resource, namespace, name, code }) => `${verb} ${resource} ${namespace}/${name}: ${code}`);
}
