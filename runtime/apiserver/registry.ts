/**
 * Creates, updates and deletes objects by the rules of their kind. Everything after decoding happens here, in the
 * stored form, and in one turn: what was read is still true when it is written.
 */
import type { Clock } from "../clock/clock.ts";
import { type Writer, afterUpdate } from "./fields/managed-fields.ts";
import { type ApiObject, type ManagedFieldsEntry, withMetadata } from "./object.ts";
import { metadataErrors, metadataUpdateErrors } from "./resources/metadata-rules.ts";
import { type Resource, groupVersion } from "./resources/resource.ts";
import { ApiError, alreadyExists, forbidden, notFound } from "./status.ts";
import type { Storage } from "./storage/storage.ts";
import { StoredVersion } from "./storage/version.ts";
import { nameSuffix, timestamp, uid } from "./identity.ts";
import {
  type Preconditions,
  type UpdateScope,
  carriedOver,
  checkName,
  checkNewUid,
  checkPreconditions,
  checkVersion,
  isNoChange,
  nextGeneration,
  prepared,
  refuse,
  withGeneration,
} from "./update-rules.ts";

/** Where a write goes and who makes it. */
export interface WriteTarget {
  /** A row that stores its own objects. */
  readonly resource: Resource;
  /** The row that the path names, whose rules the object has to meet. @default the one above */
  readonly rules?: Resource;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly manager: string;
  readonly subresource: UpdateScope;
  readonly dryRun: boolean;
}

/** What an update makes of the live object; `managedFields` when it has settled who owns what (apply does). */
export interface Candidate {
  readonly object: ApiObject;
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

interface Written {
  readonly version: StoredVersion;
  readonly created: boolean;
}

interface Deleted {
  readonly version: StoredVersion;
  /** False while finalizers hold it. */
  readonly gone: boolean;
}

/** generateName is tried this often. Source: registry store.go maxNameGenerationCreateAttempts. */
const NAME_ATTEMPTS = 8;

export class Registry {
  readonly #clock: Clock;
  readonly #storage: Storage;

  constructor(clock: Clock, storage: Storage) {
    this.#clock = clock;
    this.#storage = storage;
  }

