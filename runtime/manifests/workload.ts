/** The host as it runs: two replicas of one container, what they may use, and how they come and go. */
import { defaults } from "../host/settings.ts";
import { SERVICE_ACCOUNT } from "../kube/in-cluster.ts";
import { CONFIG_FILE, CONFIG_MAP, NAME, POD_LABELS, type Installation } from "./installation.ts";
import type { Manifest } from "./manifest.ts";

/** Of the distroless images: nobody's account on a node. */
const UID = 65_532;
const CONFIG_DIR = "/etc/evenkeel";
/** The heap's ceiling is well below the container's, so that a leak ends in a message of Node's rather than in an OOM kill. */
const HEAP_MB = 192;
/** Room for new objects, of which V8 takes threefold: 16 cost 30 MB more in a fan-out, and save no time. As in `npm start`. */
const YOUNG_MB = 8;
/**
 * Each function has a thread of its own, which asks for little and may take what its cell lets it: reconcile/cell/thread.ts.
 * Measured at rest on Node 26.10: 2 functions 151 MB, 12 that do nothing 381 MB, 20 of them 723 MB.
 */
const PER_FUNCTION_MB = { request: 32, limit: 96 };
/** Of the host beside them: its heap, its code, its buffers. */
const HOST_MB = { request: 96, limit: 320 };
/** Longer than the longest wait of a stop: a request in flight has 30 s, the release of the lease 16 s, the last spans 2 s. */
const GRACE_SECONDS = 50;
/** The host's own defaults in a pod. Metrics are served with TLS, to those whom the API server lets. */
const HEALTH_PORT = defaults.addressInPod.port;
export const METRICS_PORT = defaults.metricsInPod.port;

const metadata = ({ namespace }: Installation): object => ({ name: NAME, namespace });

export function deploymentManifest(installation: Installation): Manifest {
  return {
    object: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: metadata(installation),
      spec: {
        replicas: 2,
        selector: { matchLabels: POD_LABELS },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } },
        template: { metadata: { labels: POD_LABELS }, spec: podSpec(installation) },
      },
    },
    remarks: [
      { at: [...POD, "automountServiceAccountToken"], says: "The projected token below instead." },
      { at: [...POD, "enableServiceLinks"], says: "No Service is reached by its environment variables." },
      {
        at: [...POD, "hostUsers"],
        says: "Root of the container, if ever somebody became it, is nobody on the node. Nodes need user namespaces for it\n(Kubernetes 1.33, Linux 6.3); where they have none, take it out by a patch.",
      },
      {
        at: [...POD, "terminationGracePeriodSeconds"],
        says: "The last write is answered, then the Lease is given up.",
      },
      { at: [...CONTAINER, "resources", "limits"], says: "No limit of CPU: a throttled leader renews too late." },
      { at: [...POD, "volumes", 0, "projected", "defaultMode"], says: "0440" },
    ],
  };
}

const POD = ["spec", "template", "spec"];
const CONTAINER = [...POD, "containers", 0];

function podSpec(installation: Installation): object {
  return {
    serviceAccountName: NAME,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    hostUsers: false,
    priorityClassName: NAME,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: UID,
      runAsGroup: UID,
      fsGroup: UID,
      seccompProfile: { type: "RuntimeDefault" },
      appArmorProfile: { type: "RuntimeDefault" },
    },
    topologySpreadConstraints: ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: POD_LABELS },
    })),
    containers: [container(installation)],
    volumes: [credentials, { name: "config", configMap: { name: CONFIG_MAP } }],
  };
}

function container({ version, functions }: Installation): object {
  return {
    name: NAME,
    image: `${NAME}:${version}`,
    args: ["--config", `${CONFIG_DIR}/${CONFIG_FILE}`],
    env: [{ name: "NODE_OPTIONS", value: `--max-old-space-size=${HEAP_MB} --max-semi-space-size=${YOUNG_MB}` }],
    ports: [
      { name: "health", containerPort: HEALTH_PORT, protocol: "TCP" },
      { name: "metrics", containerPort: METRICS_PORT, protocol: "TCP" },
    ],
    // No startup probe: the endpoints answer before a cache is filled, and what comes before them ends within 10 s.
    livenessProbe: { ...probe("/livez"), periodSeconds: 10, failureThreshold: 3 },
    readinessProbe: { ...probe("/readyz"), periodSeconds: 5, failureThreshold: 3 },
    resources: {
      requests: { cpu: "50m", memory: memoryFor("request", functions.size), "ephemeral-storage": "16Mi" },
      limits: { memory: memoryFor("limit", functions.size), "ephemeral-storage": "64Mi" },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      privileged: false,
      readOnlyRootFilesystem: true,
    },
    volumeMounts: [
      { name: "credentials", mountPath: SERVICE_ACCOUNT, readOnly: true },
      { name: "config", mountPath: CONFIG_DIR, readOnly: true },
    ],
  };
}

function memoryFor(what: "request" | "limit", functionCount: number): string {
  return `${HOST_MB[what] + PER_FUNCTION_MB[what] * functionCount}Mi`;
}

/** Without `host`: the kubelet asks the pod itself, and pod security forbids another. */
function probe(path: string): object {
  return { httpGet: { path, port: "health" }, timeoutSeconds: 3 };
}

/** What Kubernetes mounts by itself, but for a token that lives an hour. */
const credentials = {
  name: "credentials",
  projected: {
    defaultMode: 0o440,
    sources: [
      { serviceAccountToken: { path: "token", expirationSeconds: 3600 } },
      { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
    ],
  },
};

/** A drain of nodes leaves one replica. */
export function disruptionBudgetManifest(installation: Installation): Manifest {
  return {
    object: {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: metadata(installation),
      spec: {
        minAvailable: 1,
        selector: { matchLabels: POD_LABELS },
        // A replica that is not ready is no reason to hold up a drain.
        unhealthyPodEvictionPolicy: "AlwaysAllow",
      },
    },
  };
}

/** Before workloads, after everything of the cluster itself. */
export function priorityClassManifest(): Manifest {
  return {
    object: {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name: NAME },
      value: 1_000_000,
      globalDefault: false,
      preemptionPolicy: "Never",
      description: "Controllers that other workloads build upon: evicted after those, and never at their cost.",
    },
  };
}
