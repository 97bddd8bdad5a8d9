/**
 * The two forms in which an API server says what it serves, read into Resources. Entries that make no sense are left out. Of
 * several resources with one kind the first is meant.
 */
import type { Resource } from "./api.ts";
import { recordOf, recordsOf, textOf, textsOf, type JsonRecord } from "./json.ts";

/** Whether the server understood the request for aggregated discovery: older ones answer with APIVersions or APIGroupList. */
export function isAggregated(document: JsonRecord): boolean {
  return document["kind"] === "APIGroupDiscoveryList";
}

/** All resources of an APIGroupDiscoveryList. Versions marked stale are kept: they list what was last known of them. */
export function aggregatedResources(document: JsonRecord): readonly Resource[] {
  return recordsOf(document["items"]).flatMap((group) => {
    const name = textOf(recordOf(group["metadata"])?.["name"]) ?? "";
    return recordsOf(group["versions"]).flatMap((version) =>
      followedFirst(version["resources"]).flatMap((entry) =>
        aggregatedResource(name, textOf(version["version"]), entry),
      ),
    );
  });
}

function aggregatedResource(group: string, version: string | undefined, entry: JsonRecord): Resource[] {
  const kind = textOf(recordOf(entry["responseKind"])?.["kind"]);
  const plural = textOf(entry["resource"]);
  if (kind === undefined || plural === undefined || version === undefined) return [];
  return [
    {
      kind: { apiVersion: group === "" ? version : `${group}/${version}`, kind },
      group,
      plural,
      isNamespaced: entry["scope"] === "Namespaced",
    },
  ];
}

/** The resources of an APIResourceList, the classic form: subresources are entries of their own, `deployments/scale`. */
export function versionResources(document: JsonRecord, apiVersion: string): readonly Resource[] {
  const entries = followedFirst(document["resources"]);
  const [group] = apiVersion.includes("/") ? apiVersion.split("/", 1) : [""];
  return entries.flatMap((entry) => {
    const kind = textOf(entry["kind"]);
    const plural = textOf(entry["name"]);
    if (kind === undefined || plural === undefined || plural.includes("/")) return [];
    return [
      {
        kind: { apiVersion, kind },
        group: group ?? "",
        plural,
        isNamespaced: entry["namespaced"] === true,
      },
    ];
  });
}

/** OpenShift serves the kind Template as `processedtemplates`, which can be created alone, and after that as `templates`. */
function followedFirst(entries: unknown): readonly JsonRecord[] {
  return recordsOf(entries).toSorted((a, b) => Number(isFollowed(b)) - Number(isFollowed(a)));
}

function isFollowed({ verbs }: JsonRecord): boolean {
  const known = textsOf(verbs);
  return known.includes("list") && known.includes("watch");
}
