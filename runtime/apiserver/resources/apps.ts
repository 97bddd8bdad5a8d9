/** apps/v1: deployments, with the status and scale subresources. No controller acts on them here. */
import { type ApiObject, type Json, at, equal, isApiObject, isList, isObject, withValue } from "../object.ts";
import { OPAQUE, type Schema } from "../schema.ts";
import { type FieldError, field } from "../status.ts";
import { AGE, NAME, column, number, text } from "./columns.ts";
import { conditionSchema } from "./core.ts";
import { type Resource, resource } from "./resource.ts";

const string: Schema = { type: "string" };
const int32: Schema = { type: "integer", format: "int32" };
const intOrString: Schema = { "x-kubernetes-int-or-string": true };
const strings: Schema = { type: "object", additionalProperties: string };

/** A list whose items are one by one merged by `keys`; the rest of an item is kept as it comes. */
function keyed(keys: readonly [string, ...string[]], properties: Readonly<Record<string, Schema>> = {}): Schema {
  const named = Object.fromEntries(keys.map((key) => [key, properties[key] ?? OPAQUE]));
  return {
    type: "array",
    items: { type: "object", properties: { ...named, ...properties }, "x-kubernetes-preserve-unknown-fields": true },
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": keys,
    "x-kubernetes-patch-strategy": "merge",
    "x-kubernetes-patch-merge-key": keys[0],
  };
}

const containers = keyed(["name"], {
  name: string,
  image: string,
  env: keyed(["name"], { name: string, value: string }),
  ports: keyed(["containerPort", "protocol"], { containerPort: int32, protocol: { ...string, default: "TCP" } }),
  volumeMounts: keyed(["mountPath"], { mountPath: string }),
  resources: { ...OPAQUE, type: "object", default: {} },
  terminationMessagePath: { ...string, default: "/dev/termination-log" },
  terminationMessagePolicy: { ...string, default: "File" },
});

const template: Schema = {
  type: "object",
  properties: {
    metadata: { type: "object", default: {}, properties: { labels: strings, annotations: strings, name: string } },
    spec: {
      type: "object",
      "x-kubernetes-preserve-unknown-fields": true,
      properties: {
        containers,
        initContainers: containers,
        volumes: keyed(["name"], { name: string }),
        imagePullSecrets: keyed(["name"], { name: string }),
        nodeSelector: { ...strings, "x-kubernetes-map-type": "atomic" },
        dnsPolicy: { ...string, default: "ClusterFirst" },
        restartPolicy: { ...string, default: "Always" },
        schedulerName: { ...string, default: "default-scheduler" },
        securityContext: { ...OPAQUE, type: "object", default: {} },
        terminationGracePeriodSeconds: { type: "integer", format: "int64", default: 30 },
      },
    },
  },
};

const selector: Schema = {
  type: "object",
  "x-kubernetes-map-type": "atomic",
  properties: { matchLabels: strings, matchExpressions: { type: "array", items: OPAQUE } },
};

const deployments = resource({
  group: "apps",
  version: "v1",
  resource: "deployments",
  singular: "deployment",
  kind: "Deployment",
  shortNames: ["deploy"],
  categories: ["all"],
  status: true,
  scale: { specReplicas: ["spec", "replicas"], statusReplicas: ["status", "replicas"], selector: ["spec", "selector"] },
  generationFields: ["spec", "annotations"],
  description: "Deployment enables declarative updates for Pods and ReplicaSets.",
  fields: {
    spec: {
      type: "object",
      default: {},
      properties: {
        minReadySeconds: int32,
        paused: { type: "boolean" },
        progressDeadlineSeconds: { ...int32, default: 600 },
        replicas: { ...int32, default: 1 },
        revisionHistoryLimit: { ...int32, default: 10 },
        selector,
        strategy: {
          type: "object",
          default: { type: "RollingUpdate", rollingUpdate: {} },
          "x-kubernetes-patch-strategy": "retainKeys",
          properties: {
            type: { ...string, default: "RollingUpdate" },
            rollingUpdate: {
              type: "object",
              properties: {
                maxSurge: { ...intOrString, default: "25%" },
                maxUnavailable: { ...intOrString, default: "25%" },
              },
            },
          },
        },
        template,
      },
    },
    status: {
      type: "object",
      default: {},
      properties: {
        availableReplicas: int32,
        collisionCount: int32,
        conditions: keyed(["type"], conditionSchema().properties),
        observedGeneration: { type: "integer", format: "int64" },
        readyReplicas: int32,
        replicas: int32,
        terminatingReplicas: int32,
        unavailableReplicas: int32,
        updatedReplicas: int32,
      },
    },
  },
  columns: [
    NAME,
    column(
      "Ready",
      "Number of the pod with ready state",
      (object) => `${status(object, "readyReplicas")}/${number(at(object, "spec", "replicas"))}`,
    ),
    column("Up-to-date", "Total number of non-terminating pods that have the desired template spec.", (object) =>
      status(object, "updatedReplicas"),
    ),
    column("Available", "Total number of available non-terminating pods.", (object) =>
      status(object, "availableReplicas"),
    ),
    AGE,
    column("Containers", "Names of each container in the template.", (object) => ofContainers(object, "name"), 1),
    column(
      "Images",
      "Images referenced by each container in the template.",
      (object) => ofContainers(object, "image"),
      1,
    ),
    column("Selector", "Label selector for pods.", (object) => selectorText(at(object, "spec", "selector")), 1),
  ],
  // Defaults that depend on a sibling field, which a schema cannot say.
  prepare: (object) => withPullPolicies(withRollingUpdate(object)),
  onCreate: (object) => ({ ...object, status: {} }),
  validate,
});

