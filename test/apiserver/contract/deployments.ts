/** Deployments: defaults and checks of a pod template. */
import assert from "node:assert/strict";
import { type Json, type JsonObject, asObject, at, isList, isObject } from "../../../runtime/apiserver/object.ts";
import { type Answer, APPLY, MERGE, STRATEGIC } from "../client.ts";
import { refused, causes, managers } from "./answers.ts";
import type { Case } from "./case.ts";
import { deployment } from "./requests.ts";

const LABELS = { app: "web" };

/** A Deployment with one container. */
function podTemplate(container: JsonObject, pod: JsonObject = {}): JsonObject {
  const spec = { containers: [{ name: "web", image: "web:1", ...container }], ...pod };
  return deployment({ selector: { matchLabels: LABELS }, template: { metadata: { labels: LABELS }, spec } });
}

function podOf({ body }: Answer): JsonObject {
  const found = at(body, "spec", "template", "spec");
  assert.ok(isObject(found), JSON.stringify(body));
  return found;
}

function containerOf(answer: Answer): Json | undefined {
  const { containers } = podOf(answer);
  return isList(containers) ? containers[0] : undefined;
}

function matching(expression: JsonObject): JsonObject {
  return { selector: { matchExpressions: [expression] } };
}

function rolling(rollingUpdate: JsonObject): JsonObject {
  return { strategy: { rollingUpdate } };
}

