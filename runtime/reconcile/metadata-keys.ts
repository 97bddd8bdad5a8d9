/**
 * Labels and annotations of a child that is updated as a whole. It carries the names of those that its function wants: what
 * the function wants no more has to go, and what others put there to stay. (Of a child whose fields are applied the API
 * server knows whose they are.)
 */
import type { KubeObject, StoredObject } from "../kube/object.ts";
import { DIGEST, FUNCTION_LABEL, METADATA, OUR_PREFIX } from "./provenance.ts";

type Map = "labels" | "annotations";

/** `want` with the names of its own labels and annotations, where there are any. */
export function withMetadataKeys(want: KubeObject): KubeObject {
  const keysOf = (map: Map): readonly string[] => Object.keys(others(want.metadata[map])).map((key) => `${map}/${key}`);
  const keys = [...keysOf("annotations"), ...keysOf("labels")].toSorted().join(",");
  if (keys === "") return want;
  const annotations = { ...want.metadata.annotations, [METADATA]: keys };
  return { ...want, metadata: { ...want.metadata, annotations } };
}

/** `want` as an update of `have`: conditional on its version, and keeping the labels, annotations and finalizers of others. */
export function asUpdateOf(have: StoredObject, want: KubeObject): StoredObject {
  const former = new Set(have.metadata.annotations?.[METADATA]?.split(","));
  const merged = (map: Map): Record<string, string> => {
    const kept = Object.entries(others(have.metadata[map])).filter(([key]) => !former.has(`${map}/${key}`));
    return { ...Object.fromEntries(kept), ...want.metadata[map] };
  };
  return { ...want, metadata: { ...have.metadata, labels: merged("labels"), annotations: merged("annotations") } };
}

/**
 * What of `body`'s labels and annotations is the function's wish: of a child that is updated as a whole those that it names, of
 * one whose fields are applied the digest, which is of them too, and of what is applied to another's object all.
 */
export function wishedMetadata({ metadata }: Partial<KubeObject>): unknown {
  const { labels, annotations } = metadata ?? {};
  if (labels?.[FUNCTION_LABEL] === undefined) return [labels, annotations];
  const keys = annotations?.[METADATA]?.split(",") ?? [];
  const named = keys.map((key) => {
    const [map = "", ...name] = key.split("/");
    return [key, (map === "labels" ? labels : annotations)?.[name.join("/")]];
  });
  return [annotations?.[DIGEST], named];
}

/** What is not under our prefix. */
function others(map: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !key.startsWith(OUR_PREFIX)));
}
