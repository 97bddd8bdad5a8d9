/**
 * How much of a refusal's message we repeat. It goes to logs and Events, and must hold no data of objects.
 * - A verdict on the object that was sent (validation, decoding) quotes its data: only fields and constant words are repeated.
 * - Of a conflict, the fields are repeated: another manager set them too, and managedFields names them.
 * - Of what guards the cluster (authorization, quota, policy, webhook) the words are repeated, except for validation: nobody could act
 *   without the reason, and what it says of an object is its author's choice.
 * - What is about no object's data (a list, a timeout, an object that is gone) is repeated.
 */
import { recordOf, recordsOf, textOf, type JsonRecord } from "./json.ts";

/** @param isVerdict whether an object was sent and is refused as such; a message of unknown form is then left out */
export function refusalWords(status: JsonRecord, isVerdict: boolean): string | undefined {
  const message = textOf(status["message"]);
  if (message === undefined) return undefined;
  const causes = recordsOf(recordOf(status["details"])?.["causes"]);
  if (causes.some(({ reason }) => reason === "FieldManagerConflict")) return message.replaceAll(BRACKETS, "[…]");
  if (isMisfit(message)) return distinct(complaints(message)) || "the object does not fit its kind";
  const [denied] = DENIAL.exec(message) ?? [];
  const faults = distinct(causes.flatMap(faultOf));
  if (faults !== "") return denied === undefined ? faults : `${denied}: ${faults}`;
  return isVerdict && denied === undefined
    ? "the server's audit log says why (its words may quote the object)"
    : withoutValues(message);
}

/**
 * Whether what was sent could not be decoded: as permanent as what is invalid, although server-side apply answers 500.
 * Source: apiserver endpoints/handlers/create.go, fieldmanager/structuredmerge.go; apimachinery runtime/scheme.go.
 */
export function isMisfit(message: string): boolean {
  return /^(?:failed to create typed patch object |failed to convert new object .*: unable to convert unstructured object to |\S* in version "[^"]*" cannot be handled as a )/.test(
    message,
  );
}

/** Whether a policy of our own fence refused: by its name, as manifests/policy.ts gives it. */
export function isFenced(message: string): boolean {
  return /^\S+ "[^"]*" is forbidden: ValidatingAdmissionPolicy 'evenkeel\./.test(message);
}

/**
 * Whether a create was refused by a quota that is exactly full: there is a place as soon as one such object is gone. One beyond its
 * limit has none, and what a webhook or a policy calls a quota is its own affair. Only what is exceeded is listed.
 * Source: apiserver admission/plugin/resourcequota/controller.go (CheckRequest).
 * @param said the call and the words: `create v1/ConfigMap team-a/settings: configmaps "settings" is forbidden: …`
 */
export function isFullQuota(said: string): boolean {
  return /^create \S+ \S+: \S+ "[^"]*" is forbidden: exceeded quota: \S+, requested: \S+, used: (\S+), limited: \1$/.test(
    said,
  );
}

