/** The manifests on a cluster, and the host's account as it is under them: nothing else grants it anything. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { readAuditLog, type AuditRow } from "../controlplane/audit-log.ts";
import type { Cluster, KubectlResult } from "../controlplane/cluster.ts";
import { writeKubeconfig } from "../controlplane/kubeconfig.ts";
import { HostProcess } from "../e2e/host-process.ts";
import { until } from "../support/wait.ts";

export const ROOT = join(import.meta.dirname, "..", "..");
export const MANIFESTS = join(ROOT, "manifests");
export const CONFIG = join(MANIFESTS, "base", "evenkeel.yaml");
export const ACCOUNT = "system:serviceaccount:evenkeel:evenkeel";

/** A pod does not look for the Lease elsewhere. */
export const AS_IN_POD: readonly string[] = ["--lease-namespace", "evenkeel"];

/** Every request of the account, reads too, before and after: what is refused stands there as well. */
export const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    users: ["${ACCOUNT}"]
  - level: None
`;

export class Deployed {
  readonly cluster: Cluster;
  /** Reads its token from a file, as a pod does. */
  readonly kubeconfig: string;
  readonly tokenFile: string;
  readonly #folder: string;

  private constructor(cluster: Cluster, folder: string) {
    this.cluster = cluster;
    this.#folder = folder;
    this.kubeconfig = join(folder, "kubeconfig");
    this.tokenFile = join(folder, "token");
  }

  /** Applies the manifests, takes a token, and waits until the fence stands: policies take effect a moment later. */
  static async on(cluster: Cluster, folder: string, manifests = MANIFESTS): Promise<Deployed> {
    const deployed = new Deployed(cluster, folder);
    await deployed.apply(manifests);
    const token = await deployed.admin("create", "token", "evenkeel", "-n", "evenkeel");
    const { tokenFile } = deployed;
    const caFile = join(folder, "ca.crt");
    await writeFile(tokenFile, token.trim());
    await writeFile(caFile, await readFile(cluster.caFile));
    await writeKubeconfig(deployed.kubeconfig, { server: cluster.url, caFile, tokenFile, namespace: "evenkeel" });
    await until(
      async () => {
        const args = ["create", "configmap", "probe", "-n", "default", "--dry-run=server"];
        return /ValidatingAdmissionPolicy/.test((await deployed.kubectl(args)).stderr);
      },
      { what: "the fence stands" },
    );
    return deployed;
  }

  async apply(kustomization: string): Promise<string> {
    return this.admin("apply", "-k", kustomization, "--server-side", "--force-conflicts", "--validate=strict");
  }

  /** kubectl as the cluster's admin. @throws AssertionError with its words when it fails */
  async admin(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cluster.kubectl(args);
    assert.equal(code, 0, `kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  async adminApply(object: object): Promise<void> {
    const args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    const { code, stderr } = await this.cluster.kubectl(args, { input: JSON.stringify(object) });
    assert.equal(code, 0, stderr);
  }

  /** kubectl as the host's account: the host's own checks are not in between. */
  kubectl(args: readonly string[], input = ""): Promise<KubectlResult> {
    return this.cluster.kubectl(args, { kubeconfig: this.kubeconfig, input });
  }

  host(context: Pick<TestContext, "after">, identity: string, config = CONFIG): HostProcess {
    const args = ["--kubeconfig", this.kubeconfig, "--config", config, "--identity", identity, ...AS_IN_POD];
    return new HostProcess(context, { args, cwd: this.#folder });
  }
}

/** What the account asked for so far, with the API server's answer. */
export async function requestsOfAccount(auditLog: string): Promise<readonly AuditRow[]> {
  return (await readAuditLog(auditLog)).filter(({ user, resource }) => user === ACCOUNT && resource !== "");
}
