/**
 * Where the programs of the control plane come from. In this order:
 *
 * 1. `TEST_ASSET_ETCD`, `TEST_ASSET_KUBE_APISERVER`, `TEST_ASSET_KUBECTL` (files) or `KUBEBUILDER_ASSETS` (a folder with
 *    `etcd`, `kube-apiserver`, `kubectl`): the names that Go projects use. kube-controller-manager is not among their
 *    usual assets; it is taken from `TEST_ASSET_KUBE_CONTROLLER_MANAGER` or the same folder, and may be absent.
 * 2. Built before, into the cache folder (see build.ts).
 * 3. Built now, when there is Go: some 6 minutes on 2 cores, once.
 *
 * Otherwise they are missing, and `why` says in one line what to do about it. Naming some of them but not all is an
 * error rather than a reason to build: whoever set the variable meant those.
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

import { build, cachedBuild } from "./build.ts";

export interface Binaries {
  readonly kind: "binaries";
  readonly etcd: string;
  readonly apiServer: string;
  readonly kubectl: string;
  /** Absent: deleted namespaces stay Terminating and nothing is garbage collected. */
  readonly controllerManager?: string;
}

export interface Missing {
  readonly kind: "missing";
  /** One line: what is left out, and how to get it. */
  readonly why: string;
}

export type Assets = Binaries | Missing;

/** There is Go and no build yet; `provideAssets` turns it into Binaries. */
export interface ToBuild {
  readonly kind: "to-build";
  readonly go: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Looks, and builds nothing. @throws Error when the environment names some of the programs and others are not found. */
export function findAssets(env: Environment = process.env): Assets | ToBuild {
  const named = namedBinaries(env);
  if (named !== undefined) return named;
  const built = cachedBuild(env);
  if (built !== undefined) return binariesIn(built);
  const go = onPath("go", env);
  if (go !== undefined) return { kind: "to-build", go };
  const why = "no control plane: install Go, or name etcd, kube-apiserver and kubectl by KUBEBUILDER_ASSETS";
  return { kind: "missing", why };
}

/** As `findAssets`, and builds what is to be built. @throws Error with the compiler's words when the build fails. */
export async function provideAssets(env: Environment = process.env): Promise<Assets> {
  const found = findAssets(env);
  return found.kind === "to-build" ? binariesIn(await build(found.go, env)) : found;
}

function namedBinaries(env: Environment): Binaries | undefined {
  const etcd = namedProgram("etcd", env);
  const apiServer = namedProgram("kube-apiserver", env);
  const kubectl = namedProgram("kubectl", env);
  const controllerManager = namedProgram("kube-controller-manager", env);
  if (etcd === undefined && apiServer === undefined && kubectl === undefined && controllerManager === undefined) {
    const folder = env["KUBEBUILDER_ASSETS"];
    if (folder) throw new Error(`KUBEBUILDER_ASSETS: no control plane in ${folder}; correct it or unset it`);
    return undefined;
  }
  if (etcd === undefined || apiServer === undefined || kubectl === undefined) {
    const absent = Object.entries({ etcd, "kube-apiserver": apiServer, kubectl }).filter(([, path]) => !path);
    const names = absent.map(([name]) => name).join(", ");
    throw new Error(`KUBEBUILDER_ASSETS and TEST_ASSET_… name no ${names}; name all of them or none`);
  }
  const rest = controllerManager === undefined ? {} : { controllerManager };
  return { kind: "binaries", etcd, apiServer, kubectl, ...rest };
}

/** @throws Error when the variable of the program names a file that cannot be run. */
function namedProgram(program: string, env: Environment): string | undefined {
  const variable = `TEST_ASSET_${program.toUpperCase().replaceAll("-", "_")}`;
  const named = env[variable];
  if (named) {
    if (!isExecutable(named)) throw new Error(`${variable}: cannot run ${named}; correct it or unset it`);
    return named;
  }
  const folder = env["KUBEBUILDER_ASSETS"];
  const path = folder ? join(folder, program) : undefined;
  return path !== undefined && isExecutable(path) ? path : undefined;
}

function binariesIn(folder: string): Binaries {
  return {
    kind: "binaries",
    etcd: join(folder, "etcd"),
    apiServer: join(folder, "kube-apiserver"),
    kubectl: join(folder, "kubectl"),
    controllerManager: join(folder, "kube-controller-manager"),
  };
}

export function onPath(program: string, env: Environment): string | undefined {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
