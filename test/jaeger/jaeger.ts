/**
 * A real Jaeger for tests: built from its Go module (go.mod beside this file), started on free loopback ports with its
 * traces in memory, and read back through its query API. Ready 0.1 s after its start, some 60 MB.
 *
 *   describeWithJaeger("traces", () => {
 *     before(async () => { jaeger = await startJaeger(); });
 *     after(() => jaeger.stop());
 *     … jaeger.otlpHttp for the host, jaeger.otlpGrpc for kube-apiserver and etcd, then jaeger.traces({ … })
 *
 * There is no batch processor in between: what was posted is there to be read when the post is answered.
 */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "node:test";

import { stringify } from "yaml";
import { z } from "zod";

import { onPath } from "../controlplane/assets.ts";
import { freePort } from "../controlplane/free-port.ts";
import { build, cachedBuild, type Environment, type GoProgram } from "../controlplane/go-build.ts";
import { leaveOut, type Verdict } from "../controlplane/on-control-plane.ts";
import { Reaper } from "../controlplane/reaper.ts";
import { ServerProcess } from "../controlplane/server-process.ts";
import { until } from "../support/wait.ts";
import { readOtlp, type JaegerSpan } from "./otlp.ts";

const JAEGER: GoProgram = {
  name: "jaeger",
  what: "Jaeger",
  sourceFolder: import.meta.dirname,
  sources: ["go.mod", "go.sum"],
  packagePath: "github.com/jaegertracing/jaeger/cmd/jaeger",
  linkerFlags: "-s -w",
  takes: "some 5 minutes on 2 cores",
};

const READY_LIMIT_MS = 60_000;
/** It needs 2 s; 11 s while a gRPC exporter is still connected. */
const STOP_LIMIT_MS = 3_000;

/** A `suite` of tests that need Jaeger: left out, with the reason, where it cannot be built; under `CI=true` that fails. */
export function describeWithJaeger(name: string, define: () => void): void {
  const verdict = verdictOf(process.env);
  if (verdict.kind === "run") void suite(name, define);
  else leaveOut(name, verdict);
}

/** Whether tests that need Jaeger run. Separate from the above so that a table can hold it. */
export function verdictOf(env: Environment): Verdict {
  if (cachedBuild(JAEGER, env) !== undefined || onPath("go", env) !== undefined) return { kind: "run" };
  return { kind: env["CI"] === "true" ? "fail" : "skip", why: "no Jaeger: install Go, which builds it" };
}

/** Builds it where that has not been done. @throws Error without Go, or with the end of the log of a Jaeger that did not start */
export async function startJaeger(env: Environment = process.env): Promise<Jaeger> {
  const folder = cachedBuild(JAEGER, env) ?? (await build(JAEGER, onPath("go", env) ?? "go", env));
  return Jaeger.start(join(folder, "jaeger"));
}

interface Ports {
  readonly query: number;
  readonly queryGrpc: number;
  readonly otlpHttp: number;
  readonly otlpGrpc: number;
  readonly health: number;
}

export interface Search {
  readonly service: string;
  /** Spans that have all of these; numbers and booleans are given as strings. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly operation?: string;
}

export class Jaeger {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly otlpHttp: string;
  /** `127.0.0.1:PORT`, for those that speak gRPC. */
  readonly otlpGrpc: string;
  readonly #ports: Ports;
  readonly #process: ServerProcess;
  readonly #reaper: Reaper;

