/** Reads by restart: the function runs until each of its reads is answered, and what comes out of a cell is not believed. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { EvenkeelError } from "../../../runtime/kube/errors.ts";
import { ConfigMap, Namespace } from "../../../runtime/kube/kind.ts";
import { formatQuery, select, type Query } from "../../../runtime/kube/query.ts";
import type { Answer, Attempt, Cell, Job } from "../../../runtime/reconcile/cell/cell.ts";
import { declarationOf } from "../../../runtime/reconcile/cell/cell.ts";
import { InlineCell } from "../../support/inline-cell.ts";
import { runInRounds, type Asked, type Rounds } from "../../../runtime/reconcile/cell/rounds.ts";
import type { CacheReader } from "../../../runtime/cache/reader.ts";
import { defineFunction } from "../../../runtime/reconcile/define.ts";
import type { Effects } from "../../../runtime/reconcile/effects.ts";
import { answerOf, configMap, namespace } from "../builders.ts";

const job: Job = { object: configMap("default/a"), now: 0, memo: undefined, config: undefined, isVerifying: false };
const world = [namespace("team-a"), namespace("team-b"), configMap("team-a/one"), configMap("team-b/two")];
const every = select(Namespace);
const named = (name: string): Query => select(Namespace, { namespace: "", name });

function functionOf(reconcile: (cache: CacheReader) => Effects): InlineCell {
  const definition = defineFunction({
    watches: ConfigMap,
    reads: [Namespace, ConfigMap],
    writes: [ConfigMap],
    reconcile: (_object, cache) => reconcile(cache) as never,
  });
  return new InlineCell("subject", definition);
}

/** With the queries of each round, as they were asked. */
function rounds(
  cell: Cell,
  more: Partial<Asked> = {},
): { readonly asked: string[][]; readonly made: Rounds | Promise<Rounds> } {
  const asked: string[][] = [];
  const answer = (queries: readonly Query[]): readonly Answer[] => {
    asked.push(queries.map(formatQuery));
    return queries.map((query) => ({ objects: answerOf(world)(query) }));
  };
  return { asked, made: runInRounds({ cell, job, foreseen: [], answer, isNamespaced: () => undefined, ...more }) };
}

suite("rounds: a function that", () => {
  const dependent = functionOf((cache) => {
    const first = cache.list(Namespace)[0]?.metadata.name ?? "none";
    return { memo: cache.list(ConfigMap, { namespace: first }).map(({ metadata }) => metadata.name) };
  });
  const rows: readonly {
    readonly name: string;
    readonly cell: Cell;
    readonly foreseen?: readonly Query[];
    readonly asked: readonly (readonly string[])[];
    readonly memo: unknown;
  }[] = [
    { name: "reads nothing runs once and asks nothing", cell: functionOf(() => ({ memo: 1 })), asked: [], memo: 1 },
    {
      name: "reads what was foreseen runs once",
      cell: functionOf((cache) => ({ memo: cache.list(Namespace).length })),
      foreseen: [every],
      asked: [["v1/Namespace */*"]],
      memo: 2,
    },
    {
      name: "reads less than was foreseen runs once",
      cell: functionOf(() => ({ memo: 1 })),
      foreseen: [every],
      asked: [["v1/Namespace */*"]],
      memo: 1,
    },
    {
      name: "reads several things is asked for all of them at once",
      cell: functionOf((cache) => ({
        memo: ["team-a", "team-c", "team-a"].map((name) => cache.get(Namespace, { name })?.metadata.name),
      })),
      asked: [["v1/Namespace /team-a", "v1/Namespace /team-c"]],
      memo: ["team-a", undefined, "team-a"],
    },
    {
      name: "reads by what it read runs once more for each step, and the void runs ask for what nobody needs",
      cell: dependent,
      asked: [
        ["v1/Namespace */*", "v1/ConfigMap none/*"],
        ["v1/Namespace */*", "v1/ConfigMap none/*", "v1/ConfigMap team-a/*"],
      ],
      memo: ["one"],
    },
    {
      name: "throws for lack of an answer is asked for it all the same",
      cell: functionOf((cache) => {
        const [first] = cache.list(Namespace);
        if (first === undefined) throw new Error("a namespace must be");
        return { memo: first.metadata.name };
      }),
      asked: [["v1/Namespace */*"]],
      memo: "team-a",
    },
  ];
  for (const { name, cell, foreseen = [], asked, memo } of rows) {
    test(name, () => {
      const it = rounds(cell, { foreseen });
      assert.ok(!(it.made instanceof Promise), "synchronous where cell and answers are");
      assert.equal(it.made.run.error, undefined);
      assert.deepEqual(it.made.run.effects?.memo, memo);
      assert.deepEqual(it.asked, asked);
      assert.equal(it.made.restarts, asked.length - Math.min(1, foreseen.length));
    });
  }

  test("reads something else each time is given up", () => {
    let count = 0;
    const { made } = rounds(functionOf((cache) => ({ memo: cache.get(Namespace, { name: `n${count++}` }) })));
    assert.ok(!(made instanceof Promise));
    assert.ok(made.run.error instanceof EvenkeelError);
    assert.equal(made.run.error.code, "FUNCTION_NOT_DETERMINISTIC");
    assert.equal(made.restarts, 65);
  });

  test("gets an error for an answer fails with it, and the other reads are told", () => {
    const error = new EvenkeelError("FUNCTION_READ_UNDECLARED", "not declared");
    const answer = (queries: readonly Query[]): readonly Answer[] =>
      queries.map((query) => (query.kind.kind === "ConfigMap" ? { error } : { objects: answerOf(world)(query) }));
    const cell = functionOf((cache) => ({ memo: [cache.list(Namespace).length, cache.list(ConfigMap).length] }));
    const { made } = rounds(cell, { answer });
    assert.ok(!(made instanceof Promise));
    assert.equal(made.run.error, error);
    assert.deepEqual(
      made.run.reads.map(({ query, count }) => [formatQuery(query), count]),
      [["v1/Namespace */*", 2]],
    );
  });

  test("is shown one moment: what it read before is answered anew beside what comes later", () => {
    const moments = [world, world.filter(({ metadata }) => metadata.name !== "team-a")];
    const answer = (queries: readonly Query[]): readonly Answer[] => {
      const moment = moments.length > 1 ? moments.shift() : moments[0];
      return queries.map((query) => ({ objects: answerOf(moment ?? [])(query) }));
    };
    const { made } = rounds(dependent, { answer });
    assert.ok(!(made instanceof Promise));
    assert.deepEqual(made.run.effects?.memo, ["two"]);
  });

  test("is asked asynchronously when its answers are", async () => {
    const { made } = rounds(dependent, { answer: later });
    assert.ok(made instanceof Promise);
    assert.deepEqual((await made).run.effects?.memo, ["one"]);
  });
});

