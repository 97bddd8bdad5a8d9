/** The picture: well-formed whatever the names are, marks where the scale says, and failures in red. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";

import { picture } from "./picture.ts";
import { failed, leftOut, reportOf, scenarioOf, type Told } from "./reports.ts";

suite("the picture", () => {
  const worlds: Readonly<Record<string, Readonly<Record<string, readonly Told[]>>>> = {
    "three contenders": { evenkeel: [2, 3, 4], peer: [1, 1, 1], raw: [0.5, 0.5, 0.5] },
    "no contender": {},
    "a contender without turns": { evenkeel: [1], peer: [] },
    "nothing but failures": { evenkeel: [failed, leftOut], peer: [failed, failed] },
    "a ratio of zero": { evenkeel: [0], peer: [1] },
    "names that are markup": { '<evenkeel & "sons">': [1], peer: [1] },
  };
  for (const [name, turns] of Object.entries(worlds))
    test(`is well-formed, without numbers that are none: ${name}`, () => {
      const svg = picture(reportOf(scenarioOf(turns, 'A <b> & "c"')));
      assertWellFormed(svg);
      assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
    });

  test("is well-formed without scenarios", () => assertWellFormed(picture(reportOf())));

  test("escapes what it is told", () => {
    const svg = picture(reportOf(scenarioOf({ "<evenkeel>": [1], peer: [1] }, "R&D: <50 ms")));
    assert.ok(svg.includes("&lt;evenkeel&gt; ÷ peer"));
    assert.ok(svg.includes('<tspan class="group">R&amp;D</tspan>: &lt;50 ms'));
  });

  test("a ratio of 1 stands on the line of 1; a whisker reaches from minimum to maximum", () => {
    const svg = picture(reportOf(scenarioOf({ evenkeel: [0.5, 1, 2], peer: [1, 1, 1] })));
    const [, one] = /<line class="one" x1="([\d.]+)"/.exec(svg) ?? [];
    const row = svg.slice(svg.indexOf(">wall<"));
    assert.equal(/<circle class="m0" cx="([\d.]+)"/.exec(row)?.[1], one);
    const [, from, to] = /<line class="m0" x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)"/.exec(row) ?? [];
    // Half as much and twice as much are equally far from the line.
    assert.equal(((Number(from) + Number(to)) / 2).toFixed(1), one);
  });

  test("the scale holds every ratio and at least half to four times", () => {
    assert.equal(ticks(1.1), "1/2 1 2 4");
    assert.equal(ticks(9), "1/2 1 2 4 8 16");
    assert.equal(ticks(0.2), "1/8 1/4 1/2 1 2 4");
  });

  test("what failed or was left out is said in red, and what nobody can compare is said, too", () => {
    const svg = picture(reportOf(scenarioOf({ evenkeel: [failed, leftOut], peer: [], raw: [1] })));
    for (const words of ["evenkeel: of 2 turns 1 failed, 1 left out", "peer: no turn"])
      assert.match(svg, new RegExp(`<text class="trouble"[^>]*>${words}<`));
    assert.match(svg, />no ratio</);
    assert.match(svg, />evenkeel – · peer – · raw 1\.00 s</);
  });

  test("shows only the rows that are meant for it", () => {
    const scenario = scenarioOf({ evenkeel: [1], peer: [1] });
    const figures = scenario.figures.map((figure) => ({ ...figure, isPictured: false }));
    assert.doesNotMatch(picture(reportOf({ ...scenario, figures })), />wall</);
  });

  test("has colours for light and for dark pages", () => {
    const svg = picture(reportOf());
    assert.match(svg, /@media \(prefers-color-scheme: dark\)/);
  });
});

/** The numbers of the scale of a picture with this ratio. */
function ticks(evenkeel: number): string {
  const svg = picture(reportOf(scenarioOf({ evenkeel: [evenkeel], peer: [1] })));
  return [...svg.matchAll(/<text class="dim middle"[^>]*>([\d/]+)</g)].map(([, tick]) => tick).join(" ");
}

/** Enough XML for what we write: every element is closed in order, and nothing outside markup looks like it. */
function assertWellFormed(svg: string): void {
  const open: string[] = [];
  const rest = svg.replaceAll(
    /<(\/?)([a-z]+)((?: [a-zA-Z:-]+[\w-]*="[^"<&]*(?:&(?:amp|lt|gt|quot);[^"<&]*)*")*)(\/?)>/g,
    (...match) => {
      const [, isEnd, name, , isEmpty] = match.map(String);
      if (isEnd === "/") assert.equal(open.pop(), name);
      else if (isEmpty !== "/") open.push(name ?? "");
      return "";
    },
  );
  assert.deepEqual(open, []);
  assert.doesNotMatch(rest, /[<>]|&(?!(?:amp|lt|gt|quot);)/);
}
