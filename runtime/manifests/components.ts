/** What somebody adds to the host, one or several, who has a Jaeger or a Prometheus Operator. */
import { SERVICE_ACCOUNT } from "../kube/in-cluster.ts";
import { grant } from "./access.ts";
import { NAME, POD_LABELS, type Installation } from "./installation.ts";
import { component, patch, type Folder } from "./kustomization.ts";
import type { Manifest } from "./manifest.ts";
import type { Right } from "./rights.ts";
import { METRICS_PORT } from "./workload.ts";

const letOut = (rule: object): object =>
  patch("NetworkPolicy", NAME, [{ op: "add", path: "/spec/egress/-", value: rule }]);

const setVariable = (name: string, value: string): object => ({
  op: "add",
  path: "/spec/template/spec/containers/0/env/-",
  value: { name, value },
});

const JAEGER = "jaeger";
const JAEGER_LABELS = { "app.kubernetes.io/name": JAEGER };
/** OTLP over HTTP. */
const OTLP_PORT = 4318;
const JAEGER_PAGE_PORT = 16_686;
/** v2, which is built on the OpenTelemetry Collector; v1 has reached its end of life. */
const JAEGER_IMAGE = "jaegertracing/jaeger:2.13.0";

/** A Jaeger that keeps its traces in memory, and the host exporting to it. */
export function jaegerComponent({ namespace }: Installation): Folder {
  const toJaeger = { to: [{ podSelector: { matchLabels: JAEGER_LABELS } }], ports: [tcp(OTLP_PORT)] };
  const names = { to: [{ namespaceSelector: namespaceNamed("kube-system") }], ports: [udp(53), tcp(53)] };
  const settings = [
    setVariable("OTEL_EXPORTER_OTLP_ENDPOINT", `http://${JAEGER}.${namespace}.svc:${OTLP_PORT}`),
    setVariable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    // Where `kubectl port-forward service/jaeger` puts its page, on the machine of whoever looks.
    setVariable("EVENKEEL_TRACE_LINK", `http://localhost:${JAEGER_PAGE_PORT}/trace/{traceId}`),
  ];
  return new Map([
    [
      "kustomization.yaml",
      [
        component({
          resources: ["jaeger.yaml"],
          patches: [patch("Deployment", NAME, settings), letOut(toJaeger), letOut(names)],
        }),
      ],
    ],
    ["jaeger.yaml", jaegerManifests(namespace)],
  ]);
}

function jaegerManifests(namespace: string): readonly Manifest[] {
  const metadata = { name: JAEGER, namespace, labels: JAEGER_LABELS };
  const ports = [
    { name: "otlp", port: OTLP_PORT },
    { name: "page", port: JAEGER_PAGE_PORT },
  ];
  return [
    {
      object: {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata,
        spec: {
          replicas: 1,
          selector: { matchLabels: JAEGER_LABELS },
          template: { metadata: { labels: JAEGER_LABELS }, spec: jaegerPod(ports) },
        },
      },
    },
    {
      object: {
        apiVersion: "v1",
        kind: "Service",
        metadata,
        spec: { selector: JAEGER_LABELS, ports: ports.map(({ name, port }) => ({ name, port, targetPort: name })) },
      },
    },
    {
      object: {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata,
        spec: {
          podSelector: { matchLabels: JAEGER_LABELS },
          policyTypes: ["Ingress", "Egress"],
          ingress: [{ from: [{ podSelector: { matchLabels: POD_LABELS } }], ports: [tcp(OTLP_PORT)] }],
        },
      },
      remarks: [
        { at: ["spec", "ingress"], says: "Its page is reached by `kubectl port-forward`, which comes from the node." },
      ],
    },
  ];
}

function jaegerPod(ports: readonly { readonly name: string; readonly port: number }[]): object {
  const uid = 10_001; // of the image
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    hostUsers: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: uid,
      runAsGroup: uid,
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name: JAEGER,
        image: JAEGER_IMAGE,
        // Else it listens on loopback alone.
        env: [{ name: "JAEGER_LISTEN_HOST", value: "0.0.0.0" }],
        ports: ports.map(({ name, port }) => ({ name, containerPort: port, protocol: "TCP" })),
        resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "512Mi" } },
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"] },
          readOnlyRootFilesystem: true,
        },
      },
    ],
  };
}

