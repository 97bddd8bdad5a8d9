/** Reads what a client sent: size, media type, JSON or YAML, then the form of the kind. */
import { parse as parseYaml } from "yaml";
import { type ApiObject, type Json, type JsonObject, isApiObject, isObject } from "./object.ts";
import { PROTOBUF, parseProtobuf } from "./protobuf.ts";
import { messageOf } from "./resources/messages.ts";
import { type Resource, groupVersion } from "./resources/resource.ts";
import { decode } from "./schema.ts";
import { badRequest, field, invalid, tooLarge, unsupportedMediaType } from "./status.ts";

/** Source: apiserver config MaxRequestBodyBytes. */
const BODY_LIMIT_BYTES = 3 * 1024 * 1024;
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

/** The body of a create, an update or a delete. @throws ApiError 415 for another media type, 400 for bad text. */
export function parseObject(body: Body): JsonObject {
  if (body.mediaType !== "" && !OBJECT_TYPES.includes(body.mediaType)) throw unsupportedMediaType(OBJECT_TYPES);
  if (body.mediaType === PROTOBUF) return parseProtobuf(body.bytes, messageOf);
  const value = parseJson(body, body.mediaType === "application/yaml");
  if (!isObject(value)) throw badRequest("the object provided is unrecognized: it is not a JSON object");
  return value;
}

/** @throws ApiError 400 */
export function parseJson({ bytes }: Body, yamlAllowed = false): Json {
  const text = bytes.toString("utf8");
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch (error) {
    if (yamlAllowed) return parseYamlText(text);
    throw badRequest(`the body is not valid JSON: ${reason(error)}`);
  }
}

function parseYamlText(text: string): Json {
  try {
    const value: Json = parseYaml(text);
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

/**
 * `value` in the form of its kind; a missing kind and apiVersion are filled in.
 * @throws ApiError 400 for another kind or version, a wrong type, or an unknown field under Strict.
 */
export function typedObject(resource: Resource, value: JsonObject, validation: FieldValidation): Typed {
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
  const { object, warnings, typeErrors } = shaped(resource, { ...value, kind, apiVersion });
  if (typeErrors.length > 0) throw badRequest(`${refused}: json: ${typeErrors.join(", ")}`);
  if (validation === "Strict" && warnings.length > 0)
    throw badRequest(`${refused}: strict decoding error: ${warnings.join(", ")}`);
  return { object, warnings: validation === "Ignore" ? [] : warnings };
}

/**
 * The same for what a patch made; faults are about the patch, hence 422, and the patch is quoted. The real server does so
 * for a strategic one; of the others it quotes the whole outcome, managedFields included, in which the fault is lost.
 */
export function typedAfterPatch(
  resource: Resource,
  value: JsonObject,
  patch: Body,
  validation: FieldValidation,
): Typed {
  const { object, warnings, typeErrors } = shaped(resource, value);
  const faults = [
    ...typeErrors.map((error) => `json: ${error}`),
    ...(validation === "Strict" && warnings.length > 0 ? [`strict decoding error: ${warnings.join(", ")}`] : []),
  ];
  if (faults.length > 0)
    throw invalid(
      { group: "", kind: "" },
      "",
      faults.map((fault) => field.invalid("patch", patch.bytes.toString("utf8"), fault)),
    );
  return { object, warnings: validation === "Ignore" ? [] : warnings };
}

function shaped(resource: Resource, value: JsonObject): Typed & { readonly typeErrors: readonly string[] } {
  const { value: known, unknownFields, typeErrors } = decode(resource.schema, value);
  const framed = { ...known, metadata: known["metadata"] ?? {} };
  if (!isApiObject(framed)) throw badRequest(`the object has no kind, apiVersion or metadata`);
  return { object: framed, warnings: unknownFields.map((name) => `unknown field "${name}"`), typeErrors };
}
