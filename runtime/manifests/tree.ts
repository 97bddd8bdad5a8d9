/** The whole of `manifests/` but for the configurations, which people write: every file, by its path. */
import { clusterAccess, leaseAccess, namespaceManifest, serviceAccountManifest } from "./access.ts";
import { fence } from "./fence.ts";
import { CONFIG_FILE, CONFIG_MAP, POD_LABELS, type Installation } from "./installation.ts";
import { renderFile, type Manifest } from "./manifest.ts";
import { jaegerOverlay, narrowOverlay, prometheusOverlay, type Overlay } from "./overlays.ts";
import { flowSchemaManifest, networkPolicyManifest } from "./traffic.ts";
import { deploymentManifest, disruptionBudgetManifest, priorityClassManifest } from "./workload.ts";

/** Where a configuration is read from, and its manifests are written beside it. */
export const BASE = "base";
/** The overlays that only differ in their configuration. */
export const NARROW = "overlays/one-prefix";

/**
 * @param narrow as `base`, with the configuration of the overlay that narrows it.
 * @returns path below `manifests/` → text, sorted. Depends on its arguments alone.
 */
export function manifestTree(base: Installation, narrow: Installation): ReadonlyMap<string, string> {
  const files = new Map<string, readonly Manifest[]>([
    // kustomize refuses an overlay below its own base; so the base has a folder of its own, and this one stands for it.
    ["kustomization.yaml", [{ object: kustomization({ resources: [BASE] }) }]],
    ...prefixed(BASE, baseFiles(base)),
    ...prefixed("overlays/jaeger", jaegerOverlay(base)),
    ...prefixed(NARROW, narrowOverlay(narrow)),
    ...prefixed("overlays/prometheus", prometheusOverlay(base)),
  ]);
  return new Map([...files].map(([path, manifests]) => [path, renderFile(manifests)]));
}

function baseFiles(installation: Installation): Overlay {
  const files = new Map<string, readonly Manifest[]>([
    ["namespace.yaml", [namespaceManifest(installation)]],
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
    labels: [{ pairs: POD_LABELS }],
    generatorOptions: { disableNameSuffixHash: true },
    configMapGenerator: [{ name: CONFIG_MAP, namespace: installation.namespace, files: [CONFIG_FILE] }],
    resources: [...files.keys()],
  };
  const remarks = [
    {
      at: ["generatorOptions"],
      says: "One name for ever: the host takes in a changed configuration without a restart.",
    },
  ];
  return new Map([...files, ["kustomization.yaml", [{ object: kustomization(body), remarks }]]]);
}

function kustomization(body: object): object {
  return { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", ...body };
}

function prefixed(folder: string, files: Overlay): readonly (readonly [string, readonly Manifest[]])[] {
  return [...files].map(([name, manifests]) => [`${folder}/${name}`, manifests]);
}
