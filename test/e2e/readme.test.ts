/**
 * README.md is true: every command in it is claimed by a row of the table below, which runs it as it stands there; the
 * example function works, the example configuration is taken, and what it says a newcomer sees is what is printed.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { cp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { join, relative, resolve } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { effectsOf } from "#evenkeel/testing";
import { createApiServer } from "../../runtime/apiserver/server.ts";
import { systemClock } from "../../runtime/clock/clock.ts";
import type { DefinedFunction } from "../../runtime/reconcile/define.ts";
import manifest from "../../package.json" with { type: "json" };
import lock from "../../package-lock.json" with { type: "json" };
import { freePort } from "../controlplane/free-port.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { tempFolder, type TempFolder } from "../support/temp-folder.ts";
import { until } from "../support/wait.ts";
import { HostProcess } from "./host-process.ts";
import { CONFIG } from "./scenario.ts";

const root = resolve(import.meta.dirname, "..", "..");
const readme = await readFile(join(root, "README.md"), "utf8");

/** How each command is run here. The key is the command as README.md has it, `&&` taken apart. */
const claims: Readonly<Record<string, (context: TestContext, command: string) => Promise<void>>> = {
  // What `npm ci` refuses is a lock file that says something else; the rest of it CI does, from a clean clone.
  "npm ci": async () => {
    const { dependencies, devDependencies, optionalDependencies } = lock.packages[""];
    const { dependencies: d, devDependencies: dev, optionalDependencies: optional } = manifest;
    assert.deepEqual(
      { dependencies, devDependencies, optionalDependencies },
      { dependencies: d, devDependencies: dev, optionalDependencies: optional },
    );
    assert.match(await readFile(join(root, ".ci", "run"), "utf8"), /^npm ci\nnpm test$/m);
  },

  // It runs this.
  "npm test": async () => {
    const patterns = scriptsOf("test").flatMap((script) => script.match(/[^\s"']*\*[^\s"']*/g) ?? []);
    assert.ok(globSync(patterns, { cwd: root }).includes(relative(root, import.meta.filename)), patterns.join(" "));
  },

  // `npm test` runs it, and it looks into functions/.
  "npm run check": async () => {
    assert.match(manifest.scripts.test, /^npm run check && /);
    const { include } = JSON.parse(await readFile(join(root, "tsconfig.json"), "utf8")) as { include: string[] };
    assert.ok(include.includes("functions"));
  },

  "npm start": async (context, command) => {
    const { path } = await clone(context);
    const host = new HostProcess(context, { command, cwd: path });
    await host.waitForLine(/ mirror default\/settings: 2 created .*\n/);
    context.diagnostic(`${Math.round(systemClock.now() - host.startedMs)} ms from \`npm start\` to the first copy`);
    const shown = blocks("").find((text) => text.startsWith("evenkeel "));
    const printed = host.stdout.slice(host.stdout.indexOf("evenkeel "));
    assert.equal(withoutChance(printed), withoutChance(shown ?? ""), "README.md shows what is printed");
    await end(host);
  },

  "npm start -- --empty": async (context, command) => {
    const { path } = await clone(context);
    const host = new HostProcess(context, { command, cwd: path });
    const [, url = ""] = await host.waitForLine(/API server at (http:\S+)\. /);
    assert.equal((await fetch(`${url}/api/v1/namespaces/team-a`)).status, 404);
    await end(host);
  },

  "npm start -- --context staging": async (context, command) => {
    const server = createApiServer({ clock: systemClock });
    context.after(() => server.close());
    const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
    const folder = await clone(context);
    await folder.write("evenkeel.yaml", CONFIG);
    await folder.write(join(".kube", "config"), server.kubeconfig(url).replaceAll(": evenkeel", ": staging"));
    const host = new HostProcess(context, { command, cwd: folder.path });
    const [line] = await host.waitForLine(/^.*"message":"working".*$/m);
    assert.ok(line.includes(url), line);
    await end(host);
  },

  "npm run manifests": async (context, command) => {
    const { path } = await copy(context);
    for (const file of globSync("base/*.yaml", { cwd: join(path, "manifests") }))
      if (file !== "base/evenkeel.yaml" && file !== "base/kustomization.yaml") await rm(join(path, "manifests", file));
    const [program = "", ...args] = command.split(" ");
    await promisify(execFile)(program, args, { cwd: path });
    for (const file of globSync("base/*.yaml", { cwd: join(root, "manifests") })) {
      const [written, committed] = await Promise.all(
        [path, root].map((at) => readFile(join(at, "manifests", file), "utf8")),
      );
      assert.equal(written, committed, file);
    }
  },

  "npm run manifests -- --namespace platform": async (context, command) => {
    const { path } = await copy(context);
    const run = async (line: string): Promise<unknown> => {
      const [program = "", ...args] = line.split(" ");
      return promisify(execFile)(program, args, { cwd: path });
    };
    await run(command);
    await run("npm run manifests");
    const deployment = await readFile(join(path, "manifests", "base", "deployment.yaml"), "utf8");
    assert.match(deployment, /^ +namespace: platform$/m, "it is kept for the next run");
  },

  "npm run test:functions": async (context, command) => {
    const { path } = await clone(context);
    await writeExamples(path);
    const [program = "", ...args] = command.split(" ");
    // A test runner below a test runner reports to that one alone.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(program, args, { cwd: path, env });
    assert.match(stdout, /✔ the roster names the whole team/);
  },

  // It needs an engine; what it builds is assembled without one, and run, in test/image. Here: the cluster asks for that name.
  "docker build -t evenkeel:0.1.0 .": async (_context, command) => {
    const [, tag = ""] = /-t (\S+)/.exec(command) ?? [];
    assert.equal(tag, `evenkeel:${manifest.version}`);
    const deployment = await readFile(join(root, "manifests", "base", "deployment.yaml"), "utf8");
    assert.ok(deployment.includes(`image: ${tag}\n`), deployment);
  },

  "node test/cache/bytes-per-object.ts": async (_context, command) => {
    const [program = "", ...args] = command.split(" ");
    const { stdout } = await promisify(execFile)(program, args, { cwd: root });
    const measured = [...stdout.matchAll(/ (\d+) B$/gm)].map(([, bytes]) => Number(bytes) / 1_000);
    const [, ...told] =
      /takes ([\d.]+) KB of heap whole, ([\d.]+) KB as metadata and digest, ([\d.]+) KB as metadata:/.exec(
        readme.replaceAll(/\s+/g, " "),
      ) ?? [];
    assert.equal(told.length, 3, "README.md tells what a cached ConfigMap takes");
    for (const [i, figure] of told.map(Number).entries()) {
      const kilobytes = measured[i] ?? Number.NaN;
      assert.ok(Math.abs(kilobytes - figure) <= 0.2 * figure, `${kilobytes} KB measured, ${figure} KB told`);
    }
  },

  // A whole run takes half an hour: here it says what it would do, and refuses what it does not know.
  "npm run bench": async (_context, command) => {
    const [program = "", ...args] = command.split(" ");
    const { stdout } = await promisify(execFile)(program, [...args, "--", "--help"], { cwd: root });
    assert.match(stdout, /--quick/);
    await assert.rejects(promisify(execFile)(program, [...args, "--", "--quik"], { cwd: root }), /--quik/);
  },

  "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 npm start": async (context, command) => {
    const paths: string[] = [];
    const port = await freePort();
    const collector = createServer((request, response) => {
      paths.push(`${request.method} ${request.url}`);
      request.resume();
      response.end();
    });
    context.after(() => collector.close());
    await once(collector.listen(port, "127.0.0.1"), "listening");
    const { path } = await clone(context);
    // Another port: at 4318 there may be a collector of the machine's own.
    const host = new HostProcess(context, { command: command.replace("4318", String(port)), cwd: path });
    await host.waitForLine(/ mirror default\/settings: 2 created/);
    await until(() => paths.includes("POST /v1/traces"), { what: "traces arrive" });
    await end(host);
  },
};

/** These need a real cluster. */
const APPLY = "kubectl apply -k manifests/";
describeOnControlPlane("README.md on a real kube-apiserver", {}, (controlPlane) => {
  test(APPLY, async () => {
    const args = APPLY.replace("manifests/", join(root, "manifests")).split(" ").slice(1);
    const { code, stderr } = await controlPlane().kubectl(args);
    assert.equal(code, 0, stderr);
  });
});

// Each starts what takes a core for a second.
suite("every command of README.md is run", { concurrency: 2 }, () => {
  const commands = new Set(commandsOf(readme));
  for (const command of commands) {
    if (command === APPLY) continue;
    test(command, (context) => {
      const claim = claims[command];
      assert.ok(claim !== undefined, "no row of `claims` says how this command is run: add one, or correct README.md");
      return claim(context, command);
    });
  }
  for (const command of Object.keys(claims))
    if (!commands.has(command))
      test(command, () => assert.fail("README.md has this command no more: take its row out of `claims`"));
});

test("the two commands come first", () => {
  assert.deepEqual(commandsOf(readme).slice(0, 2), ["npm ci", "npm start"]);
});

test("the example function has at most 20 lines and does what README.md says", async (context) => {
  const [example = ""] = blocks("ts");
  const [, name = ""] = /^Save this as `functions\/([\w-]+\.ts)`/m.exec(readme) ?? [];
  const lines = example.trim().split("\n").length;
  assert.ok(lines > 1 && lines <= 20, `${lines} lines`);
  const folder = await clone(context);
  const host = new HostProcess(context, { cwd: folder.path, args: ["--functions", "functions"] });
  const [, url = ""] = await host.waitForLine(/API server at (http:\S+)\. /);
  await host.waitForLine(/ mirror default\/settings: 2 created/);
  const loaded = host.waitForNewLine(new RegExp(` functions loaded +names=${name.replace(".ts", "")}\\n`));
  await folder.write(join("functions", name), example);
  await loaded;
  for (const namespace of ["team-a", "team-b"]) {
    const response = await fetch(`${url}/api/v1/namespaces/${namespace}`, {
      method: "PATCH",
      headers: { "content-type": "application/merge-patch+json" },
      body: JSON.stringify({ metadata: { labels: { team: "a" } } }),
    });
    assert.equal(response.status, 200);
  }
  const members = async (): Promise<boolean> => {
    const response = await fetch(`${url}/api/v1/namespaces/team-a/configmaps/team-roster`);
    return (await response.text()).includes('"members":"team-a\\nteam-b"');
  };
  await until(members, { what: () => `the roster of both\n${host.output}` });
  assert.doesNotMatch(host.stdout, /fail|not taken in/);
  await host.stop();
});

test("the examples pass the type check, and each asks for what README.md says", async (context) => {
  const { path } = await clone(context);
  await writeExamples(path);
  await cp(join(root, "tsconfig.json"), join(path, "tsconfig.json"));
  await promisify(execFile)(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", path]);
  const quota = (await import(join(path, "functions", "team-quota.ts"))) as { readonly default: DefinedFunction };
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: "web", labels: { tier: "small" } } };
  const { children } = effectsOf(quota.default, { object, config: { pods: { small: 5 } } });
  assert.deepEqual(children?.[0]?.["spec"], { hard: { pods: "5" } });
  assert.throws(() => effectsOf(quota.default, { object, config: { pods: {} } }), /names no pods for the tier of web/);
});

test("the example configuration is taken as it stands", async (context) => {
  const [example = ""] = blocks("yaml");
  const { path } = await tempFolder(context, { "evenkeel.yaml": example });
  const host = new HostProcess(context, { cwd: path });
  await host.waitForLine(/ mirror default\/settings: 2 created/);
  await host.stop();
});

/** Each `ts` block of README.md, under the name that the text before it gives. */
async function writeExamples(path: string): Promise<void> {
  const names = [...readme.matchAll(/`(functions\/team-[\w.-]+)`/g)].map(([, name = ""]) => name);
  const examples = blocks("ts");
  assert.equal(examples.length, names.length, "each example has a name, and each name an example");
  await Promise.all(examples.map((text, i) => writeFile(join(path, names[i] ?? ""), text)));
}

/** The project as a clone has it, with nothing of this one's own: no configuration, no kubeconfig. */
async function clone(context: TestContext): Promise<TempFolder> {
  const folder = await tempFolder(context);
  for (const name of ["node_modules", "runtime"]) await symlink(join(root, name), join(folder.path, name));
  for (const name of ["functions", "manifests", "package.json"])
    await cp(join(root, name), join(folder.path, name), { recursive: true });
  return folder;
}

/** Of the whole package: what writes into the package it is part of, must find itself here. */
async function copy(context: TestContext): Promise<TempFolder> {
  const folder = await tempFolder(context);
  for (const name of ["runtime", "functions", "manifests", "package.json"])
    await cp(join(root, name), join(folder.path, name), { recursive: true });
  // Of 400 MB that nobody writes to, links do where they can be had.
  const run = (how: string): Promise<unknown> =>
    promisify(execFile)("cp", [how, join(root, "node_modules"), folder.path]);
  await run("-al").catch(() => run("-r"));
  return folder;
}

/** An npm script and those that it runs. */
function scriptsOf(name: string): readonly string[] {
  const script = new Map(Object.entries(manifest.scripts)).get(name) ?? assert.fail(`there is no script ${name}`);
  return [script, ...[...script.matchAll(/\bnpm run ([\w:-]+)/g)].flatMap(([, next = ""]) => scriptsOf(next))];
}

/** Ends a host below a shell and npm, which have words and codes of their own. */
async function end(host: HostProcess): Promise<void> {
  host.signal("SIGTERM");
  await host.exited();
}

/** The fenced blocks of a language, in order. */
function blocks(language: string): readonly string[] {
  return [...readme.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].flatMap(([, name, text = ""]) =>
    name === language ? [text] : [],
  );
}

/** Lines of sh blocks, comments and `\` undone; and what stands in the text as `npm …`. */
function commandsOf(text: string): readonly string[] {
  const lines = blocks("sh").flatMap((block) => block.replaceAll("\\\n", " ").split("\n"));
  const inline = [...text.replaceAll(/^```[^]*?^```$/gm, "").matchAll(/`((?:npm|node|npx) [^`]+)`/g)].map(
    ([, command = ""]) => command,
  );
  return [...lines, ...inline]
    .flatMap((line) => line.replace(/(^|\s)#.*$/, "").split("&&"))
    .map((command) => command.trim().replaceAll(/\s+/g, " "))
    .filter((command) => command !== "");
}

/** What differs from run to run, made the same. */
function withoutChance(text: string): string {
  return text
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
    .replaceAll(/KUBECONFIG=\S+;/g, "KUBECONFIG=FILE;")
    .replaceAll(/into \S*functions\//g, "into functions/")
    .replaceAll(/^\d\d:\d\d:\d\d /gm, "TIME ")
    .replaceAll(/\d+(\.\d+)? (µs|ms|s)$/gm, "DURATION")
    .trim();
}
