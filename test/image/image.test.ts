/** What would be in the image, and the host started from that alone: as in a pod, on a real API server, under `manifests/`. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { copyFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, suite, test } from "node:test";
import { parseDocument } from "yaml";
import { systemClock } from "../../runtime/clock/clock.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { selfSigned } from "../kube/certificate.ts";
import { CONFIG, Deployed, MANIFESTS, ROOT } from "../manifests/deployed.ts";
import { until } from "../support/wait.ts";
import { assemble, ENTRYPOINT, ENVIRONMENT } from "./assemble.ts";
import { cannotContain, Container, UID } from "./container.ts";

const folder = mkdtempSync(join(tmpdir(), "evenkeel-image-"));
const root = join(folder, "root");
const CREDENTIALS = "/var/run/secrets/kubernetes.io/serviceaccount";
const TELLS_OF_COMPILING = { NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
const isRoot = process.getuid?.() === 0;
after(() => rmSync(folder, { recursive: true, force: true }));
before(() => assemble(root));

suite("the image", () => {
  test("is the same when it is built again, but for the inside of its compile cache", async () => {
    const again = join(folder, "again");
    await assemble(again);
    assert.equal(digestOf(again), digestOf(root));
    rmSync(again, { recursive: true });
  });

  test("holds the host, its functions, the packages of production and Node, and nothing else", (context) => {
    assert.deepEqual(names("app"), [
      ...(isRoot ? [".compile-cache"] : []),
      "bin",
      "functions",
      "node_modules",
      "package.json",
      "runtime",
    ]);
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      readonly dependencies: object;
      readonly devDependencies: object;
    };
    const packages = names("app/node_modules");
    for (const name of Object.keys(dependencies)) assert.ok(packages.includes(name.split("/")[0] ?? ""), name);
    for (const name of Object.keys(devDependencies).filter((name) => !name.startsWith("@")))
      assert.ok(!packages.includes(name), name);
    const others = entries(root).filter((path) => !/^(app|lib|lib64|etc|usr)\b/.test(path));
    assert.deepEqual(others, []);
    context.diagnostic(
      `${Math.round(sizeOf(root) / 2 ** 20)} MiB, of which Node ${Math.round(sizeOf(join(root, "app", "bin")) / 2 ** 20)}`,
    );
  });

  test("has no shell, nothing that anybody may write, and nothing that gives rights away", () => {
    const stats = entries(root).map((path) => ({ path, mode: lstatSync(join(root, path)).mode & 0o7777 }));
    assert.deepEqual(
      stats.filter(({ mode, path }) => (mode & 0o7222) !== 0 && !isLink(path)),
      [],
    );
    assert.deepEqual(
      stats.filter(({ path }) => /(^|\/)(sh|bash|dash|busybox|npm|npx|apt)$/.test(path)),
      [],
    );
  });
});

suite("the Dockerfile", () => {
  const lines = readFileSync(join(ROOT, "Dockerfile"), "utf8").split("\n");
  const after = (word: string): readonly string[] =>
    lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));

  test("starts what is started here, as whom the Deployment says", () => {
    assert.deepEqual(after("ENTRYPOINT"), [JSON.stringify(ENTRYPOINT).replaceAll(",", ", ")]);
    const variables = Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
    assert.deepEqual(after("ENV"), [variables.join(" ")]);
    assert.deepEqual(after("USER"), [`${UID}:${UID}`]);
    assert.match(readFileSync(join(MANIFESTS, "base", "deployment.yaml"), "utf8"), new RegExp(`runAsUser: ${UID}\n`));
  });

  test("copies only files that are there and that .dockerignore lets in", () => {
    const copied = after("COPY").filter((line) => !line.startsWith("--from"));
    const sources = copied.flatMap((line) => line.split(" ").slice(0, -1));
    const letIn = readFileSync(join(ROOT, ".dockerignore"), "utf8").split("\n");
    assert.ok(sources.length > 4);
    for (const source of sources) {
      assert.ok(existsSync(join(ROOT, source)), source);
      assert.ok(letIn.includes(`!${source}`), source);
    }
  });
});

const skip = cannotContain() ?? false;

suite("the image, started", () => {
  test("compiles nothing and strips no types: what that comes to is in it", { skip }, async (context) => {
    const files = await folderOf("no-credentials", { token: "t", "ca.crt": selfSigned().cert, namespace: "evenkeel" });
    const { args, env } = containerOfDeployment();
    const container = new Container(context, {
      root,
      volumes: { [CREDENTIALS]: files, "/etc/evenkeel": await configuration() },
      args,
      // Everything is loaded before it is asked for a server; there is none.
      env: { ...env, KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: "9", ...TELLS_OF_COMPILING },
    });
    assert.equal(await container.ended(), 1, container.output);
    const compiled = /V8 code cache for \S+ (\S+) was (?!accepted)|saving transpilation cache for \S+ (\S+)/g;
    assert.deepEqual(filesIn(container.output, compiled), []);
    const found = filesIn(container.output, /V8 code cache for ESM file:\/\/(\/app\/\S+\.ts)\S* was accepted/g);
    const functions = names("app/functions").filter((name) => name.endsWith(".ts"));
    // One of the main thread's, and each thread's own.
    for (const file of ["runtime/cli/main.ts", ...functions.map((name) => `functions/${name}`)])
      assert.ok(found.includes(`/app/${file}`), file);
  });
});

describeOnControlPlane("the image on a cluster", {}, (controlPlane) => {
  test("mirrors as a pod would: 65532, read-only root, its token in files", { skip }, async (context) => {
    const deployed = await Deployed.on(controlPlane(), folder);
    await deployed.admin("create", "namespace", "team-a");
    const { args, env } = containerOfDeployment();
    const { port } = new URL(controlPlane().url);
    const startedMs = systemClock.now();
    const container = new Container(context, {
      root,
      volumes: {
        [CREDENTIALS]: await credentials(deployed),
        "/etc/evenkeel": await configuration(),
      },
      // The Deployment's own, but for the ports: this machine's are not ours to take.
      args: [...args, "--address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0", "--status-address", "0"],
      env: { ...env, KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: port },
    });
    await container.says(/"message":"serving"/);
    const servingMs = systemClock.now() - startedMs;
    await container.says(/"message":"leading"/);
    const leadingMs = systemClock.now() - startedMs;

    const source = { name: "settings", namespace: "default", labels: { mirror: "true" } };
    await deployed.adminApply({ apiVersion: "v1", kind: "ConfigMap", metadata: source, data: { colour: "blue" } });
    await until(
      async () => {
        const query = [
          "get",
          "configmap",
          "settings",
          "-n",
          "team-a",
          "--ignore-not-found",
          "-o",
          "jsonpath={.data.colour}",
        ];
        return (await deployed.admin(...query)) === "blue";
      },
      { what: "the copy is there" },
    );

    assert.deepEqual(container.status("Uid").split(/\s+/), ["65532", "65532", "65532", "65532"]);
    assert.equal(container.status("CapEff"), "0000000000000000");
    assert.equal(container.status("NoNewPrivs"), "1");
    assert.match(container.rootMount(), /^ro,/);
    context.diagnostic(
      `serving after ${Math.round(servingMs)} ms, leading after ${Math.round(leadingMs)} ms, ${container.status("VmRSS")} resident`,
    );
    assert.equal(await container.stop(), 0, container.output);
    assert.equal(
      await deployed.admin("get", "lease", "evenkeel", "-n", "evenkeel", "-o", "jsonpath={.spec.holderIdentity}"),
      "",
    );
  });

  /** As the kubelet projects them. */
  async function credentials(deployed: Deployed): Promise<string> {
    const path = join(folder, "credentials");
    mkdirSync(path);
    await copyFile(deployed.tokenFile, join(path, "token"));
    await copyFile(controlPlane().caFile, join(path, "ca.crt"));
    await writeFile(join(path, "namespace"), "evenkeel");
    return path;
  }
});

