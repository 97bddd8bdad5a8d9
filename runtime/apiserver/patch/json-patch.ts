/** RFC 6902: a list of operations, all of which succeed or none. */
import { own } from "../../kube/json.ts";
import { type Json, type JsonObject, equal, isList, isObject } from "../object.ts";
import { badRequest, unprocessable } from "../status.ts";

/** An operation count above this is refused, as the real server does. Source: handlers/patch.go maxJSONPatchOperations. */
const MAX_OPERATIONS = 10_000;

type Path = readonly string[];

/** @throws ApiError 400 when `patch` is not a JSON patch, 422 when an operation cannot be carried out. */
export function applyJsonPatch(document: JsonObject, patch: Json): JsonObject {
  if (!isList(patch)) throw badRequest("json patch: the patch is not a list of operations");
  if (patch.length > MAX_OPERATIONS)
    throw badRequest(`The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`);
  const result = patch.reduce<Json>((current, operation) => step(current, operation), document);
  if (!isObject(result)) throw unprocessable("the result is not an object");
  return result;
}

function step(document: Json, operation: Json): Json {
  if (!isObject(operation)) throw badRequest("json patch: an operation is not an object");
  const path = pointer(operation["path"]);
  const op = typeof operation["op"] === "string" ? operation["op"] : "";
  switch (op) {
    case "add":
      return add(document, path, valueOf(operation));
    case "remove":
      return remove(document, path);
    case "replace":
      return add(remove(document, path), path, valueOf(operation));
    case "move": {
      const from = pointer(operation["from"]);
      return add(remove(document, from), path, get(document, from));
    }
    case "copy":
      return add(document, path, get(document, pointer(operation["from"])));
    case "test":
      return test(document, path, operation["value"] ?? null);
    default:
      throw badRequest(`json patch: unexpected operation "${op}"`);
  }
}

function test(document: Json, path: Path, wanted: Json): Json {
  const found = find(document, path) ?? null;
  if (!equal(found, wanted)) throw unprocessable(`testing value ${text(path)} failed: test failed`);
  return document;
}

function valueOf(operation: JsonObject): Json {
  const value = operation["value"];
  if (value === undefined) throw badRequest("json patch: an operation has no value");
  return value;
}

function pointer(text: Json | undefined): Path {
  if (text === "") return [];
  if (typeof text !== "string" || !text.startsWith("/"))
    throw badRequest(`json patch: ${JSON.stringify(text)} is not a path`);
  return text
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function text(path: Path): string {
  return path.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function find(value: Json, path: Path): Json | undefined {
  let found: Json | undefined = value;
  for (const part of path) {
    if (isList(found)) found = /^(0|[1-9]\d*)$/.test(part) ? found[Number(part)] : undefined;
    else if (isObject(found)) found = own(found, part);
    else return undefined;
  }
  return found;
}

function get(document: Json, path: Path): Json {
  const found = find(document, path);
  if (found === undefined) throw missing(path);
  return found;
}

function missing(path: Path): Error {
  return unprocessable(`the path ${text(path)} does not exist`);
}

function add(document: Json, path: Path, value: Json): Json {
  return edit(
    document,
    path,
    path,
    (parent, last) => {
      if (!isList(parent)) return { ...parent, [last]: value };
      const index = last === "-" ? parent.length : Number(last);
      if (!Number.isInteger(index) || index < 0 || index > parent.length) throw missing(path);
      return parent.toSpliced(index, 0, value);
    },
    () => value,
  );
}

function remove(document: Json, path: Path): Json {
  get(document, path);
  return edit(
    document,
    path,
    path,
    (parent, last) => {
      if (isList(parent)) return parent.toSpliced(Number(last), 1);
      return Object.fromEntries(Object.entries(parent).filter(([field]) => field !== last));
    },
    () => ({}),
  );
}

/** Rebuilds the containers from the root to the parent of `path`; `atRoot` makes the result when the path is the root. */
function edit(
  value: Json,
  path: Path,
  whole: Path,
  atParent: (parent: JsonObject | readonly Json[], last: string) => Json,
  atRoot: () => Json,
): Json {
  const [part, ...rest] = path;
  if (part === undefined) return atRoot();
  if (!isList(value) && !isObject(value)) throw missing(whole);
  if (rest.length === 0) return atParent(value, part);
  const child = find(value, [part]);
  if (child === undefined) throw missing(whole);
  const edited = edit(child, rest, whole, atParent, atRoot);
  return isList(value) ? value.with(Number(part), edited) : { ...value, [part]: edited };
}
