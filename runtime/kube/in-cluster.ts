/** The credentials that Kubernetes puts into every pod: a bound token and the CA in files, the address in the environment. */
import { isIPv6 } from "node:net";
import { join } from "node:path";
import type { Clock } from "../clock/clock.ts";
import { authority, bearer, RenewedCredentials, type Credentials, type LoadedIdentity } from "./credentials.ts";
import { credentialFile, FILE_LIFETIME_MS } from "./credential-file.ts";
import { EvenkeelError } from "./errors.ts";

/** Where Kubernetes mounts the account of a pod. Source: client-go rest.InClusterConfig. */
export const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

type Environment = Readonly<Record<string, string | undefined>>;

interface InClusterOptions {
  readonly clock: Clock;
  readonly env: Environment;
  /** Where `token`, `ca.crt` and `namespace` are. Given for tests, which are in no pod. @default SERVICE_ACCOUNT */
  readonly directory?: string | undefined;
}

/** Whether the process runs in a pod. One that merely runs in Kubernetes, without an account, is no controller's pod. */
export function isInCluster(env: Environment, isFile: (path: string) => boolean): boolean {
  return Boolean(env["KUBERNETES_SERVICE_HOST"]) && isFile(join(SERVICE_ACCOUNT, "token"));
}

/**
 * Reads the files now, and again when that is a minute ago, the token is refused or the server's certificate not trusted.
 * @throws EvenkeelError KUBECONFIG_INVALID without the address, FILE_NOT_FOUND without the service account
 */
export async function inClusterCredentials({
  clock,
  env,
  directory = SERVICE_ACCOUNT,
}: InClusterOptions): Promise<Credentials> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) {
    const what = "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set";
    throw new EvenkeelError("KUBECONFIG_INVALID", what);
  }
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
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
  const caPath = join(directory, "ca.crt");
  const [token, pem] = await Promise.all([
    credentialFile(tokenPath, "token of the service account"),
    credentialFile(caPath, "CA of the cluster"),
  ]);
  const authorization = bearer(token, tokenPath);
  const ca = authority(pem, caPath);
  return { identity: { authorization, tls: { ca, rejectUnauthorized: true } }, freshForMs: FILE_LIFETIME_MS };
}
