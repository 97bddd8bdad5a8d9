/** All resources that are served, in the order of discovery. Adding a kind is adding a row. */
import { APPS } from "./apps.ts";
import { COORDINATION } from "./coordination.ts";
import { CORE } from "./core.ts";
import { EVENTS } from "./events.ts";
import { type Resource, groupVersion } from "./resource.ts";
import { REVIEWS } from "./reviews.ts";

export const BUILT_IN: readonly Resource[] = [...CORE, ...EVENTS, ...APPS, ...COORDINATION, ...REVIEWS];

export interface ApiGroupVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly Resource[];
}

export class ResourceTable {
  readonly #resources: readonly Resource[];

  constructor(resources: readonly Resource[]) {
    this.#resources = resources;
  }

  find(group: string, version: string, resource: string): Resource | undefined {
    return this.#resources.find((row) => row.group === group && row.version === version && row.resource === resource);
  }

  /** Every row with its own storage: a second view of the same objects is left out, and what is not kept. */
  stored(): readonly Resource[] {
    return this.#resources.filter(({ convert, answer }) => convert === undefined && answer === undefined);
  }

  groupVersions(): readonly ApiGroupVersion[] {
    return [...Map.groupBy(this.#resources, groupVersion).values()].map((resources) => ({
      group: resources[0]?.group ?? "",
      version: resources[0]?.version ?? "",
      resources,
    }));
  }
}
