/** Reports for tests: a scenario of some contenders, each with what its turns measured. */
import type { Report, ScenarioReport, Turn } from "./report.ts";

/** A number is a turn that measured it, as `wall_s`. */
export type Told = number | Exclude<Turn, { kind: "measured" }>;

export const failed = { kind: "failed", why: "not ready in 60 s" } as const;
export const leftOut = { kind: "left-out", why: "interrupted" } as const;

/** Each contender after the first is set against the second, as in the benchmark's own. */
export function scenarioOf(turns: Readonly<Record<string, readonly Told[]>>, title = "Fan-out: 1 × 1"): ScenarioReport {
  return {
    name: "fanout",
    title,
    figures: [{ key: "wall_s", title: "wall", unit: "s", isPictured: true }],
    contenders: Object.entries(turns).map(([name, told]) => ({ name, turns: told.map(turnOf) })),
    ratios: Object.keys(turns)
      .filter((name) => name !== "peer")
      .map((of) => ({ of, to: "peer" })),
  };
}

export function reportOf(...scenarios: readonly ScenarioReport[]): Report {
  return { about: ["2026-11-21: 5 turns"], scenarios };
}

function turnOf(told: Told): Turn {
  return typeof told === "number" ? { kind: "measured", measures: { wall_s: told } } : told;
}
