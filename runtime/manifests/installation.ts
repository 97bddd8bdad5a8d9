/** What is to be installed, and under which names: the one input of every manifest. */
import type { Config } from "../host/config-file.ts";
import { EvenkeelError, type Code } from "../kube/errors.ts";
import type { Declaration } from "../reconcile/cell/cell.ts";

export interface Installation {
  /** Of the host: its pods, its ServiceAccount, its Lease. */
  readonly namespace: string;
  /** Tag of the image. */
  readonly version: string;
  readonly functions: ReadonlyMap<string, Declaration>;
  /** Beginnings of the names of the namespaces that may be written to; sorted. Empty: all but those of the control plane. */
  readonly prefixes: readonly string[];
  /** Those of them that are allowed whatever the configuration says; sorted. */
  readonly allowedPrefixes: readonly string[];
}

/** Of everything that there is one of. The Lease's name is the host's own choice: see lease/lease.ts. */
export const NAME = "evenkeel";
export const CONFIG_MAP = `${NAME}-config`;
export const CONFIG_FILE = "evenkeel.yaml";
export const POD_LABELS = { "app.kubernetes.io/name": NAME } as const;

/**
 * Where the functions may write: `prefixes` in their sections of the configuration is read as just that. One without it gets
 * no place of its own; it may write where the others may.
 * @param allowed beside them.
 * @throws EvenkeelError CONFIG_INVALID, MANIFESTS_FLAG_INVALID: one that is no beginning of a namespace's name
 */
export function prefixesOf({ functions }: Config, allowed: readonly string[]): readonly string[] {
  const configured = [...functions].flatMap(([name, section]) =>
    listIn(section).map((prefix) => checked(prefix, "CONFIG_INVALID", `functions.${name}.prefixes`)),
  );
  const added = allowed.map((prefix) => checked(prefix, "MANIFESTS_FLAG_INVALID", "--allow-prefix"));
  return [...new Set([...configured, ...added])].toSorted();
}

/** The policy would take an empty one for every namespace, and any other character for the name of none. */
function checked(prefix: unknown, code: Code, from: string): string {
  if (typeof prefix === "string" && /^[a-z0-9][a-z0-9-]{0,62}$/.test(prefix)) return prefix;
  throw new EvenkeelError(code, `${from}: ${JSON.stringify(prefix)} is not the beginning of a namespace's name`);
}

function listIn(section: unknown): readonly unknown[] {
  const { prefixes } = (section ?? {}) as { readonly prefixes?: unknown };
  return Array.isArray(prefixes) ? prefixes : [];
}
