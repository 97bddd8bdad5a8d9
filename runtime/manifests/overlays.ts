/** An overlay, to be applied as it is: the base with one component, with a configuration of its own, or with both. */
import { prefixedPolicyNames } from "./fence.ts";
import { CONFIG_FILE, CONFIG_MAP, type Installation } from "./installation.ts";
import { kustomization, patch, type Folder } from "./kustomization.ts";
import { prefixesVariable } from "./policy.ts";

interface OverlayOptions {
  /** Path of the component's folder below `manifests/`. More than one takes a Kustomization that names them all. */
  readonly component?: string | undefined;
  /** With the configuration that is in the overlay's folder. */
  readonly configured?: Installation | undefined;
}

export function overlay({ component, configured }: OverlayOptions): Folder {
  const body = {
    resources: ["../../base"],
    ...(component === undefined ? {} : { components: [`../../${component}`] }),
    ...(configured === undefined ? {} : reconfiguration(configured)),
  };
  return new Map([["kustomization.yaml", [kustomization(body)]]]);
}

/** The configuration, and the fence drawn to it. */
function reconfiguration(installation: Installation): object {
  const variable = prefixesVariable(installation);
  const drawn = [
    { op: "test", path: "/spec/variables/0/name", value: variable.name },
    { op: "replace", path: "/spec/variables/0", value: variable },
  ];
  return {
    generatorOptions: { disableNameSuffixHash: true },
    configMapGenerator: [
      { name: CONFIG_MAP, namespace: installation.namespace, behavior: "replace", files: [CONFIG_FILE] },
    ],
    patches: prefixedPolicyNames(installation).map((name) => patch("ValidatingAdmissionPolicy", name, drawn)),
  };
}
