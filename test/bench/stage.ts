/**
 * Where contenders meet: one real control plane, their programs, and a folder for what they write. Between two turns only
 * the copies are taken away; namespaces, sources and unrelated objects stay, and `load` puts them right for its next run.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Pool } from "undici";
import { z } from "zod";

import { type ControlPlane, startControlPlane } from "../controlplane/control-plane.ts";
import { freePort } from "../controlplane/free-port.ts";
import type { Arm } from "./arms.ts";
import { Child } from "./child.ts";
import { type Programs, providePrograms } from "./programs.ts";
import type { World } from "./scenarios.ts";

/** More than two hours of this write; an etcd that is full refuses everything. */
const ETCD_QUOTA_BYTES = 8 * 2 ** 30;
const CLEAR_CONNECTIONS = 4;
/** It is stopped only by an interrupt, and sleeps through that in some places. */
const LOAD_GRACE_MS = 3_000;
/** As `load` gives them. */
const ARM_GRACE_MS = 15_000;

const Named = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });

export interface Running {
  readonly child: Child;
  readonly readyUrl: string;
}

export class Stage {
  readonly #controlPlane: ControlPlane;
  readonly #programs: Programs;
  readonly #folder: string;
  readonly #api: Pool;

  /** Builds what is not built, and starts the control plane. @throws Error when either fails */
  static async start(): Promise<Stage> {
    const programs = await providePrograms();
    const flags = { etcd: [`--quota-backend-bytes=${ETCD_QUOTA_BYTES}`] };
    const controlPlane = await startControlPlane({ audit: false, flags });
    try {
      const folder = await mkdtemp(join(tmpdir(), "evenkeel-bench-"));
      return new Stage(controlPlane, programs, folder, await readFile(controlPlane.caFile, "utf8"));
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  private constructor(controlPlane: ControlPlane, programs: Programs, folder: string, ca: string) {
    this.#controlPlane = controlPlane;
    this.#programs = programs;
    this.#folder = folder;
    this.#api = new Pool(controlPlane.url, { connect: { ca }, connections: CLEAR_CONNECTIONS });
  }

  /** `v1.36.4` */
  async kubernetesVersion(): Promise<string> {
    return z.object({ gitVersion: z.string() }).parse(await this.#request("GET", "/version")).gitVersion;
  }

  /** Runs `load` against a controller that it starts itself. The world stays. */
  async load(scenario: string, arm: Arm, world: World, flags: readonly string[]): Promise<Child> {
    const { command, readyUrl } = await this.#launch(arm, world);
    const { apiServer, etcd } = this.#controlPlane.pids;
    const own = {
      arm: arm.name,
      prefix: prefixOf(world),
      sources: world.sources,
      namespaces: world.namespaces,
      "copy-selector": arm.copySelector,
      "ready-url": readyUrl,
      "apiserver-pid": apiServer,
      "etcd-pid": etcd,
      "child-log": join(this.#folder, "controller.log"),
    };
    const all = Object.entries(own).map(([name, value]) => `--${name}=${value}`);
    const line = [this.#programs.load, scenario, "--keep", ...all, ...flags, "--", ...command];
    return this.#child(line, LOAD_GRACE_MS);
  }

  /** Starts a controller by itself. */
  async run(arm: Arm, world: World): Promise<Running> {
    const { command, readyUrl } = await this.#launch(arm, world);
    return { child: this.#child(command, ARM_GRACE_MS), readyUrl };
  }

  /** Takes away every copy, whoever made it, and the leases of controllers that were killed. */
  async clear(): Promise<void> {
    const { items } = Named.parse(await this.#request("GET", "/api/v1/namespaces"));
    const targets = items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(PREFIX));
    await Promise.all(targets.map((name) => this.#request("DELETE", `/api/v1/namespaces/${name}/configmaps`)));
    await this.#request("DELETE", "/apis/coordination.k8s.io/v1/namespaces/default/leases");
  }

  /** Ends the control plane and removes everything; children have been stopped by whoever started them. */
  async stop(): Promise<void> {
    await this.#api.destroy();
    await this.#controlPlane.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #launch(arm: Arm, world: World): Promise<{ readonly command: readonly string[]; readonly readyUrl: string }> {
    const { peer, raw } = this.#programs;
    const prefix = prefixOf(world);
    const configFile = join(this.#folder, `${prefix}evenkeel.yaml`);
    await writeFile(configFile, `functions:\n  mirror:\n    prefixes: [${prefix}]\n`);
    const port = await freePort();
    return {
      command: arm.command({ prefix, configFile, port, peer, raw }),
      readyUrl: `http://127.0.0.1:${port}/readyz`,
    };
  }

  #child(line: readonly string[], graceMs: number): Child {
    const { adminKubeconfig: kubeconfig } = this.#controlPlane;
    // Nothing of the user's shell reaches a contender.
    const env = {
      PATH: process.env["PATH"],
      HOME: this.#folder,
      KUBECONFIG: kubeconfig,
      EVENKEEL_KUBECONFIG: kubeconfig,
    };
    return new Child(line, { env, cwd: this.#folder, graceMs });
  }

  async #request(method: "GET" | "DELETE", path: string): Promise<unknown> {
    const headers = { authorization: `Bearer ${this.#controlPlane.adminToken}`, accept: "application/json" };
    const { statusCode, body } = await this.#api.request({ method, path, headers });
    const text = await body.text();
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${text.slice(0, 300)}`);
    return JSON.parse(text);
  }
}

const PREFIX = "team-";

/** Worlds of different width have different targets, so that nobody has to wait for namespaces to go. */
function prefixOf({ namespaces }: World): string {
  return `${PREFIX}${namespaces}-`;
}
