/**
 * What the host runs with: the values that the user gave, checked against each other and the file system, and a default
 * for each that was not given. Nothing later looks at flags or the environment.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { EvenkeelError } from "../kube/errors.ts";
import { isInCluster } from "../kube/in-cluster.ts";
import { addressesFrom, defaultAddresses, type Addresses } from "./addresses.ts";
import type { Given, GivenSettings, Target } from "./given-settings.ts";
import type { TraceLink } from "./trace-link.ts";

export interface Settings extends Addresses {
  readonly target: Target;
  /** Absolute. */
  readonly configFile: string;
  /** Nobody named it: it need not be there. */
  readonly isConfigOptional: boolean;
  /** Absolute. */
  readonly functionsDir: string;
  readonly leaderElect: boolean;
  /** Of the Lease to hold; undefined: where it is looked for, see cli/find-lease.ts. */
  readonly leaseNamespace: string | undefined;
  /** Names this replica in the Lease; no two replicas share one. */
  readonly identity: string;
  /** How many keys of a function are reconciled at the same time. */
  readonly concurrency: number;
  /** Whether the embedded API server starts with the demo world. */
  readonly hasDemoWorld: boolean;
  /** Where the status page links to for a trace; undefined: nowhere. */
  readonly traceLink: TraceLink | undefined;
  /** As kubectl's `-v`: 0 news, 4 every reconcile, 8 every request. */
  readonly verbosity: number;
}

interface Files {
  isFile(path: string): boolean;
  isFolder(path: string): boolean;
}

export const defaults = {
  configFile: "evenkeel.yaml",
  concurrency: 32,
  verbosity: 0,
  ...defaultAddresses,
} as const;

const PACKAGE_FUNCTIONS = fileURLToPath(new URL("../../functions", import.meta.url));

/**
 * @param cwd what relative paths start from.
 * @param identity the one to take when none is given: {@link uniqueIdentity}.
 * @throws EvenkeelError FLAG_INVALID for values that exclude each other, FILE_NOT_FOUND for a named file that is not there.
 */
export function settingsFrom({
  given,
  env,
  cwd,
  files,
  identity,
}: {
  readonly given: GivenSettings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly files: Files;
  readonly identity: string;
}): Settings {
  const target = targetOf(given, { env, cwd, files });
  if (given.empty?.value === true && target.kind !== "embedded") refuseEmpty(given, given.empty);
  return {
    target,
    configFile: given.config === undefined ? join(cwd, defaults.configFile) : namedFile(given.config, { cwd, files }),
    isConfigOptional: given.config === undefined,
    functionsDir: given.functions === undefined ? PACKAGE_FUNCTIONS : namedFolder(given.functions, { cwd, files }),
    ...addressesFrom(given, target, (file) => namedFile(file, { cwd, files })),
    // The embedded server has one client; a cluster may have another replica.
    leaderElect: given.leaderElect?.value ?? target.kind !== "embedded",
    leaseNamespace: given.leaseNamespace?.value,
    identity: given.identity?.value ?? identity,
    concurrency: given.concurrency?.value ?? defaults.concurrency,
    hasDemoWorld: target.kind === "embedded" && given.empty?.value !== true,
    traceLink: given.traceLink?.value,
    verbosity: given.verbosity?.value ?? defaults.verbosity,
  };
}

/** The host name says which replica; the UUID tells a restarted one from its predecessor. As controller-runtime does. */
export function uniqueIdentity(): string {
  return `${hostname()}_${randomUUID()}`;
}

interface Surroundings {
  readonly cwd: string;
  readonly files: Files;
}

function targetOf(
  { kubeconfig, context }: GivenSettings,
  { env, cwd, files }: Surroundings & { readonly env: Readonly<Record<string, string | undefined>> },
): Target {
  if (kubeconfig !== undefined || context !== undefined) {
    const file = kubeconfig === undefined ? undefined : namedFile(kubeconfig, { cwd, files });
    return { kind: "kubeconfig", file, context: context?.value };
  }
  return { kind: isInCluster(env, (path) => files.isFile(path)) ? "in-cluster" : "embedded" };
}

function refuseEmpty({ kubeconfig, context }: GivenSettings, empty: Given<boolean>): never {
  const other = (kubeconfig ?? context)?.from ?? "in a pod";
  const clash = other === "in a pod" ? other : `with ${other}`;
  throw new EvenkeelError(
    "FLAG_INVALID",
    `${empty.from} is about the embedded API server, and ${clash} there is none; take one of them out`,
  );
}

function namedFile({ value, from }: Given<string>, { cwd, files }: Surroundings): string {
  const path = resolve(cwd, value);
  if (files.isFile(path)) return path;
  throw new EvenkeelError("FILE_NOT_FOUND", `${from}: there is no file ${path}`);
}

function namedFolder({ value, from }: Given<string>, { cwd, files }: Surroundings): string {
  const path = resolve(cwd, value);
  if (files.isFolder(path)) return path;
  throw new EvenkeelError("FILE_NOT_FOUND", `${from}: there is no folder ${path}`);
}
