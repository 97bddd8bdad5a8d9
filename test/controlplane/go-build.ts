/**
 * Builds programs from Go modules into a cache folder that is named by what they are built from, once per machine:
 *
 *   ${XDG_CACHE_HOME:-~/.cache}/evenkeel/NAME/<sha256 of the sources>/
 *     NAME       the binary
 *     …          links to it; it asks its name which program it is
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

import { until } from "../support/wait.ts";

const LOCK_POLL_MS = 500;
/** Several cold builds on a slow machine. */
const LOCK_LIMIT_MS = 30 * 60_000;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface GoProgram {
  /** Of the binary and of its folder in the cache: `controlplane`. */
  readonly name: string;
  /** For messages: `the control plane`. */
  readonly what: string;
  /** With the go.mod. */
  readonly sourceFolder: string;
  /** The files in it that the build is named by; whatever else the build depends on is pinned by them. */
  readonly sources: readonly string[];
  /** `.`, or the import path of a tool of the module. */
  readonly packagePath: string;
  readonly linkerFlags: string;
  /** Other names of the binary. */
  readonly links?: readonly string[];
  /** How long it takes: `some 6 minutes on 2 cores`. */
  readonly takes: string;
}

/** The folder of an earlier build of the same sources. */
export function cachedBuild(program: GoProgram, env: Environment): string | undefined {
  const folder = buildFolder(program, env);
  return existsSync(folder) ? folder : undefined;
}

/** Returns the folder with the programs; builds them, or waits for another process that does. @throws Error as `go build`. */
export async function build(program: GoProgram, go: string, env: Environment): Promise<string> {
  const folder = buildFolder(program, env);
  await mkdir(join(folder, ".."), { recursive: true });
  const unlock = await lock(`${folder}.lock`);
  try {
    if (!existsSync(folder)) await buildInto(folder, program, go, env);
  } finally {
    await unlock();
  }
  return folder;
}

function buildFolder({ name, sourceFolder, sources }: GoProgram, env: Environment): string {
  const hash = createHash("sha256");
  for (const file of sources) hash.update(readFileSync(join(sourceFolder, file)));
  const cache = env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(cache, "evenkeel", name, hash.digest("hex"));
}

async function buildInto(folder: string, program: GoProgram, go: string, env: Environment): Promise<void> {
  const { name, what, sourceFolder, links = [], takes } = program;
  process.stderr.write(`building ${what} into ${folder}: ${takes}, once\n`);
  const unfinished = `${folder}.${process.pid}.unfinished`;
  try {
    await mkdir(unfinished, { recursive: true });
    await promisify(execFile)(go, buildArguments(program, join(unfinished, name)), {
      cwd: sourceFolder,
      env: { ...env, CGO_ENABLED: "0" },
    });
    for (const link of links) await symlink(name, join(unfinished, link));
    await rename(unfinished, folder);
  } catch (cause) {
    if (!existsSync(folder)) throw new Error(`${what} does not build: ${String(cause)}`, { cause });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

function buildArguments({ linkerFlags, packagePath }: GoProgram, output: string): readonly string[] {
  const flags = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", linkerFlags];
  return ["build", ...flags, "-o", output, packagePath];
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

async function claim(mine: string, path: string): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
  }
  const owner = Number(await readFile(path, "utf8").catch(() => process.pid));
  if (!isAlive(owner)) await rm(path, { force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
