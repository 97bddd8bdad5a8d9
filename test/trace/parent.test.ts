/** The context of a parent answers as the one that the API would make, whatever is put into it or taken out. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createContextKey, ROOT_CONTEXT, trace, TraceFlags, type Context } from "@opentelemetry/api";
import { under } from "../../runtime/trace/parent.ts";

const [a, b] = [createContextKey("a"), createContextKey("b")];
const [parent, other] = ["1", "2"].map((digit) =>
  trace.wrapSpanContext({ traceId: digit.repeat(32), spanId: digit.repeat(16), traceFlags: TraceFlags.SAMPLED }),
);

const steps: readonly { readonly name: string; readonly take: (context: Context) => Context }[] = [
  { name: "as it is", take: (context) => context },
  { name: "with another value", take: (context) => context.setValue(a, 1) },
  { name: "with two other values", take: (context) => context.setValue(a, 1).setValue(b, 2) },
  { name: "with a value that is taken out again", take: (context) => context.setValue(a, 1).deleteValue(a) },
  { name: "without a value that was never there", take: (context) => context.deleteValue(b) },
  { name: "without the span", take: (context) => trace.deleteSpan(context) },
  { name: "with a value in place of the span", take: (context) => trace.deleteSpan(context).setValue(b, 2) },
  { name: "with another span", take: (context) => trace.setSpan(context, other ?? assert.fail()) },
];

suite("the context of a parent", () => {
  for (const { name, take } of steps)
    test(name, () => {
      const span = parent ?? assert.fail();
      const [ours, theirs] = [under(span), trace.setSpan(ROOT_CONTEXT, span)];
      assert.deepEqual(seen(take(ours)), seen(take(theirs)));
      assert.equal(trace.getSpan(ours), span, "what it was made into does not change it");
    });
});

function seen(context: Context): readonly unknown[] {
  return [trace.getSpanContext(context), context.getValue(a), context.getValue(b)];
}
