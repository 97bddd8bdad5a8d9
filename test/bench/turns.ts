/**
 * The order of everything: contenders take turns (A B C A B C …), so that a machine that grows busy or warm is unfair to
 * all of them alike. A turn that fails is kept with its reason and the others go on.
 */
import type { Measures, ScenarioReport, Turn } from "./report.ts";
import type { Contender, Scenario } from "./scenarios.ts";

export interface TurnOptions {
  readonly turns: number;
  readonly measure: (contender: Contender) => Promise<Measures>;
  /** When it is aborted no further turn begins, and the one that runs counts as left out. Its reason is a sentence. */
  readonly signal: AbortSignal;
  /** Told after each turn. */
  readonly tell?: (news: { readonly contender: string; readonly number: number; readonly turn: Turn }) => void;
}

export async function takeTurns(scenario: Scenario, options: TurnOptions): Promise<ScenarioReport> {
  const { name, title, figures, contenders, ratios } = scenario;
  const taken = contenders.map((contender) => ({ contender, turns: [] as Turn[] }));
  for (let number = 1; number <= options.turns; number++)
    for (const { contender, turns } of taken) {
      const turn = await takeTurn(contender, options);
      turns.push(turn);
      options.tell?.({ contender: contender.name, number, turn });
    }
  return {
    name,
    title,
    figures,
    ratios,
    contenders: taken.map(({ contender, turns }) => ({ name: contender.name, turns })),
  };
}

async function takeTurn(contender: Contender, { measure, signal }: TurnOptions): Promise<Turn> {
  const leftOut = (): Turn => ({ kind: "left-out", why: String(signal.reason) });
  if (signal.aborted) return leftOut();
  try {
    return { kind: "measured", measures: await measure(contender) };
  } catch (error) {
    // Whatever an interrupt breaks is not the contender's failure.
    if (signal.aborted) return leftOut();
    return { kind: "failed", why: error instanceof Error ? error.message : String(error) };
  }
}
