/**
 * What one run of the benchmark found: every turn of every contender, where and with what. Table and picture are drawn
 * from this alone; it is kept as JSON beside the picture, so that its medians can be checked and drawn again.
 */
import { z } from "zod";

const Measures = z.record(z.string(), z.number());
/** By the key of a figure, in that figure's unit. */
export type Measures = Readonly<z.infer<typeof Measures>>;

const Turn = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("measured"), measures: Measures }),
  /** The contender, or the check of what it did. */
  z.object({ kind: z.literal("failed"), why: z.string() }),
  /** Interrupted, or out of time. */
  z.object({ kind: z.literal("left-out"), why: z.string() }),
]);
export type Turn = Readonly<z.infer<typeof Turn>>;

const Figure = z.object({
  key: z.string(),
  title: z.string(),
  /** `s`, `MiB`; `""` for a count. */
  unit: z.string(),
  /** Whether the picture has a row for it. */
  isPictured: z.boolean(),
});
/** Something measured. Less is better in all of them. */
export type Figure = Readonly<z.infer<typeof Figure>>;

/** Names of two contenders. */
const Ratio = z.object({ of: z.string(), to: z.string() });
export type Ratio = Readonly<z.infer<typeof Ratio>>;

const ScenarioReport = z.object({
  name: z.string(),
  title: z.string(),
  figures: z.array(Figure).readonly(),
  contenders: z.array(z.object({ name: z.string(), turns: z.array(Turn).readonly() })).readonly(),
  ratios: z.array(Ratio).readonly(),
});
export type ScenarioReport = Readonly<z.infer<typeof ScenarioReport>>;

const Report = z.object({
  /** Sentences: the day, the machine, the versions, the size and duration of the run. */
  about: z.array(z.string()).readonly(),
  scenarios: z.array(ScenarioReport).readonly(),
});
export type Report = Readonly<z.infer<typeof Report>>;

/** @throws Error when the text is not a report */
export function readReport(json: string): Report {
  return Report.parse(JSON.parse(json));
}
