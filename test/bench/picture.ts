/**
 * The report as an SVG for the README: a group per scenario, a row per pictured figure; each ratio is a mark at its median
 * with a whisker from minimum to maximum, on a logarithmic scale around 1. Readable on light and dark pages.
 */
import type { Figure, Report, ScenarioReport } from "./report.ts";
import { measuredBy, ratioOf, short, type Spread, spreadOf } from "./spread.ts";
import { ratioName } from "./table.ts";
import { troublesInShort } from "./trouble.ts";

const TITLE = "Cost of evenkeel beside the same controller in Go: ratios, less is better";
const WIDTH = 1080;
const MARGIN = 20;
const LINE = 22;
const HEAD = 84;
/** Where the scale begins and ends; the values stand to the right of it. */
const [LEFT, RIGHT] = [200, 680];
const VALUES = RIGHT + 28;
/** At least this much of the scale is shown, so that noise looks as small as it is. */
const LEAST = { from: 0.5, to: 4 };

const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
  .page { fill: #ffffff; } .stripe { fill: #f3f5f8; } .grid { stroke: #d5dae1; } .one { stroke: #59636e; stroke-width: 1.5; }
  .dim { fill: #59636e; } .title { font-weight: 600; font-size: 15px; } .group { font-weight: 600; } .middle { text-anchor: middle; }
  .m0 { fill: #2f6fde; stroke: #2f6fde; } .m1 { fill: #b7670b; stroke: #b7670b; } .trouble { fill: #c9352b; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .page { fill: #0f141a; } .stripe { fill: #171d25; } .grid { stroke: #303946; } .one { stroke: #9aa5b1; }
    .dim { fill: #9aa5b1; } .m0 { fill: #6ea3ff; stroke: #6ea3ff; } .m1 { fill: #e5a13d; stroke: #e5a13d; } .trouble { fill: #ff7b72; }
  }`;

export function picture({ about, scenarios }: Report): string {
  const scale = scaleOf(scenarios);
  const lines = scenarios.flatMap((scenario) => linesOf(scenario, scale));
  const bottom = HEAD + lines.length * LINE;
  const height = bottom + (about.length + 1) * LINE;
  const foot = about.map((said, i) => text(MARGIN, bottom + (i + 1) * LINE, said, "dim"));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(TITLE)}">
<style>${STYLE}
</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="8"/>
${text(MARGIN, 28, TITLE, "title")}
${text(MARGIN, 50, "mark: median of the turns · line: minimum to maximum · ratios are taken turn by turn", "dim")}
${text(VALUES, HEAD - 8, "medians", "dim")}
${lines.map(({ isStriped }, i) => (isStriped ? stripe(HEAD + i * LINE) : "")).join("")}
${grid(scale, bottom)}
${lines.map(({ draw }, i) => draw(HEAD + i * LINE)).join("\n")}
${foot.join("\n")}
</svg>
`;
}

interface Line {
  readonly isStriped: boolean;
  /** @param top of the line */
  readonly draw: (top: number) => string;
}

function linesOf(scenario: ScenarioReport, scale: Scale): readonly Line[] {
  const rows = scenario.figures.filter(({ isPictured }) => isPictured);
  return [
    { isStriped: false, draw: (top) => heading(scenario, top) },
    ...rows.map((figure, i) => ({
      isStriped: i % 2 === 0,
      draw: (top: number) => row({ scenario, figure, scale, top }),
    })),
    ...troublesInShort(scenario).map((trouble) => ({
      isStriped: false,
      draw: (top: number) => text(MARGIN + 12, top + 15, trouble, "trouble"),
    })),
  ];
}

/** Covers the grid, which its words would be hard to read on. Each ratio is named beside its mark. */
function heading({ title, ratios }: ScenarioReport, top: number): string {
  const [begin, rest] = split(title);
  const cover = `<rect class="page" x="${MARGIN}" y="${top}" width="${RIGHT + 2 - MARGIN}" height="${LINE}"/>`;
  const named = `<text x="${MARGIN}" y="${top + 16}"><tspan class="group">${escaped(begin)}</tspan>${escaped(rest)}</text>`;
  let x = VALUES;
  const legend = ratios.map((ratio, series) => {
    const name = ratioName(ratio);
    const drawn = `${mark(x, top + 11, series)}${text(x + 11, top + 16, name)}`;
    x += 30 + name.length * 8;
    return drawn;
  });
  return `${cover}${named}${legend.join("")}`;
}

/** What it is called, and what that means. */
function split(title: string): readonly [string, string] {
  const end = title.indexOf(":");
  return end === -1 ? [title, ""] : [title.slice(0, end), title.slice(end)];
}

interface Row {
  readonly scenario: ScenarioReport;
  readonly figure: Figure;
  readonly scale: Scale;
  readonly top: number;
}

function row({ scenario, figure, scale, top }: Row): string {
  const { ratios } = scenario;
  const marks = ratios.map((ratio, series) => {
    const spread = ratioOf(scenario, ratio, figure.key);
    // One above the other, so that two that agree can still be told apart.
    const y = top + LINE / 2 + (series - (ratios.length - 1) / 2) * 8;
    return spread === undefined ? "" : whisker(spread, { y, series, scale });
  });
  const isEmpty = marks.every((each) => each === "");
  const none = isEmpty ? text((LEFT + RIGHT) / 2, top + 15, "no ratio", "dim middle") : "";
  const values = text(VALUES, top + 15, medians(scenario, figure), "dim");
  return `${text(MARGIN + 12, top + 15, figure.title)}${marks.join("")}${none}${values}`;
}

interface Place {
  readonly y: number;
  readonly series: number;
  readonly scale: Scale;
}

function whisker({ min, median, max }: Spread, { y, series, scale }: Place): string {
  const [from, to] = [scale.x(min), scale.x(max)].map((x) => x.toFixed(1));
  return `<line class="m${series}" x1="${from}" y1="${y}" x2="${to}" y2="${y}" stroke-width="2"/>${mark(scale.x(median), y, series)}`;
}

/** Told apart by shape as well as by colour. */
function mark(x: number, y: number, series: number): string {
  const at = x.toFixed(1);
  if (series === 0) return `<circle class="m0" cx="${at}" cy="${y}" r="4.5"/>`;
  return `<rect class="m${series}" x="${(x - 3.5).toFixed(1)}" y="${y - 3.5}" width="7" height="7" transform="rotate(45 ${at} ${y})"/>`;
}

/** Of those that a ratio names. */
function medians(scenario: ScenarioReport, { key, unit }: Figure): string {
  const named = new Set(scenario.ratios.flatMap(({ of, to }) => [of, to]));
  const parts = scenario.contenders.flatMap(({ name }) => {
    if (!named.has(name)) return [];
    const spread = spreadOf(measuredBy(scenario, name, key));
    return [`${name} ${spread === undefined ? "–" : short(spread.median)}`];
  });
  return `${parts.join(" · ")} ${unit}`.trimEnd();
}

/** Linear in the logarithm: twice as much and half as much are equally far from 1. */
interface Scale {
  /** Powers of two. */
  readonly ticks: readonly number[];
  readonly x: (ratio: number) => number;
}

function scaleOf(scenarios: readonly ScenarioReport[]): Scale {
  const spreads = scenarios.flatMap((scenario) =>
    scenario.figures
      .filter(({ isPictured }) => isPictured)
      .flatMap(({ key }) => scenario.ratios.flatMap((ratio) => ratioOf(scenario, ratio, key) ?? [])),
  );
  // A ratio of 0 has no place on it; it is drawn at the left end.
  const least = spreads.map(({ min }) => min).filter((min) => min > 0);
  const from = Math.floor(Math.log2(Math.min(LEAST.from, ...least)));
  const to = Math.ceil(Math.log2(Math.max(LEAST.to, ...spreads.map(({ max }) => max))));
  return {
    ticks: Array.from({ length: to - from + 1 }, (_, i) => 2 ** (from + i)),
    x: (ratio) => LEFT + ((Math.max(Math.log2(ratio), from) - from) / (to - from)) * (RIGHT - LEFT),
  };
}

function grid({ ticks, x }: Scale, bottom: number): string {
  return ticks
    .map((tick) => {
      const at = x(tick).toFixed(1);
      const line = `<line class="${tick === 1 ? "one" : "grid"}" x1="${at}" y1="${HEAD - 2}" x2="${at}" y2="${bottom}"/>`;
      return `${line}<text class="dim middle" x="${at}" y="${HEAD - 8}">${tick < 1 ? `1/${1 / tick}` : tick}</text>`;
    })
    .join("");
}

function stripe(top: number): string {
  return `<rect class="stripe" x="8" y="${top}" width="${WIDTH - 16}" height="${LINE}"/>`;
}

function text(x: number, y: number, said: string, classes = ""): string {
  return `<text${classes === "" ? "" : ` class="${classes}"`} x="${x}" y="${y}">${escaped(said)}</text>`;
}

function escaped(plain: string): string {
  return plain.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
