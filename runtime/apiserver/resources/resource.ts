/** A row of the resource table: all that the server knows of one kind. The table alone decides which kinds are served. */
import type { ApiObject, JsonObject } from "../object.ts";
import { METADATA } from "./metadata.ts";
import type { NameForm } from "./names.ts";
import type { Schema } from "../schema.ts";
import type { FieldError } from "../status.ts";

export interface Column {
  readonly name: string;
  readonly type: "string" | "integer";
  readonly format?: "name";
  readonly description: string;
  /** 0 is always shown, 1 only by `-o wide`. */
  readonly priority: 0 | 1;
  /** `wallMs` is the present time, for ages. */
  cell(object: ApiObject, wallMs: number): string | number;
}

export interface Scale {
  /** Where the parts of an autoscaling/v1 Scale are found. */
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  /** A LabelSelector; the Scale shows it as text. */
  readonly selector: readonly string[];
}

export interface Resource {
  readonly group: string;
  readonly version: string;
  /** Plural, lower case: `configmaps`. */
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Of the whole object, metadata included. */
  readonly schema: Schema;
  readonly columns: readonly Column[];

  /** Two resources with one storage are two views of the same objects. */
  readonly storage: string;
  /** From the stored form to this version and back; absent when they are the same. */
  readonly convert?: {
    readonly stored: Resource;
    readonly toStored: (object: ApiObject) => ApiObject;
    readonly fromStored: (object: ApiObject) => ApiObject;
  };

  /** Of a question: the status that every create is answered with. Nothing of the kind is kept. */
  readonly answer?: JsonObject;
  readonly status: boolean;
  readonly scale?: Scale;
  /** `namespaces/finalize`: a PUT that replaces spec.finalizers only. */
  readonly finalize: boolean;
  /** metadata.generation counts changes of these top-level fields (and annotations, when `annotations` is named). */
  readonly generationFields: readonly string[];

  /** `segment`: whatever can stand in a path. */
  readonly names: NameForm;
  /** A PUT without resourceVersion overwrites. */
  readonly unconditionalUpdate: boolean;
  /** A PUT to a name that does not exist creates. */
  readonly createOnUpdate: boolean;
  /** A delete answers with the object instead of a Status. */
  readonly returnsDeleted: boolean;
  /** How long an object lasts after its last write; absent = for ever. */
  readonly ttlMs?: number;
  /** Field selectors besides metadata.name and metadata.namespace. */
  readonly selectableFields: Readonly<Record<string, (object: ApiObject) => string>>;

  /** Runs on what the client sent, before validation: derived fields, not faults. */
  prepare(object: ApiObject): ApiObject;
  /** `before` is absent on create. Metadata is validated elsewhere. */
  validate(object: ApiObject, before: ApiObject | undefined): readonly FieldError[];
  /** Fills in what only a create sets (`status.phase: Active`). */
  onCreate(object: ApiObject): ApiObject;
  /** What must be gone before a deleted object goes: its finalizers. */
  holds(object: ApiObject): readonly string[];
  /** How a deleted object that is still held shows it, besides deletionTimestamp. */
  terminating(object: ApiObject): ApiObject;
  /** Names that cannot be deleted. */
  readonly undeletable: readonly string[];
}

/** What most kinds have in common; a row says only where it differs. */
const COMMON = {
  shortNames: [],
  categories: [],
  namespaced: true,
  status: false,
  finalize: false,
  generationFields: [],
  names: "subdomain",
  unconditionalUpdate: true,
  createOnUpdate: false,
  returnsDeleted: false,
  selectableFields: {},
  prepare: (object: ApiObject) => object,
  validate: () => [],
  onCreate: (object: ApiObject) => object,
  holds: (object: ApiObject) => object.metadata.finalizers ?? [],
  terminating: (object: ApiObject) => object,
  undeletable: [],
} as const;

type Row = Partial<Resource> &
  Pick<Resource, "group" | "version" | "resource" | "singular" | "kind" | "columns"> & {
    readonly description: string;
    /** Top-level fields besides apiVersion, kind and metadata. */
    readonly fields: Readonly<Record<string, Schema>>;
  };

export function resource({ description, fields, ...row }: Row): Resource {
  const storage = row.group === "" ? row.resource : `${row.resource}.${row.group}`;
  const properties = { apiVersion: STRING, kind: STRING, metadata: METADATA, ...fields };
  return { ...COMMON, storage, schema: { type: "object", description, properties }, ...row };
}

const STRING: Schema = { type: "string" };

/** `v1`, `apps/v1` */
export function groupVersion({ group, version }: Pick<Resource, "group" | "version">): string {
  return group === "" ? version : `${group}/${version}`;
}

/** The row in whose form the objects are stored, validated and owned. */
export function storedAs(resource: Resource): Resource {
  return resource.convert?.stored ?? resource;
}

/** The stored object as this resource's version shows it. */
export function shown(resource: Resource, object: ApiObject): ApiObject {
  return resource.convert === undefined ? object : resource.convert.fromStored(object);
}
