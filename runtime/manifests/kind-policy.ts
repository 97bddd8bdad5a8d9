/**
 * What may be done to objects of a kind that functions write, children or fields of others' objects. The two are alternatives
 * within one policy: all policies that concern a request have to let it pass.
 */
import { groupKind, type Kind } from "../kube/kind.ts";
import { FUNCTION_LABEL, OUR_PREFIX, OWNER, OWNER_UID, SELF } from "../reconcile/provenance.ts";
import type { Installation } from "./installation.ts";
import {
  kept,
  outsideControlPlane,
  OWN_LEASE,
  policy,
  policyName,
  prefixesVariable,
  ruleFor,
  withinPrefixes,
  type Expression,
  type Policy,
} from "./policy.ts";

type Functions = Installation["functions"];

export function kindPolicy(kind: Kind, installation: Pick<Installation, "functions" | "prefixes">): Policy {
  const { functions } = installation;
  const isApplied = functions.values().some(({ applies }) => applies.some((each) => isSameGroupKind(each, kind)));
  return policy(policyName(kind), {
    matchConstraints: { resourceRules: [ruleFor(kind, "", ["CREATE", "UPDATE", "DELETE"])] },
    matchConditions: notOfTheHost(kind),
    variables: [
      prefixesVariable(installation),
      { name: "owners", expression: ownerKinds(kind, functions) },
      ...CLAIMS,
      { name: "wasOurs", expression: provenIn("oldObject", kind) },
      { name: "isOurs", expression: IS_OF_A_FUNCTION + provenIn("object", kind) },
      { name: "isRelease", expression: RELEASE },
      ...(isApplied ? [{ name: "keepsMarks", expression: KEEPS_MARKS }] : []),
    ],
    validations: validations(kind, isApplied),
  });
}

function isSameGroupKind(a: Kind, b: Kind): boolean {
  return groupKind(a) === groupKind(b);
}

/** What the host writes for itself is no child, also where functions have children of that kind. */
function notOfTheHost(kind: Kind): readonly Expression[] {
  const own = OF_THE_HOST[groupKind(kind)];
  return own === undefined ? [] : [{ name: "not-of-the-host", expression: `!(${own})` }];
}

const unmarked = (map: "labels" | "annotations"): string =>
  `!object.metadata.?${map}.orValue({}).exists(key, key.startsWith("${OUR_PREFIX}"))`;

const OWN_EVENT = `request.operation == "CREATE" && ${unmarked("labels")} && ${unmarked("annotations")}`;

/** The API server takes the two kinds of Event for one. */
const OF_THE_HOST: Readonly<Record<string, string>> = {
  "Lease.coordination.k8s.io": OWN_LEASE,
  "Event.events.k8s.io": OWN_EVENT,
  Event: OWN_EVENT,
};

/** Function → the kind of its keys, as the mark of an owner begins: `{"mirror": "ConfigMap"}`. */
function ownerKinds(kind: Kind, functions: Functions): string {
  const writers = [...functions].filter(([, { writes }]) => writes.some((each) => isSameGroupKind(each, kind)));
  const entries = writers.map(
    ([name, definition]) => `${JSON.stringify(name)}: ${JSON.stringify(groupKind(definition.watches.kind))}`,
  );
  return `{${entries.toSorted().join(", ")}}`;
}

/** Whose child the object is and was, as its marks say; empty where there is no such object or mark. */
const CLAIMS: readonly Expression[] = [
  { name: "functionName", expression: markOf("object", "labels", FUNCTION_LABEL) },
  { name: "owner", expression: markOf("object", "annotations", OWNER) },
  { name: "oldFunctionName", expression: markOf("oldObject", "labels", FUNCTION_LABEL) },
  { name: "oldOwner", expression: markOf("oldObject", "annotations", OWNER) },
];

function markOf(object: Subject, map: "labels" | "annotations", mark: string): string {
  return `${object} == null ? "" : ${object}.metadata.?${map}[?"${mark}"].orValue("")`;
}

type Subject = "object" | "oldObject";

/**
 * `provenanceOf` in CEL: whether the marks are complete, and the self-reference names the object that carries it. Of whatever
 * function: what one has left behind that is no longer there is cleaned up by the others.
 */
function provenIn(object: Subject, kind: Kind): string {
  const [name, owner] = object === "object" ? ["functionName", "owner"] : ["oldFunctionName", "oldOwner"];
  const annotation = (mark: string): string => `${object}.metadata.?annotations[?"${mark}"].orValue("")`;
  const namespace = `${object}.metadata.?namespace.optMap(name, name + "/").orValue("")`;
  return `${object} != null
  && variables.${name} != ""
  && variables.${owner}.matches("^[^/]+(/[^/]+){1,2}$")
  && ${annotation(OWNER_UID)} != ""
  && ${annotation(SELF)} == "${groupKind(kind)}/" + ${namespace} + ${object}.metadata.name
`;
}

