/** What a source and a copy are: the one definition that `mirror` and `cleanup-on-delete` share. */
import { ConfigMap, metadataOf, provenanceOf, select, type Child, type KubeObject, type ObjectName } from "#evenkeel";

/** ConfigMaps that ask to be copied. */
export const sources = select(ConfigMap, { labels: { mirror: "true" } });

/** ConfigMaps that carry our marker; which of them are provably ours, `sourceOf` says. Nobody reads their content. */
export const copies = metadataOf(select(ConfigMap, { labels: { "evenkeel.dev/function": "mirror" } }));

const RETAIN = "evenkeel.dev/retain";

/** Of a source, whether its copies stay when it goes; a copy shows what its source last asked for. */
export function isRetained({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[RETAIN] === "true";
}

/** Whether `mirror` made `object`, whatever for: then it is no source, also where somebody has labelled it as one. */
export function isMade(object: KubeObject): boolean {
  return provenanceOf(object)?.function === "mirror";
}

/** The source that `object` is a copy of; undefined when it is not provably a copy of ours. */
export function sourceOf(object: KubeObject): ObjectName | undefined {
  const provenance = provenanceOf(object);
  return provenance?.function === "mirror" && provenance.owner.kind === "ConfigMap" ? provenance.owner : undefined;
}

/** The copy of `source` in `namespace`: its content, and nothing of its metadata but the wish to be retained. */
export function copyInto(namespace: string, source: ConfigMap): Child<ConfigMap> {
  const { apiVersion, kind, metadata, data, binaryData, immutable } = source;
  return {
    apiVersion,
    kind,
    metadata: {
      name: metadata.name,
      namespace,
      ...(isRetained(source) && { annotations: { [RETAIN]: "true" } }),
    },
    ...(data && { data }),
    ...(binaryData && { binaryData }),
    ...(immutable && { immutable }),
  };
}
