/**
 * A real Kubernetes control plane for tests: etcd, kube-apiserver and kube-controller-manager as child processes on
 * loopback ports, in a folder of their own under the system's temporary one. Authorization is RBAC as in any cluster;
 * etcd does not sync to disk; there are no nodes, so pods stay Pending. Ready in some 4 s, about 650 MB.
 *
 *   describeOnControlPlane("mirror on a real cluster", {}, (controlPlane) => {
 *     test("copies …", async () => {
 *       await controlPlane().kubectl(["create", "namespace", "team-a"]);
 *       const host = await controlPlane().serviceAccount({ namespace: "evenkeel", name: "host", rules: […] });
 *       …
 *
 * | to                                   | see                                                        |
 * |--------------------------------------|------------------------------------------------------------|
 * | write a test file on one             | on-control-plane.ts: starts, stops, skips with the reason  |
 * | start one by hand or to measure      | `node test/controlplane/up.ts`                             |
 * | know where the programs come from    | assets.ts, build.ts (a cache folder that CI can keep)      |
 * | use kubectl, ServiceAccounts, counts | cluster.ts, write-requests.ts, audit-log.ts                |
 * | break the network in between         | faulty-proxy.ts; single requests of it: holding-proxy.ts   |
 * | hang, restart, forget history        | `pause`, `restartApiServer`, `compactEtcd` below           |
 *
 * Nothing outlives the process that started it, whatever ends that: reaper.ts.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { provideAssets } from "./assets.ts";
import type { Binaries } from "./assets.ts";
import { readAuditLog } from "./audit-log.ts";
import type { AuditRow } from "./audit-log.ts";
import { Cluster } from "./cluster.ts";
import { compactEtcd, fillEtcd } from "./etcd.ts";
import { freePort } from "./free-port.ts";
import { Reaper } from "./reaper.ts";
import { apiServerFlags, controllerManagerFlags, etcdFlags, layout, writeFiles } from "./server-flags.ts";
import type { Layout, Ports } from "./server-flags.ts";
import { ServerProcess } from "./server-process.ts";
import { until } from "../support/wait.ts";

export type ServerName = "etcd" | "apiServer" | "controllerManager";

export interface ServerPids {
  readonly etcd: number;
  readonly apiServer: number;
  /** Absent when none was started. */
  readonly controllerManager?: number;
}

export interface ControlPlaneOptions {
  /**
   * What kube-controller-manager runs; `[]` starts none. Add `deployment-controller` and `replicaset-controller` for
   * Deployments. @default namespace-controller and garbage-collector-controller, if the assets have the program
   */
  readonly controllers?: readonly string[];
  /** Added to the flags of a server: `{ apiServer: ["--goaway-chance=0.02"] }`. */
  readonly flags?: Readonly<Partial<Record<ServerName, readonly string[]>>>;
  /** Off for measurements, which it would slow. @default true */
  readonly audit?: boolean;
}

/** A namespaced object as it is stored. */
interface Stored {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string };
}

const DEFAULT_CONTROLLERS = ["namespace-controller", "garbage-collector-controller"];
/** A ready server takes 3 s on an idle machine; this is for one that is busy with everything else. */
const READY_LIMIT_MS = 120_000;
/** The API server has answered its requests by then (milliseconds); the watches still open would hold it for 60 s. */
const STOP_LIMITS_MS = { controllerManager: 5_000, apiServer: 1_000, etcd: 5_000 } as const;

