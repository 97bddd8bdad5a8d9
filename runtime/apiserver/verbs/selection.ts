/** Which objects a list, a watch or a deletecollection is about. */
import type { Call } from "../call.ts";
import { type ListOptions } from "../options.ts";
import { type ApiObject } from "../object.ts";
import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from "../selectors.ts";
import { badRequest } from "../status.ts";

export interface Selection {
  /** Keys start with it. */
  readonly prefix: string;
  /** False when every object under the prefix is meant. */
  readonly filtered: boolean;
  readonly matches: (object: ApiObject) => boolean;
}

/** @throws ApiError 400 for a selector that does not parse or names a field that cannot be selected. */
export function selection(call: Call, options: Pick<ListOptions, "labelSelector" | "fieldSelector">): Selection {
  const selectable = call.resource.selectableFields;
  const labels = parseLabelSelector(options.labelSelector);
  const fields = parseFieldSelector(options.fieldSelector, [
    "metadata.name",
    "metadata.namespace",
    ...Object.keys(selectable),
  ]);
  const valueOf = (object: ApiObject, field: string): string => {
    if (field === "metadata.name") return object.metadata.name ?? "";
    if (field === "metadata.namespace") return object.metadata.namespace ?? "";
    return selectable[field]?.(object) ?? "";
  };
  return {
    prefix: call.namespace === "" ? "" : `${call.namespace}/`,
    filtered: labels.length > 0 || fields.length > 0,
    matches: (object) =>
      matchesLabels(labels, object.metadata.labels) && matchesFields(fields, (field) => valueOf(object, field)),
  };
}

/** @returns undefined for an empty one. @throws ApiError 400 */
export function parseRevision(resourceVersion: string): number | undefined {
  if (resourceVersion === "") return undefined;
  const revision = Number(resourceVersion);
  if (!/^\d+$/.test(resourceVersion) || !Number.isSafeInteger(revision))
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: "${resourceVersion}": strconv.ParseUint: parsing "${resourceVersion}": invalid syntax`,
    );
  return revision;
}
