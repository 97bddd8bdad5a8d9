/** A thread may say anything; what it can say in its right mind is all that reaches the host. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { EvenkeelError } from "../../../runtime/kube/errors.ts";
import { ConfigMap, kind } from "../../../runtime/kube/kind.ts";
import { metadataOf, select } from "../../../runtime/kube/query.ts";
import { declarationOf } from "../../../runtime/reconcile/cell/cell.ts";
import { receivedError, sentError, MAX_ERROR_CHARS } from "../../../runtime/reconcile/cell/sent-error.ts";
import { checkedTold } from "../../../runtime/reconcile/cell/told.ts";
import { defineFunction, scale, status } from "../../../runtime/reconcile/define.ts";
import { TerminalError } from "../../../runtime/reconcile/effects.ts";

const query = select(ConfigMap, { labels: { a: "b" } });
const deployment = kind("apps/v1", "Deployment");
const declaration = declarationOf(
  defineFunction({
    watches: metadataOf(query),
    reads: [deployment],
    writes: [ConfigMap, scale(deployment)],
    reconcile: () => ({}),
  }),
);
const done = (outcome: unknown): unknown => ({ type: "done", outcomes: [{ id: 1, outcome }] });
const error = sentError(new EvenkeelError("FUNCTION_THREW", "a", { cause: new TypeError("b") }));

suite("told: believed is", () => {
  const rows: readonly { readonly name: string; readonly told: unknown }[] = [
    { name: "a file", told: { type: "read", path: "/a", text: "b" } },
    { name: "a file that is not there", told: { type: "read", path: "/a", text: undefined } },
    { name: "a declaration", told: { type: "loaded", declaration } },
    { name: "a failure to load", told: { type: "failed", error: sentError(new SyntaxError("a")) } },
    { name: "something else thrown", told: { type: "failed", error: sentError({ code: 1 }) } },
    { name: "a print", told: { type: "printed", text: "a\n" } },
    { name: "effects, whatever they are", told: done({ effects: { memo: 1 }, reads: [["v1/ConfigMap */*", 2]] }) },
    { name: "an error", told: done({ error, reads: [] }) },
    { name: "a terminal error", told: done({ error: sentError(new TerminalError("a")), reads: [] }) },
    { name: "reads without an answer", told: done({ missing: [query, metadataOf(ConfigMap)] }) },
    { name: "a read of what is gone", told: done({ missing: [{ ...query, part: "departed" }] }) },
    { name: "a configuration", told: done({ reading: { config: { a: [1] } } }) },
    { name: "no configuration", told: done({ reading: { config: undefined } }) },
    { name: "issues", told: done({ reading: { issues: [{ path: ["a", 1], message: "b" }] } }) },
  ];
  for (const { name, told } of rows) {
    test(name, () => {
      const received = structuredClone(told);
      assert.equal(checkedTold(received), received);
    });
  }
});

