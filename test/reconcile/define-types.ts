/**
 * Wrong definitions and wrong effects do not compile. Nothing here runs: `tsc` is the test, because an `@ts-expect-error`
 * over a line that compiles is an error itself. One mistake the compiler does not see, because it lets functions return more
 * than was asked for: a misspelt effect beside a right one. checkEffects refuses it.
 */
import {
  ConfigMap,
  defineFunction,
  fields,
  kind,
  metadataOf,
  Namespace,
  scale,
  select,
  status,
  z,
  type KubeObject,
  type StoredObject,
} from "#evenkeel";

interface Widget extends KubeObject {
  readonly apiVersion: "example.dev/v1";
  readonly kind: "Widget";
  readonly spec: { readonly size: number };
}
const Widget = kind<"example.dev/v1", "Widget", Widget>("example.dev/v1", "Widget");
/** As generators write types: lists that may be changed, and fields that are one of a few words. */
interface NetworkPolicy extends KubeObject {
  apiVersion: "networking.k8s.io/v1";
  kind: "NetworkPolicy";
  spec: { podSelector: object; policyTypes?: ("Ingress" | "Egress")[]; egress?: { ports: { protocol: "TCP" }[] }[] };
}
const NetworkPolicy = kind<"networking.k8s.io/v1", "NetworkPolicy", NetworkPolicy>(
  "networking.k8s.io/v1",
  "NetworkPolicy",
);
const Deployment = kind("apps/v1", "Deployment");
declare const anything: KubeObject;
const settings = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "b" } } as const;
const widget = { apiVersion: "example.dev/v1", kind: "Widget", metadata: { name: "a", namespace: "b" } } as const;
const policy = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" } as const;
const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "a", namespace: "b" } } as const;

export const right = [
  defineFunction({ watches: ConfigMap, reconcile: () => ({}) }),
  defineFunction({ watches: ConfigMap, writes: [ConfigMap], reconcile: () => ({ children: [settings] }) }),
  defineFunction({ watches: Namespace, writes: [ConfigMap, Widget], reconcile: () => ({ children: [settings] }) }),
  defineFunction({
    watches: select(Widget, { labels: { a: "b" } }),
    where: { labels: { size: { exists: true } } },
    reads: [Namespace, select(ConfigMap, { namespace: "a" })],
    writes: [ConfigMap, status(Widget), scale(Deployment)],
    config: z.object({ size: z.number() }),
    reconcile: (widget, cache, { config }) => ({
      children: cache.list(ConfigMap).flatMap(({ data }) => (data ? [{ ...settings, data }] : [])),
      status: { isBig: widget.spec.size > config.size },
    }),
  }),
  defineFunction({
    watches: Namespace,
    writes: [ConfigMap],
    reconcile: ({ metadata: { name: namespace } }) => ({
      children: ["a", "b"].map((name) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace } })),
    }),
  }),
  defineFunction({
    watches: ConfigMap,
    writes: [Deployment],
    reconcile: (copy) => ({
      deletions: [copy],
      children: [{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a" }, spec: {} }],
    }),
  }),
];

/** A text in a returned object is the literal that its kind asks for, however deep it stands. */
export const literals = [
  defineFunction({
    watches: Namespace,
    writes: [NetworkPolicy, ConfigMap],
    reconcile({ metadata: { name: namespace } }) {
      const metadata = { name: "deny-all", namespace };
      const spec = { podSelector: {} };
      return {
        children: [
          settings,
          {
            apiVersion: "networking.k8s.io/v1",
            kind: "NetworkPolicy",
            metadata,
            spec: { ...spec, policyTypes: ["Ingress"], egress: [{ ports: [{ protocol: "TCP" }] }] },
          },
        ],
      };
    },
  }),
  defineFunction({
    watches: Namespace,
    writes: [NetworkPolicy],
    reconcile({ metadata: { name: namespace, labels } }, cache) {
      if (labels === undefined) return { events: [{ type: "Warning", reason: "NoLabels", message: "none" }] };
      const names = cache.list(ConfigMap).map(({ metadata: { name } }) => name);
      return {
        children: names.map((name) => {
          const metadata = { name, namespace };
          return {
            apiVersion: "networking.k8s.io/v1",
            kind: "NetworkPolicy",
            metadata,
            spec: { podSelector: {}, policyTypes: ["Egress"] },
          };
        }),
      };
    },
  }),
  defineFunction({
    watches: Namespace,
    writes: [NetworkPolicy],
    reconcile: ({ metadata: { name: namespace, labels } }) => ({
      children: labels?.["open"]
        ? []
        : [{ ...policy, metadata: { name: "a", namespace }, spec: { podSelector: {}, policyTypes: ["Ingress"] } }],
    }),
  }),
  defineFunction({
    watches: NetworkPolicy,
    writes: [fields(NetworkPolicy)],
    reconcile: ({ metadata: { name, namespace } }) => ({
      apply: [{ ...policy, metadata: { name, namespace }, spec: { policyTypes: ["Egress"] } }],
    }),
  }),
  defineFunction({
    watches: Namespace,
    writes: [ConfigMap, fields(Deployment)],
    reconcile: () => ({
      children: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "b" } }],
      apply: [{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a", namespace: "b" } }],
    }),
  }),
];

