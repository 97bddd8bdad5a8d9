/** How cells come to be: one for each version of each function. */
import type { OnRead } from "../resolve-hook.ts";
import type { Cell } from "./cell.ts";

/** A file of pure declarations loads in a fifth of a second of one processor; this leaves room for a busy machine. */
export const LOAD_DEADLINE_MS = 10_000;

export interface Birth {
  /** The function's. */
  readonly name: string;
  /** The functions folder, absolute: nothing outside it can be imported. */
  readonly dir: string;
  /** Absolute. */
  readonly file: string;
  /** Never used before in this process. */
  readonly generation: number;
  /** Told of each file that the function reads while it loads. */
  readonly onRead: OnRead;
  /** Aborted when the load takes too long. */
  readonly signal: AbortSignal;
}

/** Loads a function into a cell. Rejects with whatever the file threw. */
export type OpenCell = (birth: Birth) => Promise<Cell>;
