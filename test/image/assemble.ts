/**
 * `node test/image/assemble.ts FOLDER`: the root file system of the image, in a folder. The Dockerfile copies it as it is, and
 * a test starts the host from it, so that what is tested is what is shipped; no container engine is needed.
 *
 *   /app       runtime/, functions/, package.json, the packages that production needs, and Node itself; .compile-cache/
 *   /lib…      the shared libraries of Node, where it looks for them
 *   /etc       who 65532 is
 *
 * No shell, no package manager, nothing that anybody may write. The same sources make the same tree, to the byte, but for the
 * inside of the compile cache: V8 writes the same code down in more than one way.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, sep } from "node:path";

const SOURCE = join(import.meta.dirname, "..", "..");
/** A package of the platform's own holds the binary; headers and manual beside it are two thirds as large again. */
const NODE_PACKAGE = `node-${process.platform}-${process.arch}`;
/** It takes two seconds, and many times that where another machine's Node is emulated. */
const START_LIMIT_MS = 180_000;
/** What exports traces is loaded, too; but there is nothing to export. */
const EXPORTING = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_TRACES_SAMPLER: "always_off" };

/** How the image is started, and in what environment. */
export const ENTRYPOINT = ["/app/bin/node", "/app/runtime/cli/evenkeel.mjs"] as const;
export const ENVIRONMENT = {
  NODE_COMPILE_CACHE: "/app/.compile-cache",
  // Otherwise each user has one of their own, and which user runs the image is the cluster's to say.
  NODE_COMPILE_CACHE_PORTABLE: "1",
} as const;

/**
 * Only root can make all of it: for anybody else it lacks the compile cache.
 * @param root a folder that is empty or not there yet.
 * @throws Error when it is not, when a package is missing, or when the host in it does not start
 */
export async function assemble(root: string): Promise<void> {
  if (existsSync(root) && readdirSync(root).length > 0) throw new Error(`${root} is not empty`);
  const app = join(root, "app");
  mkdirSync(app, { recursive: true });
  for (const entry of ["runtime", "functions", "package.json"])
    cpSync(join(SOURCE, entry), join(app, entry), { recursive: true });
  for (const folder of productionPackages()) copyPackage(folder, app);
  copyNode(root);
  writeAccounts(root);
  if (process.getuid?.() === 0) await writeCompileCache(root);
  seal(root);
}

interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
}

/** `node_modules/hono`: as the lock file says, without what only developers need, and without any platform's Node. */
function productionPackages(): readonly string[] {
  const { packages } = JSON.parse(readFileSync(join(SOURCE, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, Locked>>;
  };
  return Object.entries(packages).flatMap(([folder, { dev, optional }]) => {
    const isLeftOut = folder === "" || dev === true || /^node_modules\/node-(linux|bin)-/.test(folder);
    if (isLeftOut || (optional === true && !existsSync(join(SOURCE, folder)))) return [];
    return [folder];
  });
}

/** Types, source maps and prose are for people. Licences are, too, and stay. */
const FOR_PEOPLE = /\.(d\.[cm]?ts|map|md|markdown|flow)$/i;

function copyPackage(folder: string, app: string): void {
  const from = join(SOURCE, folder);
  const isWanted = (path: string): boolean => {
    const inside = path.slice(from.length + 1).split(sep);
    // A package inside a package has an entry of its own in the lock file.
    return inside[0] !== "node_modules" && (!FOR_PEOPLE.test(path) || /licen[cs]e|notice/i.test(basename(path)));
  };
  cpSync(from, join(app, folder), { recursive: true, filter: isWanted });
}

function copyNode(root: string): void {
  const folder = join(SOURCE, "node_modules", NODE_PACKAGE);
  const program = join(folder, "bin", "node");
  const bin = join(root, "app", "bin");
  mkdirSync(bin);
  cpSync(program, join(bin, "node"));
  cpSync(join(folder, "LICENSE"), join(bin, "LICENSE"));
  for (const library of sharedLibraries(program)) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    // Follows links: the name that is looked for gets the file itself.
    copyFileSync(library, join(root, library));
  }
}

/** Absolute paths, the loader among them. */
function sharedLibraries(program: string): readonly string[] {
  const { stdout, status } = spawnSync("ldd", [program], { encoding: "utf8" });
  if (status !== 0) throw new Error(`ldd ${program} failed`);
  return stdout.split("\n").flatMap((line) => /(?:=>\s+|^\s+)(\/\S+)/.exec(line)?.[1] ?? []);
}

function writeAccounts(root: string): void {
  const etc = join(root, "etc");
  mkdirSync(etc);
  writeFileSync(join(etc, "passwd"), "root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/app:/none\n");
  writeFileSync(join(etc, "group"), "root:x:0:\nnonroot:x:65532:\n");
}

/**
 * Starts the host once, on its embedded server: what Node compiles on the way, and the TypeScript that it strips, is at hand
 * in every pod. Inside its own root, because the paths are in what is written down.
 */
async function writeCompileCache(root: string): Promise<void> {
  const ports = ["--address", "127.0.0.1:0", "--status-address", "0", "--metrics-address", "0"];
  const host = spawn("chroot", [root, ...ENTRYPOINT, ...ports], {
    env: { ...ENVIRONMENT, ...EXPORTING, PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "inherit"],
    timeout: START_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let output = "";
  // Every function is loaded by then. Node writes the cache when it ends.
  host.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    // Once: a second signal ends it on the spot.
    if (output.includes("works on an embedded API server") && !host.killed) host.kill("SIGTERM");
  });
  const [code] = (await once(host, "close")) as [number | null];
  if (code !== 0) throw new Error(`the host in ${root} ended with ${code}:\n${output}`);
  // The kubeconfig of the embedded server.
  rmSync(join(root, ".evenkeel"), { recursive: true });
}

/** Nobody may write anything, and every file is as old as every other: two builds of one source are one image. */
function seal(root: string): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const isRun = entry.isDirectory() || entry.parentPath.endsWith(`app${sep}bin`) || /\.so(\.|$)/.test(entry.name);
    if (!entry.isSymbolicLink()) chmodSync(path, isRun ? 0o555 : 0o444);
    lutimesSync(path, 0, 0);
  }
}

if (import.meta.main) {
  const [, , root] = process.argv;
  if (root === undefined) throw new Error("usage: node test/image/assemble.ts FOLDER");
  await assemble(root);
}