/** What a source lacks, a child beside it lacks as well. */
export const beside = [
  defineFunction({
    watches: ConfigMap,
    reads: [Deployment],
    writes: [ConfigMap, scale(Deployment)],
    reconcile({ metadata: { name, namespace, labels, annotations } }, cache) {
      const deployments = cache.list(Deployment, { name });
      return {
        children: [
          { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `${name}-shadow`, namespace, labels, annotations } },
        ],
        scale: deployments.map(({ apiVersion, kind: of, metadata: { uid, resourceVersion } }) => ({
          of: { apiVersion, kind: of, metadata: { name, namespace, uid, resourceVersion } },
          replicas: 1,
        })),
      };
    },
  }),
];

export const applying = [
  defineFunction({
    watches: Widget,
    reads: [Deployment],
    writes: [fields(Widget), fields(Deployment), ConfigMap],
    reconcile: ({ metadata: { name } }) => ({
      children: [settings],
      apply: [
        { ...widget, metadata: { name, labels: { a: "b" } } },
        { apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec: { replicas: 3 } },
      ],
    }),
  }),
];

export const partial = [
  defineFunction({
    watches: metadataOf(select(ConfigMap, { namespace: "a" })),
    reads: [metadataOf(Namespace)],
    writes: [ConfigMap],
    reconcile: (copy, cache) =>
      cache.get(metadataOf(Namespace), { name: copy.metadata.namespace ?? "" }) ? {} : { deletions: [copy] },
  }),
  defineFunction({
    watches: metadataOf(ConfigMap),
    // @ts-expect-error -- its data was not asked for
    reconcile: (copy) => ({ memo: copy.data }),
  }),
  defineFunction({
    watches: ConfigMap,
    reads: [metadataOf(Namespace)],
    // @ts-expect-error -- nor was its status
    reconcile: (_, cache) => ({ memo: cache.list(metadataOf(Namespace)).map(({ status: phase }) => phase) }),
  }),
];

