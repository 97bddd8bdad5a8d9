/** Copies each ConfigMap labelled mirror=true into every namespace whose name starts with a configured prefix. */
import {
  ConfigMap,
  defineFunction,
  metadataOf,
  Namespace,
  warning,
  z,
  type CacheReader,
  type EventEffect,
  type KubeObject,
  type StoredObject,
} from "#evenkeel";
import { copies, copyInto, isMade, sources } from "./lib/copy.ts";

const CONTROL_PLANE = "kube-";

const name = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, "must be the name of a namespace");
const prefix = z
  .string()
  .max(63)
  .regex(/^[a-z0-9][a-z0-9-]*$/, "must be the beginning of a namespace name: lower-case letters, digits and dashes")
  .refine(
    (it) => !it.startsWith(CONTROL_PLANE),
    "kube-* namespaces are the control plane's: nothing is ever copied there",
  );

const config = z.strictObject({
  /** Literal: `team-` means team-a and team-b, not team. There is no prefix that means every namespace. */
  prefixes: z.array(prefix).min(1),
  /** Where sources may be; everywhere when absent. */
  sourceNamespaces: z.array(name).min(1).optional(),
});

/** Each cluster, or each service mesh, writes these itself into every namespace. */
const RESERVED: ReadonlySet<string> = new Set(["kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"]);

const everyNamespace = metadataOf(Namespace);

export default defineFunction({
  watches: sources,
  reads: [everyNamespace, copies],
  writes: [ConfigMap],
  config,
  reconcile(source, cache, { config: { prefixes, sourceNamespaces } }) {
    if (isMade(source)) return {}; // A copy that somebody labelled: no second generation.
    const refused = (object: StoredObject): EventEffect | undefined => refusal(object, sourceNamespaces);
    const reason = refused(source);
    if (reason !== undefined) return { children: [], events: [reason] };

    const rivals = cache.list(metadataOf(sources), { name: source.metadata.name });
    const first = rivals.filter((rival) => !isMade(rival) && refused(rival) === undefined).toSorted(byAge)[0];
    if (first !== undefined && first.metadata.uid !== source.metadata.uid) {
      const winner = `${first.metadata.namespace}/${first.metadata.name}`;
      const message = `${winner} has the same name and comes first, by age and then by namespace: only it is mirrored`;
      return { children: [], events: [warning("Conflict", message)] };
    }
    const namespaces = prefixes.flatMap((namePrefix) => cache.list(everyNamespace, { namePrefix }));
    const targets = new Set(
      namespaces.filter((namespace) => isTarget(namespace, source, cache)).map(({ metadata }) => metadata.name),
    );
    return { children: [...targets].map((target) => copyInto(target, source)) };
  },
});

function refusal({ metadata }: StoredObject, allowed: readonly string[] | undefined): EventEffect | undefined {
  if (RESERVED.has(metadata.name))
    return warning("Refused", `${metadata.name} is written by the cluster itself and is not mirrored`);
  if (allowed === undefined || allowed.includes(metadata.namespace ?? "")) return undefined;
  return warning("Refused", `sources in namespace ${metadata.namespace} are not allowed; see sourceNamespaces`);
}

/** Not the source's own, and never one of the control plane's, whatever the prefix. */
function isTarget(
  { metadata: { name, deletionTimestamp } }: KubeObject,
  source: StoredObject,
  cache: CacheReader,
): boolean {
  if (name === source.metadata.namespace || name.startsWith(CONTROL_PLANE)) return false;
  // A namespace on its way out takes its copies along: none is made there, and none has to be removed.
  const isThere = (): boolean => cache.get(copies, { namespace: name, name: source.metadata.name }) !== undefined;
  return deletionTimestamp === undefined || isThere();
}

/** Oldest first, then by namespace: every replica and every restart agrees. */
function byAge(a: StoredObject, b: StoredObject): number {
  return age(a) < age(b) ? -1 : 1;
}

function age({ metadata: { creationTimestamp, namespace } }: StoredObject): string {
  return `${creationTimestamp} ${namespace}`;
}
