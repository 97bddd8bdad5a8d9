/** Two conditions that must both hold, as one: what a function's `list(query, where)` asks for. */
import { own } from "../kube/json.ts";
import { labelMatches, valuesOf, type LabelRule, type Where } from "../kube/query.ts";

/** No value of a label matches this rule, nor does its absence. */
const NEVER: LabelRule = Object.freeze({ in: [] });

/** The condition that no object matches. Which label it names does not matter. */
const NOTHING: Where = Object.freeze({ labels: Object.freeze({ none: NEVER }) });

/**
 * The condition `a AND b`. Where {@link isExact} is false more objects may match, never fewer: a reader filters its answers by
 * both.
 */
export function both(a: Where, b: Where): Where {
  if (differ(a.name, b.name) || differ(a.namespace, b.namespace)) return NOTHING;
  const namePrefix = longer(a.namePrefix, b.namePrefix);
  const name = a.name ?? b.name;
  if (namePrefix === null || (name !== undefined && !name.startsWith(namePrefix ?? ""))) return NOTHING;
  return {
    namespace: a.namespace ?? b.namespace,
    name,
    // A name says all that its prefix says.
    namePrefix: name === undefined ? namePrefix : undefined,
    labels: bothLabels(a.labels, b.labels),
  };
}

/** Whether `both` can say what the two say: no rule means `notIn` and `exists: true` at once, and the first is kept. */
export function isExact(a: Where, b: Where): boolean {
  const rulesOfBoth = Object.entries(a.labels ?? {}).map(([key, rule]) => [rule, own(b.labels ?? {}, key)] as const);
  return !rulesOfBoth.some(([x, y]) => (isExclusion(x) && isPresence(y)) || (isPresence(x) && isExclusion(y)));
}

/** Whether no object can match both. Errs on the side of false. */
export function isDisjoint(a: Where, b: Where): boolean {
  return Object.values(both(a, b).labels ?? {}).some((rule) => valuesOf(rule)?.length === 0);
}

function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** @returns null when no name begins with both. */
function longer(a: string | undefined, b: string | undefined): string | undefined | null {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.startsWith(b)) return a;
  return b.startsWith(a) ? b : null;
}

function bothLabels(a: Where["labels"], b: Where["labels"]): Where["labels"] {
  if (a === undefined || b === undefined) return a ?? b;
  const labels: Record<string, LabelRule> = { ...a };
  for (const [key, rule] of Object.entries(b)) {
    const other = own(labels, key);
    labels[key] = other === undefined ? rule : bothRules(other, rule);
  }
  return labels;
}

function bothRules(a: LabelRule, b: LabelRule): LabelRule {
  const [values, other] = valuesOf(a) === undefined ? [valuesOf(b), a] : [valuesOf(a), b];
  if (values !== undefined) return { in: values.filter((value) => labelMatches(other, value)) };
  if (isAbsence(a)) return isPresence(b) ? NEVER : a;
  if (isAbsence(b)) return isPresence(a) ? NEVER : b;
  if (isExclusion(a) && isExclusion(b)) return { notIn: [...new Set([...a.notIn, ...b.notIn])] };
  return a;
}

type Rule<K extends string> = Extract<LabelRule, { readonly [key in K]: unknown }>;

const isExclusion = (rule: LabelRule | undefined): rule is Rule<"notIn"> => typeof rule === "object" && "notIn" in rule;
const isAbsence = (rule: LabelRule): boolean => typeof rule === "object" && "exists" in rule && !rule.exists;
const isPresence = (rule: LabelRule | undefined): boolean =>
  typeof rule === "object" && "exists" in rule && rule.exists;
