/**
 * The credentials of a context of a kubeconfig. client-node says what the entries mean and runs the auth-providers; what it
 * would silently ignore is done here, or refused by name.
 */
import { statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { Cluster, Context, User } from "@kubernetes/client-node";
import type { RequestOptions } from "node:https";
import type { Clock } from "../clock/clock.ts";
import {
  authority,
  bearer,
  pairFault,
  RenewedCredentials,
  type Credentials,
  type Doubt,
  type LoadedIdentity,
} from "./credentials.ts";
import { credentialFile, FILE_LIFETIME_MS } from "./credential-file.ts";
import { systemCode } from "./errors.ts";
import { runExecPlugin } from "./exec-plugin.ts";
import { invalidKubeconfig, readKubeconfig, type KubeconfigFile } from "./kubeconfig-file.ts";
import { KeptSecret, type Secret } from "./kept-secret.ts";
import { recordOf, recordsOf, textOf, type JsonRecord } from "./json.ts";

interface KubeconfigOptions {
  readonly clock: Clock;
  /** As in KUBECONFIG: of entries with the same name the first counts, and files that are not there are passed over. */
  readonly files: readonly string[];
  /** Default: the `current-context` of the first file that has one. */
  readonly context?: string | undefined;
}

/** Everything that one context chooses. */
interface Chosen {
  readonly cluster: Cluster;
  readonly user: User;
  readonly writtenCluster: JsonRecord;
  readonly writtenUser: JsonRecord;
  /** The directory of the file with the user in it. */
  readonly directory: string;
  /** For messages: `~/.kube/config, context dev` */
  readonly where: string;
}

/**
 * @throws EvenkeelError FILE_NOT_FOUND where there is none of the files, or KUBECONFIG_INVALID naming file, context and
 * the contexts there are
 */
export async function kubeconfigCredentials({ clock, files, context }: KubeconfigOptions): Promise<Credentials> {
  const there = files.filter((file) => !isAbsent(file));
  const kubeconfigs = await Promise.all((there.length > 0 ? there : files.slice(0, 1)).map(readKubeconfig));
  const { chosen, namespace } = choose(kubeconfigs, there.join(", "), context);
  refuseUnsupported(chosen);
  const base = { server: chosen.cluster.server, namespace };
  const secret = secretOf(chosen, clock);
  const credentials = new RenewedCredentials(base, clock, async (doubt) => load(chosen, await secret(doubt)));
  await credentials.current();
  return credentials;
}

function choose(kubeconfigs: readonly KubeconfigFile[], files: string, name: string | undefined) {
  const all = kubeconfigs.flatMap(({ contexts }) => contexts);
  const known = all.length === 0 ? "there is none" : `there are: ${all.map((context) => context.name).join(", ")}`;
  const wanted = name ?? kubeconfigs.find(({ currentContext }) => currentContext !== undefined)?.currentContext;
  if (wanted === undefined) throw invalidKubeconfig(files, `no context was given and none is current; ${known}`);
  const context = all.find((context) => context.name === wanted);
  if (context === undefined) throw invalidKubeconfig(files, `no context ${wanted}; ${known}`);
  return {
    chosen: chosenBy(context, kubeconfigs, `${files}, context ${wanted}`),
    namespace: textOf(context.namespace),
  };
}

/** Not there at all: one that may not be read is told. Source: client-go tools/clientcmd (Load), os.IsNotExist. */
function isAbsent(file: string): boolean {
  try {
    statSync(file);
    return false;
  } catch (error) {
    return systemCode(error) === "ENOENT";
  }
}

function chosenBy(context: Context, kubeconfigs: readonly KubeconfigFile[], where: string): Chosen {
  const clusterHome = kubeconfigs.find(({ writtenClusters }) => writtenClusters.has(context.cluster));
  const cluster = clusterHome?.clusters.find(({ name }) => name === context.cluster);
  if (clusterHome === undefined || cluster === undefined)
    throw invalidKubeconfig(where, `no cluster ${context.cluster}`);
  const { protocol = "", username, password } = URL.parse(cluster.server) ?? {};
  if (!/^https?:$/.test(protocol)) throw invalidKubeconfig(where, `cluster ${cluster.name} has no http(s) server URL`);
  // The server is named in logs and errors.
  if (username || password) {
    const what = "has a user or a password in its server URL; put them into the entry of the user";
    throw invalidKubeconfig(where, `cluster ${cluster.name} ${what}`);
  }
  const writtenCluster = clusterHome.writtenClusters.get(context.cluster) ?? {};
  // As kubectl: whoever names no user is nobody in particular, and what is secret goes over TLS or not at all.
  // Source: client-go tools/clientcmd (ClientConfig, IsConfigTransportTLS).
  if (!context.user || protocol === "http:")
    return {
      cluster,
      user: { name: "" },
      writtenCluster,
      writtenUser: {},
      directory: dirname(clusterHome.file),
      where,
    };
  const home = kubeconfigs.find(({ writtenUsers }) => writtenUsers.has(context.user));
  const user = home?.users.find(({ name }) => name === context.user);
  if (home === undefined || user === undefined) throw invalidKubeconfig(where, `no user ${context.user}`);
  const writtenUser = home.writtenUsers.get(context.user) ?? {};
  return { cluster, user, writtenCluster, writtenUser, directory: dirname(home.file), where };
}

/** To go on as somebody else than the file says, or past its proxy, would be worse than not to go on. */
function refuseUnsupported({ cluster, writtenUser, where }: Chosen): void {
  for (const field of ["as", "as-groups", "as-uid", "as-user-extra"]) {
    if (writtenUser[field] !== undefined) throw invalidKubeconfig(where, `impersonation (${field}) is not supported`);
  }
  if (cluster.proxyUrl) throw invalidKubeconfig(where, "proxy-url is not supported");
}

async function load({ cluster, user, where }: Chosen, secret: Secret): Promise<LoadedIdentity> {
  const [ca, cert, key] = await Promise.all([
    authorityOf(cluster),
    pem(user.certData, user.certFile, "client-certificate"),
    pem(user.keyData, user.keyFile, "client-key"),
  ]);
  requirePair(user, cert, key, where);
  const fromFiles = [cluster.caFile, user.certFile, user.keyFile].some(Boolean) ? FILE_LIFETIME_MS : Infinity;
  const tls = {
    ca,
    cert: secret.cert ?? cert,
    key: secret.key ?? key,
    servername: cluster.tlsServerName,
    rejectUnauthorized: !cluster.skipTLSVerify,
  };
  const identity = { authorization: secret.authorization, tls };
  return { identity, freshForMs: Math.min(fromFiles, secret.freshForMs), expiresAtMs: secret.expiresAtMs };
}

function requirePair(user: User, cert: string | undefined, key: string | undefined, where: string): void {
  if (cert === undefined && key === undefined) return;
  if (cert === undefined || key === undefined)
    throw invalidKubeconfig(where, "client certificate and key must come together");
  const fault = pairFault(cert, key);
  if (fault === undefined) return;
  const [certFile, keyFile] = [user.certData ? "" : ` ${user.certFile}`, user.keyData ? "" : ` ${user.keyFile}`];
  throw invalidKubeconfig(where, `client certificate${certFile} and client key${keyFile} are no pair (${fault})`);
}

async function authorityOf({ name, caData, caFile }: Cluster): Promise<string | undefined> {
  const ca = await pem(caData, caFile, "certificate-authority");
  const source = caData || !caFile ? `cluster ${name}, certificate-authority-data` : caFile;
  return ca === undefined ? undefined : authority(ca, source);
}

/** Data counts before a file, as in client-go. */
async function pem(data: string | undefined, file: string | undefined, purpose: string): Promise<string | undefined> {
  if (data) return Buffer.from(data, "base64").toString("utf8");
  return file ? credentialFile(file, purpose) : undefined;
}

/** In the order of client-go: tokenFile before token, then exec, auth-provider and password. Files are read each time. */
function secretOf(chosen: Chosen, clock: Clock): (doubt?: Doubt) => Promise<Secret> {
  const { cluster, user, writtenUser, directory, where } = chosen;
  const tokenFile = textOf(writtenUser["tokenFile"]);
  if (tokenFile !== undefined) {
    const path = isAbsolute(tokenFile) ? tokenFile : join(directory, tokenFile);
    const read = async (): Promise<string> => bearer(await credentialFile(path, "tokenFile"), path);
    return async () => ({ authorization: await read(), freshForMs: FILE_LIFETIME_MS });
  }
  if (user.token) return constant(bearer(user.token, where));
  const exec = recordOf(writtenUser["exec"]);
  if (exec !== undefined) return kept(clock, () => fromPlugin(exec, chosen, clock));
  if (user.authProvider) return kept(clock, () => fromProvider(cluster, user));
  return constant(basic(user));
}

function constant(authorization: string | undefined): () => Promise<Secret> {
  return () => Promise.resolve({ authorization, freshForMs: Infinity });
}

function kept(clock: Clock, ask: () => Promise<Secret>): (doubt?: Doubt) => Promise<Secret> {
  const secret = new KeptSecret(clock, ask);
  return (doubt) => secret.get(doubt === "refused");
}

async function fromPlugin(exec: JsonRecord, chosen: Chosen, clock: Clock): Promise<Secret> {
  const { directory, where } = chosen;
  const credential = await runExecPlugin({ exec, cluster: await clusterInfo(chosen), directory, where }, clock);
  const authorization = credential.token === undefined ? undefined : bearer(credential.token, where);
  return { ...credential, authorization };
}

/** `spec.cluster` of an ExecCredential: there is no field for a file in it. Source: client-go rest/exec.go. */
async function clusterInfo({ cluster, writtenCluster }: Chosen): Promise<JsonRecord> {
  const ca = await authorityOf(cluster);
  const extensions = recordsOf(writtenCluster["extensions"]);
  return {
    server: cluster.server,
    "tls-server-name": cluster.tlsServerName,
    "insecure-skip-tls-verify": cluster.skipTLSVerify,
    "certificate-authority-data": ca === undefined ? undefined : Buffer.from(ca).toString("base64"),
    config: extensions.find(({ name }) => name === "client.authentication.k8s.io/exec")?.["extension"],
  };
}

/** oidc and its like: client-node renews what it has when that has expired. */
async function fromProvider(cluster: Cluster, user: User): Promise<Secret> {
  // Only here, because it costs 0.3 s and 75 MB.
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  config.loadFromClusterAndUser(cluster, user);
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const { headers } = options;
  const authorization = Array.isArray(headers) ? undefined : textOf(recordOf(headers)?.["Authorization"]);
  return { authorization, freshForMs: FILE_LIFETIME_MS };
}

function basic({ username, password }: User): string | undefined {
  if (!username) return undefined;
  return `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}`;
}