/** What is left behind as ours is a child that one of the functions could have made. */
const IS_OF_A_FUNCTION = `variables.functionName in variables.owners
  && variables.owner.startsWith(variables.owners[variables.functionName] + "/")
  && `;

/**
 * An update that takes off all our marks, and does nothing else: not to the labels and annotations of others, which may
 * make a source of what was a copy, nor to the content, which of most kinds is `spec`, and of others `data`, `rules`,
 * `subsets` and more. `dyn`: the fields of an object of a known type cannot be gone through.
 */
const RELEASE = `request.operation == "UPDATE"
  && ${marksAlone("labels")}
  && ${marksAlone("annotations")}
  && ${kept("finalizers", "ownerReferences")}
  && dyn(oldObject).all(field, field in dyn(object))
  && dyn(object).all(field, field == "metadata"
    || (field in dyn(oldObject) && dyn(object)[field] == dyn(oldObject)[field]))
`;

/** All that is there is another's, as it was, and all of another's is there. */
function marksAlone(map: "labels" | "annotations"): string {
  const [now, before] = mapsOf(map);
  return `${now}.all(key, !key.startsWith("${OUR_PREFIX}") && key in ${before} && ${before}[key] == ${now}[key])
  && ${before}.all(key, key.startsWith("${OUR_PREFIX}") || key in ${now})`;
}

/** An update that neither makes an object ours, nor hands it over, nor lets it go. */
const KEEPS_MARKS = `request.operation == "UPDATE"
  && ${marksKept("labels")}
  && ${marksKept("annotations")}
`;

function marksKept(map: "labels" | "annotations"): string {
  const [now, before] = mapsOf(map);
  return `${now}.all(key, !key.startsWith("${OUR_PREFIX}") || (key in ${before} && ${before}[key] == ${now}[key]))
  && ${before}.all(key, !key.startsWith("${OUR_PREFIX}") || key in ${now})`;
}

/** As it is to be, and as it was. */
function mapsOf(map: "labels" | "annotations"): readonly [string, string] {
  return [`object.metadata.?${map}.orValue({})`, `oldObject.metadata.?${map}.orValue({})`];
}

/**
 * The prefixes bind where something is put. What is taken away, or let go, is bound by provenance alone: else nobody could
 * clean up behind a prefix that is no longer configured.
 * @param isApplied some function applies fields to objects of others
 */
function validations(kind: Kind, isApplied: boolean): readonly object[] {
  const orFields = isApplied ? " || variables.keepsMarks" : "";
  return [
    outsideControlPlane(kind),
    {
      expression: `request.operation == "CREATE" || variables.wasOurs${orFields}`,
      message: isApplied
        ? "evenkeel deletes only what carries its own complete provenance, and of all else leaves the marks as they are"
        : "evenkeel changes and deletes only what carries its own complete provenance",
    },
    {
      expression: `request.operation == "DELETE" || variables.isOurs || variables.isRelease${orFields}`,
      message:
        "evenkeel leaves every object with its complete provenance, or releases it unchanged with all marks taken off",
    },
    withinPrefixes(kind, `request.operation == "DELETE" || variables.isRelease`),
    {
      expression: `!(variables.wasOurs && variables.isOurs)
  || (variables.functionName == variables.oldFunctionName && variables.owner == variables.oldOwner)
`,
      message: "evenkeel never hands an object from one owner to another",
    },
    {
      expression: noneAdded("ownerReferences", "uid"),
      message: "evenkeel sets no ownerReferences: the garbage collector deletes what has an owner in another namespace",
    },
    {
      expression: noneAdded("finalizers"),
      message: "evenkeel sets no finalizers: nothing of its may keep a namespace from going",
    },
    ...(isApplied ? fieldValidations(kind) : []),
  ];
}

/** What holds more strictly for objects of others. */
function fieldValidations(kind: Kind): readonly object[] {
  const isOfOurs = `request.operation != "UPDATE" || variables.wasOurs`;
  return [
    withinPrefixes(kind, isOfOurs),
    {
      expression: `${isOfOurs} || (${kept("ownerReferences", "finalizers")})
`,
      message: "evenkeel leaves the ownerReferences and the finalizers of others' objects as they are",
    },
  ];
}

/** Those of others stay: an update sends them back as they were. */
function noneAdded(list: string, field?: string): string {
  const by = field === undefined ? "" : `.${field}`;
  return `request.operation == "DELETE"
  || object.metadata.?${list}.orValue([]).all(each, oldObject != null
    && oldObject.metadata.?${list}.orValue([]).exists(old, old${by} == each${by}))
`;
}