export const DEPLOYMENTS: readonly Case[] = [
  {
    name: "a pod is stored in its normal form: quantities reduced, empty scalars dropped, defaults filled in",
    async run({ api, namespace }) {
      const container = {
        stdin: false,
        workingDir: "",
        imagePullPolicy: "",
        env: [{ name: "A", value: "" }],
        ports: [{ containerPort: 80, hostPort: 0 }],
        readinessProbe: { httpGet: { port: 80 }, periodSeconds: 5 },
        resources: {
          limits: { cpu: "1000m", memory: "1024Mi", "ephemeral-storage": "1.5Gi" },
          requests: { cpu: 0.5, memory: "100000", "ephemeral-storage": "1e9" },
        },
      };
      const pod = {
        serviceAccountName: "robot",
        hostNetwork: false,
        enableServiceLinks: false,
        restartPolicy: "",
        terminationGracePeriodSeconds: 0,
        volumes: [
          { name: "e", emptyDir: {} },
          { name: "c", configMap: { name: "c", optional: false } },
        ],
      };
      const made = await api.post(`/apis/apps/v1/namespaces/${namespace}/deployments`, podTemplate(container, pod));
      assert.deepEqual(podOf(made), {
        containers: [
          {
            name: "web",
            image: "web:1",
            imagePullPolicy: "IfNotPresent",
            env: [{ name: "A" }],
            ports: [{ containerPort: 80, protocol: "TCP" }],
            readinessProbe: {
              failureThreshold: 3,
              httpGet: { path: "/", port: 80, scheme: "HTTP" },
              periodSeconds: 5,
              successThreshold: 1,
              timeoutSeconds: 1,
            },
            resources: {
              limits: { cpu: "1", memory: "1Gi", "ephemeral-storage": "1536Mi" },
              requests: { cpu: "500m", memory: "100k", "ephemeral-storage": "1e9" },
            },
            terminationMessagePath: "/dev/termination-log",
            terminationMessagePolicy: "File",
          },
        ],
        dnsPolicy: "ClusterFirst",
        enableServiceLinks: false,
        restartPolicy: "Always",
        schedulerName: "default-scheduler",
        securityContext: {},
        serviceAccount: "robot",
        serviceAccountName: "robot",
        terminationGracePeriodSeconds: 0,
        volumes: [
          { name: "e", emptyDir: {} },
          { name: "c", configMap: { name: "c", defaultMode: 420, optional: false } },
        ],
      });
    },
  },
  {
    name: "a field that a pod does not have is refused under Strict, one of a wrong type always",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const typo = podTemplate({ imagePullPolcy: "Always" });
      refused(await api.post(`${path}?fieldValidation=Strict`, typo), 400, "BadRequest");
      for (const container of [
        { imagePullPolicy: 5 },
        { args: "x" },
        { env: [{ name: "A", value: 5 }] },
        { resources: { limits: { cpu: "abc" } } },
        { resources: { limits: { cpu: true } } },
        { securityContext: { runAsUser: "root" } },
      ])
        refused(await api.post(path, podTemplate(container)), 400, "BadRequest");
      const doubled = JSON.stringify(typo).replace("imagePullPolcy", "image");
      const warned = await api.send("POST", path, { text: doubled });
      const duplicate = 'duplicate field \\"spec.template.spec.containers[0].image\\"';
      assert.equal(warned.headers.get("warning"), `299 - "${duplicate}"`);
    },
  },
  {
    name: "the metadata of a pod template is metadata, with the nulls that clients in Go write",
    async run({ api, namespace }) {
      const metadata = { labels: LABELS, creationTimestamp: null, finalizers: ["a.b/c"] };
      const pod = at(podTemplate({ resources: {} }), "spec", "template", "spec") ?? null;
      const spec = { strategy: {}, selector: { matchLabels: LABELS }, template: { metadata, spec: pod } };
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments?fieldValidation=Strict`;
      const made = await api.post(path, { ...deployment(spec), status: {} });
      assert.equal(made.status, 201);
      assert.deepEqual(at(made.body, "spec", "template", "metadata"), { labels: LABELS, finalizers: ["a.b/c"] });
    },
  },
  {
    name: "a restartPolicy but Always, a pull policy that is none, and more ready replicas than replicas are 422",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const restart = await api.post(path, podTemplate({}, { restartPolicy: "Never" }));
      assert.deepEqual(causes(restart), ["FieldValueNotSupported spec.template.spec.restartPolicy"]);
      const pull = await api.post(path, podTemplate({ imagePullPolicy: "Sometimes" }));
      assert.deepEqual(causes(pull), ["FieldValueNotSupported spec.template.spec.containers[0].imagePullPolicy"]);
      await api.post(path, podTemplate({}));
      const ready = await api.patch(`${path}/d/status`, MERGE, { status: { replicas: 1, readyReplicas: 2 } });
      refused(ready, 422, "Invalid");
      assert.deepEqual(causes(ready), ["FieldValueInvalid status.readyReplicas"]);
    },
  },
  {
    name: "a selector, a strategy or a number that makes no sense is 422, with the field",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const bad: readonly (readonly [fault: string, spec: JsonObject])[] = [
        ["Forbidden spec.strategy.rollingUpdate", { strategy: { type: "Recreate", rollingUpdate: {} } }],
        ["NotSupported spec.strategy", { strategy: { type: "Rolling" } }],
        ["Invalid spec.strategy.rollingUpdate.maxUnavailable", rolling({ maxSurge: 0, maxUnavailable: 0 })],
        ["Invalid spec.strategy.rollingUpdate.maxUnavailable", rolling({ maxUnavailable: "101%" })],
        ["Invalid spec.strategy.rollingUpdate.maxSurge", rolling({ maxSurge: "x%" })],
        ["Invalid spec.selector", { selector: {} }],
        ["Invalid spec.template.metadata.labels", matching({ key: "app", operator: "NotIn", values: ["web"] })],
        ["Required spec.selector.matchExpressions[0].values", matching({ key: "app", operator: "In" })],
        ["Invalid spec.selector.matchExpressions[0].operator", matching({ key: "app", operator: "Foo" })],
        ["Invalid spec.minReadySeconds", { minReadySeconds: -1 }],
        ["Invalid spec.revisionHistoryLimit", { revisionHistoryLimit: -1 }],
        ["Invalid spec.progressDeadlineSeconds", { progressDeadlineSeconds: 10, minReadySeconds: 10 }],
      ];
      for (const [fault, spec] of bad) {
        const refusal = await api.post(path, {
          ...podTemplate({}),
          spec: { ...asObject(podTemplate({})["spec"]), ...spec },
        });
        refused(refusal, 422, "Invalid");
        assert.ok(causes(refusal).includes(`FieldValue${fault}`), `${fault} in ${causes(refusal).join(", ")}`);
      }
    },
  },
  {
    name: "a strategic merge that misses an item in its order, or a field in what it retains, is refused",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      await api.post(path, podTemplate({}, { volumes: [{ name: "v", emptyDir: {} }] }));
      const patch = async (pod: JsonObject): Promise<number> =>
        (await api.patch(`${path}/d?dryRun=All`, STRATEGIC, { spec: { template: { spec: pod } } })).status;
      const order = "$setElementOrder/containers";
      const second = { name: "second", image: "i:1" };
      assert.equal(await patch({ [order]: [{ name: "web" }], containers: [second] }), 500);
      assert.equal(await patch({ [order]: "web", containers: [second] }), 500);
      assert.equal(await patch({ [order]: [{ name: "second" }, { name: "web" }], containers: [second] }), 200);
      const volume = { name: "v", configMap: { name: "c" } };
      assert.equal(await patch({ volumes: [{ ...volume, $retainKeys: ["name"] }] }), 400);
      assert.equal(await patch({ volumes: [{ ...volume, $retainKeys: "name" }] }), 400);
      assert.equal(await patch({ volumes: [{ ...volume, $retainKeys: ["name", "configMap"] }] }), 200);
    },
  },
  {
    name: "the count of collisions in a status does not fall",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      await api.post(path, podTemplate({}));
      const first = await api.patch(`${path}/d/status`, MERGE, { status: { collisionCount: 3 } });
      assert.equal(first.status, 200, JSON.stringify(first.body));
      for (const collisionCount of [2, null]) {
        const fallen = await api.patch(`${path}/d/status`, MERGE, { status: { collisionCount } });
        refused(fallen, 422, "Invalid");
        assert.deepEqual(causes(fallen), ["FieldValueInvalid status.collisionCount"]);
      }
    },
  },
  {
    name: "resources, contexts and affinity are owned field by field, aliases of hosts and pull secrets one by one",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/d`;
      const one = podTemplate(
        { resources: { limits: { cpu: "1" } }, securityContext: { runAsUser: 1 } },
        { hostAliases: [{ ip: "1.1.1.1" }], affinity: { nodeAffinity: {} }, imagePullSecrets: [{ name: "one" }] },
      );
      const two = {
        containers: [
          { name: "web", resources: { limits: { memory: "1Gi" } }, securityContext: { runAsNonRoot: true } },
        ],
        hostAliases: [{ ip: "2.2.2.2" }],
        affinity: { podAffinity: {} },
        securityContext: { fsGroup: 1 },
        imagePullSecrets: [{ name: "two" }],
      };
      await api.patch(`${path}?fieldManager=one`, APPLY, one);
      const both = await api.patch(`${path}?fieldManager=two`, APPLY, deployment({ template: { spec: two } }));
      assert.deepEqual(managers(both), ["Apply one", "Apply two"]);
      assert.deepEqual(at(containerOf(both), "resources"), { limits: { cpu: "1", memory: "1Gi" } });
      assert.deepEqual(at(containerOf(both), "securityContext"), { runAsUser: 1, runAsNonRoot: true });
      assert.deepEqual(podOf(both)["affinity"], { nodeAffinity: {}, podAffinity: {} });
      assert.deepEqual(podOf(both)["securityContext"], { fsGroup: 1 });
      assert.deepEqual(podOf(both)["hostAliases"], [{ ip: "1.1.1.1" }, { ip: "2.2.2.2" }]);
      assert.deepEqual(podOf(both)["imagePullSecrets"], [{ name: "one" }, { name: "two" }]);
      const limits = { spec: { containers: [{ name: "web", resources: { limits: { memory: null, cpu: "2" } } }] } };
      const patched = await api.patch(path, STRATEGIC, { spec: { template: limits } });
      assert.deepEqual(at(containerOf(patched), "resources"), { limits: { cpu: "2" } });
    },
  },
];
