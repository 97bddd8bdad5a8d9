/** The Go programs of this folder, built once into the cache folder where the control plane's are, too. */
import { join } from "node:path";

import { onPath } from "../controlplane/assets.ts";
import { build, cachedBuild, type Environment, type GoProgram } from "../controlplane/go-build.ts";

const FILES = {
  load: ["board.go", "child.go", "main.go", "measure.go", "scenarios.go", "world.go"],
  peer: ["main.go", "mirror.go"],
  raw: ["main.go"],
} as const;

/** Paths of the programs. */
export interface Programs {
  readonly load: string;
  readonly peer: string;
  readonly raw: string;
}

/** @throws Error without Go, or with the compiler's words */
export async function providePrograms(env: Environment = process.env): Promise<Programs> {
  return { load: await provide("load", env), peer: await provide("peer", env), raw: await provide("raw", env) };
}

async function provide(name: keyof Programs, env: Environment): Promise<string> {
  const program: GoProgram = {
    name: `bench-${name}`,
    what: `the benchmark's ${name}`,
    sourceFolder: import.meta.dirname,
    sources: ["go.mod", "go.sum", ...FILES[name].map((file) => `${name}/${file}`)],
    packagePath: `./${name}`,
    linkerFlags: "-s -w",
    takes: "up to 2 minutes on 2 cores",
  };
  const go = onPath("go", env);
  const folder = cachedBuild(program, env) ?? (go === undefined ? undefined : await build(program, go, env));
  if (folder === undefined) throw new Error("the benchmark needs Go, which builds the controller it compares with");
  return join(folder, program.name);
}
