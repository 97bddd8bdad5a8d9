/** What kustomize reads of a folder: a Kustomization, or a Component, which adds to any Kustomization that names it. */
import { stringify } from "yaml";
import type { Manifest } from "./manifest.ts";

/** File name → what is in it. */
export type Folder = ReadonlyMap<string, readonly Manifest[]>;

export function kustomization(body: object, remarks: Manifest["remarks"] = []): Manifest {
  return { object: { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", ...body }, remarks };
}

export function component(body: object): Manifest {
  return { object: { apiVersion: "kustomize.config.k8s.io/v1alpha1", kind: "Component", ...body } };
}

/** @param operations of a JSON patch. */
export function patch(kind: string, name: string, operations: readonly object[]): object {
  return { target: { kind, name }, patch: stringify(operations) };
}
