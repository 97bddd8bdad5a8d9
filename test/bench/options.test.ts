/** The flags: their defaults, and one clear line for what is not one. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";

import { type Options, parseOptions } from "./options.ts";
import { SCENARIO_NAMES } from "./scenarios.ts";

suite("what is run", () => {
  test("by default nearly everything in the medium size, five turns, half an hour, into docs/", () => {
    const { out, ...options } = optionsOf();
    const scenarios = SCENARIO_NAMES.filter((name) => name !== "fanout-100");
    assert.deepEqual(options, { size: "medium", scenarios, turns: 5, limitMinutes: 30 });
    assert.match(out?.folder ?? "", /docs$/);
  });

  test("the full size leaves nothing out", () => {
    assert.deepEqual(optionsOf("--size", "full").scenarios, SCENARIO_NAMES);
  });

  test("--quick is the small size in five minutes", () => {
    const { size, limitMinutes } = optionsOf("--quick");
    assert.deepEqual({ size, limitMinutes }, { size: "small", limitMinutes: 5 });
  });

  test("the README's picture is replaced by whole runs alone, and never in the small size", () => {
    assert.equal(optionsOf("--quick").out, undefined);
    assert.equal(optionsOf("--scenario", "edit").out, undefined);
    assert.equal(optionsOf().out?.isForWholeRuns, true);
    assert.deepEqual(optionsOf("--scenario", "edit", "--out", "here").out, { folder: "here", isForWholeRuns: false });
  });

  test("named scenarios run once each, in the benchmark's order", () => {
    const { scenarios } = optionsOf("--scenario", "rest", "--scenario", "edit", "--scenario=rest");
    assert.deepEqual(scenarios, ["edit", "rest"]);
  });

  test("--turns and --limit replace the size's", () => {
    const { turns, limitMinutes } = optionsOf("--size", "full", "--turns", "7", "--limit=90");
    assert.deepEqual({ turns, limitMinutes }, { turns: 7, limitMinutes: 90 });
  });
});

test("--help goes before everything, --draw before a run", () => {
  assert.deepEqual(parseOptions(["--quick", "-h", "--draw"]), { kind: "help" });
  assert.deepEqual(parseOptions(["--draw", "--out", "here"]), { kind: "draw", out: "here" });
});

const refused = [
  { argv: ["--sceanrio", "fanout"], says: "there is no flag --sceanrio; did you mean --scenario?" },
  { argv: ["--scenario", "fanut"], says: /^--scenario: there is no fanut; did you mean fanout\?; one of start, / },
  { argv: ["--size", "huge"], says: "--size: there is no huge; one of small, medium, full" },
  { argv: ["--turns", "0"], says: "--turns is a number from 1 to 1000: 0" },
  { argv: ["--turns", "1.5"], says: "--turns is a number from 1 to 1000: 1.5" },
  { argv: ["--limit", "soon"], says: "--limit is a number from 1 to 1000: soon" },
  { argv: ["fanout"], says: '"fanout" belongs to no flag' },
  { argv: ["--size"], says: "--size needs a value" },
  { argv: ["--size", "--turns", "3"], says: "--size needs a value" },
  { argv: ["--out="], says: "--out needs a value" },
  { argv: ["--quick=yes"], says: "--quick takes no value" },
];

suite("refused with one line", () => {
  for (const { argv, says } of refused)
    test(argv.join(" "), () => assert.throws(() => parseOptions(argv), { message: says }));
});

function optionsOf(...argv: readonly string[]): Options {
  const asked = parseOptions(argv);
  assert.ok(asked.kind === "run");
  return asked.options;
}
