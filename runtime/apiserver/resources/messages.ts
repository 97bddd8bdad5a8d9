/** Field numbers of the kinds that Go clients send as protobuf. Source: k8s.io/api generated.proto of each group. */
import {
  CONFIG_MAP_CONTENT,
  list,
  map,
  message,
  one,
  SECRET_CONTENT,
  SENT_METADATA as METADATA,
} from "../../kube/protobuf-messages.ts";
import type { FieldType, Message, MessageField } from "../../kube/protobuf.ts";
import type { Schema } from "../schema.ts";
import { METADATA as METADATA_SCHEMA } from "./metadata.ts";
import { struct } from "./types.ts";

/** The message of a struct. What has no number is left out: fields that are kept as they come, as JSON. */
function fieldsOf({ properties = {} }: Schema): Message {
  const fields: Record<number, MessageField> = {};
  for (const [name, schema] of Object.entries(properties)) {
    const [number = 0, inner] = (schema["x-evenkeel-field"] ?? "").split(".").map(Number);
    if (number === 0) continue;
    const field = fieldOf(name, schema);
    if (inner === undefined) fields[number] = field;
    else fields[number] = { ...message("", { ...embedded(fields[number]), [inner]: field }), many: "inline" };
  }
  return fields;
}

function embedded(field: MessageField | undefined): Message {
  return typeof field?.type === "object" ? field.type.message : {};
}

function fieldOf(name: string, schema: Schema): MessageField {
  if (schema.additionalProperties !== undefined) return map(name, typeOf(schema.additionalProperties));
  if (schema.items !== undefined) return list(name, typeOf(schema.items));
  return one(name, typeOf(schema));
}

function typeOf(schema: Schema): FieldType {
  if (schema.properties !== undefined)
    return schema.properties === METADATA_SCHEMA.properties ? METADATA.type : { message: fieldsOf(schema) };
  if (schema["x-kubernetes-int-or-string"] === true) return "intOrString";
  const isOmittedAtZero = schema["x-evenkeel-omit-zero"] === true;
  switch (schema.format ?? schema.type) {
    case "quantity":
      return "quantity";
    case "date-time":
      return "time";
    case "micro-time":
      return "microTime";
    case "boolean":
      return isOmittedAtZero ? "bool" : "bool?";
    case "int32":
    case "int64":
      return isOmittedAtZero ? "int" : "int?";
    default:
      return isOmittedAtZero ? "string" : "string?";
  }
}

const NAMESPACE: Message = {
  1: METADATA,
  2: message("spec", { 1: list("finalizers", "string") }),
  3: message("status", {
    1: one("phase", "string"),
    2: list("conditions", { message: fieldsOf(struct("NamespaceCondition")) }),
  }),
};

const CONFIG_MAP: Message = { 1: METADATA, ...CONFIG_MAP_CONTENT };

const SECRET: Message = { 1: METADATA, ...SECRET_CONTENT };

const SERVICE_ACCOUNT: Message = {
  1: METADATA,
  2: list("secrets", { message: fieldsOf(struct("ObjectReference")) }),
  3: list("imagePullSecrets", { message: { 1: one("name", "string") } }),
  4: one("automountServiceAccountToken", "bool?"),
};

const DEPLOYMENT: Message = {
  1: METADATA,
  2: message("spec", fieldsOf(struct("DeploymentSpec"))),
  3: message("status", fieldsOf(struct("DeploymentStatus"))),
};

const SCALE: Message = {
  1: METADATA,
  2: message("spec", { 1: one("replicas", "int") }),
  3: message("status", { 1: one("replicas", "int"), 2: one("selector", "string") }),
};

const LEASE: Message = { 1: METADATA, 2: message("spec", fieldsOf(struct("LeaseSpec"))) };

const REFERENCE = fieldsOf(struct("ObjectReference"));
const EVENT_SOURCE = fieldsOf(struct("EventSource"));
const EVENT_SERIES = fieldsOf(struct("EventSeries"));

