/**
 * What a cell's thread says, looked at before it is believed: a function that got hold of its thread's inside can say
 * anything. Whether effects are effects is looked at elsewhere; here, that nothing else surprises the host.
 */
import { checkedQuery, kindFault } from "../../cache/read-arguments.ts";
import { meanings } from "../../kube/errors.ts";
import { isAnyObject, type JsonRecord } from "../../kube/json.ts";
import { notPlain, PlainWalk } from "../plain-data.ts";
import type { Told } from "./thread-messages.ts";
import { MAX_CAUSES, MAX_ERROR_CHARS } from "./sent-error.ts";

/** `value` itself, now known to be what a thread can say; undefined when it is not. Never throws. */
export function checkedTold(value: unknown): Told | undefined {
  try {
    return isAnyObject(value) && isTold(value) ? (value as unknown as Told) : undefined;
  } catch {
    return undefined;
  }
}

function isTold(told: JsonRecord): boolean {
  switch (told["type"]) {
    case "read":
      return isText(told["path"]) && (told["text"] === undefined || isText(told["text"]));
    case "loaded":
      return isDeclaration(told["declaration"]);
    case "failed":
      return isError(told["error"]);
    case "printed":
      return isText(told["text"]);
    case "done":
      return isList(
        told["outcomes"],
        (done) => isAnyObject(done) && typeof done["id"] === "number" && isOutcome(done["outcome"]),
      );
    default:
      return false;
  }
}

function isDeclaration(value: unknown): boolean {
  return (
    isAnyObject(value) &&
    isQuery(value["watches"]) &&
    isList(value["reads"], isQuery) &&
    isList(value["writes"], isKind) &&
    isList(value["applies"], isKind) &&
    isList(
      value["subresources"],
      (part) => isAnyObject(part) && isKind(part["of"]) && isSubresource(part["subresource"]),
    )
  );
}

function isSubresource(value: unknown): boolean {
  return value === "status" || value === "scale";
}

function isOutcome(value: unknown): boolean {
  if (!isAnyObject(value)) return false;
  if ("reading" in value) return isReading(value["reading"]);
  if ("missing" in value) return isList(value["missing"], isAsked);
  if (!isList(value["reads"], isRead)) return false;
  // A run's errors are ours or terminal: they are made so where the function is called.
  return "error" in value ? isError(value["error"]) && !("thrown" in value["error"]) : "effects" in value;
}

function isRead(value: unknown): boolean {
  return Array.isArray(value) && isText(value[0]) && typeof value[1] === "number";
}

function isReading(value: unknown): boolean {
  if (!isAnyObject(value)) return false;
  if (!("issues" in value)) return "config" in value && notPlain(value["config"]) === undefined;
  return isList(
    value["issues"],
    (issue) => isAnyObject(issue) && isText(issue["message"]) && isList(issue["path"], isStep),
  );
}

function isStep(value: unknown): boolean {
  return isText(value) || typeof value === "number";
}

function isQuery(value: unknown): boolean {
  // It throws for what is none.
  return (
    isAnyObject(value) && "where" in value && isKind(value["kind"]) && Boolean(checkedQuery("a read", value as never))
  );
}

/** What has gone can be asked for, not declared. */
function isAsked(value: unknown): boolean {
  return isAnyObject(value) && isQuery(value["part"] === "departed" ? { ...value, part: "metadata" } : value);
}

function isKind(value: unknown): boolean {
  return kindFault(value) === undefined;
}

function isError(value: unknown, depth = 0): value is JsonRecord {
  if (!isAnyObject(value) || depth > MAX_CAUSES) return false;
  if ("terminal" in value) return isSentence(value["terminal"]);
  if ("thrown" in value) return isThrown(value["thrown"]);
  const { ours, what, stack, cause } = value;
  const isKnown = isText(ours) && Object.hasOwn(meanings, ours);
  return (
    isKnown &&
    isSentence(what) &&
    (stack === undefined || isSentence(stack)) &&
    (cause === undefined || isError(cause, depth + 1))
  );
}

function isThrown(value: unknown): boolean {
  if (Error.isError(value)) return isSentence(value.message) && (value.stack === undefined || isSentence(value.stack));
  const walk = new PlainWalk();
  return walk.fault(value) === undefined && walk.charCount <= 2 * MAX_ERROR_CHARS;
}

function isSentence(value: unknown): boolean {
  return isText(value) && value.length <= MAX_ERROR_CHARS;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Dense: a list of a billion holes is read for a long time. */
function isList(value: unknown, isItem: (item: unknown) => boolean): boolean {
  if (!Array.isArray(value)) return false;
  for (let i = 0; i < value.length; i++) if (!isItem(value[i])) return false;
  return true;
}
