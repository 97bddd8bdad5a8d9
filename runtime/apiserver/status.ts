/** Errors as the API server gives them: a Status object with reason, code and details. One constructor per reason. */
import type { JsonObject } from "./object.ts";

interface StatusCause extends JsonObject {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

interface StatusDetails extends JsonObject {
  readonly name?: string;
  readonly group?: string;
  /** The plural resource for NotFound and the like, the Kind for Invalid: so the real server has it. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

interface Status extends JsonObject {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: JsonObject;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** Names a resource in messages: `configmaps`, `leases.coordination.k8s.io`. */
interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

/** The one error that request handling throws; `status` is the response body. */
export class ApiError extends Error {
  readonly status: Status & { readonly code: number };

  constructor(code: number, reason: string, message: string, details?: StatusDetails, metadata: JsonObject = {}) {
    super(message);
    this.name = "ApiError";
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata,
      status: "Failure",
      message,
      ...(reason === "" ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

export function success(details: StatusDetails): Status {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

function qualified({ group, resource }: GroupResource): string {
  return group === "" ? resource : `${resource}.${group}`;
}

function about({ group, resource }: GroupResource, name: string): StatusDetails {
  return { name, ...(group === "" ? {} : { group }), kind: resource };
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

export function notFound(of: GroupResource, name: string): ApiError {
  return new ApiError(404, "NotFound", `${qualified(of)} "${name}" not found`, about(of, name));
}

/** The path names nothing that is served. */
export function unknownPath(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource", {});
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

export function notAcceptable(): ApiError {
  const message = "only the following media types are accepted: application/json, application/json;stream=watch";
  return new ApiError(406, "NotAcceptable", message);
}

/** @param why after "the requested object". */
export function notInThisForm(kind: string, why: string): ApiError {
  return new ApiError(406, "NotAcceptable", `you requested ${kind}, but the requested object ${why}`);
}

export function alreadyExists(of: GroupResource, name: string): ApiError {
  return new ApiError(409, "AlreadyExists", `${qualified(of)} "${name}" already exists`, about(of, name));
}

export const MODIFIED = "the object has been modified; please apply your changes to the latest version and try again";

export function conflict(of: GroupResource, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(of)} "${name}": ${why}`;
  return new ApiError(409, "Conflict", message, about(of, name));
}

export function applyConflict(message: string, causes: readonly StatusCause[]): ApiError {
  return new ApiError(409, "Conflict", message, { causes });
}

export function forbidden(of: GroupResource, name: string, why: string, causes?: readonly StatusCause[]): ApiError {
  const message =
    name === "" ? `${qualified(of)} is forbidden: ${why}` : `${qualified(of)} "${name}" is forbidden: ${why}`;
  return new ApiError(403, "Forbidden", message, { ...about(of, name), ...(causes === undefined ? {} : { causes }) });
}

/** 410: the version asked for is no longer in the history. `continueToken` offers an inconsistent rest of a list. */
export function expired(message: string, continueToken?: string): ApiError {
  return new ApiError(
    410,
    "Expired",
    message,
    undefined,
    continueToken === undefined ? {} : { continue: continueToken },
  );
}

export function tooLarge(limitBytes: number): ApiError {
  return new ApiError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${limitBytes}`);
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  return new ApiError(415, "UnsupportedMediaType", message);
}

/** 422 for a patch that parses and yet cannot be carried out. The real server does not say why; this one adds it. */
export function unprocessable(why: string): ApiError {
  return new ApiError(422, "Invalid", `the server rejected our request due to an error in our request: ${why}`, {});
}

export function internalError(message: string): ApiError {
  return new ApiError(500, "InternalError", `Internal error occurred: ${message}`, {
    causes: [{ reason: "", message }],
  });
}

export function versionTooLarge(wanted: number, current: number): ApiError {
  return new ApiError(504, "Timeout", `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

/** One fault of one field. */
export interface FieldError {
  readonly reason:
    | "FieldValueRequired"
    | "FieldValueInvalid"
    | "FieldValueForbidden"
    | "FieldValueNotSupported"
    | "FieldValueTooLong";
  readonly field: string;
  /** Without the field's name: `Required value: name or generateName is required`. */
  readonly message: string;
}

export const field = {
  required: (path: string, why = ""): FieldError => ({
    reason: "FieldValueRequired",
    field: path,
    message: why === "" ? "Required value" : `Required value: ${why}`,
  }),
  invalid: (path: string, value: unknown, why: string): FieldError => ({
    reason: "FieldValueInvalid",
    field: path,
    message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
  }),
  forbidden: (path: string, why: string): FieldError => ({
    reason: "FieldValueForbidden",
    field: path,
    message: `Forbidden: ${why}`,
  }),
  notSupported: (path: string, value: string | readonly string[], supported: readonly string[]): FieldError => ({
    reason: "FieldValueNotSupported",
    field: path,
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((one) => `"${one}"`).join(", ")}`,
  }),
  /** An empty path is the whole object, which the real server writes as `[]`. */
  tooLong: (path: string, limitBytes: number): FieldError => ({
    reason: "FieldValueTooLong",
    field: path === "" ? "[]" : path,
    message: `Too long: may not be more than ${limitBytes} bytes`,
  }),
};

/** 422, with one cause per field. */
export function invalid(
  of: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): ApiError {
  const lines = errors.map(({ field: path, message }) => `${path}: ${message}`);
  const summary = lines.length === 1 ? (lines[0] ?? "") : `[${lines.join(", ")}]`;
  const kind = of.group === "" ? of.kind : `${of.kind}.${of.group}`;
  return new ApiError(422, "Invalid", `${kind} "${name}" is invalid: ${summary}`, {
    ...(name === "" ? {} : { name }),
    ...(of.group === "" ? {} : { group: of.group }),
    ...(of.kind === "" ? {} : { kind: of.kind }),
    causes: errors.map(({ reason, message, field: path }) => ({ reason, message, field: path })),
  });
}
