/** apps/v1: deployments, with the status and scale subresources. No controller acts on them here. */
import {
  type ApiObject,
  type Json,
  type JsonObject,
  at,
  equal,
  isApiObject,
  isList,
  isObject,
  withValue,
} from "../object.ts";
import { type FieldError, field } from "../status.ts";
import { AGE, NAME, column, number, text } from "./columns.ts";
import { type Resource, resource } from "./resource.ts";
import { struct } from "./types.ts";

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
    spec: { ...struct("DeploymentSpec"), default: {} },
    status: { ...struct("DeploymentStatus"), default: {} },
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
  prepare: (object) => withPodDefaults(withRollingUpdate(object)),
  onCreate: (object) => ({ ...object, status: {} }),
  validate,
});

function withRollingUpdate(object: ApiObject): ApiObject {
  const spec = object["spec"];
  const strategy = at(spec, "strategy");
  if (!isObject(spec) || (at(strategy, "type") ?? "RollingUpdate") !== "RollingUpdate") return object;
  return { ...object, spec: { ...spec, strategy: { rollingUpdate: {}, ...(isObject(strategy) ? strategy : {}) } } };
}

const POD = ["spec", "template", "spec"];

/** Source: core/v1 SetDefaults_Container; a service account is told under its old name, too. */
function withPodDefaults(object: ApiObject): ApiObject {
  const pod = at(object, ...POD);
  if (!isObject(pod)) return object;
  const serviceAccount = text(pod["serviceAccountName"]) || text(pod["serviceAccount"]);
  const changed = withValue(object, POD, {
    ...pod,
    ...withPullPolicies(pod, "containers"),
    ...withPullPolicies(pod, "initContainers"),
    ...(serviceAccount === "" ? {} : { serviceAccount, serviceAccountName: serviceAccount }),
  });
  return isApiObject(changed) ? changed : object;
}

function withPullPolicies(pod: JsonObject, list: string): JsonObject {
  const containers = pod[list];
  if (!isList(containers)) return {};
  const completed = containers.map((container) => {
    if (!isObject(container) || container["imagePullPolicy"] !== undefined) return container;
    const tag = /:([^/:@]+)$/.exec(text(container["image"]))?.[1] ?? "latest";
    return Object.assign({ imagePullPolicy: tag === "latest" ? "Always" : "IfNotPresent" }, container);
  });
  return { [list]: completed };
}

function status(object: ApiObject, name: string): number {
  return number(at(object, "status", name));
}

function templateContainers(object: ApiObject): readonly Json[] {
  const found = at(object, ...POD, "containers");
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
  return [...errors, ...podErrors(object), ...statusErrors(object)];
}

const PULL_POLICIES = ["Always", "IfNotPresent", "Never"];

function podErrors(object: ApiObject): readonly FieldError[] {
  const path = POD.join(".");
  const errors: FieldError[] = [];
  const restarts = text(at(object, ...POD, "restartPolicy"));
  if (restarts !== "Always") errors.push(field.notSupported(`${path}.restartPolicy`, restarts, ["Always"]));
  if (templateContainers(object).length === 0) errors.push(field.required(`${path}.containers`));
  templateContainers(object).forEach((container, i) => {
    const own = `${path}.containers[${i}]`;
    for (const name of ["name", "image"])
      if (text(at(container, name)) === "") errors.push(field.required(`${own}.${name}`));
    const pulls = text(at(container, "imagePullPolicy"));
    if (!PULL_POLICIES.includes(pulls)) errors.push(field.notSupported(`${own}.imagePullPolicy`, pulls, PULL_POLICIES));
  });
  return errors;
}

/** Source: apps/validation ValidateDeploymentStatus. */
function statusErrors(object: ApiObject): readonly FieldError[] {
  const errors: FieldError[] = [];
  const tooMany = (name: string, limit: string, limitName: string): void => {
    if (status(object, name) > status(object, limit))
      errors.push(field.invalid(`status.${name}`, status(object, name), `cannot be greater than ${limitName}`));
  };
  for (const name of COUNTS)
    if (status(object, name) < 0)
      errors.push(field.invalid(`status.${name}`, status(object, name), "must be greater than or equal to 0"));
  for (const name of ["updatedReplicas", "readyReplicas", "availableReplicas"])
    tooMany(name, "replicas", "status.replicas");
  tooMany("availableReplicas", "readyReplicas", "readyReplicas");
  return errors;
}

const COUNTS = [
  "observedGeneration",
  "replicas",
  "updatedReplicas",
  "readyReplicas",
  "availableReplicas",
  "unavailableReplicas",
  "terminatingReplicas",
  "collisionCount",
];

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
