/** What passes between the host and a cell's thread, by structured clone: plain data, and errors in a form that keeps their class. */
import { inspect } from "node:util";
import { EvenkeelError, type Code } from "../../kube/errors.ts";
import type { Query } from "../../kube/query.ts";
import type { ConfigReading } from "../define.ts";
import { TerminalError, type Effects } from "../effects.ts";
import type { SentAnswer } from "./answer-memory.ts";
import type { Declaration, Job } from "./cell.ts";

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
}

/** Ids count from 1. */
export type Task = { readonly id: number } & (
  | { readonly type: "attempt"; readonly job: Job; readonly answers: readonly SentAnswer[] }
  | { readonly type: "config"; readonly value: unknown }
);

export type Told =
  | { readonly type: "read"; readonly path: string; readonly text: string | undefined }
  | { readonly type: "loaded"; readonly declaration: Declaration }
  | { readonly type: "failed"; readonly error: SentError }
  | Done;

export type Done = { readonly type: "done"; readonly id: number; readonly outcome: Outcome };

export type Outcome =
  | { readonly effects: Effects; readonly reads: readonly SentRead[] }
  | { readonly error: SentError; readonly reads: readonly SentRead[] }
  | { readonly missing: readonly Query[] }
  | { readonly reading: ConfigReading };

/** formatQuery of an answered query, and how many objects it showed. */
export type SentRead = readonly [id: string, count: number];

export type SentError =
  | { readonly ours: Code; readonly what: string; readonly cause: SentError | undefined }
  | { readonly terminal: string }
  /** A structured clone keeps the standard errors, with message and stack, and plain values. */
  | { readonly thrown: unknown };

export function sentError(error: unknown): SentError {
  if (error instanceof EvenkeelError) {
    return {
      ours: error.code,
      what: error.what,
      cause: error.cause === undefined ? undefined : sentError(error.cause),
    };
  }
  if (error instanceof TerminalError) return { terminal: error.message };
  try {
    return { thrown: structuredClone(error) };
  } catch {
    return { thrown: inspect(error, { depth: 0, breakLength: Infinity, customInspect: false, getters: false }) };
  }
}

export function receivedError(sent: SentError): unknown {
  if ("thrown" in sent) return sent.thrown;
  if ("terminal" in sent) return new TerminalError(sent.terminal);
  const { ours, what, cause } = sent;
  return new EvenkeelError(ours, what, cause === undefined ? {} : { cause: receivedError(cause) });
}
