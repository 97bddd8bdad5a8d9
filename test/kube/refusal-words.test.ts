/**
 * What is told of refusals as kube-apiserver 1.36 sends them, word for word, where an object holds a secret. A row whose
 * `told` has the secret says why.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal } from "../../runtime/kube/refusal.ts";
import { status } from "./fake-server.ts";

const SECRET = "C4N4RY_hunter2!";

interface Row {
  readonly name: string;
  readonly http: number;
  readonly message: string;
  /** [reason, field, message] */
  readonly causes?: readonly (readonly [string, string, string])[];
  readonly about?: "object" | "collection";
  readonly told: string;
}

const invalid = (name: string, causes: NonNullable<Row["causes"]>, told: string): Row => ({
  name,
  http: 422,
  message: `CronJob.batch "a" is invalid: [${causes.map(([, field, said]) => `${field}: ${said}`).join(", ")}]`,
  causes,
  told,
});

const typedPatch = (name: string, faults: string, told: string): Row => ({
  name: `typed patch: ${name}`,
  http: 500,
  message: `failed to create typed patch object (team-a/my.app; apps/v1, Kind=Deployment): ${faults}`,
  told,
});

const notConverted = (name: string, fault: string, told: string): Row => ({
  name: `conversion: ${name}`,
  http: 500,
  message: `failed to convert new object (a/b; apps/v1, Kind=Deployment) to proper version: unable to convert unstructured object to apps/v1, Kind=Deployment: ${fault}`,
  told,
});

const notDecoded = (name: string, fault: string, told: string): Row => ({
  name: `decoding: ${name}`,
  http: 400,
  message: `Deployment in version "v1" cannot be handled as a Deployment: ${fault}`,
  told,
});

const QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const UNCHECKED =
  "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

const STATEFULSET =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const CLAIM =
  "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

