/** What behaviours are shown on: a control plane with the manifests, a proxy before it, and an audit log of the host's requests. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import type { ControlPlane } from "../../controlplane/control-plane.ts";
import { HoldingProxy } from "../../controlplane/holding-proxy.ts";
import { writeKubeconfig } from "../../controlplane/kubeconfig.ts";
import { describeOnControlPlane } from "../../controlplane/on-control-plane.ts";
import { ACCOUNT, AUDIT_POLICY, Deployed } from "../deployed.ts";

export interface Ground {
  readonly controlPlane: ControlPlane;
  readonly deployed: Deployed;
  readonly proxy: HoldingProxy;
  /** The account's, through the proxy. */
  readonly kubeconfig: string;
  /** Of the suite's own. */
  readonly folder: string;
  readonly auditLog: string;
}

/** With what each deletion is conditional upon. */
const DELETIONS = `rules:
  - level: Request
    users: ["${ACCOUNT}"]
    verbs: [delete]
    resources: [{ group: "", resources: [configmaps] }]
`;

/** @param define is given the ground as a function, to be called inside tests and hooks only. */
export function describeUnderManifests(name: string, define: (ground: () => Ground) => void): void {
  // Before the control plane starts, whose flags name both.
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-behaviours-"));
  const [policyFile, auditLog] = [join(folder, "policy.yaml"), join(folder, "audit.log")];
  writeFileSync(policyFile, AUDIT_POLICY.replace("rules:\n", DELETIONS));
  const flags = { apiServer: [`--audit-policy-file=${policyFile}`, `--audit-log-path=${auditLog}`] };
  describeOnControlPlane(name, { flags }, (controlPlane) => {
    let ground: Ground | undefined;
    before(async () => {
      const proxy = await HoldingProxy.start(controlPlane());
      const deployed = await Deployed.on(controlPlane(), folder);
      const kubeconfig = join(folder, "proxied.kubeconfig");
      const { caFile } = controlPlane();
      const { tokenFile } = deployed;
      await writeKubeconfig(kubeconfig, { server: proxy.url, caFile, tokenFile, namespace: "evenkeel" });
      ground = { controlPlane: controlPlane(), deployed, proxy, kubeconfig, folder, auditLog };
    });
    after(() => {
      ground?.proxy.close();
      rmSync(folder, { recursive: true, force: true });
    });
    define(() => {
      if (ground === undefined) throw new Error("not there yet: call this inside a test or a hook");
      return ground;
    });
  });
}
