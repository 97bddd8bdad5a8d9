/**
 * Everything that traces, as processes of their own on loopback: a host, kube-apiserver and etcd, and the Jaeger that they all
 * send to. What they make is readable within half a second.
 */
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { attributes as keys } from "../../runtime/trace/names.ts";
import { startControlPlane, type ControlPlane } from "../controlplane/control-plane.ts";
import { writeKubeconfig } from "../controlplane/kubeconfig.ts";
import { HostProcess } from "../e2e/host-process.ts";
import { hostRights } from "../e2e/rights.ts";
import { tempFolder, type TempFolder } from "../support/temp-folder.ts";
import { until } from "../support/wait.ts";
import { startJaeger, type Jaeger } from "./jaeger.ts";
import type { JaegerSpan } from "./otlp.ts";
import { roots, type TreeSpan } from "./tree.ts";

/** A whole trace. */
export interface Found {
  readonly root: TreeSpan;
  readonly spans: readonly JaegerSpan[];
}

// Each batches for 5 s before it sends.
const SOON = { OTEL_BSP_SCHEDULE_DELAY: "200" };
const ARRIVES_MS = 30_000;
const FUNCTIONS = join(import.meta.dirname, "..", "..", "functions");

export class Stage {
  readonly jaeger: Jaeger;
  readonly controlPlane: ControlPlane;
  readonly folder: TempFolder;
  readonly #context: Pick<TestContext, "after">;
  readonly #ends: readonly (() => unknown)[];

  /** @param functions files beside those of `functions/` */
  static async start(functions: Readonly<Record<string, string>> = {}): Promise<Stage> {
    const ends: (() => unknown)[] = [];
    const context: Pick<TestContext, "after"> = { after: (hook) => void ends.push(hook as () => unknown) };
    const folder = await tempFolder(context, {
      "evenkeel.yaml": "functions:\n  mirror:\n    prefixes: [team-]\n",
    });
    await cp(FUNCTIONS, join(folder.path, "functions"), { recursive: true });
    for (const [name, text] of Object.entries(functions)) await folder.write(join("functions", name), text);
    const jaeger = await startJaeger();
    // Of its own accord, and not: the second samples nothing that its caller has not.
    await folder.write("all.json", tracingConfiguration(jaeger, 1_000_000));
    await folder.write("callers.json", tracingConfiguration(jaeger, 0));
    // The servers inherit it.
    Object.assign(process.env, SOON);
    const controlPlane = await startControlPlane({
      // No namespace controller: what is deleted stays Terminating.
      controllers: [],
      flags: {
        apiServer: [`--tracing-config-file=${join(folder.path, "all.json")}`],
        etcd: [
          "--enable-distributed-tracing",
          `--distributed-tracing-address=${jaeger.otlpGrpc}`,
          "--distributed-tracing-instance-id=etcd-0",
        ],
      },
    });
    return new Stage(jaeger, controlPlane, folder, context, ends);
  }

  private constructor(
    jaeger: Jaeger,
    controlPlane: ControlPlane,
    folder: TempFolder,
    context: Pick<TestContext, "after">,
    ends: readonly (() => unknown)[],
  ) {
    this.jaeger = jaeger;
    this.controlPlane = controlPlane;
    this.folder = folder;
    this.#context = context;
    this.#ends = ends;
  }

  /** Ends what sends before what receives, and removes the folder. */
  async stop(): Promise<void> {
    for (const end of this.#ends.toReversed().slice(0, -1)) await end();
    await this.controlPlane.stop();
    await this.jaeger.stop();
    await this.#ends[0]?.();
  }

  /**
   * From now on the API server samples nothing of its own accord, and a caller with this kubeconfig is in group
   * `system:monitoring`, which a ServiceAccount cannot be in: what it samples goes on in its own trace.
   */
  async monitoringKubeconfig(): Promise<string> {
    const { adminToken, url: server, caFile } = this.controlPlane;
    const at = (file: string): string => join(this.folder.path, file);
    const users = `${adminToken},admin,admin,"system:masters"\nmonitoring,evenkeel,evenkeel,"system:monitoring"\n`;
    await this.folder.write("users.csv", users);
    await this.folder.write("token", "monitoring");
    await this.controlPlane.restartApiServer({
      flags: [`--token-auth-file=${at("users.csv")}`, `--tracing-config-file=${at("callers.json")}`],
    });
    await this.apply(object("Namespace", { name: "evenkeel" }), ...rightsOf("evenkeel"));
    await writeKubeconfig(at("kubeconfig"), { server, caFile, tokenFile: at("token"), namespace: "evenkeel" });
    return at("kubeconfig");
  }

  /** A host that works. */
  async startHost(kubeconfig: string, identity: string): Promise<HostProcess> {
    const functions = join(this.folder.path, "functions");
    const host = new HostProcess(this.#context, {
      args: ["--kubeconfig", kubeconfig, "--identity", identity, "--functions", functions],
      cwd: this.folder.path,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: this.jaeger.otlpHttp, ...SOON },
    });
    await host.waitForLine(/"message":"working"/, 60_000);
    return host;
  }

  async kubectl(args: readonly string[], input = ""): Promise<string> {
    const { code, stdout, stderr } = await this.controlPlane.kubectl(args, { input });
    assert.equal(code, 0, `kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  async apply(...items: readonly object[]): Promise<void> {
    await this.kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  }

  /** A trace of a reconcile that is whole and fits, once it is there. */
  reconcileOf(functionName: string, key: string, fits: (root: TreeSpan) => boolean = () => true): Promise<Found> {
    const look = async (): Promise<Found | undefined> => {
      const operation = `reconcile ${functionName}`;
      for (const spans of await this.jaeger.traces({ service: "evenkeel", operation, tags: { [keys.key]: key } })) {
        const all = roots(spans);
        const [root] = all;
        if (root?.name === operation && all.length === 1 && fits(root)) return { root, spans };
      }
      return undefined;
    };
    return until(look, { what: `a trace: reconcile ${functionName} of ${key}`, limitMs: ARRIVES_MS, everyMs: 250 });
  }
}

/** JSON is YAML. */
function tracingConfiguration({ otlpGrpc }: Jaeger, samplingRatePerMillion: number): string {
  const type = { apiVersion: "apiserver.config.k8s.io/v1", kind: "TracingConfiguration" };
  return JSON.stringify({ ...type, endpoint: otlpGrpc, samplingRatePerMillion });
}

export function object(kind: string, metadata: object, rest: object = {}): object {
  return { apiVersion: "v1", kind, metadata, ...rest };
}

function rightsOf(user: string): readonly object[] {
  const apiGroup = "rbac.authorization.k8s.io";
  const subjects = [{ kind: "User", name: user, apiGroup }];
  const rbac = (kind: "Role" | "ClusterRole", metadata: object, rules: unknown): readonly object[] => [
    { apiVersion: `${apiGroup}/v1`, kind, metadata: { name: user, ...metadata }, rules },
    {
      apiVersion: `${apiGroup}/v1`,
      kind: `${kind}Binding`,
      metadata: { name: user, ...metadata },
      subjects,
      roleRef: { apiGroup, kind, name: user },
    },
  ];
  const { rules, clusterRules } = hostRights();
  return [...rbac("Role", { namespace: "evenkeel" }, rules), ...rbac("ClusterRole", {}, clusterRules)];
}
