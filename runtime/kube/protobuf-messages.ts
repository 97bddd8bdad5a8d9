/**
 * Field numbers of the objects that are read as protobuf. Whole objects are few: those that are many in a cluster, and
 * whose fields have not changed since 1.18; all others are JSON. The metadata of any kind is one message.
 *
 * Source: generated.proto of k8s.io/apimachinery pkg/apis/meta/v1 and of k8s.io/api core/v1.
 */
import type { FieldType, Message, MessageField } from "./protobuf.ts";

export function one(name: string, type: FieldType): MessageField {
  return { name, type };
}

/** As {@link one}, of a field that JSON has at `place`, because Go's type has. */
function early(name: string, type: FieldType, place: number): MessageField {
  return { name, type, place };
}

export function list(name: string, type: FieldType): MessageField {
  return { name, type, many: "list" };
}

export function map(name: string, type: FieldType): MessageField {
  return { name, type, many: "map" };
}

export function message(name: string, fields: Message): MessageField {
  return { name, type: { message: fields } };
}

const OWNER_REFERENCE: Message = {
  1: one("kind", "string"),
  3: one("name", "string"),
  4: one("uid", "string"),
  5: early("apiVersion", "string", 0),
  6: one("controller", "bool?"),
  7: one("blockOwnerDeletion", "bool?"),
};

const OBJECT_META: Message = {
  1: one("name", "string"),
  2: one("generateName", "string"),
  3: one("namespace", "string"),
  4: one("selfLink", "string"),
  5: one("uid", "string"),
  6: one("resourceVersion", "string"),
  7: one("generation", "int"),
  8: one("creationTimestamp", "time"),
  9: one("deletionTimestamp", "time"),
  10: one("deletionGracePeriodSeconds", "int?"),
  11: map("labels", "string"),
  12: map("annotations", "string"),
  13: list("ownerReferences", { message: OWNER_REFERENCE }),
  14: list("finalizers", "string"),
};

const MANAGED_FIELDS_ENTRY: Message = {
  1: one("manager", "string"),
  2: one("operation", "string"),
  3: one("apiVersion", "string"),
  4: one("time", "time"),
  6: one("fieldsType", "string"),
  7: one("fieldsV1", "json"),
  8: one("subresource", "string"),
};

/** As clients send it. */
export const SENT_METADATA = message("metadata", {
  ...OBJECT_META,
  17: list("managedFields", { message: MANAGED_FIELDS_ENTRY }),
});

const METADATA = message("metadata", { ...OBJECT_META, 17: one("managedFields", "skipped") });

/** All but the metadata. */
export const CONFIG_MAP_CONTENT: Message = {
  2: map("data", "string"),
  3: map("binaryData", "bytes"),
  4: early("immutable", "bool?", 1),
};

/** All but the metadata. */
export const SECRET_CONTENT: Message = {
  2: map("data", "bytes"),
  3: one("type", "string"),
  4: map("stringData", "string"),
  5: early("immutable", "bool?", 1),
};

const STATUS: Message = {
  1: message("metadata", {
    1: one("selfLink", "string"),
    2: one("resourceVersion", "string"),
    3: one("continue", "string"),
    4: one("remainingItemCount", "int?"),
  }),
  2: one("status", "string"),
  3: one("message", "string"),
  4: one("reason", "string"),
  5: message("details", {
    1: one("name", "string"),
    2: one("group", "string"),
    3: one("kind", "string"),
    4: list("causes", {
      message: { 1: one("reason", "string"), 2: one("message", "string"), 3: one("field", "string") },
    }),
    5: one("retryAfterSeconds", "int"),
    6: one("uid", "string"),
  }),
  6: one("code", "int"),
};

/** One frame of a watch. The object is in an envelope of its own. */
export const WATCH_EVENT: Message = { 1: one("type", "string"), 2: message("object", { 1: one("raw", "raw") }) };

const MESSAGES: ReadonlyMap<string, Message> = new Map([
  ["v1/ConfigMap", { 1: METADATA, ...CONFIG_MAP_CONTENT }],
  ["v1/Secret", { 1: METADATA, ...SECRET_CONTENT }],
  ["meta.k8s.io/v1/PartialObjectMetadata", { 1: METADATA }],
  ["v1/Status", STATUS],
]);

/** The message of a kind, by `apiVersion/kind`; undefined when it is read as JSON alone. */
export function messageOf(key: string): Message | undefined {
  return MESSAGES.get(key);
}
