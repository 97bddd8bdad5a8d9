/** A kubeconfig with one context, as a file: what a client needs to reach `server` as the owner of a token. */
import { writeFile } from "node:fs/promises";

import { stringify } from "yaml";

export interface KubeconfigOptions {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  readonly caFile: string;
  /** Read again by clients, so that a test can rotate it. */
  readonly tokenFile: string;
  readonly namespace?: string;
}

export async function writeKubeconfig(
  path: string,
  { server, caFile, tokenFile, namespace = "default" }: KubeconfigOptions,
): Promise<void> {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster: { server, "certificate-authority": caFile } }],
    users: [{ name: "test", user: { tokenFile } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test", namespace } }],
  };
  await writeFile(path, stringify(config), { mode: 0o600 });
}
