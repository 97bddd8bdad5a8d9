/**
 * `npm run bench`: evenkeel beside the same controller in Go and beside no controller at all, in turns, on one real control
 * plane that is started for it. The table goes to stdout, progress to stderr, the picture and every figure into a folder.
 *
 * | to see                               | look at                        |
 * |--------------------------------------|--------------------------------|
 * | what is measured, in which size      | scenarios.ts, figures.ts       |
 * | who takes part, with which flags     | arms.ts                        |
 * | how one turn is timed                | measure.ts; load/ in Go        |
 * | how ratios come from turns           | turns.ts, spread.ts            |
 * | the Go programs and their own README | README.md, peer/, raw/, load/  |
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { systemClock } from "../../runtime/clock/clock.ts";
import { about, loadAverage } from "./about.ts";
import { figures } from "./figures.ts";
import { measure } from "./measure.ts";
import { type Asked, HELP, type Options, parseOptions } from "./options.ts";
import { picture } from "./picture.ts";
import { readReport, type Report, type ScenarioReport, type Turn } from "./report.ts";
import { scenarios } from "./scenarios.ts";
import { Stage } from "./stage.ts";
import { short } from "./spread.ts";
import { table } from "./table.ts";
import { takeTurns } from "./turns.ts";

/** As a shell says of a program that a signal ended. */
const INTERRUPTED = 130;

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  return 1;
});

async function main(argv: readonly string[]): Promise<number> {
  const asked = askedBy(argv);
  switch (asked.kind) {
    case "refused":
      say(`bench: ${asked.why}; see npm run bench -- --help`);
      return 2;
    case "help":
      process.stdout.write(HELP);
      return 0;
    case "draw":
      await show(readReport(await readFile(join(asked.out, "bench.json"), "utf8")), asked.out);
      return 0;
    case "run":
      return run(asked.options);
    default:
      return asked satisfies never;
  }
}

function askedBy(argv: readonly string[]): Asked | { readonly kind: "refused"; readonly why: string } {
  try {
    return parseOptions(argv);
  } catch (error) {
    return { kind: "refused", why: error instanceof Error ? error.message : String(error) };
  }
}

async function run(options: Options): Promise<number> {
  if (process.platform !== "linux") throw new Error("needs Linux: what a process uses is read from /proc");
  const interrupt = new AbortController();
  // Once: a second signal ends us at once, and the control plane with us.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => interrupt.abort("interrupted"));
  const load = loadAverage();
  if (load > 1) say(`the machine is not quiet (load average ${load.toFixed(1)}): the ratios will spread`);
  const stage = await Stage.start();
  try {
    // What is built once is not in the bound.
    const [startedMs, bound] = [systemClock.now(), new AbortController()];
    const why = `the limit of ${options.limitMinutes} minutes was reached`;
    const timer = systemClock.after(options.limitMinutes * 60_000, () => bound.abort(why));
    const signal = AbortSignal.any([interrupt.signal, bound.signal]);
    signal.addEventListener("abort", () => say(`${String(signal.reason)}: what is left is left out`), { once: true });
    const measured = await runAll(options, stage, signal);
    timer.cancel();
    const { size, turns } = options;
    const tookMs = systemClock.now() - startedMs;
    const kubernetes = await stage.kubernetesVersion();
    const report = { about: await about({ size, turns, tookMs, kubernetes, load }), scenarios: measured };
    const { folder, isForWholeRuns } = options.out ?? {};
    await show(report, isForWholeRuns === true && signal.aborted ? undefined : folder);
    if (interrupt.signal.aborted) return INTERRUPTED;
    return measured.every(isWhole) ? 0 : 1;
  } finally {
    await stage.stop();
  }
}

async function runAll(
  { size, scenarios: names, turns }: Options,
  stage: Stage,
  signal: AbortSignal,
): Promise<readonly ScenarioReport[]> {
  const wanted = new Set<string>(names);
  const reports: ScenarioReport[] = [];
  for (const scenario of scenarios(size).filter(({ name }) => wanted.has(name))) {
    const [first] = scenario.figures;
    const report = await takeTurns(scenario, {
      turns,
      signal,
      measure: (contender) => measure(contender, stage, signal),
      tell({ contender, number, turn }) {
        if (turn.kind === "left-out") return; // once is enough: the signal said it
        say(`${time()} ${scenario.name} ${number}/${turns} ${contender}: ${inShort(turn, first ?? figures.wall)}`);
      },
    });
    reports.push(report);
  }
  return reports;
}

/** Prints the table, and writes picture and figures where there is a folder for them. */
async function show(report: Report, folder: string | undefined): Promise<void> {
  process.stdout.write(table(report));
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "bench.json"), `${JSON.stringify(report)}\n`);
  await writeFile(join(folder, "bench.svg"), picture(report));
  say(`wrote bench.svg and bench.json into ${folder}`);
}

function isWhole({ contenders }: ScenarioReport): boolean {
  return contenders.every(({ turns }) => turns.every(({ kind }) => kind === "measured"));
}

function inShort(turn: Turn, { key, unit }: { readonly key: string; readonly unit: string }): string {
  if (turn.kind !== "measured") return `${turn.kind}: ${turn.why}`;
  return `${short(turn.measures[key] ?? Number.NaN)} ${unit}`;
}

function time(): string {
  return new Date(systemClock.wall()).toISOString().slice(11, 19);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
