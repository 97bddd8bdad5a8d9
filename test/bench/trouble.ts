/** What did not go as it should have, in words: a contender that failed is reported, never dropped. */
import type { ScenarioReport } from "./report.ts";

/** A line for each contender without turns, and for each reason why turns of it measured nothing. */
export function troubles({ contenders }: ScenarioReport): readonly string[] {
  return contenders.flatMap(({ name, turns }) => {
    if (turns.length === 0) return [`${name}: no turn`];
    const numbers = new Map<string, number[]>();
    for (const [index, turn] of turns.entries()) {
      if (turn.kind === "measured") continue;
      const why = turn.kind === "failed" ? `FAILED: ${turn.why}` : `left out: ${turn.why}`;
      numbers.set(why, [...(numbers.get(why) ?? []), index + 1]);
    }
    return [...numbers].map(([why, which]) => `${name}, turn ${which.join(", ")} of ${turns.length}: ${why}`);
  });
}

/** For a picture, which has room for a few words only: `peer: 2 of 5 turns failed, 1 left out`. */
export function troublesInShort({ contenders }: ScenarioReport): readonly string[] {
  return contenders.flatMap(({ name, turns }) => {
    if (turns.length === 0) return [`${name}: no turn`];
    const count = (kind: "failed" | "left-out"): number => turns.filter((turn) => turn.kind === kind).length;
    const [failed, leftOut] = [count("failed"), count("left-out")];
    const parts = [...(failed > 0 ? [`${failed} failed`] : []), ...(leftOut > 0 ? [`${leftOut} left out`] : [])];
    return parts.length === 0 ? [] : [`${name}: of ${turns.length} turns ${parts.join(", ")}`];
  });
}
