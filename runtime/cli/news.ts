/** What a reload has changed, as lines for people. A version that was refused changes nothing and was told already. */
import { isDeepStrictEqual } from "node:util";
import type { ProgramState } from "../host/program.ts";

interface News {
  readonly message: string;
  /** Functions that it is about; none for the configuration. */
  readonly names?: readonly string[];
}

type Loaded = Pick<ProgramState, "config" | "problems"> & {
  readonly functions: ReadonlyMap<string, { readonly generation: number }>;
};

export function newsOf(before: Loaded, after: Loaded): readonly News[] {
  const now = [...after.functions.keys()];
  const kept = now.filter((name) => before.functions.has(name));
  const isChanged = (name: string): boolean =>
    before.functions.get(name)?.generation !== after.functions.get(name)?.generation;
  const about = [
    { message: "functions loaded", names: now.filter((name) => !before.functions.has(name)) },
    { message: "functions changed", names: kept.filter(isChanged) },
    { message: "functions gone", names: [...before.functions.keys()].filter((name) => !after.functions.has(name)) },
  ];
  // A function that comes or goes brings its section of the configuration with it.
  const isQuiet = about.every(({ names }) => names.length === 0);
  const isConfigNews = isQuiet && !isDeepStrictEqual(before.config, after.config);
  const told = new Set<string | undefined>(about.flatMap(({ names }) => names));
  if (isConfigNews) told.add(undefined);
  // What is mended without being new would otherwise stand in the log as broken for ever.
  const mended = mendedIn(before, after).filter((each) => !told.has(each));
  const news: readonly News[] = [
    ...about,
    { message: "functions no longer broken", names: mended.filter((name) => name !== undefined) },
  ].filter(({ names }) => names.length > 0);
  if (isConfigNews) return [...news, { message: "configuration changed" }];
  return mended.includes(undefined) ? [...news, { message: "configuration no longer broken" }] : news;
}

/** Functions; undefined for the configuration. */
function mendedIn(before: Loaded, after: Loaded): readonly (string | undefined)[] {
  const broken = new Set(after.problems.map(({ about }) => about));
  return [...new Set(before.problems.map(({ about }) => about))].filter((about) => !broken.has(about));
}
