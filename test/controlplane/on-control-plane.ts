/**
 * How a test file gets a real cluster. One place holds the rule: where there is none the tests are skipped, and their
 * line in the report says why; under `CI=true` that is a failure, because there nobody would read it.
 */
import { after, before, suite, test } from "node:test";

import { findAssets } from "./assets.ts";
import type { Assets, ToBuild } from "./assets.ts";
import { startControlPlane } from "./control-plane.ts";
import type { ControlPlane, ControlPlaneOptions } from "./control-plane.ts";

/**
 * A `suite` whose tests share one control plane, started before the first and stopped after the last.
 * @param options name the `controllers` that the tests cannot do without; assets may lack kube-controller-manager.
 * @param define is given the control plane as a function, to be called inside tests and hooks only.
 */
export function describeOnControlPlane(
  name: string,
  options: ControlPlaneOptions,
  define: (controlPlane: () => ControlPlane) => void,
): void {
  describeWhereOneStarts(name, options, () => {
    let controlPlane: ControlPlane | undefined;
    before(async () => {
      controlPlane = await startControlPlane(options);
    });
    after(() => controlPlane?.stop());
    define(() => {
      if (controlPlane === undefined) throw new Error("not started yet: call this inside a test or a hook");
      return controlPlane;
    });
  });
}

/** As `describeOnControlPlane`, for tests that start and stop control planes themselves. */
export function describeWhereOneStarts(name: string, options: ControlPlaneOptions, define: () => void): void {
  const verdict = verdictOf(findAssets(), options, process.env["CI"] === "true");
  // One test after the other, also where suites run beside each other.
  if (verdict.kind === "run") void suite(name, { concurrency: 1 }, define);
  else leaveOut(name, verdict);
}

export type Verdict = { readonly kind: "run" } | { readonly kind: "skip" | "fail"; readonly why: string };

/** Whether tests that need a control plane of their own run. Separate from the above so that a table can hold it. */
export function verdictOf(
  assets: Assets | ToBuild,
  { controllers = [] }: Pick<ControlPlaneOptions, "controllers">,
  isCi: boolean,
): Verdict {
  const absent = isCi ? "fail" : "skip";
  switch (assets.kind) {
    case "to-build":
      return { kind: "run" };
    case "binaries":
      if (controllers.length === 0 || assets.controllerManager !== undefined) return { kind: "run" };
      return {
        kind: absent,
        why: "no kube-controller-manager: name it by TEST_ASSET_KUBE_CONTROLLER_MANAGER, or unset KUBEBUILDER_ASSETS and install Go",
      };
    case "missing":
      return { kind: absent, why: assets.why };
    default:
      return assets satisfies never;
  }
}

export function leaveOut(name: string, { kind, why }: Exclude<Verdict, { kind: "run" }>): void {
  test(`${name}: left out, ${why}`, { skip: kind === "skip" }, () => {
    throw new Error(why);
  });
}
