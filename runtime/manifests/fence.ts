/**
 * The fence: admission policies that hold the host's account to what evenkeel promises, even if the host itself were taken
 * over. One policy for each kind that functions write, one for everything else. All policies that concern a request have to
 * let it pass, so what functions declare of one kind, children or fields of others' objects, are alternatives within one
 * policy. They read the account's name first, so nobody else's requests are slowed or refused.
 *
 * The bounds are written into the policies, not read from a parameter object: only who may change admission policies can
 * widen them. A configuration that is widened alone is refused at the fence, and the traces say so.
 */
import { kindKey, type Kind } from "../kube/kind.ts";
import { FUNCTION_LABEL, OUR_PREFIX, OWNER, OWNER_UID, SELF, ownerReference } from "../reconcile/provenance.ts";
import { accountOf, NAME, type Installation } from "./installation.ts";
import type { Manifest } from "./manifest.ts";
import { groupOf, resourceOf } from "./rights.ts";

/** All the policies with their bindings, by the names of the policies. */
export function fence(installation: Installation): readonly Manifest[] {
  const kinds = writtenKinds(installation.functions);
  return [...kinds.map((kind) => kindPolicy(kind, installation)), otherPolicy(kinds, installation)].flatMap(
    ({ name, spec }) => [
      { object: { apiVersion: API_VERSION, kind: "ValidatingAdmissionPolicy", metadata: { name }, spec } },
      {
        object: {
          apiVersion: API_VERSION,
          kind: "ValidatingAdmissionPolicyBinding",
          metadata: { name },
          spec: { policyName: name, validationActions: ["Deny", "Audit"] },
        },
      },
    ],
  );
}

/** The one variable of a kind's policy that an overlay with other prefixes replaces. */
export function prefixesVariable({ prefixes }: Pick<Installation, "prefixes">): {
  readonly name: string;
  readonly expression: string;
} {
  return { name: "prefixes", expression: JSON.stringify(prefixes) };
}

/** Of the policies that have the variable. */
export function kindPolicyNames({ functions }: Pick<Installation, "functions">): readonly string[] {
  return writtenKinds(functions).map(kindPolicyName);
}

const API_VERSION = "admissionregistration.k8s.io/v1";

interface Policy {
  readonly name: string;
  readonly spec: object;
}

function kindPolicyName(kind: Kind): string {
  const group = groupOf(kind);
  return [NAME, resourceOf(kind), ...(group === "" ? [] : [group])].join(".");
}

function writtenKinds(functions: Installation["functions"]): readonly Kind[] {
  const declared = [...functions.values()].flatMap(({ writes, applies }) => writes.concat(applies));
  const kinds = new Map(declared.map((kind) => [kindKey(kind), kind]));
  return [...kinds.keys()].toSorted().flatMap((key) => kinds.get(key) ?? []);
}

/** What may be done to objects of a kind that functions write. */
function kindPolicy(kind: Kind, installation: Installation): Policy {
  const { namespace, functions } = installation;
  const isApplied = functions.values().some(({ applies }) => applies.some((each) => kindKey(each) === kindKey(kind)));
  return {
    name: kindPolicyName(kind),
    spec: {
      failurePolicy: "Fail",
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [groupOf(kind)],
            apiVersions: ["*"],
            resources: [resourceOf(kind)],
            operations: ["CREATE", "UPDATE", "DELETE"],
          },
        ],
      },
      matchConditions: [ourAccount(namespace)],
      variables: [
        prefixesVariable(installation),
        { name: "owners", expression: ownerKinds(kind, functions) },
        ...CLAIMS,
        { name: "wasOurs", expression: provenIn("oldObject", kind) },
        { name: "isOurs", expression: provenIn("object", kind) },
        { name: "isRelease", expression: releaseOf(kind) },
        ...(isApplied ? [{ name: "keepsMarks", expression: KEEPS_MARKS }] : []),
      ],
      validations: validations(kind, isApplied).map(asForbidden),
    },
  };
}

function ourAccount(namespace: string): object {
  return { name: "our-account", expression: `request.userInfo.username == ${JSON.stringify(accountOf(namespace))}` };
}

