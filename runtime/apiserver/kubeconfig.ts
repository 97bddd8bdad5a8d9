/** A kubeconfig for a server that serves plain HTTP on loopback and asks for no credentials. */
import { stringify } from "yaml";

/** @param url `http://127.0.0.1:8001` @returns YAML. */
export function kubeconfig(url: string): string {
  const name = "evenkeel";
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    // There is no TLS to skip, but client-node takes no plain HTTP without this.
    clusters: [{ name, cluster: { server: url, "insecure-skip-tls-verify": true } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: "default" } }],
    "current-context": name,
  });
}