async function later(queries: readonly Query[]): Promise<readonly Answer[]> {
  return queries.map((query) => ({ objects: answerOf(world)(query) }));
}

/** A cell that says what it likes. */
class SpoiledCell implements Cell {
  readonly name = "subject";
  readonly declaration = declarationOf(
    defineFunction({ watches: ConfigMap, writes: [ConfigMap], reconcile: () => ({}) }),
  );
  readonly threadFaults = undefined;
  readonly #effects: unknown;

  constructor(effects: unknown) {
    this.#effects = effects;
  }

  async attempt(): Promise<Attempt> {
    return { effects: this.#effects as Effects, reads: [{ query: named("a"), count: 1 }] };
  }

  readConfig(): { readonly config: unknown } {
    return { config: undefined };
  }

  rest(): void {}

  wake(): void {}
}

suite("rounds: what a spoiled cell lets out is refused on this side:", () => {
  const rows: readonly {
    readonly name: string;
    readonly effects: unknown;
    readonly code: string;
    readonly isNamespaced?: boolean;
  }[] = [
    { name: "nothing", effects: null, code: "EFFECT_INVALID" },
    { name: "children that are no list", effects: { children: { length: 1 } }, code: "EFFECT_INVALID" },
    {
      name: "a kind that was not declared",
      effects: { children: [{ apiVersion: "v1", kind: "Secret", metadata: { name: "a" } }] },
      code: "KIND_NOT_DECLARED",
    },
    { name: "an effect that there is not", effects: { format: 1 }, code: "EFFECT_UNKNOWN" },
    { name: "a Map", effects: { memo: new Map() }, code: "EFFECT_INVALID" },
    { name: "shared memory", effects: { memo: new SharedArrayBuffer(1) }, code: "EFFECT_INVALID" },
    {
      name: "a child without a namespace, which only the host can know to be wrong",
      effects: { children: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } }] },
      isNamespaced: true,
      code: "CHILD_INVALID",
    },
  ];
  for (const { name, effects, code, isNamespaced } of rows) {
    test(name, async () => {
      const { run } = await rounds(new SpoiledCell(effects), { isNamespaced: () => isNamespaced }).made;
      assert.ok(run.error instanceof EvenkeelError, JSON.stringify(run.effects));
      assert.equal(run.error.code, code);
      assert.deepEqual(
        run.reads.map(({ count }) => count),
        [1],
        "what it read can still wake it",
      );
    });
  }
});