const rows: readonly Row[] = [
  invalid(
    "validation: the value, and the reason that repeats it",
    [
      [
        "FieldValueInvalid",
        "spec.schedule",
        `Invalid value: "${SECRET}": expected exactly 5 fields, found 1: [${SECRET}]`,
      ],
      ["FieldValueInvalid", "spec.timeZone", `Invalid value: "${SECRET}": unknown time zone ${SECRET}`],
    ],
    "spec.schedule: Invalid value; spec.timeZone: Invalid value",
  ),
  invalid(
    "validation: an unknown word of a list",
    [["FieldValueNotSupported", "spec.type", `Unsupported value: "${SECRET}": supported values: "ClusterIP"`]],
    "spec.type: Unsupported value",
  ),
  invalid(
    "validation: a reference to nothing",
    [["FieldValueNotFound", "spec.containers[0].volumeMounts[0].name", `Not found: "${SECRET}"`]],
    "spec.containers[…].volumeMounts[…].name: Not found",
  ),
  invalid(
    "validation: the key of a map, once",
    [
      ["FieldValueInvalid", `spec.hard[${SECRET}]`, `Invalid value: "${SECRET}": name part must consist of …`],
      [
        "FieldValueInvalid",
        `spec.hard[${SECRET}]`,
        `Invalid value: "${SECRET}": must be a standard resource for quota`,
      ],
    ],
    "spec.hard[…]: Invalid value",
  ),
  invalid(
    "validation: a key that looks like the end of a path",
    [
      [
        "FieldValueInvalid",
        `data[a].${SECRET}]`,
        `Invalid value: "a].${SECRET}": a valid config key must consist of …`,
      ],
    ],
    "data[…]…: Invalid value",
  ),
  invalid(
    "validation: the key of a map, in a custom resource",
    [["FieldValueTooLong", `spec.limits.${SECRET}.short`, "Too long: may not be more than 2 bytes"]],
    "spec.limits…: Too long: may not be more than 2 bytes",
  ),
  invalid(
    "validation: a wrong type, in a custom resource",
    [
      [
        "FieldValueTypeInvalid",
        "spec.date",
        `Invalid value: "${SECRET}": spec.date in body must be of type date-time: "${SECRET}"`,
      ],
      ["FieldValueRequired", "spec.must", "Required value"],
      ["FieldValueInvalid", "<nil>", UNCHECKED],
    ],
    "spec.date: Invalid type; spec.must: Required value; the object: Invalid value",
  ),
  invalid(
    "validation: two of the same in a list",
    [["FieldValueDuplicate", "spec.items[1]", `Duplicate value: {"name":"${SECRET}"}`]],
    "spec.items[…]: Duplicate value",
  ),
  invalid(
    "validation: a whole object, and what cannot be changed",
    [["FieldValueInvalid", "spec.selector", `Invalid value: {"matchLabels":{"x":"${SECRET}"}}: field is immutable`]],
    "spec.selector: Invalid value: field is immutable",
  ),
  ...[
    ["roleRef", "cannot change roleRef"],
    ["spec.clusterIPs[0]", "may not change once set", "spec.clusterIPs[…]"],
    ["spec.addressType", "field cannot be modified once set"],
    ["spec.template.metadata.labels", "`selector` does not match template `labels`"],
    ["spec.replicas", "must be greater than or equal to 0"],
    ["metadata.labels", "must be no more than 63 bytes"],
  ].map(([field = "", why = "", told = field]) =>
    invalid(
      `validation: words that hold no value: ${why}`,
      [["FieldValueInvalid", field, `Invalid value: {"name":"${SECRET}"}: ${why}`]],
      `${told}: Invalid value: ${why}`,
    ),
  ),
  invalid(
    "validation: the fields of a StatefulSet that may change",
    [["FieldValueForbidden", "spec", `Forbidden: ${STATEFULSET}`]],
    `spec: Forbidden: ${STATEFULSET}`,
  ),
  invalid(
    "validation: known words before a difference",
    [["FieldValueForbidden", "spec", `Forbidden: ${CLAIM}\n@@ -1 +1 @@\n- "VolumeName": "${SECRET}",\n`]],
    `spec: Forbidden: ${CLAIM}`,
  ),
  invalid(
    "validation: known words inside a value",
    [["FieldValueInvalid", "roleRef", `Invalid value: "a: cannot change roleRef ${SECRET}": bad`]],
    "roleRef: Invalid value",
  ),
  invalid(
    "validation: a change that is not allowed, and the difference",
    [
      [
        "FieldValueForbidden",
        "spec",
        `Forbidden: pod updates may not change fields\n@@ -40,8 +40,8 @@\n- "NodeName": "${SECRET}",\n`,
      ],
    ],
    "spec: Forbidden",
  ),
  invalid(
    "validation: an immutable ConfigMap",
    [["FieldValueForbidden", "data", "Forbidden: field is immutable when `immutable` is set"]],
    "data: Forbidden: field is immutable when `immutable` is set",
  ),
  invalid(
    "validation: an object that is too large",
    [["FieldValueTooLong", "[]", "Too long: may not be more than 1048576 bytes"]],
    "the object: Too long: may not be more than 1048576 bytes",
  ),
  invalid(
    "validation: a merge patch, quoted with all that the object holds",
    [
      [
        "FieldValueInvalid",
        "patch",
        `Invalid value: "{\\"data\\":{\\"${SECRET}\\":1}}": strict decoding error: unknown field "${SECRET}"`,
      ],
    ],
    "patch: Invalid value",
  ),
  {
    name: "validation: nothing that is known",
    http: 422,
    message: `Widget "a" is invalid: ${SECRET}`,
    told: "the server's audit log says why (its words may quote the object)",
  },
  {
    name: "a bad request of unknown form",
    http: 400,
    message: `cannot do with ${SECRET}`,
    told: "the server's audit log says why (its words may quote the object)",
  },

  typedPatch(
    "a string for a number",
    ".spec.replicas: expected numeric (int or float), got string",
    "spec.replicas: expected numeric",
  ),
  typedPatch("a string for a map", `.data: expected map, got &{${SECRET}}`, "data: expected map"),
  typedPatch(
    "a number for a string",
    `.data.${SECRET}: expected string, got &value.valueUnstructured{Value:5}`,
    "data…: expected string",
  ),
  typedPatch(
    "two of the same in a list",
    `.spec.template.spec.containers[name="c"].env: duplicate entries for key [name="${SECRET}"]`,
    "spec.template.spec.containers[…].env: duplicate entries",
  ),
  typedPatch(
    "in a list with keys like brackets",
    `.spec.containers[name="a]${SECRET}\\""].image: expected string, got &{[]}`,
    "spec.containers[…].image: expected string",
  ),
  typedPatch(
    "an unknown field",
    ".spec.replicsa: field not declared in schema",
    "spec.replicsa: field not declared in schema",
  ),
  typedPatch(
    "an unknown field that is data",
    `.${SECRET}: field not declared in schema`,
    "…: field not declared in schema",
  ),
  typedPatch(
    "several",
    `errors:\n  .spec.paused: expected boolean, got &{${SECRET}}\n  .spec.nope: field not declared in schema`,
    "spec.paused: expected boolean; spec.nope: field not declared in schema",
  ),
  typedPatch("of unknown form", `.spec.x: element 2: ${SECRET}`, "the object does not fit its kind"),

  notConverted("a quantity", QUANTITY, "a quantity is malformed"),
  notConverted("base64", "error decoding from json: illegal base64 data at input byte 6", "what must be base64 is not"),
  notConverted(
    "a time",
    `parsing time "${SECRET}" as "2006": cannot parse "${SECRET}" as "2006"`,
    "a time is malformed",
  ),

  notDecoded(
    "a wrong type",
    "json: cannot unmarshal number 5.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    "spec.replicas: Invalid type",
  ),
  notDecoded(
    "fields that are unknown, or there twice",
    `strict decoding error: duplicate field "spec.replicas", unknown field "spec.containers[0].${SECRET}", unknown field "spec.x"`,
    "spec.replicas: duplicate field; spec.containers[…]…: unknown field; spec.x: unknown field",
  ),
  notDecoded("a quantity", QUANTITY, "a quantity is malformed"),
  notDecoded(
    "as the embedded server says it",
    `json: data.${SECRET}: expected string, got number`,
    "data…: expected string",
  ),
  notDecoded("another kind", `no kind "${SECRET}" is registered for version "v1"`, "the object does not fit its kind"),

  {
    name: "a conflict: its fields and managers, without the keys of lists",
    http: 409,
    message: `Apply failed with 2 conflicts: conflicts with "kubectl edit" using v1:\n- .spec.env[name="${SECRET}"].value\n- .metadata.annotations.example.com/cost-centre`,
    causes: [["FieldManagerConflict", `.spec.env[name="${SECRET}"].value`, 'conflict with "kubectl edit" using v1']],
    told: 'Apply failed with 2 conflicts: conflicts with "kubectl edit" using v1:\n- .spec.env[…].value\n- .metadata.annotations.example.com/cost-centre',
  },

  {
    name: "a permission",
    http: 403,
    message: 'services "s" is forbidden: User "system:anonymous" cannot patch resource "services" in API group ""',
    told: 'services "s" is forbidden: User "system:anonymous" cannot patch resource "services" in API group ""',
  },
  {
    name: "a quota",
    http: 403,
    message:
      'secrets "s" is forbidden: exceeded quota: q, requested: count/secrets=1, used: count/secrets=0, limited: count/secrets=0',
    told: 'secrets "s" is forbidden: exceeded quota: q, requested: count/secrets=1, used: count/secrets=0, limited: count/secrets=0',
  },
  {
    name: "a policy that says of the object what its author wants: it stays",
    http: 422,
    message: `configmaps "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no: ${SECRET}`,
    told: `configmaps "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no: ${SECRET}`,
  },
  {
    name: "a webhook with words of its own",
    http: 400,
    message: 'admission webhook "policy.example.com" denied the request: images come from our registry',
    told: 'admission webhook "policy.example.com" denied the request: images come from our registry',
  },
  {
    name: "a webhook that validates as the API server does",
    http: 422,
    message: `admission webhook "v.example.com" denied the request: Widget.example.com "a" is invalid: spec.x: Invalid value: "${SECRET}": bad`,
    causes: [["FieldValueInvalid", "spec.x", `Invalid value: "${SECRET}": bad`]],
    told: 'admission webhook "v.example.com" denied the request: spec.x: Invalid value',
  },
  {
    name: "a webhook that quotes validation in its words",
    http: 403,
    message: `admission webhook "v.example.com" denied the request: [spec.x: Invalid value: "a\\"${SECRET}": must be short, spec.y: Not found: "${SECRET}"]`,
    told: 'admission webhook "v.example.com" denied the request: [spec.x: Invalid value: …: must be short, spec.y: Not found: …]',
  },
  {
    name: "a webhook that quotes validation of more than a word",
    http: 403,
    message: `admission webhook "v.example.com" denied the request: spec.x: Invalid value: {"a":"${SECRET}: x"}: bad`,
    told: 'admission webhook "v.example.com" denied the request: spec.x: Invalid value: …',
  },
  {
    name: "a webhook that is down",
    http: 500,
    message:
      'Internal error occurred: failed calling webhook "down.example.com": dial tcp 10.0.0.1:443: connection refused',
    told: 'Internal error occurred: failed calling webhook "down.example.com": dial tcp 10.0.0.1:443: connection refused',
  },
  {
    name: "a list, with which no object was sent",
    http: 400,
    about: "collection",
    message: '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
    told: '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
  },
  {
    name: "a body that is too large",
    http: 413,
    message: "Request entity too large: limit is 3145728",
    told: "Request entity too large: limit is 3145728",
  },
];

for (const { name, http, message, causes = [], about = "object", told } of rows) {
  test(`refusal words: ${name}`, () => {
    const details = { causes: causes.map(([reason, field, said]) => ({ reason, field, message: said })) };
    const body = status(http, "", details, message);
    assert.equal(refusal("apply it", { httpCode: http, headers: {}, body }, about).what, `apply it: ${told}`);
  });
}
