/** What a name, a label and an annotation may look like. Messages are the real server's, so that users can search for them. */
import { type FieldError, field } from "../status.ts";

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;

const LABEL_MESSAGE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an " +
  "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end " +
  "with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_MESSAGE =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " +
  "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_MESSAGE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end " +
  "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is " +
  "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY_MESSAGE =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or " +
  "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

function tooLong(limit: number): string {
  return `must be no more than ${limit} characters`;
}

export type NameForm = "subdomain" | "label" | "segment";

/** Faults of an object's name. `prefix` = a generateName, which may end in a dash. */
export function nameFaults(form: NameForm, name: string, prefix = false): string[] {
  const whole = prefix ? name.replace(/-$/, "a") : name;
  switch (form) {
    case "label":
      return faults(whole, 63, LABEL, LABEL_MESSAGE);
    case "subdomain":
      return faults(whole, 253, SUBDOMAIN, SUBDOMAIN_MESSAGE);
    case "segment":
      return segmentFaults(name, prefix);
    default:
      return form satisfies never;
  }
}

/** Source: apimachinery api/validation/path. */
function segmentFaults(name: string, prefix: boolean): string[] {
  if (!prefix && (name === "." || name === "..")) return [`may not be '${name}'`];
  return ["/", "%"].filter((one) => name.includes(one)).map((one) => `may not contain '${one}'`);
}

function faults(value: string, limit: number, form: RegExp, message: string): string[] {
  const found: string[] = [];
  if (value.length > limit) found.push(tooLong(limit));
  if (!form.test(value)) found.push(message);
  return found;
}

/** `name` or `prefix.example.com/name`: keys of labels, annotations and finalizers. */
export function qualifiedNameFaults(name: string): string[] {
  const parts = name.split("/");
  if (parts.length > 2) {
    const form = QUALIFIED_MESSAGE.replace("name part", "a valid label key");
    return [`${form} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const [first = "", second] = parts;
  const found: string[] = [];
  if (second !== undefined) {
    if (first === "") found.push("prefix part must be non-empty");
    else found.push(...nameFaults("subdomain", first).map((fault) => `prefix part ${fault}`));
  }
  const own = second ?? first;
  if (own === "") found.push("name part must be non-empty");
  else if (own.length > 63) found.push(`name part ${tooLong(63)}`);
  if (!QUALIFIED_NAME.test(own)) found.push(QUALIFIED_MESSAGE);
  return found;
}

export function labelErrors(labels: Readonly<Record<string, string>>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels)) {
    for (const fault of qualifiedNameFaults(key)) errors.push(field.invalid(path, key, fault));
    for (const fault of faults(value, 63, LABEL_VALUE, LABEL_VALUE_MESSAGE))
      errors.push(field.invalid(path, value, fault));
  }
  return errors;
}

/** Keys of ConfigMap and Secret data. */
export function dataKeyErrors(keys: readonly string[], path: string): FieldError[] {
  return keys.flatMap((key) => {
    const found = faults(key, 253, CONFIG_KEY, CONFIG_KEY_MESSAGE);
    if (key === "." || key.startsWith("..")) found.push(`must not be '.' or start with '..'`);
    return found.map((fault) => field.invalid(`${path}[${key}]`, key, fault));
  });
}
