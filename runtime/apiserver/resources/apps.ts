/** apps/v1: deployments, with the status and scale subresources. No controller acts on them here. */
import { type ApiObject, type Json, type JsonObject, at, isApiObject, isList, isObject, withValue } from "../object.ts";
import { AGE, NAME, column, number, text } from "./columns.ts";
import { POD, deploymentErrors, status, templateContainers } from "./deployment-rules.ts";
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
  validate: deploymentErrors,
});

function withRollingUpdate(object: ApiObject): ApiObject {
  const spec = object["spec"];
  const strategy = at(spec, "strategy");
  if (!isObject(spec) || (at(strategy, "type") ?? "RollingUpdate") !== "RollingUpdate") return object;
  return { ...object, spec: { ...spec, strategy: { rollingUpdate: {}, ...(isObject(strategy) ? strategy : {}) } } };
}

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

function ofContainers(object: ApiObject, name: string): string {
  return templateContainers(object)
    .map((container) => text(at(container, name)))
    .join(",");
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
