/** The whole of `manifests/` but for the configurations, which people write: every file, by its path. */
import { clusterAccess, isOurNamespace, leaseAccess, namespaceManifest, serviceAccountManifest } from "./access.ts";
import { jaegerComponent, prometheusComponent } from "./components.ts";
import { fence } from "./fence.ts";
import { CONFIG_FILE, CONFIG_MAP, POD_LABELS, type Installation } from "./installation.ts";
import { asAnnotations } from "./kept-flags.ts";
import { kustomization, type Folder } from "./kustomization.ts";
import { renderFile, type Manifest } from "./manifest.ts";
import { overlay } from "./overlays.ts";
import { flowSchemaManifest, networkPolicyManifest } from "./traffic.ts";
import { deploymentManifest, disruptionBudgetManifest, priorityClassManifest } from "./workload.ts";

/** Where a configuration is read from, and its manifests are written beside it. */
export const BASE = "base";
/** Of folders, each an overlay; one with a configuration in it is drawn to that. */
export const OVERLAYS = "overlays";
/** The base's, which keeps the flags. */
export const KUSTOMIZATION = "kustomization.yaml";
const NAMESPACE_FILE = "namespace.yaml";

/**
 * @param configured by the name of their overlay: as `base`, with the configuration that is there.
 * @returns path below `manifests/` → text. Depends on its arguments alone.
 */
export function manifestTree(
  base: Installation,
  configured: ReadonlyMap<string, Installation>,
): ReadonlyMap<string, string> {
  const components = new Map([
    ["jaeger", jaegerComponent(base)],
    ["prometheus", prometheusComponent(base)],
  ]);
  const overlays = [...new Set([...components.keys(), ...configured.keys()])].toSorted();
  const files = new Map<string, readonly Manifest[]>([
    // kustomize refuses an overlay below its own base; so the base has a folder of its own, and this one stands for it.
    [KUSTOMIZATION, [kustomization({ resources: [BASE] })]],
    ...prefixed(BASE, baseFiles(base)),
    ...[...components].flatMap(([name, folder]) => prefixed(`components/${name}`, folder)),
    ...overlays.flatMap((name) => {
      const component = components.has(name) ? `components/${name}` : undefined;
      return prefixed(`${OVERLAYS}/${name}`, overlay({ component, configured: configured.get(name) }));
    }),
  ]);
  return new Map([...files].map(([path, manifests]) => [path, renderFile(manifests)]));
}

function baseFiles(installation: Installation): Folder {
  const files = new Map<string, readonly Manifest[]>([
    [NAMESPACE_FILE, [namespaceManifest(installation)]],
    ["serviceaccount.yaml", [serviceAccountManifest(installation)]],
    ["clusterrole.yaml", clusterAccess(installation)],
    ["role.yaml", leaseAccess(installation)],
    ["fence.yaml", fence(installation)],
    ["flowschema.yaml", [flowSchemaManifest(installation)]],
    ["networkpolicy.yaml", [networkPolicyManifest(installation)]],
    ["priorityclass.yaml", [priorityClassManifest()]],
    ["poddisruptionbudget.yaml", [disruptionBudgetManifest(installation)]],
    ["deployment.yaml", [deploymentManifest(installation)]],
  ]);
  const body = {
    metadata: { annotations: asAnnotations(installation) },
    labels: [{ pairs: POD_LABELS }],
    generatorOptions: { disableNameSuffixHash: true },
    configMapGenerator: [{ name: CONFIG_MAP, namespace: installation.namespace, files: [CONFIG_FILE] }],
    resources: [...files.keys()].filter((file) => file !== NAMESPACE_FILE || isOurNamespace(installation)),
  };
  const remarks = [
    {
      at: ["metadata", "annotations"],
      says: "What the flags of `npm run manifests` said: the next run goes by it unless it is told otherwise.",
    },
    {
      at: ["generatorOptions"],
      says: "One name for ever: the host takes in a changed configuration without a restart.",
    },
  ];
  return new Map([...files, [KUSTOMIZATION, [kustomization(body, remarks)]]]);
}

function prefixed(folder: string, files: Folder): readonly (readonly [string, readonly Manifest[]])[] {
  return [...files].map(([name, manifests]) => [`${folder}/${name}`, manifests]);
}
