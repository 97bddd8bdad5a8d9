/** The report as text: Markdown that is also aligned for a terminal. Each cell is minimum / median / maximum. */
import type { Figure, Ratio, Report, ScenarioReport } from "./report.ts";
import { measuredBy, ratioOf, short, type Spread, spreadOf } from "./spread.ts";
import { troubles } from "./trouble.ts";

export function table({ about, scenarios }: Report): string {
  return [`${about.join("\n")}\nEach cell: min / median / max. Ratios are taken turn by turn; less is better.`]
    .concat(scenarios.map(section))
    .join("\n\n")
    .concat("\n");
}

function section(scenario: ScenarioReport): string {
  const { title, contenders, ratios, figures } = scenario;
  const head = ["", ...contenders.map(({ name }) => name), ...ratios.map(ratioName)];
  const rows = figures.map((figure) => row(scenario, figure));
  const notes = troubles(scenario).map((trouble) => `- ${trouble}`);
  return [`### ${title}`, "", ...aligned([head, ...rows]), ...(notes.length > 0 ? ["", ...notes] : [])].join("\n");
}

function row(scenario: ScenarioReport, { key, title, unit }: Figure): readonly string[] {
  const { contenders, ratios } = scenario;
  return [
    unit === "" ? title : `${title}, ${unit}`,
    ...contenders.map(({ name }) => cell(spreadOf(measuredBy(scenario, name, key)), unit === "" ? count : short)),
    ...ratios.map((ratio) => cell(ratioOf(scenario, ratio, key), short)),
  ];
}

export function ratioName({ of, to }: Ratio): string {
  return `${of} ÷ ${to}`;
}

function cell(spread: Spread | undefined, shown: (value: number) => string): string {
  if (spread === undefined) return "–";
  const { min, median, max } = spread;
  return min === max ? shown(median) : `${shown(min)} / ${shown(median)} / ${shown(max)}`;
}

function count(value: number): string {
  return `${Math.round(value)}`;
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const columns = rows[0] ?? [];
  const widths = columns.map((_, index) => Math.max(3, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, i) => text.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return rows.flatMap((row, index) => (index === 0 ? [line(row), rule] : [line(row)]));
}
