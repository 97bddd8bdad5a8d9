/** The stage of the storm: an API server in this process, the host in another, and what a watchful user would measure. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { createApiServer } from "../../runtime/apiserver/server.ts";
import { systemClock } from "../../runtime/clock/clock.ts";
import type { Status } from "../../runtime/host/status.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import { ConfigMap, kind, Namespace } from "../../runtime/kube/kind.ts";
import { until } from "../support/wait.ts";
import { namespace, source } from "../scenario/objects.ts";
import { inProcessTransport } from "../support/in-process-transport.ts";
import { tempFolder, type TempFolder } from "../support/temp-folder.ts";
import { HostProcess } from "../e2e/host-process.ts";
import { CONFIG, LEADING } from "../e2e/scenario.ts";
import { samplesOf } from "../trace/metrics-page.ts";

const NAMESPACES = ["team-a", "team-b", "team-c"];
/** Far beyond what is measured: it tells a hang from slowness. */
const COPY_LIMIT_MS = 15_000;
const PROBE_EVERY_MS = 100;
/** As in the pod of the manifests: of memory that V8 need not give back nothing can be said. */
const HEAP = "--max-old-space-size=192";

const FUNCTIONS = join(import.meta.dirname, "..", "..", "functions");
const SHIPPED = ["mirror.ts", "cleanup-on-delete.ts", join("lib", "copy.ts")];
const Lease = kind("coordination.k8s.io/v1", "Lease");
const LeaseSpec = z.object({ spec: z.object({ holderIdentity: z.string(), renewTime: z.string() }) });

/** The shipped functions at work, with the lease held, and one source with three copies. */
export async function storm(context: TestContext): Promise<Storm> {
  const server = createApiServer({ clock: systemClock });
  context.after(() => server.close());
  const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
  const files = new Map([
    ["evenkeel.yaml", CONFIG],
    ["kubeconfig", server.kubeconfig(url)],
  ]);
  for (const file of SHIPPED) files.set(join("functions", file), await readFile(join(FUNCTIONS, file), "utf8"));
  const folder = await tempFolder(context, Object.fromEntries(files));
  const api = new ApiClient({ clock: systemClock, transport: inProcessTransport((request) => server.fetch(request)) });
  for (const name of NAMESPACES) await api.create(Namespace, namespace(name));
  await api.create(ConfigMap, source("default/settings"));
  const copies = new Copies(api, context);
  const args = ["--kubeconfig", "kubeconfig", "--functions", "functions"];
  const host = new HostProcess(context, { args, cwd: folder.path, env: { NODE_OPTIONS: HEAP } });
  await host.waitForLine(LEADING);
  return new Storm({ api, host, folder, copies, address: await host.address() });
}

interface StormParts {
  readonly api: ApiClient;
  readonly host: HostProcess;
  readonly folder: TempFolder;
  readonly copies: Copies;
  readonly address: string;
}

export class Storm {
  readonly host: HostProcess;
  readonly folder: TempFolder;
  readonly #api: ApiClient;
  readonly #copies: Copies;
  readonly #address: string;
  #version = 0;

  constructor({ api, host, folder, copies, address }: StormParts) {
    this.host = host;
    this.folder = folder;
    this.#api = api;
    this.#copies = copies;
    this.#address = address;
  }

  /** Edits the source again and again. @returns for each edit, milliseconds until the last copy had it */
  async edit(count: number, pauseMs: number): Promise<readonly number[]> {
    const tookMs: number[] = [];
    for (let i = 0; i < count; i++) {
      const version = `${++this.#version}`;
      const startedMs = systemClock.now();
      await this.#api.update(ConfigMap, source("default/settings", { data: { version } }));
      await this.#copies.become(version);
      tookMs.push(systemClock.now() - startedMs);
      await delay(pauseMs);
    }
    return tookMs;
  }

  /** Probes health and lease until `signal` is aborted. */
  async probe(signal: AbortSignal): Promise<Probes> {
    const probes = {
      answersMs: new Array<number>(),
      failed: new Set<string>(),
      holders: new Set<string>(),
      renewedMs: new Array<number>(),
      residentMib: new Array<number>(),
    };
    while (!signal.aborted) {
      for (const path of ["/healthz", "/readyz"]) {
        const startedMs = systemClock.now();
        const response = await fetch(this.#address + path);
        const text = await response.text();
        probes.answersMs.push(systemClock.now() - startedMs);
        if (!response.ok) probes.failed.add(`${path}: ${text}`);
      }
      const { spec } = LeaseSpec.parse(await this.#api.get(Lease, { namespace: "default", name: "evenkeel" }));
      probes.holders.add(spec.holderIdentity);
      probes.renewedMs.push(systemClock.wall() - Date.parse(spec.renewTime));
      probes.residentMib.push(await this.residentMib());
      await delay(PROBE_EVERY_MS);
    }
    return probes;
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.text("/status")) as Status;
  }

  async text(path: string): Promise<string> {
    return (await fetch(this.#address + path)).text();
  }

  /** The value of a series of the metrics page; undefined when it is not there. */
  async metric(series: string): Promise<number | undefined> {
    return samplesOf(await this.text("/metrics")).get(series);
  }

  async residentMib(): Promise<number> {
    return Math.round(((await this.metric("process_resident_memory_bytes")) ?? Number.NaN) / 2 ** 20);
  }

  /** Waits until the status is as `isSo` says. */
  async statusIs(what: string, isSo: (status: Status) => boolean): Promise<void> {
    await until(async () => isSo(await this.status()), { what, everyMs: 200 });
  }
}

export interface Probes {
  readonly answersMs: readonly number[];
  /** What did not answer that all is well. */
  readonly failed: ReadonlySet<string>;
  readonly holders: ReadonlySet<string>;
  /** How long ago the lease had been renewed, each time it was looked at. */
  readonly renewedMs: readonly number[];
  readonly residentMib: readonly number[];
}

/** The copies as a watch of our own shows them. */
class Copies {
  readonly #versions = new Map<string, string>();
  #wake = (): void => {};

  constructor(api: ApiClient, context: TestContext) {
    const stop = new AbortController();
    context.after(() => stop.abort());
    void this.#follow(api, stop.signal);
  }

  async become(version: string): Promise<void> {
    const untilMs = systemClock.now() + COPY_LIMIT_MS;
    while (!NAMESPACES.every((name) => this.#versions.get(name) === version)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await Promise.race([promise, delay(COPY_LIMIT_MS, undefined, { ref: false })]);
      assert.ok(systemClock.now() < untilMs, `the copies did not follow within ${COPY_LIMIT_MS} ms`);
    }
  }

  async #follow(api: ApiClient, signal: AbortSignal): Promise<void> {
    const { resourceVersion } = await api.list(ConfigMap);
    const labelSelector = "evenkeel.dev/function=mirror";
    const watch = api.watch(ConfigMap, {
      resourceVersion,
      labelSelector,
      signal,
      timeoutSeconds: 600,
      idleMs: 600_000,
    });
    try {
      for await (const event of watch) {
        if (event.type === "bookmark") continue;
        const { metadata, data } = event.object as ConfigMap;
        this.#versions.set(metadata.namespace ?? "", data?.["version"] ?? "");
        this.#wake();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