  static async start(program: string): Promise<Jaeger> {
    const folder = await mkdtemp(join(tmpdir(), "evenkeel-jaeger-"));
    const ports: Ports = {
      query: await freePort(),
      queryGrpc: await freePort(),
      otlpHttp: await freePort(),
      otlpGrpc: await freePort(),
      health: await freePort(),
    };
    await writeFile(join(folder, "jaeger.yaml"), stringify(config(ports)));
    const jaeger = new Jaeger(program, folder, ports);
    try {
      await until(() => jaeger.#isHealthy(), { what: "Jaeger is ready", limitMs: READY_LIMIT_MS });
    } catch (error) {
      await jaeger.stop();
      throw error;
    }
    return jaeger;
  }

  private constructor(program: string, folder: string, ports: Ports) {
    this.#ports = ports;
    this.otlpHttp = `http://127.0.0.1:${ports.otlpHttp}`;
    this.otlpGrpc = `127.0.0.1:${ports.otlpGrpc}`;
    this.#reaper = new Reaper(folder);
    const args = ["--config", join(folder, "jaeger.yaml")];
    this.#process = new ServerProcess("jaeger", program, args, join(folder, "jaeger.log"));
    this.#reaper.watch([this.#process.pid]);
  }

  /** The traces with a span that matches: each whole, with the spans of every service, in no order. */
  async traces({ service, tags, operation }: Search): Promise<readonly (readonly JaegerSpan[])[]> {
    const query = new URLSearchParams({ service, limit: "10000" });
    if (tags !== undefined) query.set("tags", JSON.stringify(tags));
    if (operation !== undefined) query.set("operation", operation);
    const { data } = Found.parse(JSON.parse(await this.#get(`/api/traces?${query.toString()}`)));
    // The old API finds, the new one shows: only there links keep their attributes.
    return Promise.all(data.map(({ traceID }) => this.trace(traceID)));
  }

  /** All spans of one trace so far; none where nobody has heard of it. */
  async trace(traceId: string): Promise<readonly JaegerSpan[]> {
    return readOtlp(await this.raw(traceId));
  }

  /** One trace as OTLP JSON, as Jaeger has it. */
  async raw(traceId: string): Promise<string> {
    return this.#get(`/api/v3/traces/${traceId}`, 404);
  }

  /** Names of those that have sent spans. */
  async services(): Promise<readonly string[]> {
    return Services.parse(JSON.parse(await this.#get("/api/services"))).data ?? [];
  }

  /** Ends it, and all it remembers. Stop who sends to it first. @throws Error when it had ended by itself */
  async stop(): Promise<void> {
    try {
      this.#process.assertAlive();
    } finally {
      await this.#process.stop(STOP_LIMIT_MS);
      await this.#reaper.finish();
    }
  }

  async #isHealthy(): Promise<boolean> {
    this.#process.assertAlive();
    const answer = await fetch(`http://127.0.0.1:${this.#ports.health}/status`).catch(() => undefined);
    return answer?.ok === true;
  }

  async #get(path: string, orStatus = 200): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.#ports.query}${path}`);
    const text = await answer.text();
    if (!answer.ok && answer.status !== orStatus) throw new Error(`jaeger: ${path}: ${answer.status} ${text}`);
    return text;
  }
}

const Found = z.object({ data: z.array(z.object({ traceID: z.string() })) });
/** `null` where there are none. */
const Services = z.object({ data: z.array(z.string()).nullable() });

/** Five listeners, all on loopback; without this file Jaeger would open sixteen, two of them to everybody. */
function config({ query, queryGrpc, otlpHttp, otlpGrpc, health }: Ports): object {
  return {
    service: {
      extensions: ["jaeger_storage", "jaeger_query", "healthcheckv2"],
      pipelines: { traces: { receivers: ["otlp"], exporters: ["jaeger_storage_exporter"] } },
      telemetry: { metrics: { level: "none" }, logs: { level: "info" } },
    },
    extensions: {
      healthcheckv2: { use_v2: true, http: endpoint(health) },
      // An API server that samples everything makes hundreds of traces in its first seconds.
      jaeger_storage: { backends: { mem: { memory: { max_traces: 100_000 } } } },
      jaeger_query: { storage: { traces: "mem" }, http: endpoint(query), grpc: endpoint(queryGrpc) },
    },
    receivers: { otlp: { protocols: { grpc: endpoint(otlpGrpc), http: endpoint(otlpHttp) } } },
    exporters: { jaeger_storage_exporter: { trace_storage: "mem" } },
  };
}

function endpoint(port: number): object {
  return { endpoint: `127.0.0.1:${port}` };
}