export const wrong = [
  // @ts-expect-error -- a misspelt effect
  defineFunction({ watches: ConfigMap, writes: [ConfigMap], reconcile: () => ({ childs: [settings] }) }),
  // @ts-expect-error -- a definition watches something
  defineFunction({ reconcile: () => ({}) }),
  // @ts-expect-error -- and reconciles it
  defineFunction({ watches: ConfigMap }),
  // @ts-expect-error -- a misspelt field
  defineFunction({ watches: ConfigMap, read: [Namespace], reconcile: () => ({}) }),
  // @ts-expect-error -- a kind is no string
  defineFunction({ watches: "ConfigMap", reconcile: () => ({}) }),
  // @ts-expect-error -- a misspelt condition
  defineFunction({ watches: ConfigMap, where: { label: { mirror: "true" } }, reconcile: () => ({}) }),
  // @ts-expect-error -- a label's value is text
  defineFunction({ watches: ConfigMap, where: { labels: { mirror: true } }, reconcile: () => ({}) }),
  // @ts-expect-error -- a kind is written whole, never a part of its objects
  defineFunction({ watches: ConfigMap, writes: [select(ConfigMap)], reconcile: () => ({}) }),
  // @ts-expect-error -- a configuration has a schema
  defineFunction({ watches: ConfigMap, config: { prefixes: [] }, reconcile: () => ({}) }),
  // @ts-expect-error -- only kinds have a status
  defineFunction({ watches: ConfigMap, writes: [status("Widget")], reconcile: () => ({}) }),
  // @ts-expect-error -- effects, not a promise of them
  defineFunction({ watches: ConfigMap, reconcile: async () => ({}) }),
  // @ts-expect-error -- effects, not nothing
  defineFunction({ watches: ConfigMap, reconcile: () => undefined }),
  // @ts-expect-error -- effects have names
  defineFunction({ watches: ConfigMap, writes: [ConfigMap], reconcile: () => [settings] }),
  // @ts-expect-error -- a child's kind is one of `writes`
  defineFunction({ watches: ConfigMap, writes: [ConfigMap], reconcile: () => ({ children: [secret] }) }),
  // @ts-expect-error -- fields of an applied object are declared as such
  defineFunction({ watches: ConfigMap, writes: [ConfigMap], reconcile: () => ({ apply: [settings] }) }),
  // @ts-expect-error -- and its kind is one of them
  defineFunction({ watches: ConfigMap, writes: [fields(ConfigMap)], reconcile: () => ({ apply: [secret] }) }),
  // @ts-expect-error -- an object of which only fields are declared is no child
  defineFunction({ watches: ConfigMap, writes: [fields(ConfigMap)], reconcile: () => ({ children: [settings] }) }),
  defineFunction({
    watches: Widget,
    writes: [fields(Widget)],
    // @ts-expect-error -- applied fields are those of the kind
    reconcile: () => ({ apply: [{ ...widget, spec: { size: "big" } }] }),
  }),
  // @ts-expect-error -- only kinds have fields
  defineFunction({ watches: ConfigMap, writes: [fields("ConfigMap")], reconcile: () => ({}) }),
  // @ts-expect-error -- an object of no known kind may be one that is not in `writes`
  defineFunction({ watches: ConfigMap, writes: [ConfigMap], reconcile: () => ({ children: [anything] }) }),
  // @ts-expect-error -- without `writes` there are no children
  defineFunction({ watches: ConfigMap, reconcile: () => ({ children: [settings] }) }),
  // @ts-expect-error -- a status alone allows no children
  defineFunction({ watches: Widget, writes: [status(Widget)], reconcile: () => ({ children: [settings] }) }),
  defineFunction({
    watches: ConfigMap,
    writes: [ConfigMap],
    // @ts-expect-error -- a child has a name
    reconcile: () => ({ children: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "b" } }] }),
  }),
  defineFunction({
    watches: ConfigMap,
    writes: [ConfigMap],
    // @ts-expect-error -- a child's fields are those of its kind
    reconcile: () => ({ children: [{ ...settings, data: { size: 1 } }] }),
  }),
  defineFunction({
    watches: Namespace,
    writes: [NetworkPolicy],
    reconcile: ({ metadata: { name } }) => ({
      // @ts-expect-error -- nor any word for one of a few
      children: [{ ...policy, metadata: { name }, spec: { podSelector: {}, policyTypes: ["ingress"] } }],
    }),
  }),
  defineFunction({
    watches: ConfigMap,
    writes: [ConfigMap],
    // @ts-expect-error -- a stored object is no child: its uid and version are the server's
    reconcile: (source) => ({ children: [source] }),
  }),
  defineFunction({
    watches: ConfigMap,
    writes: [ConfigMap],
    // @ts-expect-error -- owners are kept by the host
    reconcile: () => ({ children: [{ ...settings, metadata: { name: "a", namespace: "b", ownerReferences: [] } }] }),
  }),
  defineFunction({
    watches: ConfigMap,
    writes: [ConfigMap],
    // @ts-expect-error -- nothing waits for a finalizer
    reconcile: () => ({ children: [{ ...settings, metadata: { name: "a", namespace: "b", finalizers: [] } }] }),
  }),
  // @ts-expect-error -- a deletion names one particular object, with its uid
  defineFunction({ watches: ConfigMap, writes: [ConfigMap], reconcile: () => ({ deletions: [settings] }) }),
  // @ts-expect-error -- a status has fields
  defineFunction({ watches: Widget, writes: [status(Widget)], reconcile: () => ({ status: "ready" }) }),
  // @ts-expect-error -- a scale says how many
  defineFunction({ watches: Deployment, writes: [scale(Deployment)], reconcile: (of) => ({ scale: [{ of }] }) }),
  // @ts-expect-error -- an event is normal or a warning
  defineFunction({ watches: ConfigMap, reconcile: () => ({ events: [{ type: "Error", reason: "A", message: "b" }] }) }),
  // @ts-expect-error -- milliseconds are a number
  defineFunction({ watches: ConfigMap, reconcile: () => ({ requeueAfterMs: "5s" }) }),
  // @ts-expect-error -- without a schema there is no configuration
  defineFunction({ watches: ConfigMap, reconcile: (_source, _cache, { config }) => ({ memo: config.size }) }),
];

/** What a function is given cannot be changed. */
export function inputs(source: ConfigMap & StoredObject): void {
  // @ts-expect-error -- read-only
  source.metadata.name = "b";
  // @ts-expect-error -- read-only
  source.data = {};
}