/** Function → the kind of its keys, as owner references begin: `{"mirror": "ConfigMap"}`. */
function ownerKinds(kind: Kind, functions: Installation["functions"]): string {
  const writers = [...functions].filter(([, { writes }]) => writes.some((each) => kindKey(each) === kindKey(kind)));
  const entries = writers.map(
    ([name, definition]) => `${JSON.stringify(name)}: ${JSON.stringify(kindReference(definition.watches.kind))}`,
  );
  return `{${entries.toSorted().join(", ")}}`;
}

/** `ConfigMap`, `Deployment.apps`: references say it so, without the version. */
function kindReference(kind: Kind): string {
  return ownerReference({ ...kind, metadata: { name: "" } }).replace(/\/$/, "");
}

/** Whose child the object is and was, as its marks say; empty where there is no such object or mark. */
const CLAIMS: readonly object[] = [
  { name: "functionName", expression: markOf("object", "labels", FUNCTION_LABEL) },
  { name: "owner", expression: markOf("object", "annotations", OWNER) },
  { name: "oldFunctionName", expression: markOf("oldObject", "labels", FUNCTION_LABEL) },
  { name: "oldOwner", expression: markOf("oldObject", "annotations", OWNER) },
];

function markOf(object: Subject, map: "labels" | "annotations", mark: string): string {
  return `${object} == null ? "" : ${object}.metadata.?${map}[?"${mark}"].orValue("")`;
}

type Subject = "object" | "oldObject";

/** `provenanceOf` in CEL: whether the marks are complete, and the self-reference names the object that carries it. */
function provenIn(object: Subject, kind: Kind): string {
  const [name, owner] = object === "object" ? ["functionName", "owner"] : ["oldFunctionName", "oldOwner"];
  const annotation = (mark: string): string => `${object}.metadata.?annotations[?"${mark}"].orValue("")`;
  const namespace = `${object}.metadata.?namespace.optMap(name, name + "/").orValue("")`;
  return `${object} != null
  && variables.${name} in variables.owners
  && variables.${owner}.startsWith(variables.owners[variables.${name}] + "/")
  && variables.${owner}.matches("^[^/]+(/[^/]+){1,2}$")
  && ${annotation(OWNER_UID)} != ""
  && ${annotation(SELF)} == "${kindReference(kind)}/" + ${namespace} + ${object}.metadata.name
`;
}

/** What of an object is its content, and so is nobody's to change while it is let go. */
const CONTENT: Readonly<Record<string, readonly string[]>> = {
  "v1/ConfigMap": ["data", "binaryData", "immutable"],
  "v1/Secret": ["data", "immutable", "type"],
};

/** An update that takes off all our marks, and does nothing else to the content. */
function releaseOf(kind: Kind): string {
  const content = (CONTENT[kindKey(kind)] ?? ["spec"]).map((field) => `object.?${field} == oldObject.?${field}`);
  return `request.operation == "UPDATE"
  && ${[unmarked("labels"), unmarked("annotations"), ...content].join("\n  && ")}
`;
}

/** 403 and not the 422 of an object that is malformed: nothing that the host could write differently would help. */
function asForbidden(validation: object): object {
  return { ...validation, reason: "Forbidden" };
}

/** An update that neither makes an object ours, nor hands it over, nor lets it go. */
const KEEPS_MARKS = `request.operation == "UPDATE"
  && ${marksKept("labels")}
  && ${marksKept("annotations")}
`;

function marksKept(map: "labels" | "annotations"): string {
  const [now, before] = [`object.metadata.?${map}.orValue({})`, `oldObject.metadata.?${map}.orValue({})`];
  return `${now}.all(key, !key.startsWith("${OUR_PREFIX}") || (key in ${before} && ${before}[key] == ${now}[key]))
  && ${before}.all(key, !key.startsWith("${OUR_PREFIX}") || key in ${now})`;
}

/**
 * The prefixes bind where something is put. What is taken away, or let go, is bound by provenance alone: else nobody could
 * clean up behind a prefix that is no longer configured.
 * @param isApplied some function applies fields to objects of others
 */