const EVENT: Message = {
  1: METADATA,
  2: message("involvedObject", REFERENCE),
  3: one("reason", "string"),
  4: one("message", "string"),
  5: message("source", EVENT_SOURCE),
  6: one("firstTimestamp", "time"),
  7: one("lastTimestamp", "time"),
  8: one("count", "int"),
  9: one("type", "string"),
  10: one("eventTime", "microTime"),
  11: message("series", EVENT_SERIES),
  12: one("action", "string"),
  13: message("related", REFERENCE),
  14: one("reportingComponent", "string?"),
  15: one("reportingInstance", "string?"),
};

const MODERN_EVENT: Message = {
  1: METADATA,
  2: one("eventTime", "microTime"),
  3: message("series", EVENT_SERIES),
  4: one("reportingController", "string"),
  5: one("reportingInstance", "string"),
  6: one("action", "string"),
  7: one("reason", "string"),
  8: message("regarding", REFERENCE),
  9: message("related", REFERENCE),
  10: one("note", "string"),
  11: one("type", "string"),
  12: message("deprecatedSource", EVENT_SOURCE),
  13: one("deprecatedFirstTimestamp", "time"),
  14: one("deprecatedLastTimestamp", "time"),
  15: one("deprecatedCount", "int"),
};

/** Of any API version: clients name that of what they delete. */
const DELETE_OPTIONS: Message = {
  1: one("gracePeriodSeconds", "int?"),
  2: message("preconditions", { 1: one("uid", "string?"), 2: one("resourceVersion", "string?") }),
  3: one("orphanDependents", "bool?"),
  4: one("propagationPolicy", "string?"),
  5: list("dryRun", "string"),
};

const USER_INFO: Message = { 1: one("username", "string"), 2: one("uid", "string"), 3: list("groups", "string") };

const SELF_SUBJECT_REVIEW: Message = { 1: METADATA, 2: message("status", { 1: message("userInfo", USER_INFO) }) };

const SELF_SUBJECT_ACCESS_REVIEW: Message = {
  1: METADATA,
  2: message("spec", {
    1: message("resourceAttributes", {
      1: one("namespace", "string"),
      2: one("verb", "string"),
      3: one("group", "string"),
      4: one("version", "string"),
      5: one("resource", "string"),
      6: one("subresource", "string"),
      7: one("name", "string"),
    }),
    2: message("nonResourceAttributes", { 1: one("path", "string"), 2: one("verb", "string") }),
  }),
  3: message("status", {
    1: one("allowed", "bool"),
    2: one("reason", "string"),
    3: one("evaluationError", "string"),
    4: one("denied", "bool"),
  }),
};

const SELF_SUBJECT_RULES_REVIEW: Message = {
  1: METADATA,
  2: message("spec", { 1: one("namespace", "string") }),
  3: message("status", { 3: one("incomplete", "bool"), 4: one("evaluationError", "string") }),
};

const MESSAGES: Readonly<Record<string, Message>> = {
  "v1/Namespace": NAMESPACE,
  "v1/ConfigMap": CONFIG_MAP,
  "v1/Secret": SECRET,
  "v1/ServiceAccount": SERVICE_ACCOUNT,
  "v1/Event": EVENT,
  "events.k8s.io/v1/Event": MODERN_EVENT,
  "apps/v1/Deployment": DEPLOYMENT,
  "autoscaling/v1/Scale": SCALE,
  "coordination.k8s.io/v1/Lease": LEASE,
  "authentication.k8s.io/v1/SelfSubjectReview": SELF_SUBJECT_REVIEW,
  "authorization.k8s.io/v1/SelfSubjectAccessReview": SELF_SUBJECT_ACCESS_REVIEW,
  "authorization.k8s.io/v1/SelfSubjectRulesReview": SELF_SUBJECT_RULES_REVIEW,
};

export function messageOf(apiVersion: string, kind: string): Message | undefined {
  return kind === "DeleteOptions" ? DELETE_OPTIONS : MESSAGES[`${apiVersion}/${kind}`];
}
