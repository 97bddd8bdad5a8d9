/** What a Deployment must satisfy, its pods only as far as every client meets it. Source: pkg/apis/apps/validation. */
import { type ApiObject, type Json, at, equal, isList, isObject } from "../object.ts";
import { matchesLabels } from "../selectors.ts";
import { type FieldError, field } from "../status.ts";
import { number, text } from "./columns.ts";
import { labelErrors, qualifiedNameFaults } from "./names.ts";

export const POD: readonly string[] = ["spec", "template", "spec"];

export function templateContainers(object: ApiObject): readonly Json[] {
  return listAt(object, ...POD, "containers");
}

export function deploymentErrors(object: ApiObject, before: ApiObject | undefined): readonly FieldError[] {
  const wanted = at(object, "spec", "selector");
  const selected = selectorErrors(wanted);
  return [
    ...selected,
    ...(selected.length > 0 ? [] : templateErrors(object)),
    ...(before === undefined || equal(wanted, at(before, "spec", "selector"))
      ? []
      : [field.invalid("spec.selector", wanted ?? null, "field is immutable")]),
    ...COUNTS.flatMap((path) => negativeErrors(path.join("."), at(object, ...path))),
    ...strategyErrors(at(object, "spec", "strategy")),
    ...deadlineErrors(at(object, "spec")),
    ...podErrors(object),
    ...statusErrors(object, before),
  ];
}

const COUNTS: readonly (readonly string[])[] = [
  ...["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"].map((name) => ["spec", name]),
  ...[
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
    "terminatingReplicas",
    "collisionCount",
  ].map((name) => ["status", name]),
];

function negativeErrors(path: string, value: Json | undefined): readonly FieldError[] {
  if (typeof value !== "number" || value >= 0) return [];
  return [field.invalid(path, value, "must be greater than or equal to 0")];
}

function selectorErrors(selector: Json | undefined): readonly FieldError[] {
  if (!isObject(selector)) return [field.required("spec.selector")];
  const expressions = listAt(selector, "matchExpressions");
  const labels = labelsAt(selector, "matchLabels");
  const errors = [
    ...labelErrors(labels, "spec.selector.matchLabels"),
    ...expressions.flatMap((one, i) => expressionErrors(one, `spec.selector.matchExpressions[${i}]`)),
  ];
  if (expressions.length === 0 && Object.keys(labels).length === 0)
    errors.push(field.invalid("spec.selector", selector, "empty selector is invalid for deployment"));
  return errors;
}

function expressionErrors(expression: Json, path: string): readonly FieldError[] {
  const key = text(at(expression, "key"));
  const operator = text(at(expression, "operator"));
  const values = listAt(expression, "values");
  const keyErrors = qualifiedNameFaults(key).map((fault) => field.invalid(`${path}.key`, key, fault));
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length > 0) return keyErrors;
      return [field.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"), ...keyErrors];
    case "Exists":
    case "DoesNotExist": {
      if (values.length === 0) return keyErrors;
      const why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
      return [field.forbidden(`${path}.values`, why), ...keyErrors];
    }
    default:
      return [field.invalid(`${path}.operator`, operator, "not a valid selector operator"), ...keyErrors];
  }
}

/** Of a selector without a fault: the pods that the template makes have to be its own. */
function templateErrors(object: ApiObject): readonly FieldError[] {
  const selector = at(object, "spec", "selector");
  const labels = labelsAt(object, "spec", "template", "metadata", "labels");
  const equalities = Object.entries(labelsAt(selector, "matchLabels")).map(
    ([key, value]) => ({ key, operator: "In", values: [value] }) as const,
  );
  const expressions = listAt(selector, "matchExpressions").map(requirement);
  if (matchesLabels([...equalities, ...expressions], labels)) return [];
  const why = "`selector` does not match template `labels`";
  return [field.invalid("spec.template.metadata.labels", labels, why)];
}

function requirement(expression: Json): Parameters<typeof matchesLabels>[0][number] {
  const key = text(at(expression, "key"));
  switch (text(at(expression, "operator"))) {
    case "In":
      return { key, operator: "In", values: listAt(expression, "values").map(text) };
    case "NotIn":
      return { key, operator: "NotIn", values: listAt(expression, "values").map(text) };
    case "Exists":
      return { key, operator: "Exists" };
    default:
      return { key, operator: "DoesNotExist" };
  }
}

function strategyErrors(strategy: Json | undefined): readonly FieldError[] {
  const path = "spec.strategy.rollingUpdate";
  const rolling = at(strategy, "rollingUpdate");
  switch (text(at(strategy, "type"))) {
    case "RollingUpdate":
      return rollingErrors(at(rolling, "maxUnavailable"), at(rolling, "maxSurge"), path);
    case "Recreate":
      if (rolling === undefined) return [];
      return [field.forbidden(path, "may not be specified when strategy `type` is 'Recreate'")];
    default:
      return [field.notSupported("spec.strategy", text(at(strategy, "type")), ["Recreate", "RollingUpdate"])];
  }
}

function rollingErrors(unavailable: Json | undefined, surge: Json | undefined, path: string): readonly FieldError[] {
  const errors = [...amountErrors(unavailable, `${path}.maxUnavailable`), ...amountErrors(surge, `${path}.maxSurge`)];
  if (amount(unavailable) === 0 && amount(surge) === 0)
    errors.push(field.invalid(`${path}.maxUnavailable`, unavailable, "may not be 0 when `maxSurge` is 0"));
  if (typeof unavailable === "string" && amount(unavailable) > 100)
    errors.push(field.invalid(`${path}.maxUnavailable`, unavailable, "must not be greater than 100%"));
  return errors;
}

function amountErrors(value: Json | undefined, path: string): readonly FieldError[] {
  if (typeof value !== "string") return negativeErrors(path, value);
  if (/^[0-9]+%$/.test(value)) return [];
  const form = "a valid percent string must be a numeric string followed by an ending '%'";
  return [field.invalid(path, value, `${form} (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`)];
}

function amount(value: Json | undefined): number {
  return typeof value === "string" ? Number.parseInt(value, 10) || 0 : number(value);
}

function deadlineErrors(spec: Json | undefined): readonly FieldError[] {
  const deadline = at(spec, "progressDeadlineSeconds");
  if (typeof deadline !== "number" || deadline > number(at(spec, "minReadySeconds"))) return [];
  return [field.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")];
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

function statusErrors(object: ApiObject, before: ApiObject | undefined): readonly FieldError[] {
  const errors: FieldError[] = [];
  const tooMany = (name: string, limit: string, limitName: string): void => {
    if (status(object, name) > status(object, limit))
      errors.push(field.invalid(`status.${name}`, status(object, name), `cannot be greater than ${limitName}`));
  };
  for (const name of ["updatedReplicas", "readyReplicas", "availableReplicas"])
    tooMany(name, "replicas", "status.replicas");
  tooMany("availableReplicas", "readyReplicas", "readyReplicas");
  const collisions = status(object, "collisionCount");
  if (collisions < status(before, "collisionCount"))
    errors.push(field.invalid("status.collisionCount", collisions, "cannot be decremented"));
  return errors;
}

/** A count in the status; 0 where there is none. */
export function status(object: ApiObject | undefined, name: string): number {
  return number(at(object, "status", name));
}

function listAt(value: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path);
  return isList(found) ? found : [];
}

function labelsAt(value: Json | undefined, ...path: readonly string[]): Readonly<Record<string, string>> {
  const found = at(value, ...path);
  return isObject(found) ? Object.fromEntries(Object.entries(found).map(([key, one]) => [key, text(one)])) : {};
}