function withRollingUpdate(object: ApiObject): ApiObject {
  const spec = object["spec"];
  const strategy = at(spec, "strategy");
  if (!isObject(spec) || (at(strategy, "type") ?? "RollingUpdate") !== "RollingUpdate") return object;
  return { ...object, spec: { ...spec, strategy: { rollingUpdate: {}, ...(isObject(strategy) ? strategy : {}) } } };
}

/** Source: core/v1 SetDefaults_Container. */
function withPullPolicies(object: ApiObject): ApiObject {
  const path = ["spec", "template", "spec", "containers"];
  const containers = templateContainers(object).map((container) => {
    if (!isObject(container) || container["imagePullPolicy"] !== undefined) return container;
    const tag = /:([^/:@]+)$/.exec(text(container["image"]))?.[1] ?? "latest";
    return Object.assign({ imagePullPolicy: tag === "latest" ? "Always" : "IfNotPresent" }, container);
  });
  const changed = containers.length === 0 ? object : withValue(object, path, containers);
  return isApiObject(changed) ? changed : object;
}

function status(object: ApiObject, name: string): number {
  return number(at(object, "status", name));
}

function templateContainers(object: ApiObject): readonly Json[] {
  const found = at(object, "spec", "template", "spec", "containers");
  return isList(found) ? found : [];
}

function ofContainers(object: ApiObject, name: string): string {
  return templateContainers(object)
    .map((container) => text(at(container, name)))
    .join(",");
}

function validate(object: ApiObject, before: ApiObject | undefined): readonly FieldError[] {
  const errors: FieldError[] = [];
  const replicas = at(object, "spec", "replicas");
  if (typeof replicas === "number" && replicas < 0)
    errors.push(field.invalid("spec.replicas", replicas, "must be greater than or equal to 0"));
  const wanted = at(object, "spec", "selector");
  if (!isObject(wanted)) errors.push(field.required("spec.selector"));
  const labels = at(object, "spec", "template", "metadata", "labels");
  const matchLabels = at(wanted, "matchLabels");
  if (isObject(matchLabels) && Object.entries(matchLabels).some(([key, value]) => at(labels, key) !== value)) {
    const why = "`selector` does not match template `labels`";
    errors.push(field.invalid("spec.template.metadata.labels", labels ?? null, why));
  }
  if (before !== undefined && !equal(wanted, at(before, "spec", "selector")))
    errors.push(field.invalid("spec.selector", wanted ?? null, "field is immutable"));
  if (templateContainers(object).length === 0) errors.push(field.required("spec.template.spec.containers"));
  templateContainers(object).forEach((container, i) => {
    for (const name of ["name", "image"])
      if (text(at(container, name)) === "") errors.push(field.required(`spec.template.spec.containers[${i}].${name}`));
  });
  return errors;
}

/** A LabelSelector as text: `app=web,tier in (a,b)`. */
export function selectorText(selector: Json | undefined): string {
  const labels = at(selector, "matchLabels");
  const expressions = at(selector, "matchExpressions");
  const terms = isObject(labels) ? Object.entries(labels).map(([key, value]) => `${key}=${text(value)}`) : [];
  for (const expression of isList(expressions) ? expressions : []) {
    const key = text(at(expression, "key"));
    const values = at(expression, "values");
    const list = isList(values) ? values.map(text).toSorted().join(",") : "";
    switch (text(at(expression, "operator"))) {
      case "In":
        terms.push(`${key} in (${list})`);
        break;
      case "NotIn":
        terms.push(`${key} notin (${list})`);
        break;
      case "Exists":
        terms.push(key);
        break;
      default:
        terms.push(`!${key}`);
    }
  }
  return terms.toSorted().join(",");
}

export const APPS: readonly Resource[] = [deployments];
