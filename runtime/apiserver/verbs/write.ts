/** create and update (POST and PUT). */
import type { Call } from "../call.ts";
import { type ApiObject, equal, withMetadata } from "../object.ts";
import { writeOptions } from "../options.ts";
import type { UpdateScope } from "../update-rules.ts";
import { checkNamespace } from "../update-rules.ts";
import { readObject } from "../request-body.ts";

export async function create(call: Call): Promise<Response> {
  const { dryRun, fieldManager, fieldValidation } = writeOptions(call.query, "CreateOptions");
  const { object, warnings } = await readObject(call.request, call.resource, fieldValidation);
  call.warn(warnings);
  if (call.resource.namespaced) checkNamespace(object.metadata.namespace, call.namespace);
  const target = call.writeTarget(fieldManager, dryRun);
  const { version } = call.services.registry.create(target, { object: stored(call, object) });
  return call.answer(version, 201);
}

export async function update(call: Call, scope: Exclude<UpdateScope, "scale">): Promise<Response> {
  const { dryRun, fieldManager, fieldValidation } = writeOptions(call.query, "UpdateOptions");
  const { object, warnings } = await readObject(call.request, call.resource, fieldValidation);
  call.warn(warnings);
  const target = call.writeTarget(fieldManager, dryRun, scope);
  const candidate = { object: stored(call, object) };
  const createMissing = call.resource.createOnUpdate && scope === "";
  const { version, created } = call.services.registry.update(target, call.name, () => candidate, createMissing);
  return call.answer(version, created ? 201 : 200);
}

function stored(call: Call, object: ApiObject): ApiObject {
  const plain = withOwnersOnce(call, object);
  return call.resource.convert?.toStored(plain) ?? plain;
}

/** Source: handlers/rest.go dedupOwnerReferences. */
function withOwnersOnce(call: Call, object: ApiObject): ApiObject {
  const { ownerReferences: owners = [] } = object.metadata;
  const kept = owners.filter((owner, i) => owners.findIndex((one) => equal(one, owner)) === i);
  if (kept.length === owners.length) return object;
  const again = owners.filter((owner) => !kept.includes(owner)).map(({ uid }) => uid);
  call.warn([`${DUPLICATE_OWNERS}; duplicate UID(s) observed: ${again.join(", ")}`]);
  return withMetadata(object, { ownerReferences: kept });
}

const DUPLICATE_OWNERS =
  ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject " +
  "such requests as early as 1.24; please fix your requests";
