/** The schema of ObjectMeta, the same for every kind. */
import { OPTIONAL_STRING, STRING, type Schema } from "../schema.ts";

const time: Schema = { type: "string", format: "date-time" };
const strings: Schema = { type: "object", additionalProperties: STRING };

export const METADATA: Schema = {
  type: "object",
  description: "Standard object's metadata.",
  properties: {
    name: OPTIONAL_STRING,
    generateName: OPTIONAL_STRING,
    namespace: OPTIONAL_STRING,
    selfLink: OPTIONAL_STRING,
    uid: OPTIONAL_STRING,
    resourceVersion: OPTIONAL_STRING,
    generation: { type: "integer", format: "int64", "x-evenkeel-omit-zero": true },
    creationTimestamp: time,
    deletionTimestamp: time,
    deletionGracePeriodSeconds: { type: "integer", format: "int64" },
    labels: strings,
    annotations: strings,
    ownerReferences: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["uid"],
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "uid",
      items: {
        type: "object",
        "x-kubernetes-map-type": "atomic",
        properties: {
          apiVersion: STRING,
          kind: STRING,
          name: STRING,
          uid: STRING,
          controller: { type: "boolean" },
          blockOwnerDeletion: { type: "boolean" },
        },
      },
    },
    finalizers: {
      type: "array",
      items: STRING,
      "x-kubernetes-list-type": "set",
      "x-kubernetes-patch-strategy": "merge",
    },
    managedFields: {
      type: "array",
      "x-kubernetes-list-type": "atomic",
      items: {
        type: "object",
        properties: {
          manager: OPTIONAL_STRING,
          operation: OPTIONAL_STRING,
          apiVersion: OPTIONAL_STRING,
          time,
          fieldsType: OPTIONAL_STRING,
          fieldsV1: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
          subresource: OPTIONAL_STRING,
        },
      },
    },
  },
};
