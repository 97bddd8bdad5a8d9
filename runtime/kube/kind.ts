/** A Kind names a type of object: what a function writes, reads and watches. Where it is served is the RESTMapper's business. */
import { objectKey, type KubeObject } from "./object.ts";

declare const shape: unique symbol;

export interface Kind<T extends KubeObject = KubeObject> {
  /** `v1`, `apps/v1` */
  readonly apiVersion: string;
  /** `ConfigMap` */
  readonly kind: string;
  /** `indices`, where the author says it. Manifests go by it; requests go by discovery alone. */
  readonly plural?: string;
  /** Only for the compiler: the shape of the objects of this kind. */
  readonly [shape]?: T;
}

/** Text and small files, by name. */
export interface ConfigMap extends KubeObject {
  readonly apiVersion: "v1";
  readonly kind: "ConfigMap";
  readonly data?: Readonly<Record<string, string>>;
  /** Values are base64. */
  readonly binaryData?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
}

/** `phase` is `Terminating` from its deletion on: nothing can be created in it any more. */
export interface Namespace extends KubeObject {
  readonly apiVersion: "v1";
  readonly kind: "Namespace";
  readonly status?: { readonly phase?: "Active" | "Terminating" };
}

/** An object whose fields evenkeel does not know: they read as `unknown`, to be checked by whoever uses them. */
export type UntypedObject<A extends string = string, K extends string = string> = KubeObject & {
  readonly apiVersion: A;
  readonly kind: K;
  readonly [field: string]: unknown;
};

/**
 * Names any kind: `kind("apps/v1", "Deployment")`. Give `T` to type its objects, and `plural` where it is not formed as
 * most are: `npm run manifests` has no cluster to ask.
 */
export function kind<const A extends string, const K extends string, T extends KubeObject = UntypedObject<A, K>>(
  apiVersion: A,
  name: K,
  { plural }: Pick<Kind, "plural"> = {},
): Kind<T> {
  return Object.freeze({ apiVersion, kind: name, ...(plural === undefined ? {} : { plural }) });
}

export const ConfigMap: Kind<ConfigMap> = kind("v1", "ConfigMap");
export const Namespace: Kind<Namespace> = kind("v1", "Namespace");

/** `v1/ConfigMap`, `apps/v1/Deployment`: the form of a Kind as a map key and in messages. */
export function kindKey({ apiVersion, kind: name }: Kind): string {
  return `${apiVersion}/${name}`;
}

/** `v1/ConfigMap team-a/settings`: names one object of all kinds, in messages, traces, maps. `key` is an objectKey. */
export function objectId(kind: Kind, key: string): string {
  return `${kindKey(kind)} ${key}`;
}

/** {@link objectId} of an object that is at hand. */
export function describe(object: KubeObject): string {
  return objectId(object, objectKey(object.metadata));
}

/** Whether both name the same kind in the same version. */
export function isSameKind(a: Kind, b: Kind): boolean {
  return a.kind === b.kind && a.apiVersion === b.apiVersion;
}

/** `Deployment.apps`, `ConfigMap`: a kind in all its versions. */
export function groupKind(of: Kind): string {
  const group = groupOf(of);
  return group === "" ? of.kind : `${of.kind}.${group}`;
}

/** `apps`; `` for the core group. */
export function groupOf({ apiVersion }: Kind): string {
  const slash = apiVersion.indexOf("/");
  return slash === -1 ? "" : apiVersion.slice(0, slash);
}

/**
 * `configmaps`: as its author says, else as generators of clients and CRDs form it where nobody names another.
 * Source: k8s.io/gengo namer/plural_namer.go
 */
export function pluralOf({ kind: name, plural }: Pick<Kind, "kind" | "plural">): string {
  if (plural !== undefined) return plural;
  const lower = name.toLowerCase();
  if (lower === "endpoints") return lower;
  if (/(?:s|x|z|ch|sh)$/.test(lower)) return `${lower}es`;
  return /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

/** Whether a CustomResourceDefinition may be of the group. Source: apiextensions validation, which wants a dot in it. */
export function mayBeCustom(group: string): boolean {
  return group.includes(".");
}
