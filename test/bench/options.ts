/** The flags of `npm run bench`. */
import { join } from "node:path";
import { parseArgs } from "node:util";

import { didYouMean } from "../../runtime/host/did-you-mean.ts";
import { namesOf, SCENARIO_NAMES, type ScenarioName, type Size, SIZES } from "./scenarios.ts";

export interface Options {
  readonly size: Size;
  readonly scenarios: readonly ScenarioName[];
  readonly turns: number;
  readonly limitMinutes: number;
  /** Where the picture and the figures go. Absent: nowhere. */
  readonly out?: Out;
}

export interface Out {
  readonly folder: string;
  /** What the README shows is replaced by a whole run only; a folder that somebody named gets what there is. */
  readonly isForWholeRuns: boolean;
}

export type Asked =
  | { readonly kind: "run"; readonly options: Options }
  /** The table and the picture once more, from the figures in this folder. */
  | { readonly kind: "draw"; readonly out: string }
  | { readonly kind: "help" };

/** What the README shows. */
const DOCS = join(import.meta.dirname, "..", "..", "docs");

const TURNS: Readonly<Record<Size, number>> = { small: 1, medium: 5, full: 5 };
/** Hard bounds: what has not begun by then is left out, and what runs is ended. */
const LIMIT_MINUTES: Readonly<Record<Size, number>> = { small: 5, medium: 30, full: 120 };

export const HELP = `Usage: npm run bench -- [flags]

Measures evenkeel beside the same controller in Go (peer) and beside no controller (raw), in turns, on one real control
plane of its own. Needs Linux and Go; the first run builds what is missing. On a quiet machine, please.

  --quick              the small size, in at most ${LIMIT_MINUTES.small} minutes: whether everything works; no figures to quote
  --size SIZE          small, medium (default, at most ${LIMIT_MINUTES.medium} minutes) or full (at most ${LIMIT_MINUTES.full})
  --scenario NAME      only this one; may be repeated. Default: all, but fanout-100 in the full size only:
                       ${SCENARIO_NAMES.slice(0, 6).join(", ")},
                       ${SCENARIO_NAMES.slice(6).join(", ")}
  --turns N            turns of each contender (default: ${TURNS.medium}; small: ${TURNS.small})
  --limit MINUTES      another bound than the size's
  --out FOLDER         write bench.svg and bench.json there. Default: docs/, when all scenarios ran to their end in the
                       medium or full size
  --draw               measure nothing: table and picture once more from bench.json in docs/, or in --out
  --help               print this
`;

const FLAGS = {
  quick: { type: "boolean" },
  size: { type: "string" },
  scenario: { type: "string", multiple: true },
  turns: { type: "string" },
  limit: { type: "string" },
  out: { type: "string" },
  draw: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** @throws Error in one line that names the flag */
export function parseOptions(argv: readonly string[]): Asked {
  refuseStrangers(argv);
  const { values } = parseArgs({ args: [...argv], options: FLAGS });
  if (values.help === true) return { kind: "help" };
  if (values.draw === true) return { kind: "draw", out: values.out ?? DOCS };
  const size = values.quick === true ? "small" : oneOf("--size", values.size ?? "medium", SIZES);
  const named = new Set(values.scenario?.map((name) => oneOf("--scenario", name, SCENARIO_NAMES)));
  const out = outOf(values.out, named.size === 0 && size !== "small");
  const options = {
    size,
    scenarios: named.size === 0 ? namesOf(size) : SCENARIO_NAMES.filter((name) => named.has(name)),
    turns: count("--turns", values.turns, TURNS[size]),
    limitMinutes: count("--limit", values.limit, LIMIT_MINUTES[size]),
    ...(out === undefined ? {} : { out }),
  };
  return { kind: "run", options };
}

function outOf(folder: string | undefined, isWhole: boolean): Out | undefined {
  if (folder !== undefined) return { folder, isForWholeRuns: false };
  return isWhole ? { folder: DOCS, isForWholeRuns: true } : undefined;
}

/** Before `parseArgs`, whose own words are about positional arguments. */
function refuseStrangers(argv: readonly string[]): void {
  const { tokens } = parseArgs({
    args: [...argv],
    options: FLAGS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const known = Object.keys(FLAGS).map((name) => `--${name}`);
  for (const token of tokens) {
    if (token.kind === "positional") throw new Error(`${JSON.stringify(token.value)} belongs to no flag`);
    if (token.kind !== "option") continue;
    const flag = Object.entries(FLAGS).find(([name]) => name === token.name)?.[1];
    if (flag === undefined) throw new Error(`there is no flag ${token.rawName}${didYouMean(token.rawName, known)}`);
    const isWithout = !token.value || (!token.inlineValue && token.value.startsWith("-"));
    if (flag.type === "string" && isWithout) throw new Error(`${token.rawName} needs a value`);
    if (flag.type === "boolean" && token.value !== undefined) throw new Error(`${token.rawName} takes no value`);
  }
}

function oneOf<T extends string>(flag: string, value: string, known: readonly T[]): T {
  const found = known.find((each) => each === value);
  if (found !== undefined) return found;
  throw new Error(`${flag}: there is no ${value}${didYouMean(value, known)}; one of ${known.join(", ")}`);
}

function count(flag: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000) throw new Error(`${flag} is a number from 1 to 1000: ${text}`);
  return value;
}
