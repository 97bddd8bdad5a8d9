/** `#evenkeel`: everything that a file in `functions/` may import. */
export { ConfigMap, kind, Namespace, type Kind, type UntypedObject } from "./kube/kind.ts";
export type { KubeObject, ObjectMeta, ObjectName, StoredObject } from "./kube/object.ts";
export { metadataOf, select, type LabelRule, type MetadataOf, type Query, type Where } from "./kube/query.ts";
export type { CacheReader } from "./cache/reader.ts";
export { defineFunction, fields, scale, status, type Context, type FunctionDefinition } from "./reconcile/define.ts";
export {
  normal,
  TerminalError,
  warning,
  type Applied,
  type Child,
  type Effects,
  type EventEffect,
  type Reference,
} from "./reconcile/effects.ts";
export { provenanceOf, type Provenance } from "./reconcile/provenance.ts";
export { z } from "zod";
