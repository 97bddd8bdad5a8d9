/**
 * Builds the control plane (main.go) into a cache folder that is named by what it is built from, once per machine:
 *
 *   ${XDG_CACHE_HOME:-~/.cache}/evenkeel/controlplane/<sha256 of go.mod, go.sum and main.go>/
 *     controlplane                   the binary
 *     etcd, kube-apiserver, …        links to it; it asks its name which program it is
 *
 * The folder appears by one rename, so nobody sees half of it. The lock only saves the work of a second builder: were it
 * to fail, both would build and one of the results be dropped.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { link, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { until } from "./wait.ts";

const PROGRAMS = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];
const SOURCE_FOLDER = import.meta.dirname;
const LOCK_POLL_MS = 500;
/** Several cold builds on a slow machine. */
const LOCK_LIMIT_MS = 30 * 60_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** The folder of an earlier build of the same sources. */
export function cachedBuild(env: Environment): string | undefined {
  const folder = buildFolder(env);
  return existsSync(folder) ? folder : undefined;
}

/** Returns the folder with the programs; builds them, or waits for another process that does. @throws Error as `go build`. */
export async function build(go: string, env: Environment): Promise<string> {
  const folder = buildFolder(env);
  await mkdir(join(folder, ".."), { recursive: true });
  const unlock = await lock(`${folder}.lock`);
  try {
    if (!existsSync(folder)) await buildInto(folder, go, env);
  } finally {
    await unlock();
  }
  return folder;
}

function buildFolder(env: Environment): string {
  const hash = createHash("sha256");
  for (const file of ["go.mod", "go.sum", "main.go"]) hash.update(readFileSync(join(SOURCE_FOLDER, file)));
  const cache = env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(cache, "evenkeel", "controlplane", hash.digest("hex"));
}

async function buildInto(folder: string, go: string, env: Environment): Promise<void> {
  process.stderr.write(`building the control plane into ${folder}: some 6 minutes on 2 cores, once\n`);
  const unfinished = `${folder}.${process.pid}.unfinished`;
  try {
    await mkdir(unfinished, { recursive: true });
    await promisify(execFile)(go, buildArguments(join(unfinished, "controlplane")), {
      cwd: SOURCE_FOLDER,
      env: { ...env, CGO_ENABLED: "0" },
    });
    for (const program of PROGRAMS) await symlink("controlplane", join(unfinished, program));
    await rename(unfinished, folder);
  } catch (cause) {
    if (!existsSync(folder)) throw new Error(`the control plane does not build: ${String(cause)}`, { cause });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

function buildArguments(output: string): readonly string[] {
  const flags = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", `-s -w ${versionStamps().join(" ")}`];
  return ["build", ...flags, "-o", output, "."];
}

/** Kubernetes takes its version from the linker; without it every program calls itself v0.0.0-master. */
function versionStamps(): readonly string[] {
  const goMod = readFileSync(join(SOURCE_FOLDER, "go.mod"), "utf8");
  const [, version, major, minor] = /^\tk8s\.io\/kubernetes (v(\d+)\.(\d+)\.\S+)$/m.exec(goMod) ?? [];
  const stamps = { gitVersion: version, gitMajor: major, gitMinor: minor };
  return Object.entries(stamps).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
}

/** Waits for the lock file, which holds its owner's pid; one whose owner is gone is taken over. Returns the release. */
async function lock(path: string): Promise<() => Promise<void>> {
  const mine = `${path}.${randomUUID()}`;
  await writeFile(mine, String(process.pid));
  try {
    // A link appears with its contents, so the owner can always be read.
    await until(() => claim(mine, path), { what: `${path} to be free`, limitMs: LOCK_LIMIT_MS, everyMs: LOCK_POLL_MS });
  } finally {
    await rm(mine, { force: true });
  }
  return () => rm(path, { force: true });
}

async function claim(mine: string, path: string): Promise<true | undefined> {
  try {
    await link(mine, path);
    return true;
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
  }
  const owner = Number(await readFile(path, "utf8").catch(() => process.pid));
  if (!isAlive(owner)) await rm(path, { force: true });
  return undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