suite("told: not believed is", () => {
  const issue = { path: [], message: "b" };
  const rows: readonly { readonly name: string; readonly told: unknown }[] = [
    ...[null, undefined, 1, "done", [], {}].map((told) => ({ name: JSON.stringify(told) ?? "nothing", told })),
    { name: "another type", told: { type: "exit" } },
    { name: "a path that is no text", told: { type: "read", path: 1, text: "" } },
    { name: "no declaration", told: { type: "loaded", declaration: undefined } },
    {
      name: "a declaration without a list",
      told: { type: "loaded", declaration: { ...declaration, writes: undefined } },
    },
    {
      name: "a declaration of what is gone",
      told: { type: "loaded", declaration: { ...declaration, reads: [{ ...query, part: "departed" }] } },
    },
    { name: "a declaration of no kind", told: { type: "loaded", declaration: { ...declaration, writes: [{}] } } },
    {
      name: "a declaration of a kind whose plural is none",
      told: {
        type: "loaded",
        declaration: { ...declaration, writes: [{ ...deployment, plural: "a: b" }] },
      },
    },
    { name: "a declaration with holes", told: { type: "loaded", declaration: { ...declaration, reads: endless() } } },
    {
      name: "a subresource that there is not",
      told: {
        type: "loaded",
        declaration: { ...declaration, subresources: [{ ...status(ConfigMap), subresource: "exec" }] },
      },
    },
    {
      name: "a query with a condition that there is not",
      told: done({ missing: [{ kind: ConfigMap, where: { label: {} } }] }),
    },
    { name: "a query without conditions", told: done({ missing: [{ kind: ConfigMap }] }) },
    { name: "no outcome", told: done(null) },
    { name: "an outcome without reads", told: done({ effects: {} }) },
    { name: "a read without a count", told: done({ effects: {}, reads: [["a"]] }) },
    { name: "outcomes with holes", told: { type: "done", outcomes: endless() } },
    { name: "an outcome of no task", told: { type: "done", outcomes: [{ outcome: { effects: {}, reads: [] } }] } },
    {
      name: "an error of no known code",
      told: done({ error: { ours: "toString", what: "a", cause: undefined }, reads: [] }),
    },
    {
      name: "an error that says no text",
      told: done({ error: { ours: "BUG", what: {}, cause: undefined }, reads: [] }),
    },
    {
      name: "an error that says too much",
      told: done({ error: { terminal: "x".repeat(MAX_ERROR_CHARS + 1) }, reads: [] }),
    },
    { name: "an error that is not ours", told: done({ error: { thrown: new Error("hunter2") }, reads: [] }) },
    { name: "causes without end", told: done({ error: causes(12), reads: [] }) },
    { name: "a failure that holds a Map", told: { type: "failed", error: { thrown: new Map() } } },
    { name: "a configuration that holds a Date", told: done({ reading: { config: { at: new Date(0) } } }) },
    { name: "an issue without a message", told: done({ reading: { issues: [{ path: [] }] } }) },
    { name: "an issue whose path is an object", told: done({ reading: { issues: [{ ...issue, path: [{}] }] } }) },
    { name: "a print of no text", told: { type: "printed", text: ["a"] } },
  ];
  for (const { name, told } of rows) test(name, () => assert.equal(checkedTold(told), undefined));

  test("anything else, and it never throws", () => {
    const types = fc.constantFrom("read", "loaded", "failed", "printed", "done");
    const anything = fc.anything({ withMap: true, withSparseArray: true });
    const said = fc.record({ type: types, outcomes: anything, declaration: anything, error: anything, path: anything });
    fc.assert(
      fc.property(fc.oneof(said, anything), (value) => assert.ok([value, undefined].includes(checkedTold(value)))),
    );
  });
});

suite("told: an error that is sent", () => {
  test("is no longer than a log can bear, and believed, however it was made", () => {
    fc.assert(
      fc.property(fc.anything(), fc.string({ size: "xlarge" }), (thrown, text) => {
        const texts = [
          new Error(text),
          new EvenkeelError("BUG", text, { cause: new RangeError(text) }),
          new TerminalError(text),
        ];
        for (const each of [thrown, ...texts, { message: text }]) {
          const told = structuredClone({ type: "failed", error: sentError(each) });
          assert.equal(checkedTold(told), told);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("keeps class, message and stack of the standard errors", () => {
    for (const Standard of [Error, TypeError, RangeError, SyntaxError, ReferenceError]) {
      const error = new (class extends Standard {})("said");
      const received = receivedError(structuredClone(sentError(error)));
      assert.ok(received instanceof Standard);
      assert.deepEqual([received.message, received.stack], [error.message, error.stack]);
    }
  });

  test("that cannot be looked at is told as such", () => {
    const spoiled = new Proxy(new Error("a"), {
      get() {
        throw new Error("hunter2");
      },
      getPrototypeOf() {
        throw new Error("hunter2");
      },
    });
    assert.deepEqual(sentError(spoiled), {
      ours: "FUNCTION_THREW",
      what: "what was thrown cannot be looked at",
      cause: undefined,
    });
  });
});

function endless(): unknown[] {
  const list: unknown[] = [];
  list.length = 2 ** 32 - 1;
  return list;
}

function causes(count: number): unknown {
  return { ours: "BUG", what: "a", cause: count === 0 ? undefined : causes(count - 1) };
}
