/** A real cluster as tests use it: kubectl, ServiceAccounts, counted writes. */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { writeKubeconfig } from "./kubeconfig.ts";
import { parseWriteRequests } from "./write-requests.ts";
import type { WriteRequests } from "./write-requests.ts";

export interface KubectlOptions {
  /** For `-f -`. */
  readonly input?: string;
  /** Default: the admin's. */
  readonly kubeconfig?: string;
}

export interface KubectlResult {
  readonly stdout: string;
  readonly stderr: string;
  /** 0 when it succeeded. */
  readonly code: number;
}

/** A rule of rbac.authorization.k8s.io/v1. */
export interface PolicyRule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

export interface ServiceAccountOptions {
  readonly namespace: string;
  readonly name: string;
  /** Granted in its own namespace. Omit both when the RBAC was applied from manifests. */
  readonly rules?: readonly PolicyRule[];
  /** Granted in the whole cluster. */
  readonly clusterRules?: readonly PolicyRule[];
  /** Life of the token; the API server allows no less than 10 minutes. Default 1 hour. */
  readonly durationSeconds?: number;
  /** What the kubeconfig names as server, when a proxy stands between. */
  readonly server?: string;
}

export interface ServiceAccount {
  /** `system:serviceaccount:NAMESPACE:NAME`, as in the audit log. */
  readonly user: string;
  readonly token: string;
  /** Holds `token`, `ca.crt` and `namespace`, as `/var/run/secrets/kubernetes.io/serviceaccount` in a pod does. */
  readonly folder: string;
  /** Path of a kubeconfig that reads the token and the CA from the folder. */
  readonly kubeconfig: string;
}

export interface ClusterOptions {
  readonly url: string;
  readonly caFile: string;
  readonly adminKubeconfig: string;
  readonly kubectlProgram: string;
  /** Where it may write; removed by whoever made it. */
  readonly folder: string;
}

/** Large enough for `/metrics` of a busy API server. */
const MAX_OUTPUT_BYTES = 256 * 2 ** 20;

export class Cluster {
  /** `https://127.0.0.1:20443` */
  readonly url: string;
  readonly caFile: string;
  readonly adminKubeconfig: string;
  protected readonly folder: string;
  readonly #kubectlProgram: string;

  constructor({ url, caFile, adminKubeconfig, kubectlProgram, folder }: ClusterOptions) {
    this.url = url;
    this.caFile = caFile;
    this.adminKubeconfig = adminKubeconfig;
    this.folder = folder;
    this.#kubectlProgram = kubectlProgram;
  }

  /** Runs kubectl and never throws for what kubectl answers: the code says whether it succeeded. */
  kubectl(args: readonly string[], { input = "", kubeconfig }: KubectlOptions = {}): Promise<KubectlResult> {
    // Its HOME keeps the user's own preferences and discovery cache out of the test.
    const env = { PATH: process.env["PATH"], HOME: this.folder, KUBECONFIG: kubeconfig ?? this.adminKubeconfig };
    const { promise, resolve, reject } = Promise.withResolvers<KubectlResult>();
    const child = execFile(
      this.#kubectlProgram,
      args,
      { env, maxBuffer: MAX_OUTPUT_BYTES },
      (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== "number") reject(error);
        else resolve({ stdout, stderr, code: typeof error?.code === "number" ? error.code : 0 });
      },
    );
    child.stdin?.on("error", () => undefined); // kubectl may end without reading it
    child.stdin?.end(input);
    return promise;
  }

  /** Creates what is not there yet: namespace, ServiceAccount, roles and bindings; and issues a bound token. */
  async serviceAccount(options: ServiceAccountOptions): Promise<ServiceAccount> {
    const { namespace, name, durationSeconds = 3600, server = this.url } = options;
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: serviceAccountObjects(options) });
    await this.#kubectlOk(["apply", "--server-side", "--force-conflicts", "-f", "-"], { input });
    const token = await this.#kubectlOk(["create", "token", name, "-n", namespace, `--duration=${durationSeconds}s`]);

    const folder = join(this.folder, "serviceaccounts", namespace, name);
    await mkdir(folder, { recursive: true });
    const [tokenFile, caFile] = [join(folder, "token"), join(folder, "ca.crt")];
    await writeFile(tokenFile, token.trim());
    await writeFile(caFile, await readFile(this.caFile));
    await writeFile(join(folder, "namespace"), namespace);
    const kubeconfig = join(folder, "kubeconfig");
    await writeKubeconfig(kubeconfig, { server, caFile, tokenFile, namespace });
    return { user: `system:serviceaccount:${namespace}:${name}`, token: token.trim(), folder, kubeconfig };
  }

  /**
   * The write requests since the API server started, whoever made them: a test subtracts what it saw before.
   * @param resource `configmaps`; all when omitted.
   */
  async writeRequests({ resource }: { readonly resource?: string } = {}): Promise<readonly WriteRequests[]> {
    const rows = parseWriteRequests(await this.#kubectlOk(["get", "--raw", "/metrics"]));
    return resource === undefined ? rows : rows.filter((row) => row.resource === resource);
  }

  async #kubectlOk(args: readonly string[], options?: KubectlOptions): Promise<string> {
    const { stdout, stderr, code } = await this.kubectl(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
    return stdout;
  }
}

interface RoleMetadata {
  readonly name: string;
  readonly namespace?: string;
}

function serviceAccountObjects({ namespace, name, rules, clusterRules }: ServiceAccountOptions): readonly object[] {
  const subjects = [{ kind: "ServiceAccount", namespace, name }];
  const rbac = (kind: "" | "Cluster", metadata: RoleMetadata, granted: readonly PolicyRule[] = []): object[] => {
    if (granted.length === 0) return [];
    const apiVersion = "rbac.authorization.k8s.io/v1";
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: `${kind}Role`, name: metadata.name };
    return [
      { apiVersion, kind: `${kind}Role`, metadata, rules: granted },
      { apiVersion, kind: `${kind}RoleBinding`, metadata, roleRef, subjects },
    ];
  };
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace, name } },
    ...rbac("", { namespace, name }, rules),
    ...rbac("Cluster", { name: `${namespace}:${name}` }, clusterRules),
  ];
}
