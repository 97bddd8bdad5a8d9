/** A guess at the first reads of a key, from what a key of the same name read. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { select } from "../../runtime/kube/query.ts";
import { Foresight } from "../../runtime/reconcile/foresight.ts";

const source = [select(ConfigMap, { namespace: "default", name: "settings" })];
const other = [select(ConfigMap, { namespace: "default", name: "other" })];

suite("foresight", () => {
  const rows: readonly {
    readonly name: string;
    readonly noted: readonly (readonly [key: string, reads: typeof source])[];
    readonly key: string;
    readonly guess: typeof source;
  }[] = [
    { name: "guesses nothing at first", noted: [], key: "team-a/settings", guess: [] },
    {
      name: "guesses what a key of that name read in another namespace",
      noted: [["team-a/settings", source]],
      key: "team-b/settings",
      guess: source,
    },
    {
      name: "guesses nothing from a key of another name",
      noted: [["team-a/other", other]],
      key: "team-b/settings",
      guess: [],
    },
    {
      name: "guesses by the last key",
      noted: [
        ["team-a/settings", source],
        ["team-b/settings", other],
      ],
      key: "team-c/settings",
      guess: other,
    },
  ];
  for (const { name, noted, key, guess } of rows) {
    test(name, () => {
      const foresight = new Foresight();
      for (const [each, reads] of noted) foresight.note(each, reads);
      assert.deepEqual(foresight.guess(key), guess);
    });
  }

  test("the last 512 names are remembered, and those before 1 024 are not", () => {
    const foresight = new Foresight();
    for (let i = 0; i <= 1_024; i++) foresight.note(`team-a/n${i}`, source);
    assert.deepEqual(
      [foresight.guess("b/n0"), foresight.guess("b/n513"), foresight.guess("b/n1024")],
      [[], source, source],
    );
  });
});
