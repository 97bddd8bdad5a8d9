/** The core group: namespaces, configmaps, secrets and serviceaccounts. Events have a file of their own. */
import { type ApiObject, asObject, at, equal, isList, isObject, withMetadata, withValue, without } from "../object.ts";
import type { Schema } from "../schema.ts";
import { type FieldError, field } from "../status.ts";
import { AGE, NAME, column, fieldCount, text } from "./columns.ts";
import { finalizerErrors } from "./metadata-rules.ts";
import { dataKeyErrors } from "./names.ts";
import { type Resource, resource } from "./resource.ts";
import { struct } from "./types.ts";

/** Of all data of one ConfigMap or Secret. Source: core.MaxSecretSize. */
const DATA_LIMIT_BYTES = 1024 * 1024;

const string: Schema = { type: "string" };
const boolean: Schema = { type: "boolean" };
const strings: Schema = { type: "object", additionalProperties: string };
const bytes: Schema = { type: "object", additionalProperties: { type: "string", format: "byte" } };

const namespaces = resource({
  group: "",
  version: "v1",
  resource: "namespaces",
  singular: "namespace",
  kind: "Namespace",
  shortNames: ["ns"],
  namespaced: false,
  names: "label",
  status: true,
  finalize: true,
  returnsDeleted: true,
  description: "Namespace provides a scope for Names.",
  fields: {
    spec: {
      type: "object",
      default: {},
      properties: { finalizers: { type: "array", items: string, "x-kubernetes-list-type": "atomic" } },
    },
    status: {
      type: "object",
      default: {},
      properties: {
        phase: string,
        conditions: {
          type: "array",
          items: struct("NamespaceCondition"),
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["type"],
          "x-kubernetes-patch-strategy": "merge",
          "x-kubernetes-patch-merge-key": "type",
        },
      },
    },
  },
  columns: [
    NAME,
    column("Status", "The status of the namespace", (object) => text(at(object, "status", "phase"))),
    AGE,
  ],
  selectableFields: { "status.phase": (object) => text(at(object, "status", "phase")) },
  // Selectors by name rely on this label, so a client cannot take it off.
  prepare: (object) =>
    object.metadata.name === undefined
      ? object
      : withMetadata(object, {
          labels: { ...object.metadata.labels, "kubernetes.io/metadata.name": object.metadata.name },
        }),
  onCreate: (object) => ({
    ...object,
    spec: withFinalizer(object),
    status: { phase: "Active" },
  }),
  holds: (object) => [...(object.metadata.finalizers ?? []), ...specFinalizers(object)],
  terminating: (object) => ({ ...object, status: { ...asObject(object["status"]), phase: "Terminating" } }),
  validate: (object) => finalizerErrors(specFinalizers(object), "spec.finalizers"),
  undeletable: ["default", "kube-system", "kube-public"],
});

/** Of a Namespace: what has to be done before it may go. */
export function specFinalizers(object: ApiObject | undefined): readonly string[] {
  const given = at(object, "spec", "finalizers");
  return isList(given) ? given.filter((name) => typeof name === "string") : [];
}

function withFinalizer(object: ApiObject): { readonly finalizers: readonly string[] } {
  const finalizers = specFinalizers(object);
  return { finalizers: finalizers.includes("kubernetes") ? finalizers : [...finalizers, "kubernetes"] };
}

const configmaps = resource({
  group: "",
  version: "v1",
  resource: "configmaps",
  singular: "configmap",
  kind: "ConfigMap",
  shortNames: ["cm"],
  description: "ConfigMap holds configuration data for pods to consume.",
  fields: { data: strings, binaryData: bytes, immutable: boolean },
  columns: [
    NAME,
    column("Data", "Data contains the configuration data.", (object) => fieldCount(object, "data", "binaryData")),
    AGE,
  ],
  validate(object, before) {
    const binary = Object.keys(entries(object, "binaryData"));
    return [
      ...immutableErrors(object, before, ["data", "binaryData"]),
      ...dataKeyErrors(Object.keys(entries(object, "data")), "data"),
      ...Object.keys(entries(object, "data"))
        .filter((key) => binary.includes(key))
        .map((key) => field.invalid(`data[${key}]`, key, "duplicate of key present in binaryData")),
      ...dataKeyErrors(binary, "binaryData"),
      ...(utf8Size(object, "data") + base64Size(object, "binaryData") > DATA_LIMIT_BYTES
        ? [field.tooLong("", DATA_LIMIT_BYTES)]
        : []),
    ];
  },
});