async function configuration(): Promise<string> {
  const path = join(folder, "config");
  mkdirSync(path, { recursive: true });
  await copyFile(CONFIG, join(path, "evenkeel.yaml"));
  return path;
}

/** @param contents by file name. */
async function folderOf(name: string, contents: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, content] of Object.entries(contents)) await writeFile(join(path, file), content);
  return path;
}

function containerOfDeployment(): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const text = readFileSync(join(MANIFESTS, "base", "deployment.yaml"), "utf8");
  const container = parseDocument(text).getIn(["spec", "template", "spec", "containers", 0], false);
  const { args, env } = JSON.parse(JSON.stringify(container)) as {
    readonly args: readonly string[];
    readonly env: readonly { readonly name: string; readonly value: string }[];
  };
  return { args, env: Object.fromEntries(env.map(({ name, value }) => [name, value])) };
}

/** What the first group that took part matched, each time. */
function filesIn(output: string, pattern: RegExp): readonly string[] {
  return output
    .matchAll(pattern)
    .map(([, ...groups]) => groups.find((group) => group !== undefined) ?? "")
    .toArray();
}

function names(path: string): readonly string[] {
  return readdirSync(join(root, path)).toSorted();
}

function entries(path: string): readonly string[] {
  const all = readdirSync(path, { recursive: true, withFileTypes: true });
  return all.map(({ parentPath, name }) => relative(path, join(parentPath, name))).toSorted();
}

function isLink(path: string): boolean {
  return lstatSync(join(root, path)).isSymbolicLink();
}

function sizeOf(path: string): number {
  return entries(path).reduce((total, entry) => total + lstatSync(join(path, entry)).size, 0);
}

/** Of every path, its mode and age; and the content, but that of the compile cache: V8 writes one code down in many ways. */
function digestOf(path: string): string {
  const hash = createHash("sha256");
  for (const entry of entries(path)) {
    const stat = lstatSync(join(path, entry));
    hash.update(`${entry} ${stat.mode} ${stat.mtimeMs}\n`);
    if (stat.isFile() && !entry.startsWith("app/.compile-cache/")) hash.update(readFileSync(join(path, entry)));
  }
  return hash.digest("hex");
}
