/** Minimum, median and maximum: of one contender's turns, and of the ratios of two that took turns. */
import type { Ratio, ScenarioReport } from "./report.ts";

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** `undefined` where there is nothing. The median of an even number is the mean of the middle two. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) return undefined;
  const middle = (sorted.length - 1) / 2;
  const [low = min, high = max] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  return { min, median: (low + high) / 2, max };
}

/** What a contender's turns measured, without those that measured nothing. */
export function measuredBy(scenario: ScenarioReport, contender: string, figure: string): readonly number[] {
  return valuesOf(scenario, contender, figure).filter((value) => value !== undefined);
}

/**
 * Turn by turn, never the ratio of two medians: neighbours in time saw the same machine. A turn that one of the two has
 * not measured says nothing, nor does a division by zero: the values themselves tell.
 */
export function ratioOf(scenario: ScenarioReport, { of, to }: Ratio, figure: string): Spread | undefined {
  const below = valuesOf(scenario, to, figure);
  const ratios = valuesOf(scenario, of, figure).flatMap((value, turn) => {
    const other = below[turn];
    return value === undefined || other === undefined || other === 0 ? [] : [value / other];
  });
  return spreadOf(ratios);
}

/** Three digits that count: `0.35`, `20.9`, `4000`. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  return size >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** By turn. */
function valuesOf(scenario: ScenarioReport, contender: string, figure: string): readonly (number | undefined)[] {
  const turns = scenario.contenders.find(({ name }) => name === contender)?.turns ?? [];
  return turns.map((turn) => (turn.kind === "measured" ? turn.measures[figure] : undefined));
}
