/** What a reload has changed, as lines for people. A version that was refused changes nothing and was told already. */
import { isDeepStrictEqual } from "node:util";
import type { ProgramState } from "../host/program.ts";

interface News {
  readonly message: string;
  /** Functions that it is about; none for the configuration. */
  readonly names?: readonly string[];
}

type Loaded = Pick<ProgramState, "config"> & {
  readonly functions: ReadonlyMap<string, { readonly generation: number }>;
};

export function newsOf(before: Loaded, after: Loaded): readonly News[] {
  const now = [...after.functions.keys()];
  const kept = now.filter((name) => before.functions.has(name));
  const isChanged = (name: string): boolean =>
    before.functions.get(name)?.generation !== after.functions.get(name)?.generation;
  const about: readonly News[] = [
    { message: "functions loaded", names: now.filter((name) => !before.functions.has(name)) },
    { message: "functions changed", names: kept.filter(isChanged) },
    { message: "functions gone", names: [...before.functions.keys()].filter((name) => !after.functions.has(name)) },
  ];
  const told = about.filter(({ names }) => names !== undefined && names.length > 0);
  // A function that comes or goes brings its section of the configuration with it.
  const isConfigNews = told.length === 0 && !isDeepStrictEqual(before.config, after.config);
  return isConfigNews ? [{ message: "configuration changed" }] : told;
}