/** Source: apiserver admission/plugin/webhook/errors/statuserror.go, admission/plugin/policy. */
const DENIAL =
  /^(?:\S+ "[^"]*" is forbidden: )?(?:admission webhook|\w*[Pp]olicy) ["'][^"']*["'](?: with binding '[^']*')? denied (?:the )?request/;

/** By the reason of a cause, as the server words it; of a wrong type it says `Invalid value`. Source: field/errors.go (ErrorType). */
const WORDS: ReadonlyMap<unknown, string> = new Map([
  ["FieldValueDuplicate", "Duplicate value"],
  ["FieldValueForbidden", "Forbidden"],
  ["FieldValueInvalid", "Invalid value"],
  ["FieldValueNotFound", "Not found"],
  ["FieldValueNotSupported", "Unsupported value"],
  ["FieldValueRequired", "Required value"],
  ["FieldValueTooLong", "Too long"],
  ["FieldValueTooMany", "Too many"],
  ["FieldValueTypeInvalid", "Invalid type"],
]);

/**
 * Ends of a cause's message, or of its first line before a difference, that hold nothing of the object: what must not change,
 * what does not fit together, and limits.
 * Source: kubernetes pkg/apis/{core,apps,rbac}/validation, apimachinery pkg/api/validation and pkg/api/validate.
 */
const CONSTANT = new RegExp(
  `: (?:${[
    "field is immutable(?: when `immutable` is set)?",
    "spec is immutable after creation except resources\\.requests and volumeAttributesClassName for bound claims",
    "updates to statefulset spec for fields other than (?:'\\w+'(?:, | and )?)+ are forbidden",
    "cannot change roleRef",
    "may not change once set",
    "field cannot be (?:cleared|modified) once set",
    "field can not be less than (?:previous value|status\\.capacity)",
    "`selector` does not match template `labels`",
    "must be greater than (?:zero|or equal to 0)",
    "(?:may not be more|must be no more) than \\d+ (?:bytes|characters)",
  ].join("|")})(?=\n|$)`,
);

function faultOf({ reason, field, message }: JsonRecord): string[] {
  const words = WORDS.get(reason);
  const [constant = ""] = CONSTANT.exec(textOf(message) ?? "") ?? [];
  return words === undefined ? [] : [`${fieldOf(textOf(field) ?? "")}: ${words}${constant}`];
}

/** What decoders say; `words` where the pattern captures none. Go's own names are of the kind, not of the object. */
const COMPLAINTS: readonly { readonly pattern: RegExp; readonly words?: string }[] = [
  {
    pattern:
      /(?:^\s*\.|: json: )(?<field>.*?): (?<said>expected (?:string|boolean|numeric|list|map)|duplicate entries|field not declared in schema)/gm,
  },
  { pattern: /(?<said>unknown field|duplicate field) "(?<field>(?:[^"\\]|\\.)*)"/g },
  { pattern: /: json: cannot unmarshal [^"]* into Go struct field \w+\.(?<field>\S+) of type/g, words: "Invalid type" },
  { pattern: /: quantities must match the regular expression/g, words: "a quantity is malformed" },
  { pattern: /: parsing time "/g, words: "a time is malformed" },
  { pattern: /: illegal base64 data/g, words: "what must be base64 is not" },
];

function complaints(message: string): string[] {
  const text = message.replace(/^failed to create typed patch object \([^)]*\): /, "");
  return COMPLAINTS.flatMap(({ pattern, words }) =>
    Array.from(text.matchAll(pattern), ({ groups = {} }) => {
      const { field, said = words ?? "" } = groups;
      return field === undefined ? said : `${fieldOf(field)}: ${said}`;
    }),
  );
}

/** Keys in a path. Source: field.Path (Key, Index), structured-merge-diff fieldpath (PathElement.String). */
const BRACKETS = /\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\]/g;

/** Names of fields by the API conventions, but for digits. */
const FIELDS = /^(?:(?:^|\.)[a-z][A-Za-z]*(?=[.[]|$)|\[…\])*/;

/**
 * A path as far as it names fields. Keys are data: they stand in brackets or, in typed patches and of custom resources,
 * after a dot as fields do. A key that looks like the name of a field is then taken for one.
 */
function fieldOf(path: string): string {
  const shape = path.replaceAll(BRACKETS, "[…]");
  if (shape === "" || shape === "[…]" || shape === "<nil>") return "the object";
  const [fields = ""] = FIELDS.exec(shape) ?? [];
  return fields === shape ? fields : `${fields}…`;
}

/** Source: apimachinery util/validation/field/errors.go (ErrorBody). What is not a quoted string has no certain end. */
function withoutValues(message: string): string {
  return message.replaceAll(
    /\b((?:Invalid|Unsupported|Duplicate) value|Not found): (?:"(?:[^"\\]|\\.)*"|[^"][^]*)/g,
    "$1: …",
  );
}

function distinct(faults: readonly string[]): string {
  return [...new Set(faults)].join("; ");
}
