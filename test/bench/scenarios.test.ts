/** The table of scenarios agrees with itself in every size, and with the files that `load` is made of. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";

import { scenarios, SIZES } from "./scenarios.ts";

const goMain = readFileSync(join(import.meta.dirname, "load", "main.go"), "utf8");

for (const size of SIZES)
  suite(`size ${size}`, () => {
    for (const { name, title, contenders, ratios, figures } of scenarios(size)) {
      test(`${name}: the title has a word for the picture and room beside its legend`, () => {
        assert.match(title, /^[A-Z][a-z0-9, -]+: .{10,80}$/);
      });

      test(`${name}: every ratio is between two different contenders, and something of it is in the picture`, () => {
        const names = new Set(contenders.map(({ name }) => name));
        assert.equal(names.size, contenders.length);
        for (const { of, to } of ratios) assert.ok(names.has(of) && names.has(to) && of !== to, `${of} ÷ ${to}`);
        assert.ok(ratios.length > 0 && figures.some(({ isPictured }) => isPictured));
        assert.equal(new Set(figures.map(({ key }) => key)).size, figures.length);
      });

      test(`${name}: load knows the scenario and the flags`, () => {
        for (const { stopwatch } of contenders) {
          if (stopwatch.kind !== "load") continue;
          assert.ok(goMain.includes(`"${stopwatch.scenario}": `), stopwatch.scenario);
          for (const flag of stopwatch.flags.filter((each) => each.startsWith("--")))
            assert.ok(goMain.includes(`"${flag.slice(2)}", `), flag);
        }
      });
    }

    test("linear cost grows by the factor that each contender is named after, in one dimension", () => {
      for (const { name, contenders } of scenarios(size).filter(({ name }) => name.startsWith("linear-"))) {
        const copies = contenders.map(({ stopwatch }) => {
          assert.ok(stopwatch.kind === "per-copy");
          return stopwatch.world.sources * stopwatch.world.namespaces;
        });
        const [one = Number.NaN] = copies;
        assert.deepEqual(copies, [one, one * 2, one * 4, one * 8], name);
      }
    });
  });