/** @throws Error when no assets are found, or with the end of the log of a server that did not start. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const assets = await provideAssets();
  if (assets.kind === "missing") throw new Error(assets.why);
  return ControlPlane.start(assets, options);
}

export class ControlPlane extends Cluster {
  /** In `system:masters`: allowed everything, and exempt from API Priority and Fairness. */
  readonly adminToken: string;
  readonly #assets: Binaries;
  readonly #options: ControlPlaneOptions;
  readonly #ports: Ports;
  readonly #files: Layout;
  readonly #reaper: Reaper;
  readonly #servers = new Map<ServerName, ServerProcess>();

  static async start(assets: Binaries, options: ControlPlaneOptions): Promise<ControlPlane> {
    if (options.controllers !== undefined && options.controllers.length > 0 && !assets.controllerManager)
      throw new Error("controllers: the assets have no kube-controller-manager");
    const folder = await mkdtemp(join(tmpdir(), "evenkeel-controlplane-"));
    const ports = { etcdClient: await freePort(), etcdPeer: await freePort(), apiServer: await freePort() };
    const controlPlane = new ControlPlane(assets, options, folder, ports);
    try {
      await controlPlane.#startServers();
    } catch (error) {
      await controlPlane.#stopServers();
      throw error;
    }
    return controlPlane;
  }

  private constructor(assets: Binaries, options: ControlPlaneOptions, folder: string, ports: Ports) {
    const files = layout(folder);
    const { caFile, adminKubeconfig } = files;
    const url = `https://127.0.0.1:${ports.apiServer}`;
    super({ url, caFile, adminKubeconfig, kubectlProgram: assets.kubectl, folder });
    this.adminToken = randomBytes(16).toString("hex");
    this.#assets = assets;
    this.#options = options;
    this.#ports = ports;
    this.#files = files;
    this.#reaper = new Reaper(folder);
  }

  /** The API server's changes when it is restarted. */
  get pids(): ServerPids {
    const { pid: controllerManager } = this.#servers.get("controllerManager") ?? {};
    const { pid: apiServer } = this.#server("apiServer");
    const { pid: etcd } = this.#server("etcd");
    return controllerManager === undefined ? { etcd, apiServer } : { etcd, apiServer, controllerManager };
  }

  /** The server hangs: connections stay open, new ones are accepted by the kernel, nothing is answered. */
  pause(server: ServerName): void {
    this.#server(server).pause();
  }

  resume(server: ServerName): void {
    this.#server(server).resume();
  }

  /**
   * Ends and starts the API server on the same port and with the same certificate; returns when it is ready. Its watch
   * cache begins anew at etcd's revision of now, so a watch that resumes from before any later write gets 410; its
   * request counters begin at 0.
   * @param flags added to those that the control plane was started with, this time only; of two alike the last counts.
   */
  async restartApiServer({ flags = [] }: { readonly flags?: readonly string[] } = {}): Promise<void> {
    await this.#server("apiServer").stop(STOP_LIMITS_MS.apiServer);
    await this.#startApiServer(flags);
  }

  /**
   * Forgets all of etcd's history up to now. Alone it does not expire watches, nor the continuation of a recent list:
   * the API server answers both from its own caches. It does after `restartApiServer`.
   */
  compactEtcd(): Promise<void> {
    return compactEtcd(`http://127.0.0.1:${this.#ports.etcdClient}`);
  }

  /**
   * Has many objects there at once: 50 000 in seconds, where requests take a minute. No admission sees them, nothing is
   * filled in, and watches that are open meanwhile may miss some: it is for whoever lists them afterwards.
   * @param objects whole, as they are stored: with uid and creationTimestamp.
   * @param resource `configmaps`
   */
  fill(resource: string, objects: readonly Stored[]): Promise<void> {
    const entries = objects.map((object) => {
      const { namespace, name } = object.metadata;
      return { key: `/registry/${resource}/${namespace}/${name}`, value: JSON.stringify(object) };
    });
    return fillEtcd(`http://127.0.0.1:${this.#ports.etcdClient}`, entries);
  }

  /** All writes so far, in the order in which they were answered. */
  auditLog(): Promise<readonly AuditRow[]> {
    if (this.#options.audit === false) throw new Error("this control plane was started without an audit log");
    return readAuditLog(this.#files.auditLog);
  }

  /** Ends the servers in order and removes the folder; once. @throws Error when one of them had ended by itself. */
  async stop(): Promise<void> {
    const servers = [...this.#servers.values()];
    if (servers.length === 0) return;
    try {
      for (const server of servers) server.assertAlive();
    } finally {
      await this.#stopServers();
    }
  }

  async #startServers(): Promise<void> {
    await writeFiles(this.#files, this.url, this.adminToken);
    this.#startServer("etcd", this.#assets.etcd, etcdFlags(this.#files, this.#ports));
    await this.#startApiServer();
    const { controllerManager } = this.#assets;
    const { controllers = DEFAULT_CONTROLLERS } = this.#options;
    // Last: it ends at once when there is no API server.
    if (controllerManager !== undefined && controllers.length > 0)
      this.#startServer("controllerManager", controllerManager, controllerManagerFlags(this.#files, controllers));
  }

  async #startApiServer(flags: readonly string[] = []): Promise<void> {
    const ownFlags = apiServerFlags(this.#files, this.#ports, this.#options.audit ?? true);
    this.#startServer("apiServer", this.#assets.apiServer, ownFlags, flags);
    const isReady = async (): Promise<boolean> => {
      for (const server of this.#servers.values()) server.assertAlive();
      return (await readyStatus(this.url, this.caFile, this.adminToken)) === 200;
    };
    await until(isReady, { what: "the API server is ready", limitMs: READY_LIMIT_MS });
  }

  #startServer(name: ServerName, program: string, flags: readonly string[], moreFlags: readonly string[] = []): void {
    const allFlags = [...flags, ...(this.#options.flags?.[name] ?? []), ...moreFlags];
    this.#servers.set(name, new ServerProcess(name, program, allFlags, join(this.folder, `${name}.log`)));
    this.#reaper.watch([...this.#servers.values()].map(({ pid }) => pid));
  }

  async #stopServers(): Promise<void> {
    for (const server of this.#servers.values()) server.resume();
    // Each before what it talks to, so that none spends its last seconds on retries.
    for (const name of ["controllerManager", "apiServer", "etcd"] as const)
      await this.#servers.get(name)?.stop(STOP_LIMITS_MS[name]);
    this.#servers.clear();
    await this.#reaper.finish();
  }

  #server(name: ServerName): ServerProcess {
    const server = this.#servers.get(name);
    if (server === undefined) throw new Error(`${name} does not run in this control plane`);
    return server;
  }
}

/** The status of `/readyz`; `undefined` while there is no certificate or no answer. */
async function readyStatus(url: string, caFile: string, token: string): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const ca = await readFile(caFile).catch(() => undefined);
  if (ca === undefined) return undefined;
  const headers = { authorization: `Bearer ${token}` };
  const poll = request(`${url}/readyz`, { ca, headers, agent: false, timeout: 5_000 });
  poll.on("response", (response) => resolve(response.resume().statusCode));
  poll.on("timeout", () => poll.destroy(new Error("no answer")));
  poll.on("error", () => resolve(undefined));
  poll.end();
  return promise;
}
