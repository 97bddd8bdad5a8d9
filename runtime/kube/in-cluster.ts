/** The credentials that Kubernetes puts into every pod: a bound token and the CA in files, the address in the environment. */
import { isIPv6 } from "node:net";
import { join } from "node:path";
import type { Clock } from "../clock/clock.ts";
import { bearer, RenewedCredentials, type Credentials, type LoadedIdentity } from "./credentials.ts";
import { credentialFile, FILE_LIFETIME_MS } from "./credential-file.ts";
import { EvenkeelError } from "./errors.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

type Environment = Readonly<Record<string, string | undefined>>;

interface InClusterOptions {
  readonly clock: Clock;
  readonly env: Environment;
  /** Where `token`, `ca.crt` and `namespace` are. */
  readonly directory?: string | undefined;
}

/** Whether the process runs in a pod. */
export function isInCluster(env: Environment): boolean {
  return Boolean(env["KUBERNETES_SERVICE_HOST"]) && Boolean(env["KUBERNETES_SERVICE_PORT"]);
}

/**
 * Reads the files now, and again when that is a minute ago, the token is refused or the server's certificate not trusted.
 * @throws EvenkeelError KUBECONFIG_INVALID outside a pod, FILE_NOT_FOUND for a pod without its service account
 */
export async function inClusterCredentials({
  clock,
  env,
  directory = SERVICE_ACCOUNT,
}: InClusterOptions): Promise<Credentials> {
  if (!isInCluster(env)) {
    const what = "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set";
    throw new EvenkeelError("KUBECONFIG_INVALID", what);
  }
  const host = env["KUBERNETES_SERVICE_HOST"] ?? "";
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${env["KUBERNETES_SERVICE_PORT"] ?? ""}`;
  const namespace = await credentialFile(join(directory, "namespace"), "namespace of the pod").then(
    (text) => text.trim() || undefined,
    () => undefined,
  );
  const credentials = new RenewedCredentials({ server, namespace }, clock, () => load(directory));
  await credentials.current();
  return credentials;
}

async function load(directory: string): Promise<LoadedIdentity> {
  const tokenPath = join(directory, "token");
  const [token, ca] = await Promise.all([
    credentialFile(tokenPath, "token of the service account"),
    credentialFile(join(directory, "ca.crt"), "CA of the cluster"),
  ]);
  const authorization = bearer(token, tokenPath);
  return { identity: { authorization, tls: { ca, rejectUnauthorized: true } }, freshForMs: FILE_LIFETIME_MS };
}
