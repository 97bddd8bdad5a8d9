/** What the fence says when it refuses. */
import assert from "node:assert/strict";
import type { KubectlResult } from "../controlplane/cluster.ts";

export const OUTSIDE = /only into namespaces whose name starts with one of: team-/;
export const CONTROL_PLANE = /never touches the namespaces of the control plane/;
export const NO_PROVENANCE = /leaves every object with its complete provenance/;
export const NO_OWNERS = /sets no ownerReferences/;
export const NO_FINALIZERS = /sets no finalizers/;
export const NO_HANDOVER = /never hands an object from one owner to another/;

/** Refused by a policy and for this reason, or done. */
export function holds({ code, stderr }: KubectlResult, refused?: RegExp): void {
  if (refused === undefined) return assert.equal(code, 0, stderr);
  assert.match(stderr, /ValidatingAdmissionPolicy/);
  assert.match(stderr, refused);
  assert.notEqual(code, 0);
}
