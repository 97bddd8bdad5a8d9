/** The command lines of the three servers, and the files that these name. All in one folder, all on loopback. */
import { generateKeyPairSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { AUDIT_POLICY } from "./audit-log.ts";
import { writeKubeconfig } from "./kubeconfig.ts";

export interface Ports {
  readonly etcdClient: number;
  readonly etcdPeer: number;
  readonly apiServer: number;
}

/** Where everything is below the folder of one control plane. */
export interface Layout {
  readonly etcdData: string;
  readonly certs: string;
  /** The API server writes its self-signed certificate here; it is its own CA. */
  readonly caFile: string;
  readonly adminTokenFile: string;
  readonly adminKubeconfig: string;
  readonly auditLog: string;
  readonly auditPolicy: string;
  readonly tokens: string;
  readonly signingKey: string;
  readonly verifyingKey: string;
}

export function layout(folder: string): Layout {
  return {
    etcdData: join(folder, "etcd-data"),
    certs: join(folder, "certs"),
    caFile: join(folder, "certs", "apiserver.crt"),
    adminTokenFile: join(folder, "admin.token"),
    adminKubeconfig: join(folder, "admin.kubeconfig"),
    auditLog: join(folder, "audit.log"),
    auditPolicy: join(folder, "audit-policy.yaml"),
    tokens: join(folder, "tokens.csv"),
    signingKey: join(folder, "sa.key"),
    verifyingKey: join(folder, "sa.pub"),
  };
}

/** Writes what the servers read at start, and the admin's kubeconfig for the API server at `url`. */
export async function writeFiles(files: Layout, url: string, adminToken: string): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "sec1", format: "pem" },
  });
  await mkdir(files.certs);
  await writeFile(files.signingKey, privateKey, { mode: 0o600 });
  await writeFile(files.verifyingKey, publicKey);
  await writeFile(files.tokens, `${adminToken},admin,admin,"system:masters"\n`, { mode: 0o600 });
  await writeFile(files.adminTokenFile, adminToken, { mode: 0o600 });
  await writeFile(files.auditPolicy, AUDIT_POLICY);
  await writeFile(files.auditLog, "");
  await writeKubeconfig(files.adminKubeconfig, {
    server: url,
    caFile: files.caFile,
    tokenFile: files.adminTokenFile,
  });
}

export function etcdFlags({ etcdData }: Layout, { etcdClient, etcdPeer }: Ports): readonly string[] {
  const [client, peer] = [`http://127.0.0.1:${etcdClient}`, `http://127.0.0.1:${etcdPeer}`];
  return [
    `--data-dir=${etcdData}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    "--unsafe-no-fsync", // nothing here outlives the test
  ];
}

export function apiServerFlags(files: Layout, { etcdClient, apiServer }: Ports, audit: boolean): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdClient}`,
    `--secure-port=${apiServer}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none", // a loopback address is refused as an endpoint
    `--cert-dir=${files.certs}`,
    "--service-cluster-ip-range=10.0.0.0/24",
    "--authorization-mode=RBAC",
    `--token-auth-file=${files.tokens}`,
    "--service-account-issuer=https://localhost",
    `--service-account-key-file=${files.verifyingKey}`,
    `--service-account-signing-key-file=${files.signingKey}`,
    "--disable-admission-plugins=ServiceAccount", // nobody creates the `default` ServiceAccount that it wants for pods
    ...(audit ? [`--audit-policy-file=${files.auditPolicy}`, `--audit-log-path=${files.auditLog}`] : []),
  ];
}

export function controllerManagerFlags(files: Layout, controllers: readonly string[]): readonly string[] {
  return [
    `--kubeconfig=${files.adminKubeconfig}`,
    `--controllers=${controllers.join(",")}`,
    "--leader-elect=false",
    "--secure-port=0", // nobody asks it for its health: see ServerProcess.assertAlive
  ];
}
