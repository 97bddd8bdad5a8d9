/** Reads what a client sent: size, media type, JSON or YAML, then the form of the kind. */
import { type ParseOptions, type DocumentOptions, type SchemaOptions, parseAllDocuments } from "yaml";
import { PROTOBUF } from "../kube/protobuf.ts";
import { duplicatesInJson, duplicatesInYaml } from "./duplicate-fields.ts";
import { type ApiObject, type Json, type JsonObject, isApiObject, isObject } from "./object.ts";
import { parseProtobuf } from "./protobuf.ts";
import { messageOf } from "./resources/messages.ts";
import { type Resource, groupVersion } from "./resources/resource.ts";
import { decode } from "./schema.ts";
import { badRequest, field, invalid, tooLarge, unsupportedMediaType } from "./status.ts";
import { goQuoted } from "./warnings.ts";

/** Source: apiserver config MaxRequestBodyBytes. */
const BODY_LIMIT_BYTES = 3 * 1024 * 1024;
/** Unknown fields that are told of. Source: sigs.k8s.io/json internal saveStrictError. */
const MAX_UNKNOWN = 100;
const OBJECT_TYPES = ["application/json", "application/yaml", PROTOBUF];

export type FieldValidation = "Strict" | "Warn" | "Ignore";

export interface Body {
  /** Lower case, without parameters; empty when the client named none. */
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** @throws ApiError 413 above 3 MiB. */
export async function readBody(request: Request): Promise<Body> {
  const mediaType = (request.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > BODY_LIMIT_BYTES) throw tooLarge(BODY_LIMIT_BYTES);
    chunks.push(chunk);
  }
  return { mediaType, bytes: Buffer.concat(chunks) };
}

/** A text that was read as JSON or YAML. */
export interface Parsed<T extends Json = Json> {
  readonly value: T;
  /** A warning for each field that the text names twice. Looked for when it is asked for. */
  readonly duplicates: () => readonly string[];
}

/** The body of a create, an update or a delete. @throws ApiError 415 for another media type, 400 for bad text. */
export function parseObject(body: Body): Parsed<JsonObject> {
  if (body.mediaType !== "" && !OBJECT_TYPES.includes(body.mediaType)) throw unsupportedMediaType(OBJECT_TYPES);
  if (body.mediaType === PROTOBUF) return { value: parseProtobuf(body.bytes, messageOf), duplicates: () => [] };
  const { value, duplicates } = parseText(body, body.mediaType === "application/yaml");
  if (!isObject(value)) throw badRequest("the object provided is unrecognized: it is not a JSON object");
  return { value, duplicates };
}

/** @throws ApiError 400 */
export function parseText({ bytes }: Body, yamlAllowed = false): Parsed {
  const text = bytes.toString("utf8");
  const value = parseJson(text, yamlAllowed);
  return { value, duplicates: () => (yamlAllowed ? duplicatesInYaml(text, value) : duplicatesInJson(text, value)) };
}

function parseJson(text: string, yamlAllowed: boolean): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch (error) {
    if (yamlAllowed) return parseYamlText(text);
    throw badRequest(`the body is not valid JSON: ${reason(error)}`);
  }
}

/** YAML 1.1, in which `on` is true, without its times and its numbers to the base of 60. Source: go.yaml.in/yaml/v2. */
const GO_YAML: ParseOptions & DocumentOptions & SchemaOptions = {
  version: "1.1",
  uniqueKeys: false,
  customTags: (tags) => tags.filter((tag) => typeof tag === "string" || (tag.format !== "TIME" && !isTime(tag.tag))),
};

function isTime(tag: string): boolean {
  return tag === "tag:yaml.org,2002:timestamp";
}

