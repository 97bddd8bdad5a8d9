/** How cells come to be: one for each version of each function. */
import type { OnRead } from "../resolve-hook.ts";
import type { Cell } from "./cell.ts";

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
