/** The schemas of the embedded server beside those that a real kube-apiserver publishes: what keeps them true. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Agent, request } from "undici";
import { type Json, type JsonObject, asObject, at, isList } from "../../../runtime/apiserver/object.ts";
import { BUILT_IN } from "../../../runtime/apiserver/resources/resource-table.ts";
import { type Resource, groupVersion } from "../../../runtime/apiserver/resources/resource.ts";
import type { ControlPlane } from "../../controlplane/control-plane.ts";
import { describeOnControlPlane } from "../../controlplane/on-control-plane.ts";

describeOnControlPlane("schemas", { controllers: [] }, (controlPlane) => {
  for (const resource of BUILT_IN.filter(({ answer }) => answer === undefined))
    test(`${groupVersion(resource)} ${resource.kind} has the fields of the real one, and merges them alike`, async () => {
      const definitions = asObject(at(await openApi(controlPlane(), resource), "components", "schemas"));
      const theirs = Object.values(definitions).find((schema) => isOf(resource, schema)) ?? {};
      assert.deepEqual(differences(definitions, JSON.parse(JSON.stringify(resource.schema)), theirs, ""), []);
    });
});

async function openApi({ url, caFile, adminToken }: ControlPlane, { group, version }: Resource): Promise<JsonObject> {
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile) } });
  const path = group === "" ? `api/${version}` : `apis/${group}/${version}`;
  const headers = { authorization: `Bearer ${adminToken}` };
  const { body } = await request(`${url}/openapi/v3/${path}`, { headers, dispatcher });
  const document = asObject(JSON.parse(await body.text()));
  await dispatcher.close();
  return document;
}

function isOf({ group, version, kind }: Resource, schema: Json | undefined): boolean {
  const kinds = at(schema, "x-kubernetes-group-version-kind");
  return (
    isList(kinds) &&
    kinds.some((one) => at(one, "kind") === kind && at(one, "group") === group && at(one, "version") === version)
  );
}

/** How a value is told apart, merged and owned. */
const MERGING = [
  "x-kubernetes-list-map-keys",
  "x-kubernetes-map-type",
  "x-kubernetes-patch-merge-key",
  "x-kubernetes-patch-strategy",
];

function differences(
  definitions: JsonObject,
  ours: JsonObject,
  reference: Json | undefined,
  path: string,
): readonly string[] {
  if (ours["x-kubernetes-preserve-unknown-fields"] === true) return [];
  const theirs = resolved(definitions, reference);
  const [mine, real] = [ours, theirs].map((schema) =>
    JSON.stringify([typeOf(schema), MERGING.map((name) => schema[name] ?? null)]),
  );
  const own = mine === real ? [] : [`${path}: ${mine}, not ${real}`];
  const fields = new Set([
    ...Object.keys(asObject(ours["properties"])),
    ...Object.keys(asObject(theirs["properties"])),
  ]);
  const inner = [...fields].flatMap((field) => {
    const [here, there] = [at(ours, "properties", field), at(theirs, "properties", field)];
    if (here === undefined || there === undefined)
      return [`${path}.${field}: only ${here === undefined ? "there" : "here"}`];
    return differences(definitions, asObject(here), there, `${path}.${field}`);
  });
  const below = ["items", "additionalProperties"].flatMap((part) =>
    ours[part] === undefined ? [] : differences(definitions, asObject(ours[part]), theirs[part], `${path}[]`),
  );
  return [...own, ...inner, ...below];
}

/** With what a `$ref` stands for. */
function resolved(definitions: JsonObject, schema: Json | undefined): JsonObject {
  const { allOf, ...rest } = asObject(schema);
  const [reference] = isList(allOf) ? allOf : [];
  const name = at(reference, "$ref") ?? at(schema, "$ref");
  return typeof name === "string" ? { ...asObject(definitions[name.split("/").at(-1) ?? ""]), ...rest } : rest;
}

function typeOf(schema: JsonObject): readonly (Json | undefined)[] {
  const { type, format = "", oneOf, "x-kubernetes-int-or-string": intOrString } = schema;
  if (type === "array") return [schema["x-kubernetes-list-type"] ?? "atomic", "list"];
  if (intOrString === true || format === "int-or-string") return ["int or string"];
  if (format === "quantity" || (oneOf !== undefined && format === "")) return ["quantity"];
  return [type, format === "micro-time" ? "date-time" : format];
}
