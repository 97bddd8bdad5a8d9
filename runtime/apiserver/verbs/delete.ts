/** delete and deletecollection. An object with finalizers is only marked; whoever removes the last one finishes it. */
import type { Call } from "../call.ts";
import { type JsonObject, asObject, isList } from "../object.ts";
import { type ListOptions, flag, integer, isDryRun } from "../options.ts";
import { parseObject, readBody } from "../request-body.ts";
import { text } from "../resources/columns.ts";
import { type Schema, decode } from "../schema.ts";
import { type FieldError, badRequest, field, invalid, success } from "../status.ts";
import type { Preconditions } from "../update-rules.ts";
import { answerPage, pageOf } from "./read.ts";

interface DeleteOptions {
  readonly dryRun: boolean;
  readonly preconditions: Preconditions;
  /** `orphanDependents: false`: the answer is then 202 while the object is still there. */
  readonly saysAccepted: boolean;
}

const string: Schema = { type: "string" };

/** Fields that are unknown are ignored, as the real server does; a guard of a wrong type must not be. */
const DELETE_OPTIONS: Schema = {
  type: "object",
  properties: {
    apiVersion: string,
    kind: string,
    dryRun: { type: "array", items: string },
    gracePeriodSeconds: { type: "integer", format: "int64" },
    orphanDependents: { type: "boolean" },
    preconditions: { type: "object", properties: { resourceVersion: string, uid: string } },
    propagationPolicy: string,
  },
};

const POLICIES = ["Foreground", "Background", "Orphan"];

export async function remove(call: Call): Promise<Response> {
  const options = await deleteOptions(call);
  const target = call.writeTarget("", options.dryRun);
  const { version, gone } = call.services.registry.delete(target, call.name, options.preconditions);
  if (!gone || call.resource.returnsDeleted) return call.answer(version, !gone && options.saysAccepted ? 202 : 200);
  const { group, resource } = call.resource;
  const uid = version.object.metadata.uid ?? "";
  const details = { name: call.name, ...(group === "" ? {} : { group }), kind: resource, uid };
  return call.json(success(details));
}

/** Deletes what a list would show, a page where it is one; the answer is that list. */
export async function removeCollection(call: Call, options: ListOptions): Promise<Response> {
  const { dryRun, preconditions } = await deleteOptions(call);
  const page = await pageOf(call, options);
  for (const { key, object } of page.items) {
    // A page may show the past: what is gone by now needs no deletion.
    if (call.store.get(key) === undefined) continue;
    const { namespace = "", name = "" } = object.metadata;
    call.services.registry.delete({ ...call.writeTarget("", dryRun), namespace }, name, preconditions);
  }
  return answerPage(call, page);
}

/** From the body, or from the query when there is none: never from both. @throws ApiError 400, 422 */
async function deleteOptions(call: Call): Promise<DeleteOptions> {
  const body = await readBody(call.request);
  const { value: given, typeErrors } = decode(
    DELETE_OPTIONS,
    body.bytes.length === 0 ? fromQuery(call.query) : parseObject(body).value,
  );
  if (typeErrors.length > 0) throw badRequest(`json: ${typeErrors.join(", ")}`);
  const { kind = "DeleteOptions", apiVersion, dryRun, orphanDependents, propagationPolicy: policy } = given;
  if (kind !== "DeleteOptions")
    throw badRequest(`no kind "${text(kind)}" is registered for version "${text(apiVersion)}"`);
  const errors: FieldError[] = [];
  const isDry = isDryRun(isList(dryRun) ? dryRun.map(text) : [], errors);
  if (policy !== undefined && !POLICIES.includes(text(policy)))
    errors.push(field.notSupported("propagationPolicy", text(policy), [...POLICIES, "nil"]));
  if (policy !== undefined && orphanDependents !== undefined)
    errors.push(
      field.invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set"),
    );
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", errors);
  return { dryRun: isDry, preconditions: preconditions(given), saysAccepted: orphanDependents === false };
}

function preconditions(given: JsonObject): Preconditions {
  const { uid, resourceVersion } = asObject(given["preconditions"]);
  return {
    ...(uid === undefined ? {} : { uid: text(uid) }),
    ...(resourceVersion === undefined ? {} : { resourceVersion: text(resourceVersion) }),
  };
}

/** @throws ApiError 400 for a number that is none. */
function fromQuery(query: URLSearchParams): JsonObject {
  return {
    dryRun: query.getAll("dryRun"),
    gracePeriodSeconds: integer(query, "gracePeriodSeconds"),
    orphanDependents: query.has("orphanDependents") ? flag(query, "orphanDependents") : null,
    propagationPolicy: query.get("propagationPolicy"),
    // An empty one is no guard in a query, though it is one in a body.
    preconditions: { uid: query.get("uid") || null, resourceVersion: query.get("resourceVersion") || null },
  };
}
