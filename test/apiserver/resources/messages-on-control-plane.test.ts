/** What Go clients send as protobuf means what the same object means as JSON: a real kube-apiserver writes both. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Agent, request } from "undici";
import { PROTOBUF } from "../../../runtime/kube/protobuf.ts";
import { type JsonObject, asObject } from "../../../runtime/apiserver/object.ts";
import { parseProtobuf } from "../../../runtime/apiserver/protobuf.ts";
import { messageOf } from "../../../runtime/apiserver/resources/messages.ts";
import { BUILT_IN } from "../../../runtime/apiserver/resources/resource-table.ts";
import { groupVersion } from "../../../runtime/apiserver/resources/resource.ts";
import { decode } from "../../../runtime/apiserver/schema.ts";
import type { ControlPlane } from "../../controlplane/control-plane.ts";
import { describeOnControlPlane } from "../../controlplane/on-control-plane.ts";

const LABELS = { app: "web" };
const SECOND = "2020-01-01T00:00:00Z";
const MICRO = "2020-01-01T00:00:00.123456Z";
const SELECTOR = { matchLabels: LABELS, matchExpressions: [{ key: "app", operator: "In", values: ["web"] }] };
const NODES = { matchExpressions: [{ key: "a", operator: "Exists" }] };
const METADATA = {
  name: "o",
  labels: LABELS,
  annotations: { none: "" },
  finalizers: ["a.b/c"],
  ownerReferences: [
    { apiVersion: "v1", kind: "Namespace", name: "x", uid: "u", controller: true, blockOwnerDeletion: false },
  ],
};

const CONTAINER = {
  name: "web",
  image: "web:1",
  command: ["a", ""],
  workingDir: "/",
  ports: [{ containerPort: 80, name: "http", protocol: "UDP" }],
  envFrom: [{ prefix: "P_", configMapRef: { name: "c", optional: true } }, { secretRef: { name: "s" } }],
  env: [
    { name: "A", value: "1" },
    { name: "B", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    { name: "C", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
    { name: "D", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } },
  ],
  resources: { limits: { cpu: "1500m", memory: "1Gi" }, requests: { cpu: "0" } },
  volumeMounts: [{ name: "empty", mountPath: "/e", readOnly: true, subPath: "s" }],
  livenessProbe: { httpGet: { port: "http", httpHeaders: [{ name: "H", value: "" }] }, initialDelaySeconds: 3 },
  readinessProbe: { exec: { command: ["true"] } },
  startupProbe: { grpc: { port: 9, service: "" }, terminationGracePeriodSeconds: 5 },
  lifecycle: { postStart: { exec: { command: ["true"] } }, preStop: { sleep: { seconds: 1 } } },
  securityContext: { capabilities: { add: ["NET_ADMIN"] }, runAsUser: 0, privileged: false },
  tty: true,
};

const POD = {
  containers: [CONTAINER],
  initContainers: [{ name: "init", image: "init", restartPolicy: "Always" }],
  serviceAccountName: "sa",
  automountServiceAccountToken: false,
  nodeSelector: LABELS,
  hostAliases: [{ ip: "1.1.1.1", hostnames: ["a"] }],
  dnsConfig: { nameservers: ["1.1.1.1"], options: [{ name: "ndots", value: "2" }] },
  imagePullSecrets: [{ name: "pull" }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [NODES] },
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: NODES }],
    },
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "zone", labelSelector: SELECTOR }],
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 2, podAffinityTerm: { topologyKey: "zone" } }],
    },
  },
  tolerations: [{ key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 0 }],
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }],
  securityContext: {
    fsGroup: 1,
    supplementalGroups: [1, 2],
    seccompProfile: { type: "RuntimeDefault" },
    sysctls: [{ name: "kernel.shm_rmid_forced", value: "1" }],
  },
  volumes: [
    { name: "empty", emptyDir: { sizeLimit: "1Gi" } },
    { name: "secret", secret: { secretName: "s", items: [{ key: "a", path: "b", mode: 0 }], optional: false } },
    { name: "config", configMap: { name: "c", defaultMode: 256 } },
    { name: "host", hostPath: { path: "/" } },
    { name: "claim", persistentVolumeClaim: { claimName: "c", readOnly: true } },
    { name: "nfs", nfs: { server: "s", path: "/p" } },
    { name: "csi", csi: { driver: "d", volumeAttributes: { a: "b" } } },
    {
      name: "projected",
      projected: {
        sources: [
          { configMap: { name: "c", items: [{ key: "a", path: "b" }] } },
          { secret: { name: "s" } },
          { serviceAccountToken: { path: "t", audience: "a" } },
          { downwardAPI: { items: [{ path: "p", fieldRef: { fieldPath: "metadata.labels" } }] } },
        ],
      },
    },
  ],
};

const OBJECTS: readonly (readonly [apiVersion: string, resource: string, content: JsonObject])[] = [
  ["v1", "configmaps", { data: { a: "b" }, binaryData: { b: "YQ==" }, immutable: false }],
  ["v1", "secrets", { data: { a: "YQ==" } }],
  ["v1", "serviceaccounts", { secrets: [{ name: "a" }], imagePullSecrets: [{ name: "b" }] }],
  [
    "v1",
    "events",
    {
      involvedObject: { kind: "Namespace", name: "x", namespace: "default", fieldPath: "spec" },
      related: { kind: "Node", name: "n" },
      reason: "R",
      message: "m",
      type: "Normal",
      count: 1,
      firstTimestamp: SECOND,
      lastTimestamp: SECOND,
      source: { component: "c", host: "h" },
    },
  ],
  [
    "events.k8s.io/v1",
    "events",
    {
      regarding: { namespace: "default", kind: "ConfigMap", name: "x" },
      eventTime: MICRO,
      series: { count: 2, lastObservedTime: MICRO },
      reportingController: "a.b/c",
      reportingInstance: "i",
      action: "A",
      reason: "R",
      type: "Normal",
      note: "n",
    },
  ],
  [
    "coordination.k8s.io/v1",
    "leases",
    {
      spec: {
        holderIdentity: "",
        leaseDurationSeconds: 15,
        leaseTransitions: 0,
        acquireTime: "2020-01-01T00:00:00.000000Z",
        renewTime: MICRO,
      },
    },
  ],
  [
    "apps/v1",
    "deployments",
    {
      spec: {
        selector: SELECTOR,
        replicas: 0,
        strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: "30%" } },
        template: { metadata: { labels: LABELS }, spec: POD },
      },
    },
  ],
];

describeOnControlPlane("messages", { controllers: [] }, (controlPlane) => {
  for (const [apiVersion, name, content] of OBJECTS)
    test(`${apiVersion} ${name}: protobuf is read as the JSON of the same object`, async () => {
      const row = BUILT_IN.find((one) => one.resource === name && groupVersion(one) === apiVersion);
      assert.ok(row !== undefined);
      const { protobuf, json } = await bothForms(controlPlane(), apiVersion, name, content);
      const read = decode(row.schema, parseProtobuf(protobuf, messageOf));
      assert.deepEqual(read.typeErrors, []);
      assert.deepEqual(read.value, decode(row.schema, json).value);
    });
});

/** An object that a real server made of `content`. */
async function bothForms(
  { url, caFile, adminToken }: ControlPlane,
  apiVersion: string,
  name: string,
  content: JsonObject,
): Promise<{ readonly protobuf: Buffer; readonly json: JsonObject }> {
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile) } });
  const collection = `${url}/${apiVersion === "v1" ? "api" : "apis"}/${apiVersion}/namespaces/default/${name}`;
  const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
  const metadata = { ...METADATA, name: `o-${apiVersion.split("/", 1)[0]}` };
  const body = JSON.stringify({ ...content, metadata });
  const made = await request(collection, { method: "POST", headers, body, dispatcher });
  assert.equal(made.statusCode, 201, await made.body.text());
  const read = async (accept: string): Promise<Buffer> => {
    const answer = await request(`${collection}/${metadata.name}`, { headers: { ...headers, accept }, dispatcher });
    return Buffer.from(await answer.body.arrayBuffer());
  };
  const protobuf = await read(PROTOBUF);
  const json = asObject(JSON.parse((await read("application/json")).toString("utf8")));
  await dispatcher.close();
  return { protobuf, json };
}
