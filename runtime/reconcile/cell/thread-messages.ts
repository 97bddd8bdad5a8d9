/** What passes between the host and a cell's thread, by structured clone: plain data. */
import type { Query } from "../../kube/query.ts";
import type { ConfigReading } from "../define.ts";
import type { Effects } from "../effects.ts";
import type { SentAnswer } from "./answer-memory.ts";
import type { Declaration, Job } from "./cell.ts";
import type { SentError } from "./sent-error.ts";

/** What a thread is born with. */
export interface WorkerBirth {
  readonly name: string;
  readonly dir: string;
  readonly file: string;
  readonly generation: number;
  /** The files of the version that was loaded before; undefined: what is on the disk. */
  readonly pinned: ReadonlyMap<string, string> | undefined;
  /** One Int32: the id of the task that the thread is at, 0 for none. */
  readonly progress: SharedArrayBuffer;
  /** How many outcomes may wait to be told together. */
  readonly outcomesPerMessage: number;
}

/** Ids count from 1. To the thread they go in lists: what was handed over in one turn. */
export type Task = { readonly id: number } & (
  | { readonly type: "attempt"; readonly job: Job; readonly answers: readonly SentAnswer[] }
  | { readonly type: "config"; readonly value: unknown }
);

export type Told =
  | { readonly type: "read"; readonly path: string; readonly text: string | undefined }
  | { readonly type: "loaded"; readonly declaration: Declaration }
  | { readonly type: "failed"; readonly error: SentError }
  /** In development: what the function printed. */
  | { readonly type: "printed"; readonly text: string }
  | { readonly type: "done"; readonly outcomes: readonly Done[] };

export interface Done {
  readonly id: number;
  readonly outcome: Outcome;
}

export type Outcome =
  | { readonly effects: Effects; readonly reads: readonly SentRead[] }
  | { readonly error: SentError; readonly reads: readonly SentRead[] }
  | { readonly missing: readonly Query[] }
  | { readonly reading: ConfigReading };

/** formatQuery of an answered query, and how many objects it showed. */
type SentRead = readonly [id: string, count: number];