const METRICS = `${NAME}-metrics`;
/** Where kube-prometheus and its kin live. */
const MONITORING = "monitoring";
const PROMETHEUS = "prometheus-k8s";

/** A ServiceMonitor of the Prometheus Operator, the way in for its Prometheus, and the rights that a scrape takes. */
export function prometheusComponent({ namespace }: Installation): Folder {
  const letIn = { from: [{ namespaceSelector: namespaceNamed(MONITORING) }], ports: [tcp(METRICS_PORT)] };
  return new Map([
    [
      "kustomization.yaml",
      [
        component({
          resources: ["access.yaml", "monitor.yaml"],
          patches: [patch("NetworkPolicy", NAME, [{ op: "add", path: "/spec/ingress", value: [letIn] }])],
        }),
      ],
    ],
    ["access.yaml", metricsAccess(namespace)],
    ["monitor.yaml", monitor(namespace)],
  ]);
}

function metricsAccess(namespace: string): readonly Manifest[] {
  const asking = [
    { rule: review("authentication.k8s.io", "tokenreviews"), because: "whose token a request for /metrics carries" },
    { rule: review("authorization.k8s.io", "subjectaccessreviews"), because: "whether its owner may get /metrics" },
  ];
  const reading = [{ rule: { nonResourceURLs: ["/metrics"], verbs: ["get"] }, because: "what Prometheus asks for" }];
  const finding = [
    { rule: targets("", "services", "endpoints", "pods"), because: "how Prometheus finds the replicas" },
    { rule: targets("discovery.k8s.io", "endpointslices"), because: "the same, as newer ones do" },
  ];
  const prometheus = { name: PROMETHEUS, namespace: MONITORING };
  return [
    ...grant({ name: `${METRICS}-access` }, asking, { name: NAME, namespace }),
    ...grant({ name: `${METRICS}-reader` }, reading, prometheus),
    ...grant({ name: `${METRICS}-targets`, namespace }, finding, prometheus),
  ];
}

function review(group: string, resource: string): Right["rule"] {
  return { apiGroups: [group], resources: [resource], verbs: ["create"] };
}

function targets(group: string, ...resources: readonly string[]): Right["rule"] {
  return { apiGroups: [group], resources, verbs: ["get", "list", "watch"] };
}

function monitor(namespace: string): readonly Manifest[] {
  const labels = { ...POD_LABELS, "app.kubernetes.io/component": "metrics" };
  const metadata = { name: METRICS, namespace, labels };
  const ports = [{ name: "metrics", port: METRICS_PORT, targetPort: "metrics" }];
  const endpoint = {
    port: "metrics",
    scheme: "https",
    path: "/metrics",
    interval: "30s",
    bearerTokenFile: `${SERVICE_ACCOUNT}/token`,
    tlsConfig: { insecureSkipVerify: true },
  };
  return [
    {
      object: { apiVersion: "v1", kind: "Service", metadata, spec: { clusterIP: "None", selector: POD_LABELS, ports } },
      remarks: [{ at: ["spec", "clusterIP"], says: "No balancing: each replica has figures of its own." }],
    },
    {
      object: {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "ServiceMonitor",
        metadata,
        spec: { selector: { matchLabels: labels }, endpoints: [endpoint] },
      },
      remarks: [
        {
          at: ["spec", "endpoints", 0, "tlsConfig"],
          says: "Each replica makes its own certificate. Give it one by --metrics-cert and --metrics-key to check it.",
        },
      ],
    },
  ];
}

function namespaceNamed(name: string): object {
  return { matchLabels: { "kubernetes.io/metadata.name": name } };
}

const tcp = (port: number): object => ({ protocol: "TCP", port });
const udp = (port: number): object => ({ protocol: "UDP", port });
