/** How often failures of one function are told: soon and in full at first, then as a count. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FailureLog } from "../../runtime/host/failure-log.ts";
import type { Code } from "../../runtime/kube/errors.ts";
import { createLogger } from "../../runtime/trace/logs.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const IN_FULL = 10;
const MINUTE = 60_000;

function rig() {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const log = createLogger({ stream: { write: (line) => lines.push(line) }, clock, format: "json" });
  const failures = new FailureLog("mirror", { log, clock });
  /** @returns how many of them are told in full */
  const fail = (count: number, code: Code = "FUNCTION_THREW"): number =>
    Array.from({ length: count }, () => failures.admits(code)).filter(Boolean).length;
  const counts = (): readonly unknown[] => lines.map((line) => (JSON.parse(line) as { readonly count: unknown }).count);
  return { clock, lines, failures, fail, counts };
}

suite("of a function's failures", () => {
  test("a few are told in full, and nothing is added", async () => {
    const { clock, fail, lines } = rig();
    assert.equal(fail(IN_FULL), IN_FULL);
    await clock.advance(2 * MINUTE);
    assert.deepEqual(lines, []);
  });

  test("those of a storm are counted, and the count is told once a minute", async () => {
    const { clock, fail, lines, counts } = rig();
    let inFull = 0;
    for (let second = 0; second < 180; second++) {
      inFull += fail(100);
      await clock.advance(1_000);
    }
    assert.equal(inFull, 3 * IN_FULL);
    assert.deepEqual(counts(), [6_000 - IN_FULL, 6_000 - IN_FULL, 6_000 - IN_FULL]);
    assert.match(lines[0] ?? "", /"function":"mirror","code":"FUNCTION_THREW"/);
  });

  test("a new code is told at once, whatever else fails", () => {
    const { fail } = rig();
    fail(1_000);
    assert.equal(fail(1, "FUNCTION_TIMED_OUT"), 1);
  });

  test("the first after a minute of quiet is told at once", async () => {
    const { clock, fail } = rig();
    fail(1_000);
    await clock.advance(MINUTE);
    assert.equal(fail(1), 1);
  });

  test("what was left out is told when the function goes, and nothing after that", async () => {
    const { clock, fail, failures, counts } = rig();
    fail(25);
    failures.close();
    fail(1);
    await clock.advance(2 * MINUTE);
    assert.deepEqual(counts(), [15]);
  });
});
