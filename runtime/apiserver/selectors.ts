/** Label and field selectors as they stand in a query string: `app=web,tier in (a,b),!legacy`. */
import { own } from "../kube/json.ts";
import { badRequest } from "./status.ts";

type Requirement =
  | { readonly key: string; readonly operator: "In" | "NotIn"; readonly values: readonly string[] }
  | { readonly key: string; readonly operator: "Exists" | "DoesNotExist" }
  | { readonly key: string; readonly operator: "Gt" | "Lt"; readonly value: number };

type LabelSelector = readonly Requirement[];

export function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>> = {}): boolean {
  return selector.every((requirement) => satisfies(requirement, labels));
}

function satisfies(requirement: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = own(labels, requirement.key);
  switch (requirement.operator) {
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "In":
      return value !== undefined && requirement.values.includes(value);
    case "NotIn":
      // An object without the label is not in the set either.
      return value === undefined || !requirement.values.includes(value);
    case "Gt":
      return isInteger(value) && Number(value) > requirement.value;
    case "Lt":
      return isInteger(value) && Number(value) < requirement.value;
    default:
      return requirement satisfies never;
  }
}

function isInteger(value: string | undefined): boolean {
  return value !== undefined && /^-?\d+$/.test(value);
}

const KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const TOKEN = /\s*(==|!=|[=<>(),!]|[^\s=<>(),!]+)/y;

/** @throws ApiError 400 with the text and what was expected. Source of the grammar: apimachinery pkg/labels/selector.go. */
export function parseLabelSelector(text: string): LabelSelector {
  return text.trim() === "" ? [] : new Parser(text).parse();
}

class Parser {
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(text: string) {
    this.#tokens = tokens(text);
  }

  parse(): Requirement[] {
    const requirements = [this.#requirement()];
    while (this.#peek() !== undefined) {
      this.#expect(",");
      requirements.push(this.#requirement());
    }
    return requirements;
  }

  #requirement(): Requirement {
    if (this.#take("!")) return { key: this.#key(), operator: "DoesNotExist" };
    const key = this.#key();
    const operator = this.#peek();
    if (operator === undefined || operator === ",") return { key, operator: "Exists" };
    this.#next++;
    switch (operator) {
      case "=":
      case "==":
        return { key, operator: "In", values: [this.#value()] };
      case "!=":
        return { key, operator: "NotIn", values: [this.#value()] };
      case "in":
        return { key, operator: "In", values: this.#values() };
      case "notin":
        return { key, operator: "NotIn", values: this.#values() };
      case ">":
        return { key, operator: "Gt", value: this.#integer() };
      case "<":
        return { key, operator: "Lt", value: this.#integer() };
      default:
        return this.#fail(`found '${operator}', expected: in, notin, =, ==, !=, >, <`);
    }
  }

  #key(): string {
    const key = this.#word();
    return KEY.test(key) ? key : this.#fail(`"${key}" is not a label key`);
  }

  #value(): string {
    const token = this.#peek();
    const value = token === undefined || token === "," || token === ")" ? "" : this.#word();
    return VALUE.test(value) ? value : this.#fail(`"${value}" is not a label value`);
  }

  #values(): string[] {
    this.#expect("(");
    const values = [this.#value()];
    while (this.#take(",")) values.push(this.#value());
    this.#expect(")");
    return values;
  }

  #integer(): number {
    const value = this.#word();
    return isInteger(value) ? Number(value) : this.#fail(`"${value}" is not an integer`);
  }

  #word(): string {
    const token = this.#peek();
    if (token === undefined || /^([=<>(),!]|==|!=)$/.test(token))
      return this.#fail(`found '${token ?? ""}', expected: identifier`);
    this.#next++;
    return token;
  }

  #peek(): string | undefined {
    return this.#tokens[this.#next];
  }

  #take(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#next++;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) this.#fail(`found '${this.#peek() ?? ""}', expected: '${token}'`);
  }

  #fail(why: string): never {
    throw badRequest(`unable to parse requirement: ${why}`);
  }
}

function tokens(text: string): string[] {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) found.push(match[1] ?? "");
  return found;
}

interface FieldRequirement {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

type FieldSelector = readonly FieldRequirement[];

/** `metadata.name=a,metadata.namespace!=b`; `\,`, `\=` and `\\` stand for themselves. @throws ApiError 400 */
export function parseFieldSelector(text: string, supported: readonly string[]): FieldSelector {
  if (text.trim() === "") return [];
  return text.split(/(?<!\\),/).map((term) => {
    const match = /^(.*?)(?<!\\)(==|!=|=)(.*)$/s.exec(term);
    if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, name = "", operator, value = ""] = match;
    const field = name.trim();
    if (!supported.includes(field)) {
      const known = supported.map((name) => `"${name}"`).join(", ");
      throw badRequest(`"${field}" is not a known field selector: only ${known}`);
    }
    return { field, equal: operator !== "!=", value: value.replace(/\\([\\,=])/g, "$1") };
  });
}

export function matchesFields(selector: FieldSelector, valueOf: (field: string) => string): boolean {
  return selector.every(({ field, equal, value }) => (valueOf(field) === value) === equal);
}
