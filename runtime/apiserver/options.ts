/** Query parameters of each verb, read and checked. Source: apimachinery internalversion/validation and meta/v1/validation. */
import type { FieldValidation } from "./request-body.ts";
import { type FieldError, badRequest, field, invalid } from "./status.ts";

export interface ListOptions {
  /** 0 = no limit. */
  readonly limit: number;
  readonly continueToken: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly watch: boolean;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  /** Undefined = the server chooses. */
  readonly timeoutSeconds: number | undefined;
}

/** @throws ApiError 400 for a value that does not parse, 422 for options that do not go together. */
export function listOptions(query: URLSearchParams): ListOptions {
  const sendInitialEvents = query.get("sendInitialEvents");
  const options: ListOptions = {
    // kubectl's --chunk-size=-1 arrives as it is.
    limit: Math.max(0, integer(query, "limit") ?? 0),
    continueToken: query.get("continue") ?? "",
    resourceVersion: query.get("resourceVersion") ?? "",
    resourceVersionMatch: query.get("resourceVersionMatch") ?? "",
    labelSelector: query.get("labelSelector") ?? "",
    fieldSelector: query.get("fieldSelector") ?? "",
    watch: flag(query, "watch"),
    allowWatchBookmarks: flag(query, "allowWatchBookmarks"),
    sendInitialEvents: sendInitialEvents === null ? undefined : flag(query, "sendInitialEvents"),
    timeoutSeconds: integer(query, "timeoutSeconds"),
  };
  const errors = options.watch ? watchErrors(options) : listErrors(options);
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors);
  return startsWithState(options) ? { ...options, sendInitialEvents: true } : options;
}

/** A watch from nowhere is a WatchList that was not asked for. Source: internalversion SetListOptionsDefaults. */
function startsWithState({ watch, sendInitialEvents, resourceVersion, resourceVersionMatch }: ListOptions): boolean {
  const asksNothing = sendInitialEvents === undefined && resourceVersionMatch === "";
  return watch && asksNothing && (resourceVersion === "" || resourceVersion === "0");
}

function listErrors({
  resourceVersionMatch: match,
  resourceVersion,
  continueToken,
  sendInitialEvents,
}: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const path = "resourceVersionMatch";
  if (match !== "") {
    if (resourceVersion === "")
      errors.push(field.forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
    if (continueToken !== "")
      errors.push(field.forbidden(path, "resourceVersionMatch is forbidden when continue is provided"));
    if (match !== "Exact" && match !== "NotOlderThan")
      errors.push(field.notSupported(path, match, ["Exact", "NotOlderThan", ""]));
    if (match === "Exact" && resourceVersion === "0")
      errors.push(field.forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (sendInitialEvents !== undefined)
    errors.push(field.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  return errors;
}

function watchErrors({ resourceVersionMatch: match, continueToken, sendInitialEvents }: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const path = "resourceVersionMatch";
  if (sendInitialEvents !== undefined && match !== "NotOlderThan")
    errors.push(field.forbidden(path, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  if (match === "") return errors;
  if (sendInitialEvents === undefined)
    errors.push(
      field.forbidden(path, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"),
    );
  if (match !== "NotOlderThan") errors.push(field.notSupported(path, match, ["NotOlderThan"]));
  if (continueToken !== "")
    errors.push(field.forbidden(path, "resourceVersionMatch is forbidden when continue is provided"));
  return errors;
}

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  /** Only for apply. */
  readonly force: boolean | undefined;
}

/** @param kind of the options, named in refusals: `CreateOptions`. @throws ApiError 422 */
export function writeOptions(query: URLSearchParams, kind: string): WriteOptions {
  const errors: FieldError[] = [];
  const validation = query.get("fieldValidation") ?? "";
  const fieldValidation = validation === "" ? "Warn" : validation;
  if (!isFieldValidation(fieldValidation))
    errors.push(field.notSupported("fieldValidation", fieldValidation, ["", "Ignore", "Strict", "Warn"]));
  const dryRun = isDryRun(query.getAll("dryRun"), errors);
  const fieldManager = query.get("fieldManager") ?? "";
  if (fieldManager.length > 128) errors.push(field.tooLong("fieldManager", 128));
  const at = fieldManager.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u);
  if (at !== -1)
    errors.push(field.invalid("fieldManager", fieldManager, `character at position ${at} is not printable`));
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind }, "", errors);
  return {
    dryRun,
    fieldManager,
    fieldValidation: isFieldValidation(fieldValidation) ? fieldValidation : "Warn",
    force: query.has("force") ? flag(query, "force") : undefined,
  };
}

function isFieldValidation(value: string): value is FieldValidation {
  return value === "Strict" || value === "Warn" || value === "Ignore";
}

/** Adds to `errors` when a value is not All: an empty one must not become a real write. */
export function isDryRun(values: readonly string[], errors: FieldError[]): boolean {
  if (values.some((value) => value !== "All")) errors.push(field.notSupported("dryRun", values, ["All"]));
  return values.length > 0;
}

export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== "false" && value !== "0";
}

export function integer(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === "") return undefined;
  if (!/^-?\d+$/.test(value)) throw badRequest(`strconv.ParseInt: parsing "${value}": invalid syntax`);
  return Number(value);
}
