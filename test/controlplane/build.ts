/** The programs of the control plane (main.go), built by Go: one binary with four names. See go-build.ts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import * as goBuild from "./go-build.ts";
import type { Environment, GoProgram } from "./go-build.ts";

const SOURCE_FOLDER = import.meta.dirname;

const CONTROL_PLANE: GoProgram = {
  name: "controlplane",
  what: "the control plane",
  sourceFolder: SOURCE_FOLDER,
  sources: ["go.mod", "go.sum", "main.go"],
  packagePath: ".",
  linkerFlags: `-s -w ${versionStamps().join(" ")}`,
  links: ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"],
  takes: "some 6 minutes on 2 cores",
};

/** The folder of an earlier build of the same sources. */
export function cachedBuild(env: Environment): string | undefined {
  return goBuild.cachedBuild(CONTROL_PLANE, env);
}

/** Returns the folder with the programs; builds them, or waits for another process that does. @throws Error as `go build`. */
export function build(go: string, env: Environment): Promise<string> {
  return goBuild.build(CONTROL_PLANE, go, env);
}

/** Kubernetes takes its version from the linker; without it every program calls itself v0.0.0-master. */
function versionStamps(): readonly string[] {
  const goMod = readFileSync(join(SOURCE_FOLDER, "go.mod"), "utf8");
  const [, version, major, minor] = /^\tk8s\.io\/kubernetes (v(\d+)\.(\d+)\.\S+)$/m.exec(goMod) ?? [];
  const stamps = { gitVersion: version, gitMajor: major, gitMinor: minor };
  return Object.entries(stamps).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
}
