/** Two conditions that must both hold, as one: what a function's `list(query, where)` asks for. */
import type { LabelRule, Where } from "../kube/query.ts";

/** The rule that no label value keeps. */
const NEVER: LabelRule = Object.freeze({ in: [] });

/** Any label will do: `NEVER` of it makes a condition that no object keeps. */
const NOTHING: Where = Object.freeze({ labels: Object.freeze({ none: NEVER }) });

/**
 * A condition that every object keeps which keeps both. Exact but for one case: `notIn` together with `exists: true` has no
 * form as one rule, so the first alone is taken; whoever asks filters the answer by both.
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

/** Whether no object can keep both. Errs on the side of false. */
export function isDisjoint(a: Where, b: Where): boolean {
  return Object.values(both(a, b).labels ?? {}).some((rule) => allowed(rule)?.length === 0);
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
    const other = labels[key];
    labels[key] = other === undefined ? rule : bothRules(other, rule);
  }
  return labels;
}

function bothRules(a: LabelRule, b: LabelRule): LabelRule {
  const [values, other] = allowed(a) === undefined ? [allowed(b), a] : [allowed(a), b];
  if (values !== undefined) return { in: values.filter((value) => keeps(other, value)) };
  if (isAbsence(a)) return isPresence(b) ? NEVER : a;
  if (isAbsence(b)) return isPresence(a) ? NEVER : b;
  if (typeof a === "object" && "notIn" in a && typeof b === "object" && "notIn" in b)
    return { notIn: [...new Set([...a.notIn, ...b.notIn])] };
  return a;
}

/** The values that a rule names, when it allows no others. */
function allowed(rule: LabelRule): readonly string[] | undefined {
  if (typeof rule === "string") return [rule];
  return "in" in rule ? rule.in : undefined;
}

function keeps(rule: LabelRule, value: string): boolean {
  if (typeof rule === "string") return rule === value;
  if ("in" in rule) return rule.in.includes(value);
  return "notIn" in rule ? !rule.notIn.includes(value) : rule.exists;
}

const isAbsence = (rule: LabelRule): boolean => typeof rule === "object" && "exists" in rule && !rule.exists;
const isPresence = (rule: LabelRule): boolean => typeof rule === "object" && "exists" in rule && rule.exists;