function validations(kind: Kind, isApplied: boolean): readonly object[] {
  const orFields = isApplied ? " || variables.keepsMarks" : "";
  const place = placeOf(kind);
  return [
    {
      expression: `!${place}.startsWith("kube-")`,
      message: "evenkeel never touches the namespaces of the control plane",
    },
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
    {
      expression: `request.operation == "DELETE" || variables.isRelease || ${within(place)}`,
      messageExpression: WITHIN_MESSAGE,
    },
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
    ...(isApplied ? fieldValidations(place) : []),
  ];
}

/** What holds more strictly for objects of others. */
function fieldValidations(place: string): readonly object[] {
  const isOfOurs = `request.operation != "UPDATE" || variables.wasOurs`;
  return [
    { expression: `${isOfOurs} || ${within(place)}`, messageExpression: WITHIN_MESSAGE },
    {
      expression: `${isOfOurs} || (object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences
  && object.metadata.?finalizers == oldObject.metadata.?finalizers)
`,
      message: "evenkeel leaves the ownerReferences and the finalizers of others' objects as they are",
    },
  ];
}

/** Where a request means to write; empty where its object is in no namespace. A Namespace is where its own name says. */
function placeOf(kind: Kind): string {
  return kindKey(kind) === "v1/Namespace" ? "request.name" : "request.namespace";
}

function within(place: string): string {
  return `${place} == ""
  || variables.prefixes.size() == 0 || variables.prefixes.exists(prefix, ${place}.startsWith(prefix))
`;
}

const WITHIN_MESSAGE = `"evenkeel writes only into namespaces whose name starts with one of: " + variables.prefixes.join(", ")`;

function unmarked(map: "labels" | "annotations"): string {
  return `!object.metadata.?${map}.orValue({}).exists(key, key.startsWith("${OUR_PREFIX}"))`;
}

/** Those of others stay: an update sends them back as they were. */
function noneAdded(list: string, field?: string): string {
  const by = field === undefined ? "" : `.${field}`;
  return `request.operation == "DELETE"
  || object.metadata.?${list}.orValue([]).all(each, oldObject != null
    && oldObject.metadata.?${list}.orValue([]).exists(old, old${by} == each${by}))
`;
}

/** All that is no child: whatever somebody binds to the account one day, it writes its Lease, Events, and what is declared. */
function otherPolicy(kinds: readonly Kind[], { namespace, functions }: Installation): Policy {
  const parts = [...functions.values()].flatMap(({ subresources }) =>
    subresources.map(({ of, subresource }) => rule(of, `/${subresource}`)),
  );
  return {
    name: `${NAME}.other`,
    spec: {
      failurePolicy: "Fail",
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ["*"],
            apiVersions: ["*"],
            resources: ["*/*"],
            operations: ["CREATE", "UPDATE", "DELETE", "CONNECT"],
          },
        ],
        excludeResourceRules: uniqueByText([
          ...kinds.map((kind) => rule(kind, "")),
          ...parts,
          { apiGroups: ["events.k8s.io"], apiVersions: ["*"], resources: ["events"], operations: ["CREATE"] },
        ]),
      },
      matchConditions: [ourAccount(namespace)],
      validations: [
        {
          reason: "Forbidden",
          expression: `request.resource.group == "coordination.k8s.io" && request.resource.resource == "leases"
  && request.operation in ["CREATE", "UPDATE"] && request.namespace == "${namespace}"
  && object.metadata.name == "${NAME}"
`,
          message: "evenkeel writes its Lease, Events, and the kinds that its functions declare; nothing else",
        },
      ],
    },
  };
}

function rule(kind: Kind, part: string): object {
  return {
    apiGroups: [groupOf(kind)],
    apiVersions: ["*"],
    resources: [`${resourceOf(kind)}${part}`],
    operations: ["*"],
  };
}

function uniqueByText(rules: readonly object[]): readonly object[] {
  const unique = new Map(rules.map((each) => [JSON.stringify(each), each]));
  return [...unique.keys()].toSorted().flatMap((key) => unique.get(key) ?? []);
}
