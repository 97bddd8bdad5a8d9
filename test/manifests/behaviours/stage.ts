/** The control plane with the manifests on it, and the one host that all behaviours are shown on. */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { stringify } from "yaml";
import type { ControlPlane } from "../../controlplane/control-plane.ts";
import type { HoldingProxy } from "../../controlplane/holding-proxy.ts";
import { HostProcess } from "../../e2e/host-process.ts";
import { LEADING } from "../../e2e/scenario.ts";
import { AS_IN_POD, type Deployed } from "../deployed.ts";
import { Admin } from "./admin.ts";
import type { Ground } from "./ground.ts";

/** What `mirror` is told. */
export interface Config {
  readonly prefixes: readonly string[];
  readonly sourceNamespaces: readonly string[];
}

export interface StageOptions extends Ground {
  readonly context: TestContext;
}

export interface HostOptions {
  /** Default: through the proxy. */
  readonly kubeconfig?: string;
  /** Added to those that every host has. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Stage {
  readonly admin: Admin;
  readonly controlPlane: ControlPlane;
  readonly deployed: Deployed;
  readonly proxy: HoldingProxy;
  readonly auditLog: string;
  readonly #context: TestContext;
  readonly #folder: string;
  readonly #kubeconfig: string;
  readonly #hosts: HostProcess[] = [];
  #config: Config;

  private constructor(options: StageOptions, admin: Admin, config: Config) {
    const { context, controlPlane, deployed, proxy, kubeconfig, folder, auditLog } = options;
    this.admin = admin;
    this.controlPlane = controlPlane;
    this.deployed = deployed;
    this.proxy = proxy;
    this.auditLog = auditLog;
    this.#context = context;
    this.#folder = folder;
    this.#kubeconfig = kubeconfig;
    this.#config = config;
  }

  /** With no host yet. */
  static async of(options: StageOptions, config: Config): Promise<Stage> {
    const admin = await Admin.of(options.controlPlane);
    options.context.after(() => admin.close());
    const stage = new Stage(options, admin, config);
    await stage.configure({});
    return stage;
  }

  get config(): Config {
    return this.#config;
  }

  /** The one that was started last. */
  get host(): HostProcess {
    const host = this.#hosts.at(-1);
    if (host === undefined) throw new Error("no host has been started");
    return host;
  }

  /** All that hosts have said. */
  get said(): string {
    return this.#hosts.map(({ output }) => output).join("");
  }

  /** Starts a host. It logs every request: nothing that it could tell is left out. */
  beginHost({ kubeconfig = this.#kubeconfig, flags = [], env = {} }: HostOptions = {}): HostProcess {
    const identity = `host-${this.#hosts.length + 1}`;
    const args = ["--kubeconfig", kubeconfig, "--config", this.#configFile, "--identity", identity, "-v", "8"];
    const host = new HostProcess(this.#context, { args: [...args, ...AS_IN_POD, ...flags], cwd: this.#folder, env });
    this.#hosts.push(host);
    return host;
  }

  /** Starts a host, and waits until it leads. */
  async startHost(options?: HostOptions): Promise<void> {
    await this.beginHost(options).waitForLine(LEADING);
  }

  /** While it is done there is no host. */
  async withoutHost(act: () => Promise<void>): Promise<void> {
    await this.host.stop();
    await act();
    await this.startHost();
  }

  async configure(change: Partial<Config>, dryRun = false): Promise<void> {
    this.#config = { ...this.#config, ...change };
    await this.saveConfig(stringify({ dryRun, functions: { mirror: this.#config } }));
  }

  /** As a mounted ConfigMap changes: at once. */
  async saveConfig(text: string): Promise<void> {
    await writeFile(`${this.#configFile}~`, text);
    await rename(`${this.#configFile}~`, this.#configFile);
  }

  /** The text of the host's /metrics. */
  async metrics(host = this.host): Promise<string> {
    return (await fetch(`${await host.address()}/metrics`)).text();
  }

  get #configFile(): string {
    return join(this.#folder, "evenkeel.yaml");
  }
}