/** What a Secret of a type must hold. Source: core/validation ValidateSecret. */
function typeErrors(secret: ApiObject, data: Readonly<Record<string, string>>): readonly FieldError[] {
  const missing = (...keys: readonly string[]): readonly FieldError[] =>
    keys.filter((key) => !Object.hasOwn(data, key)).map((key) => field.required(`data[${key}]`));
  switch (secret["type"]) {
    case "kubernetes.io/tls":
      return missing("tls.crt", "tls.key");
    case "kubernetes.io/dockercfg":
      return [...missing(".dockercfg"), ...notJsonErrors(data, ".dockercfg")];
    case "kubernetes.io/dockerconfigjson":
      return [...missing(".dockerconfigjson"), ...notJsonErrors(data, ".dockerconfigjson")];
    case "kubernetes.io/ssh-auth":
      return missing("ssh-privatekey");
    case "kubernetes.io/basic-auth": {
      const faults = missing("username", "password");
      return faults.length === 2 ? faults : [];
    }
    case "kubernetes.io/service-account-token": {
      const name = "kubernetes.io/service-account.name";
      const known = (secret.metadata.annotations?.[name] ?? "") !== "";
      return known ? [] : [field.required(`metadata.annotations[${name}]`)];
    }
    default:
      return [];
  }
}

/** What the text is is not told: it is a secret. */
function notJsonErrors(data: Readonly<Record<string, string>>, key: string): readonly FieldError[] {
  const text = data[key];
  if (text === undefined || isJsonObject(Buffer.from(text, "base64").toString("utf8"))) return [];
  return [field.invalid(`data[${key}]`, "<secret contents redacted>", "is not a JSON object")];
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return value === null || isObject(value);
  } catch {
    return false;
  }
}

const secrets = resource({
  group: "",
  version: "v1",
  resource: "secrets",
  singular: "secret",
  kind: "Secret",
  description: "Secret holds secret data of a certain type.",
  fields: {
    data: bytes,
    stringData: strings,
    type: { ...string, "x-evenkeel-omit-zero": true, default: "Opaque" },
    immutable: boolean,
  },
  columns: [
    NAME,
    column("Type", "Used to facilitate programmatic handling of secret data.", (object) => text(object["type"])),
    column("Data", "Data contains the secret data.", (object) => fieldCount(object, "data")),
    AGE,
  ],
  selectableFields: { type: (object) => text(object["type"]) },
  // stringData is write-only: it becomes data and is never stored.
  prepare(object) {
    const given = entries(object, "stringData");
    const plain = without(object, "stringData");
    const encoded = Object.entries(given).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
    const data = { ...entries(object, "data"), ...Object.fromEntries(encoded) };
    const kept = Object.keys(data).length === 0 ? undefined : data;
    return {
      ...withValue(plain, ["data"], kept),
      apiVersion: object.apiVersion,
      kind: object.kind,
      metadata: object.metadata,
    };
  },
  validate(object, before) {
    const data = entries(object, "data");
    const changedType = before !== undefined && !equal(before["type"], object["type"]);
    return [
      ...(changedType ? [field.invalid("type", object["type"] ?? "", "field is immutable")] : []),
      ...immutableErrors(object, before, ["data"]),
      ...dataKeyErrors(Object.keys(data), "data"),
      ...(base64Size(object, "data") > DATA_LIMIT_BYTES ? [field.tooLong("data", DATA_LIMIT_BYTES)] : []),
      ...typeErrors(object, data),
    ];
  },
});

const serviceaccounts = resource({
  group: "",
  version: "v1",
  resource: "serviceaccounts",
  singular: "serviceaccount",
  kind: "ServiceAccount",
  shortNames: ["sa"],
  returnsDeleted: true,
  description: "ServiceAccount is an identity for processes that run in a Pod.",
  fields: {
    automountServiceAccountToken: boolean,
    imagePullSecrets: { type: "array", "x-kubernetes-list-type": "atomic", items: struct("LocalObjectReference") },
    secrets: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "name",
      items: struct("ObjectReference"),
    },
  },
  columns: [NAME, AGE],
  // Of a reference to a Secret only the name counts. Source: registry/core/serviceaccount cleanSecretReferences.
  prepare(object) {
    const { secrets } = object;
    return isList(secrets) ? { ...object, secrets: secrets.map((one) => ({ name: text(at(one, "name")) })) } : object;
  },
});

export const CORE: readonly Resource[] = [namespaces, configmaps, secrets, serviceaccounts];

function entries(object: ApiObject, name: string): Readonly<Record<string, string>> {
  const value = at(object, name);
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, text(one)]));
}

function immutableErrors(object: ApiObject, before: ApiObject | undefined, fields: readonly string[]): FieldError[] {
  if (before?.["immutable"] !== true) return [];
  const changed = fields.filter((name) => !equal(object[name], before[name]));
  const kept = object["immutable"] === true;
  return [...(kept ? [] : ["immutable"]), ...changed].map((name) =>
    field.forbidden(name, "field is immutable when `immutable` is set"),
  );
}

function utf8Size(object: ApiObject, name: string): number {
  return Object.values(entries(object, name)).reduce((sum, value) => sum + Buffer.byteLength(value), 0);
}

function base64Size(object: ApiObject, name: string): number {
  return Object.values(entries(object, name)).reduce((sum, value) => sum + Buffer.byteLength(value, "base64"), 0);
}
