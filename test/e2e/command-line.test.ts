/**
 * What the host says when it is given something wrong: one line that helps, and a code that is not 0 where nothing can run.
 * Where it may heal it says so and goes on: reload.test.ts, permissions.test.ts.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { basename, dirname, join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { flags } from "../../runtime/cli/flag-table.ts";
import { systemClock } from "../../runtime/clock/clock.ts";
import { freePort } from "../controlplane/free-port.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { apiServer } from "./api-server.ts";
import { greeting } from "./greeting.ts";
import { HostProcess, type HostProcessOptions } from "./host-process.ts";
import { CONFIG } from "./scenario.ts";
import manifest from "../../package.json" with { type: "json" };

/** Two cores, and each start takes most of one. */
const concurrency = 2;

const KUBECONFIG = `apiVersion: v1
kind: Config
current-context: here
clusters: [{ name: here, cluster: { server: "http://127.0.0.1:9" } }]
users: [{ name: here, user: { token: t } }]
contexts: [{ name: here, context: { cluster: here, user: here } }]
`;

suite("the host refuses to start, in one line,", { concurrency }, () => {
  const cases: readonly (Pick<HostProcessOptions, "args" | "env" | "address"> & {
    readonly name: string;
    readonly files?: Readonly<Record<string, string>>;
    /** The line, without its `evenkeel: `. */
    readonly says: RegExp;
    /** 2: the command line makes no sense. @default 1 */
    readonly code?: 2;
  })[] = [
    {
      name: "a flag that there is not",
      args: ["--confg", "x"],
      says: /^there is no flag --confg; did you mean --config\?; run `npm start -- --help`/,
      code: 2,
    },
    {
      name: "a variable that there is not",
      env: { EVENKEEL_CONFG: "x" },
      says: /^there is no variable EVENKEEL_CONFG/,
      code: 2,
    },
    { name: "a flag without its value", args: ["--config"], says: /^--config needs a value: --config FILE/, code: 2 },
    {
      name: "a configuration that is not there",
      args: ["--config", "gone.yaml"],
      says: /^--config: there is no file \/.*\/gone\.yaml; check the path$/,
    },
    {
      name: "a functions folder that is not there",
      args: ["--functions", "gone"],
      says: /^--functions: there is no folder \/.*\/gone; check the path$/,
    },
    {
      name: "a functions folder with no function",
      files: { "empty/notes.md": "" },
      args: ["--functions", "empty"],
      says: /^empty: there is no function in it; let it hold a function/,
    },
    {
      name: "a function that does not load",
      files: { "broken/greet.ts": "const a = 1;\nexport default {\n  a: ,\n};\n" },
      args: ["--functions", "broken"],
      says: /^broken\/greet\.ts:3:6: SyntaxError: Expression expected; correct the file$/,
    },
    {
      name: "functions of which none loads",
      files: { "broken/a.ts": "export default nonsense(", "broken/b.ts": "export const b = 1;" },
      args: ["--functions", "broken"],
      says: /^none of the 2 functions of broken loads; correct the file \(broken\/a\.ts:1:1: SyntaxError/,
    },
    {
      name: "YAML that does not parse",
      files: { "evenkeel.yaml": "functions:\n  mirror: [\n" },
      says: /^evenkeel\.yaml:3:1: .*; correct the file$/,
    },
    {
      name: "a configuration that a function does not take",
      files: { "evenkeel.yaml": "functions:\n  mirror:\n    prefixes: 3\n" },
      says: /^evenkeel\.yaml:3:15: functions\.mirror\.prefixes: .*expected array.*; correct the file$/,
    },
    {
      name: "a key that means nothing",
      files: { "evenkeel.yaml": `${CONFIG}dryrun: true\n` },
      says: /^evenkeel\.yaml:4:9: dryrun: there is no such key; did you mean dryRun\?/,
    },
    {
      name: "no configuration where a function needs one",
      files: { kubeconfig: KUBECONFIG },
      args: ["--kubeconfig", "kubeconfig"],
      says: /^no evenkeel\.yaml and no --config: functions\.mirror\.prefixes: /,
    },
    {
      name: "a kubeconfig that is not there",
      args: ["--kubeconfig", "gone"],
      says: /^--kubeconfig: there is no file \/.*\/gone; check the path$/,
    },
    {
      name: "a context where there is no kubeconfig",
      args: ["--context", "staging"],
      says: /^there is no file \/.*\/\.kube\/config \(kubeconfig\); check the path$/,
    },
    {
      name: "a context that the kubeconfig lacks",
      files: { kubeconfig: KUBECONFIG },
      args: ["--kubeconfig", "kubeconfig", "--context", "staging"],
      says: /\/kubeconfig: no context staging; there are: here; check --kubeconfig and --context$/,
    },
    {
      name: "a kubeconfig that does not parse",
      files: { kubeconfig: "contexts: [\n" },
      args: ["--kubeconfig", "kubeconfig"],
      says: /\/kubeconfig:2:1: .*; check --kubeconfig and --context$/,
    },
    {
      name: "a server that nobody listens at",
      files: { kubeconfig: KUBECONFIG, "evenkeel.yaml": CONFIG },
      args: ["--kubeconfig", "kubeconfig"],
      says: /^http:\/\/127\.0\.0\.1:9: nothing listens there \(ECONNREFUSED\); check that the API server is up/,
    },
    {
      name: "the demo world left out of a cluster",
      files: { kubeconfig: KUBECONFIG },
      args: ["--empty", "--kubeconfig", "kubeconfig"],
      says: /^--empty is about the embedded API server/,
      code: 2,
    },
  ];
  for (const { name, files = {}, says, code = 1, ...options } of cases) {
    test(name, async (context) => {
      const { path } = await tempFolder(context, files);
      await new HostProcess(context, { ...options, cwd: path }).refuses(says, code);
    });
  }

  test("an address that is in use", async (context) => {
    const port = await occupy(context);
    const { path } = await tempFolder(context);
    const host = new HostProcess(context, { address: `127.0.0.1:${port}`, cwd: path });
    await host.refuses(new RegExp(`^--address 127\\.0\\.0\\.1:${port} is in use by another process`), 2);
  });

  test("an API server that takes connections and never answers", async (context) => {
    const { server, path } = await silentApiServer(context);
    const host = new HostProcess(context, { args: ["--kubeconfig", "kubeconfig"], cwd: path });
    await host.refuses(new RegExp(`^${server}: it did not answer within 10 s; check that the API server`));
  });
});

for (const [signal, when] of [
  ["SIGINT", "by Ctrl-C"],
  ["SIGHUP", "by a terminal that is closed"],
] as const)
  test(`the host ends at once when it is asked to ${when} while its API server does not answer`, async (context) => {
    const { asked, path } = await silentApiServer(context);
    const host = new HostProcess(context, { args: ["--kubeconfig", "kubeconfig"], cwd: path });
    await asked;
    host.signal(signal);
    assert.deepEqual(await host.exited(3_000), { code: 0, signal: null }, host.output);
  });

test("the host asks a busy API server again for its Lease, and ends at once when it is asked to meanwhile", async (context) => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const { kubeconfig } = await apiServer(context, async ({ url }) => {
    if (!url.includes("/leases")) return undefined;
    if (count++ === 0) return new Response(undefined, { status: 503, headers: { "retry-after": "1" } });
    resolve();
    return new Promise(() => {});
  });
  const { path } = await tempFolder(context, { kubeconfig, "evenkeel.yaml": CONFIG });
  const host = new HostProcess(context, { args: ["--kubeconfig", "kubeconfig"], cwd: path });
  await asked;
  host.signal("SIGTERM");
  assert.deepEqual(await host.exited(3_000), { code: 0, signal: null }, host.output);
});