  /** @throws ApiError 404 when the namespace is missing, 403 when it is terminating, 409 AlreadyExists, 422. */
  create(target: WriteTarget, { object: given, managedFields }: Candidate): Written {
    const { resource, namespace, rules = resource } = target;
    this.#admit(target, given.metadata.name ?? "");
    const object = this.#newObject(target, given);
    const owned = managedFields ?? afterUpdate(resource.schema, undefined, object, this.#writer(target));
    const complete = resource.onCreate(withMetadata(object, { managedFields: owned.length === 0 ? undefined : owned }));
    refuse(resource, complete, [...metadataErrors(rules, complete), ...rules.validate(complete, undefined)]);
    const key = objectKey(namespace, complete.metadata.name ?? "");
    const store = this.#storage.store(resource.storage);
    if (store.get(key) !== undefined) throw alreadyExists(resource, complete.metadata.name ?? "");
    return { version: target.dryRun ? new StoredVersion(key, 0, complete) : store.put(key, complete), created: true };
  }

  /**
   * Replaces the object by what `change` makes of it. Nothing is written when nothing differs.
   * @param change gets undefined when there is no such object and the kind may be created so.
   * @throws ApiError 404, 409 Conflict for another uid or resourceVersion, 422.
   */
  update(
    target: WriteTarget,
    name: string,
    change: (live: ApiObject | undefined) => Candidate,
    createMissing = false,
  ): Written {
    const { resource, namespace, rules = resource } = target;
    const key = objectKey(namespace, name);
    const live = this.#storage.store(resource.storage).get(key);
    if (live === undefined) {
      if (!createMissing) throw notFound(resource, name);
      const candidate = change(undefined);
      checkName(candidate.object, namespace, name);
      checkNewUid(resource, candidate.object, name);
      return this.create(target, withoutVersion(candidate));
    }
    const candidate = change(live.object);
    checkName(candidate.object, namespace, name);
    checkVersion(resource, live.object, candidate.object);
    const after = this.#changed(target, live.object, candidate);
    refuse(resource, after, [
      ...metadataErrors(rules, after),
      ...metadataUpdateErrors(after, live.object),
      ...rules.validate(after, live.object),
    ]);
    return { version: this.#commit(target, live, after), created: false };
  }

  /** @throws ApiError 404, 409 when a precondition fails, 403 for what must not be deleted. */
  delete(target: WriteTarget, name: string, preconditions: Preconditions): Deleted {
    const { resource, namespace } = target;
    const key = objectKey(namespace, name);
    const store = this.#storage.store(resource.storage);
    if (resource.undeletable.includes(name)) throw forbidden(resource, name, "this namespace may not be deleted");
    const live = store.get(key);
    if (live === undefined) throw notFound(resource, name);
    checkPreconditions(resource, live.object, preconditions);
    if (resource.holds(live.object).length > 0) {
      if (live.object.metadata.deletionTimestamp !== undefined) return { version: live, gone: false };
      const marked = resource.terminating(
        withMetadata(live.object, {
          deletionTimestamp: timestamp(this.#clock),
          ...(resource.namespaced ? { deletionGracePeriodSeconds: 0 } : {}),
        }),
      );
      const next = nextGeneration(resource, marked);
      const version = target.dryRun ? new StoredVersion(key, live.revision, next) : store.put(key, next);
      return { version, gone: false };
    }
    return { version: target.dryRun ? live : (store.delete(key) ?? live), gone: true };
  }

  /** Nothing can be created in a namespace that is missing or on its way out. */
  #admit({ resource, namespace }: WriteTarget, name: string): void {
    if (!resource.namespaced) return;
    const found = this.#storage.store("namespaces").get(namespace);
    if (found === undefined) throw notFound({ group: "", resource: "namespaces" }, namespace);
    if (found.object.metadata.deletionTimestamp === undefined) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    throw forbidden(resource, name, why, [
      {
        reason: "NamespaceTerminating",
        message: `namespace ${namespace} is being terminated`,
        field: "metadata.namespace",
      },
    ]);
  }

  #newObject({ resource, namespace }: WriteTarget, given: ApiObject): ApiObject {
    const { metadata } = given;
    if ((metadata.resourceVersion ?? "") !== "" && metadata.resourceVersion !== "0")
      throw new ApiError(500, "", "resourceVersion should not be set on objects to be created");
    const identified = withMetadata(given, {
      name: metadata.name ?? this.#generatedName(resource, namespace, metadata.generateName),
      namespace: resource.namespaced ? namespace : undefined,
      uid: uid(this.#clock),
      resourceVersion: undefined,
      // A kind that does not count generations keeps what it is given.
      generation: resource.generationFields.length > 0 ? 1 : metadata.generation,
      creationTimestamp: timestamp(this.#clock),
      deletionTimestamp: undefined,
      deletionGracePeriodSeconds: undefined,
      managedFields: undefined,
      selfLink: undefined,
    });
    return prepared(resource, resource.status ? { ...identified, status: undefined } : identified);
  }

  #generatedName(resource: Resource, namespace: string, prefix: string | undefined): string | undefined {
    if (prefix === undefined || prefix === "") return undefined;
    const store = this.#storage.store(resource.storage);
    let name = "";
    for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
      name = prefix.slice(0, 58) + nameSuffix(this.#clock);
      if (store.get(objectKey(namespace, name)) === undefined) break;
    }
    return name;
  }

  #changed(target: WriteTarget, live: ApiObject, { object, managedFields }: Candidate): ApiObject {
    const { resource, subresource } = target;
    const after = prepared(resource, carriedOver(resource, subresource, live, object));
    const owned = managedFields ?? afterUpdate(resource.schema, live, after, this.#writer(target));
    const tracked = withMetadata(after, { managedFields: owned.length === 0 ? undefined : owned });
    return subresource === "status" ? tracked : withGeneration(resource, live, tracked);
  }

  #commit({ resource, dryRun }: WriteTarget, live: StoredVersion, after: ApiObject): StoredVersion {
    if (isNoChange(live.object, after)) return live;
    if (dryRun) return new StoredVersion(live.key, live.revision, after);
    const store = this.#storage.store(resource.storage);
    const released = after.metadata.deletionTimestamp !== undefined && resource.holds(after).length === 0;
    if (!released) return store.put(live.key, after);
    store.delete(live.key);
    return new StoredVersion(live.key, live.revision, after);
  }

  #writer({ resource, manager, subresource }: WriteTarget): Writer {
    return { manager, apiVersion: groupVersion(resource), subresource, time: timestamp(this.#clock) };
  }
}

/** An update that creates: the version was meant for an object that is not there, and is no reason to refuse. */
function withoutVersion(candidate: Candidate): Candidate {
  return { ...candidate, object: withMetadata(candidate.object, { resourceVersion: undefined }) };
}

export function objectKey(namespace: string, name: string): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}
