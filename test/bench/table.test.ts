/** The table: nothing that was measured is missing from it, and nothing that failed either. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { failed, leftOut, reportOf, scenarioOf } from "./reports.ts";
import { table } from "./table.ts";

test("shows each contender and each ratio as min / median / max, under what the run was", () => {
  const text = table(reportOf(scenarioOf({ evenkeel: [2, 3, 4], peer: [1, 1, 1], raw: [0.5, 0.5, 0.5] })));
  assert.match(text, /^2026-11-21: 5 turns\n/);
  assert.deepEqual(text.split("\n").slice(-4, -1), [
    "|         | evenkeel           | peer | raw  | evenkeel ÷ peer    | raw ÷ peer |",
    "|---------|--------------------|------|------|--------------------|------------|",
    "| wall, s | 2.00 / 3.00 / 4.00 | 1.00 | 0.50 | 2.00 / 3.00 / 4.00 | 0.50       |",
  ]);
});

test("counts have no decimals", () => {
  const scenario = scenarioOf({ evenkeel: [4000], peer: [4000] });
  const figures = [{ key: "wall_s", title: "writes", unit: "", isPictured: false }];
  assert.match(table(reportOf({ ...scenario, figures })), /\| writes \| 4000 +\| 4000 \| 1\.00 +\|/);
});

test("a turn that failed is named with its reason, beside what the others measured", () => {
  const text = table(reportOf(scenarioOf({ evenkeel: [2, 3], peer: [1, failed] })));
  assert.match(text, /\| wall, s \| 2\.00 \/ 2\.50 \/ 3\.00 \| 1\.00 \| 2\.00 +\|/);
  assert.match(text, /\n- peer, turn 2 of 2: FAILED: not ready in 60 s\n/);
});

test("a contender that failed every turn, was left out or has no turn keeps its column", () => {
  const text = table(reportOf(scenarioOf({ evenkeel: [failed], peer: [leftOut, leftOut], raw: [] })));
  assert.match(text, /\| evenkeel \| peer \| raw \|/);
  assert.match(text, /\| wall, s \| – +\| – +\| – +\|/);
  for (const line of [
    "- evenkeel, turn 1 of 1: FAILED: not ready in 60 s",
    "- peer, turn 1, 2 of 2: left out: interrupted",
    "- raw: no turn",
  ])
    assert.ok(text.includes(line), line);
});
