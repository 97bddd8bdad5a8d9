/** Random keys, labels and conditions over an alphabet so small that they meet often. */
import * as fc from "fast-check";
import type { LabelRule, Where } from "../../../runtime/kube/query.ts";

export const anyKey = fc.constantFrom("n/a", "n/ab", "m/a", "m/b", "a", "ab");

const value = fc.constantFrom("1", "2");
const values = fc.array(value, { maxLength: 2 });

export const anyLabels = fc.dictionary(fc.constantFrom("x", "constructor"), value, { maxKeys: 2 });

export const anyRule: fc.Arbitrary<LabelRule> = fc.oneof(
  value,
  fc.record({ in: values }),
  fc.record({ notIn: values }),
  fc.record({ exists: fc.boolean() }),
);

export const anyWhere: fc.Arbitrary<Where> = fc.record(
  {
    name: fc.constantFrom("a", "ab", "b"),
    namespace: fc.constantFrom("n", "m", ""),
    namePrefix: fc.constantFrom("", "a", "ab"),
    labels: fc.dictionary(fc.constantFrom("x", "constructor"), anyRule, { maxKeys: 2 }),
  },
  { requiredKeys: [] },
);
