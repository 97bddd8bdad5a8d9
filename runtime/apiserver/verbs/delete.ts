/** delete and deletecollection. An object with finalizers is only marked; whoever removes the last one finishes it. */
import type { Call } from "../call.ts";
import { type JsonObject, at, isList } from "../object.ts";
import { type ListOptions, isDryRun } from "../options.ts";
import { parseObject, readBody } from "../request-body.ts";
import { type FieldError, field, invalid, success } from "../status.ts";
import type { StoredVersion } from "../storage/version.ts";
import { joined } from "../bytes.ts";
import type { Preconditions } from "../update-rules.ts";
import { selection } from "./selection.ts";

interface DeleteOptions {
  readonly dryRun: boolean;
  readonly preconditions: Preconditions;
  /** Foreground, by either of its two spellings: the answer is then 202 while the object is still there. */
  readonly foreground: boolean;
}

const POLICIES = new Set(["Background", "Foreground", "Orphan"]);

export async function remove(call: Call): Promise<Response> {
  const options = await deleteOptions(call);
  const target = call.writeTarget("", options.dryRun);
  const { version, gone } = call.services.registry.delete(target, call.name, options.preconditions);
  if (!gone || call.resource.returnsDeleted) return call.answer(version, !gone && options.foreground ? 202 : 200);
  const { group, resource } = call.resource;
  const uid = version.object.metadata.uid ?? "";
  const details = { name: call.name, ...(group === "" ? {} : { group }), kind: resource, uid };
  return call.json(success(details));
}

/** Deletes one after the other; the answer lists what was deleted or marked. */
export async function removeCollection(call: Call, options: ListOptions): Promise<Response> {
  const { dryRun, preconditions } = await deleteOptions(call);
  const { prefix, matches } = selection(call, options);
  const { items } = call.store.list({ prefix, limit: 0, matches: ({ object }) => matches(object) });
  const deleted: StoredVersion[] = items.map(({ object }) => {
    const { namespace = "", name = "" } = object.metadata;
    const target = { ...call.writeTarget("", dryRun), namespace };
    return call.services.registry.delete(target, name, preconditions).version;
  });
  const resourceVersion = String(call.services.storage.revision);
  return call.respond(joined(call.representation().list(deleted, { resourceVersion })), 200);
}

/** From the body, or from the query when there is none. @throws ApiError 400, 422 */
async function deleteOptions(call: Call): Promise<DeleteOptions> {
  const body = await readBody(call.request);
  const given = body.bytes.length === 0 ? fromQuery(call.query) : parseObject(body);
  const errors: FieldError[] = [];
  const dryRuns = [...texts(given["dryRun"]), ...(body.bytes.length === 0 ? [] : call.query.getAll("dryRun"))];
  const dryRun = isDryRun(dryRuns, errors);
  const policy = given["propagationPolicy"];
  const isPolicy = typeof policy === "string" && POLICIES.has(policy);
  if (policy !== undefined && policy !== null && !isPolicy)
    errors.push(
      field.notSupported("propagationPolicy", text(policy) ?? "", ["Foreground", "Background", "Orphan", "nil"]),
    );
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", errors);
  return {
    dryRun,
    preconditions: {
      uid: text(at(given, "preconditions", "uid")),
      resourceVersion: text(at(given, "preconditions", "resourceVersion")),
    },
    foreground: policy === "Foreground" || given["orphanDependents"] === false,
  };
}

function fromQuery(query: URLSearchParams): JsonObject {
  const policy = query.get("propagationPolicy");
  return { dryRun: query.getAll("dryRun"), ...(policy === null ? {} : { propagationPolicy: policy }) };
}

function texts(value: JsonObject[string]): readonly string[] {
  return isList(value) ? value.filter((one) => typeof one === "string") : [];
}

function text(value: JsonObject[string]): string | undefined {
  return typeof value === "string" ? value : undefined;
}