function parseYamlText(text: string): Json {
  try {
    // Of several documents the first counts.
    const [first] = parseAllDocuments(text, GO_YAML);
    const fault = first?.errors[0];
    if (fault !== undefined) throw fault;
    const value: Json = first?.toJS() ?? null;
    return value;
  } catch (error) {
    throw badRequest(`error decoding YAML: ${reason(error)}`);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Typed {
  readonly object: ApiObject;
  readonly warnings: readonly string[];
}

/** The body of a create or an update, in the form of its kind. @throws ApiError 400, 413, 415 */
export async function readObject(request: Request, resource: Resource, validation: FieldValidation): Promise<Typed> {
  return typedObject(resource, parseObject(await readBody(request)), validation);
}

/**
 * What was sent, in the form of its kind; a missing kind and apiVersion are filled in.
 * @throws ApiError 400 for another kind or version, a wrong type, or an unknown or doubled field under Strict.
 */
export function typedObject(
  resource: Resource,
  { value, duplicates }: Parsed<JsonObject>,
  validation: FieldValidation,
): Typed {
  const kind = value["kind"] ?? resource.kind;
  const apiVersion = value["apiVersion"] ?? groupVersion(resource);
  if (apiVersion !== groupVersion(resource)) {
    const given = typeof apiVersion === "string" ? apiVersion : "";
    throw badRequest(
      `the API version in the data (${given}) does not match the expected API version (${groupVersion(resource)})`,
    );
  }
  const refused = `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}`;
  if (kind !== resource.kind) {
    const given = typeof kind === "string" ? kind : "";
    throw badRequest(`${given} in version "${resource.version}" cannot be handled as a ${resource.kind}`);
  }
  const { object, unknown, typeErrors } = shaped(resource, value);
  if (typeErrors.length > 0) throw badRequest(`${refused}: json: ${typeErrors.join(", ")}`);
  const warnings = validation === "Ignore" ? [] : [...duplicates(), ...unknown];
  if (validation === "Strict" && warnings.length > 0)
    throw badRequest(`${refused}: strict decoding error: ${warnings.join(", ")}`);
  return { object, warnings };
}

/**
 * The same for what a patch made; faults are about the patch, hence 422, and the patch is quoted. The real server does so
 * for a strategic one; of the others it quotes the whole outcome, managedFields included, in which the fault is lost.
 */
export function typedAfterPatch(
  resource: Resource,
  { value, duplicates }: Parsed<JsonObject>,
  patch: Body,
  validation: FieldValidation,
): Typed {
  const { object, unknown, typeErrors } = shaped(resource, value);
  const { kind, apiVersion } = object;
  const warnings = validation === "Ignore" ? [] : [...duplicates(), ...unknown];
  const faults = [
    ...(kind === resource.kind && apiVersion === groupVersion(resource)
      ? []
      : [`no kind "${kind}" is registered for version "${apiVersion}"`]),
    ...typeErrors.map((error) => `json: ${error}`),
    ...(validation === "Strict" && warnings.length > 0 ? [`strict decoding error: ${warnings.join(", ")}`] : []),
  ];
  if (faults.length > 0)
    throw invalid(
      { group: "", kind: "" },
      "",
      faults.map((fault) => field.invalid("patch", patch.bytes.toString("utf8"), fault)),
    );
  return { object, warnings };
}

interface Shaped {
  readonly object: ApiObject;
  /** A warning for each field that the kind does not have. */
  readonly unknown: readonly string[];
  readonly typeErrors: readonly string[];
}

/** What a typed server keeps of an object, with what it fills in. @throws ApiError 400 */
export function shaped(resource: Resource, value: JsonObject): Shaped {
  const { value: known, unknownFields, typeErrors } = decode(resource.schema, value);
  const framed = { apiVersion: groupVersion(resource), kind: resource.kind, metadata: {}, ...known };
  if (!isApiObject(framed)) throw badRequest(`the object has no kind, apiVersion or metadata`);
  return {
    object: framed,
    unknown: unknownFields.slice(0, MAX_UNKNOWN).map((name) => `unknown field ${goQuoted(name)}`),
    typeErrors,
  };
}