suite("the host starts", { concurrency }, () => {
  test("to print its flags, each with its variable", async (context) => {
    const { path } = await tempFolder(context);
    const host = new HostProcess(context, { args: ["--help"], address: "default", cwd: path });
    assert.deepEqual(await host.exited(), { code: 0, signal: null }, host.output);
    for (const { flag, variable = "" } of flags) {
      const shown = flag.replace("--", "--(?:\\[no-\\])?");
      assert.match(host.stdout, new RegExp(`^ .*${shown}\\b.* ${variable} `, "m"));
    }
    assert.equal(host.stderr, "");
  });

  test("to print its name and version", async (context) => {
    const { path } = await tempFolder(context);
    const host = new HostProcess(context, { args: ["--version"], address: "default", cwd: path });
    assert.deepEqual(await host.exited(), { code: 0, signal: null }, host.output);
    assert.deepEqual([host.stdout, host.stderr], [`evenkeel ${manifest.version}\n`, ""]);
  });

  test("on another port when the default one is taken", async (context) => {
    await occupy(context, 8080);
    const { path } = await tempFolder(context);
    const host = new HostProcess(context, { address: "default", cwd: path });
    await host.waitForLine(/^\S+ mirror default\/settings: 2 created \(team-a, team-b\)/m);
    const took = Math.round(systemClock.now() - host.startedMs);
    context.diagnostic(`${took} ms from the start of the process to the first copy`);
    const address = await host.address();
    assert.ok(!address.endsWith(":8080"), address);
    assert.equal((await fetch(`${address}/readyz`)).status, 200);
    await host.stop();
  });

  test("beside another one in the same folder, each with a kubeconfig of its own", async (context) => {
    const { path } = await tempFolder(context);
    const hosts = [];
    for (const _ of ["first", "second"]) {
      const host = new HostProcess(context, { cwd: path });
      const [, server = "", file = ""] = await host.waitForLine(/ at (http:\S+)\. [^]*KUBECONFIG=([^;]+);/);
      hosts.push({ host, server, file });
    }
    for (const { server, file } of hosts)
      assert.ok((await readFile(file, "utf8")).includes(`server: ${server}\n`), file);
    for (const { host, server, file } of hosts.toReversed()) {
      await host.stop();
      // On the default port the next start listens again; no other file is of use any more.
      assert.equal(existsSync(file), server.endsWith(":6443"), file);
    }
  });

  test("with its kubeconfig in TMPDIR where its folder cannot be written, and removes it at the end", async (context) => {
    const { path } = await tempFolder(context, { ".evenkeel": "a file", "tmp/mine": "" });
    const ours = async (): Promise<readonly string[]> =>
      (await readdir(join(path, "tmp"))).filter((name) => name.startsWith("evenkeel-"));
    const host = new HostProcess(context, { cwd: path, env: { TMPDIR: join(path, "tmp") } });
    const [, file = ""] = await host.waitForLine(/KUBECONFIG=([^;]+);/);
    assert.deepEqual(await ours(), [basename(dirname(file))]);
    await host.stop();
    assert.deepEqual(await ours(), []);
  });

  test("without a kubeconfig, where TMPDIR cannot be written either, and says how to go on", async (context) => {
    const { path } = await tempFolder(context, { ".evenkeel": "a file" });
    const host = new HostProcess(context, { cwd: path, env: { TMPDIR: join(path, ".evenkeel") } });
    await host.waitForLine(
      /^ {2}kubectl +kubectl --kubeconfig \/dev\/null -s http:\S+ get configmaps -A +\(no kubeconfig/m,
    );
    await host.stop();
  });

  test("with the functions that load, and names the one that does not", async (context) => {
    const { path } = await tempFolder(context, {
      "functions/greet.ts": greeting("hello"),
      "functions/broken.ts": "export default nonsense(",
    });
    const host = new HostProcess(context, { args: ["--functions", "functions"], cwd: path });
    await host.waitForLine(/ greet default\/settings: 1 created/);
    assert.match(host.stdout, /not taken in.* error="functions\/broken\.ts:1:1: SyntaxError/);
    await host.stop();
  });
});

/** Hears, and says nothing. `path` is a folder from which it is meant. */
async function silentApiServer(context: TestContext) {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const listener = createServer(() => resolve()).listen(await freePort(), "127.0.0.1");
  await once(listener, "listening");
  context.after(() => listener.close());
  const server = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const kubeconfig = KUBECONFIG.replace("http://127.0.0.1:9", server);
  const { path } = await tempFolder(context, { kubeconfig, "evenkeel.yaml": CONFIG });
  return { server, asked, path };
}

/** Listens, or finds that somebody does. */
async function occupy(context: TestContext, port?: number): Promise<number> {
  const taken = port ?? (await freePort());
  const server = createServer();
  server.listen(taken, "127.0.0.1");
  await once(server, "listening").catch((error: NodeJS.ErrnoException) => assert.equal(error.code, "EADDRINUSE"));
  context.after(() => server.close());
  return taken;
}
