/** The scale subresource: an autoscaling/v1 Scale as a view of the replica count of another object. */
import { joined } from "../bytes.ts";
import type { Call } from "../call.ts";
import { type ApiObject, type JsonObject, asObject, at, isApiObject, withMetadata, withValue } from "../object.ts";
import { type WriteOptions, writeOptions } from "../options.ts";
import { type Body, readBody, readObject, typedAfterPatch } from "../request-body.ts";
import { selectorText } from "../resources/apps.ts";
import { AGE, NAME, column, number } from "../resources/columns.ts";
import { type Resource, type Scale, groupVersion, resource } from "../resources/resource.ts";
import { badRequest, field, invalid, notFound, unknownPath } from "../status.ts";
import { StoredVersion } from "../storage/version.ts";
import { APPLY, applying, checkOptions, configuration, patched } from "./patch.ts";

/** Not in the table: a Scale is never stored. */
const SCALE: Resource = resource({
  group: "autoscaling",
  version: "v1",
  resource: "scales",
  singular: "scale",
  kind: "Scale",
  description: "Scale represents a scaling request for a resource.",
  fields: {
    spec: { type: "object", default: {}, properties: { replicas: { type: "integer", format: "int32" } } },
    status: {
      type: "object",
      default: {},
      properties: { replicas: { type: "integer", format: "int32" }, selector: { type: "string" } },
    },
  },
  columns: [
    NAME,
    {
      ...column("Desired", "", (object) => number(at(object, "spec", "replicas"))),
      type: "integer",
    },
    {
      ...column("Available", "", (object) => number(at(object, "status", "replicas"))),
      type: "integer",
    },
    AGE,
  ],
});

export function getScale(call: Call): Response {
  const found = call.store.get(call.key);
  if (found === undefined) throw notFound(call.resource, call.name);
  return answer(call, found);
}

export async function updateScale(call: Call): Promise<Response> {
  const { dryRun, fieldManager, fieldValidation } = writeOptions(call.query, "UpdateOptions");
  const given = await readObject(call.request, SCALE, fieldValidation);
  call.warn(given.warnings);
  return scaled(call, fieldManager, dryRun, () => given.object);
}

export async function patchScale(call: Call): Promise<Response> {
  const options = writeOptions(call.query, "PatchOptions");
  const body = await readBody(call.request);
  const isApply = body.mediaType === APPLY;
  checkOptions(options, isApply);
  if (isApply) return applied(call, body, options);
  return scaled(call, options.fieldManager, options.dryRun, (scale) => {
    const result = typedAfterPatch(SCALE, patched(SCALE, scale, body), body, options.fieldValidation);
    call.warn(result.warnings);
    return result.object;
  });
}

/** What is applied is a Scale, what is owned is the field of the object that it stands for. */
function applied(call: Call, body: Body, options: WriteOptions): Response {
  const target = call.writeTarget(options.fieldManager, options.dryRun, "scale");
  const wanted = configuration(call, SCALE, target, body, options);
  const replicas = replicasOf(call, wanted);
  const { name, namespace, uid, resourceVersion } = asObject(wanted["metadata"]);
  const addressed = { metadata: { name, namespace, uid, resourceVersion } };
  const config = { ...addressed, ...withValue({}, scaleOf(call).specReplicas, replicas) };
  const identified = { apiVersion: groupVersion(call.resource), kind: call.resource.kind, ...config };
  const { version } = call.services.registry.update(target, call.name, applying(call, target, identified, options));
  return answer(call, version);
}

/** @throws ApiError 422 */
function replicasOf(call: Call, scale: JsonObject): number {
  const replicas = number(at(scale, "spec", "replicas"));
  if (replicas >= 0) return replicas;
  throw invalid(SCALE, call.name, [field.invalid("spec.replicas", replicas, "must be greater than or equal to 0")]);
}

function scaled(call: Call, fieldManager: string, dryRun: boolean, change: (scale: ApiObject) => ApiObject): Response {
  const scale = scaleOf(call);
  const target = call.writeTarget(fieldManager, dryRun, "scale");
  const { version } = call.services.registry.update(target, call.name, (live) => {
    if (live === undefined) throw badRequest("a scale needs an object to scale");
    const wanted = change(view(scale, live));
    const { name, namespace, uid, resourceVersion } = wanted.metadata;
    const addressed = withMetadata(live, { name, namespace, uid, resourceVersion });
    return { object: withReplicas(scale, addressed, replicasOf(call, wanted)) };
  });
  return answer(call, version);
}

function withReplicas(scale: Scale, live: ApiObject, replicas: number): ApiObject {
  const changed = withValue(live, scale.specReplicas, replicas);
  return isApiObject(changed) ? changed : live;
}

function scaleOf({ resource }: Call): Scale {
  if (resource.scale === undefined) throw unknownPath();
  return resource.scale;
}

function answer(call: Call, version: StoredVersion): Response {
  const shown = new StoredVersion(version.key, version.revision, view(scaleOf(call), version.object));
  return call.respond(joined(call.representation("one", SCALE).object(shown)), 200);
}

function view(scale: Scale, object: ApiObject): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const shown = {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: {},
    spec: { replicas: number(at(object, ...scale.specReplicas)) },
    status: {
      replicas: number(at(object, ...scale.statusReplicas)),
      selector: selectorText(at(object, ...scale.selector)),
    },
  };
  return withMetadata(shown, { name, namespace, uid, resourceVersion, creationTimestamp });
}
