/** kubectl against an API server that is no control plane of the harness: the embedded one. */
import { spawnSync } from "node:child_process";
import { findAssets } from "../controlplane/assets.ts";
import { Cluster } from "../controlplane/cluster.ts";

/** The one of the control plane's release where there is one, else that of the PATH; undefined where there is none. */
export function kubectlProgram(): string | undefined {
  const assets = findAssets();
  if ("kubectl" in assets) return assets.kubectl;
  const { status } = spawnSync("kubectl", ["version", "--client"], { stdio: "ignore" });
  return status === 0 ? "kubectl" : undefined;
}

/** @param folder where kubectl keeps its discovery cache */
export function embeddedCluster(program: string, kubeconfig: string, folder: string): Cluster {
  return new Cluster({ url: "", caFile: "", adminKubeconfig: kubeconfig, kubectlProgram: program, folder });
}
