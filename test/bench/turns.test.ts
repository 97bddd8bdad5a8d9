/** Taking turns: the order, and that neither a failure nor an interrupt loses what was measured. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { evenkeel, peer, raw } from "./arms.ts";
import type { Measures } from "./report.ts";
import type { Scenario } from "./scenarios.ts";
import { takeTurns } from "./turns.ts";

const scenario: Scenario = {
  name: "start",
  title: "Start",
  figures: [],
  ratios: [],
  contenders: [evenkeel, peer, raw].map((arm) => ({ name: arm.name, arm, stopwatch: { kind: "start" } })),
};
const { signal } = new AbortController();

test("contenders alternate: A B C A B C", async () => {
  const order: string[] = [];
  const measure = async ({ name }: { readonly name: string }): Promise<Measures> => {
    order.push(name);
    return { wall_s: order.length };
  };
  const report = await takeTurns(scenario, { turns: 2, measure, signal });
  assert.deepEqual(order, ["evenkeel", "peer", "raw", "evenkeel", "peer", "raw"]);
  assert.deepEqual(report.contenders[1]?.turns, [
    { kind: "measured", measures: { wall_s: 2 } },
    { kind: "measured", measures: { wall_s: 5 } },
  ]);
});

test("a turn that fails is kept with its reason, and the others go on", async () => {
  const { contenders } = await takeTurns(scenario, { turns: 2, measure: peerFails, signal });
  const failed = { kind: "failed", why: "3 of 40 copies as expected" };
  assert.deepEqual(contenders[1], { name: "peer", turns: [failed, failed] });
  assert.deepEqual(contenders[2], { name: "raw", turns: [1, 2].map(() => ({ kind: "measured", measures: {} })) });
});

test("an interrupt keeps what was measured; what it breaks and what has not begun is left out, not failed", async () => {
  const interrupt = new AbortController();
  const told: string[] = [];
  const measure = async ({ name }: { readonly name: string }): Promise<Measures> => {
    if (name !== "peer") return {};
    interrupt.abort("interrupted");
    throw new Error("load ended with SIGTERM");
  };
  const { contenders } = await takeTurns(scenario, {
    turns: 1,
    measure,
    signal: interrupt.signal,
    tell: ({ contender, turn }) => told.push(`${contender} ${turn.kind}`),
  });
  assert.deepEqual(
    contenders.map(({ turns }) => turns[0]),
    [
      { kind: "measured", measures: {} },
      { kind: "left-out", why: "interrupted" },
      { kind: "left-out", why: "interrupted" },
    ],
  );
  assert.deepEqual(told, ["evenkeel measured", "peer left-out", "raw left-out"]);
});

async function peerFails({ name }: { readonly name: string }): Promise<Measures> {
  if (name === "peer") throw new Error("3 of 40 copies as expected");
  return {};
}
