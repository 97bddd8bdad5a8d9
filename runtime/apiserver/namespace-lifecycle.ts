/**
 * Empties a namespace that is being deleted, then lets it go: the part of the namespace controller that every user of
 * an API server relies on. One step deletes everything there is; objects held by finalizers are waited for.
 */
import type { Clock, Timer } from "../clock/clock.ts";
import type { ApiObject } from "./object.ts";
import type { Registry } from "./registry.ts";
import { specFinalizers } from "./resources/core.ts";
import type { Resource } from "./resources/resource.ts";
import type { ResourceTable } from "./resources/resource-table.ts";
import type { Storage } from "./storage/storage.ts";

/** Time between the delete and the emptying, so that a client sees Terminating as it does in a cluster. */
const STEP_MS = 100;
/** How soon a namespace with content that is held is looked at again. */
const RETRY_MS = 1000;

const MANAGER = "namespace-controller";

export const INITIAL_NAMESPACES: readonly string[] = ["default", "kube-system", "kube-public", "kube-node-lease"];

export class NamespaceLifecycle {
  readonly #clock: Clock;
  readonly #storage: Storage;
  readonly #registry: Registry;
  readonly #resources: ResourceTable;
  readonly #timers = new Map<string, Timer>();
  readonly #unsubscribe: () => void;

  constructor(clock: Clock, storage: Storage, registry: Registry, resources: ResourceTable) {
    this.#clock = clock;
    this.#storage = storage;
    this.#registry = registry;
    this.#resources = resources;
    this.#unsubscribe = storage.store("namespaces").subscribe(({ key, after }) => {
      if (after?.object.metadata.deletionTimestamp !== undefined && !this.#timers.has(key))
        this.#schedule(key, STEP_MS);
    });
  }

  stop(): void {
    this.#unsubscribe();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #schedule(namespace: string, delayMs: number): void {
    this.#timers.set(
      namespace,
      this.#clock.after(delayMs, () => this.#step(namespace)),
    );
  }

  #step(namespace: string): void {
    this.#timers.delete(namespace);
    const live = this.#storage.store("namespaces").get(namespace)?.object;
    if (live?.metadata.deletionTimestamp === undefined) return;
    const held = this.#resources
      .stored()
      .filter(({ namespaced }) => namespaced)
      .reduce((count, resource) => count + this.#empty(resource, namespace), 0);
    if (held > 0) this.#schedule(namespace, RETRY_MS);
    else if (isHeldByUs(live)) this.#finalize(namespace);
  }

  /** @returns how many objects are still there. */
  #empty(resource: Resource, namespace: string): number {
    const { items } = this.#storage
      .store(resource.storage)
      .list({ prefix: `${namespace}/`, limit: 0, matches: () => true });
    const target = { resource, namespace, manager: MANAGER, subresource: "", dryRun: false } as const;
    return items.filter(({ object }) => !this.#registry.delete(target, object.metadata.name ?? "", {}).gone).length;
  }

  #finalize(namespace: string): void {
    const resource = this.#resources.find("", "v1", "namespaces");
    if (resource === undefined) return;
    const target = { resource, namespace: "", manager: MANAGER, subresource: "finalize", dryRun: false } as const;
    this.#registry.update(target, namespace, (live) => ({ object: withoutOurs(live) }));
  }
}

function isHeldByUs(namespace: ApiObject): boolean {
  return specFinalizers(namespace).includes("kubernetes");
}

function withoutOurs(live: ApiObject | undefined): ApiObject {
  const finalizers = specFinalizers(live).filter((name) => name !== "kubernetes");
  return { apiVersion: "v1", kind: "Namespace", metadata: live?.metadata ?? {}, spec: { finalizers } };
}
