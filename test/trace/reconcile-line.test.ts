import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { duration, reconcileFields, reconcileLine, type ReconcileLine } from "../../runtime/trace/reconcile-line.ts";
import { wakeReason, type Wake } from "../../runtime/trace/wake.ts";

const line: ReconcileLine = {
  function: "mirror",
  key: "default/settings",
  created: [],
  updated: [],
  applied: [],
  deleted: [],
  released: [],
  conflictCount: 0,
  code: undefined,
  requeueAfterMs: undefined,
  woke: "source added",
  wakeCount: 1,
  durationMs: 4.1,
  traceId: "abc",
};
const teams = (count: number): string[] => Array.from({ length: count }, (_, i) => `team-${i + 1}`);

const lines: readonly { readonly name: string; readonly line: Partial<ReconcileLine>; readonly text: string }[] = [
  {
    name: "creations",
    line: { created: ["team-a", "team-b"] },
    text: "mirror default/settings: 2 created (team-a, team-b) · woke: source added · 4.1 ms",
  },
  { name: "no effect", line: {}, text: "mirror default/settings: nothing written · woke: source added · 4.1 ms" },
  {
    name: "every verb, in one order",
    line: { released: ["e"], deleted: ["d"], applied: ["c"], updated: ["b"], created: ["a"] },
    text: "mirror default/settings: 1 created (a), 1 updated (b), 1 applied (c), 1 deleted (d), 1 released (e) · woke: source added · 4.1 ms",
  },
  {
    name: "six places in full",
    line: { updated: teams(6) },
    text: "mirror default/settings: 6 updated (team-1, team-2, team-3, team-4, team-5, team-6) · woke: source added · 4.1 ms",
  },
  {
    name: "the rest of forty as a count",
    line: { created: teams(40) },
    text: "mirror default/settings: 40 created (team-1, team-2, team-3, team-4, team-5, team-6, +34 more) · woke: source added · 4.1 ms",
  },
  {
    name: "further reasons as a count",
    line: { wakeCount: 4 },
    text: "mirror default/settings: nothing written · woke: source added (+3 more) · 4.1 ms",
  },
  {
    name: "what is taken",
    line: { conflictCount: 1 },
    text: "mirror default/settings: 1 conflict · woke: source added · 4.1 ms",
  },
  {
    name: "when a key that wrote nothing runs again",
    line: { requeueAfterMs: 60_000 },
    text: "mirror default/settings: nothing written, again in 1 min · woke: source added · 4.1 ms",
  },
  {
    name: "a failure and the next try",
    line: { code: "API_FORBIDDEN", created: ["a"], conflictCount: 2, requeueAfterMs: 5_000 },
    text: "mirror default/settings: failed (API_FORBIDDEN), 1 created (a), 2 conflicts, again in 5.0 s · woke: source added · 4.1 ms",
  },
];

suite("the reconcile line", () => {
  for (const { name, line: part, text } of lines)
    test(`shows ${name}`, () => assert.equal(reconcileLine({ ...line, ...part }), text));

  test("is the same as fields: counts whole, places cut", () => {
    assert.deepEqual(JSON.parse(JSON.stringify(reconcileFields({ ...line, created: teams(40) }))), {
      function: "mirror",
      key: "default/settings",
      created: 40,
      createdIn: teams(6),
      conflicts: 0,
      woke: "source added",
      wakeCount: 1,
      durationMs: 4.1,
      traceId: "abc",
    });
  });
});

suite("a duration", () => {
  const durations = [
    [0, "0 µs"],
    [-1, "0 µs"],
    [0.42, "420 µs"],
    [0.9996, "1.0 ms"],
    [4.1, "4.1 ms"],
    [9.96, "10 ms"],
    [83.4, "83 ms"],
    [999.4, "999 ms"],
    [999.6, "1.0 s"],
    [1_440, "1.4 s"],
    [9_960, "10 s"],
    [59_400, "59 s"],
    [59_600, "1 min"],
    [125_000, "2 min 5 s"],
  ] as const;
  for (const [ms, text] of durations) test(`of ${ms} ms reads ${text}`, () => assert.equal(duration(ms), text));
});

suite("a wake", () => {
  const wakes: readonly [Wake, string][] = [
    [{ what: "source", change: "added", object: "v1/ConfigMap default/settings" }, "source added"],
    [{ what: "child", change: "deleted", object: "v1/ConfigMap a/b" }, "child deleted v1/ConfigMap a/b"],
    [
      { what: "read", change: "added", object: "v1/Namespace team-b", query: "v1/Namespace */team-*" },
      "read added v1/Namespace team-b (v1/Namespace */team-*)",
    ],
    [{ what: "retry" }, "retry"],
    [{ what: "config" }, "config"],
  ];
  for (const [wake, text] of wakes) test(`reads ${text}`, () => assert.equal(wakeReason(wake), text));
});
