/** A function that spins takes what is left of the machine, and not the host's own share. */
import { setPriority } from "node:os";

/** As `nice` without a number. */
const NICE = 10;

/** Lowers the calling thread. On Linux alone has each thread a priority of its own; elsewhere it would be the whole process. */
export function giveWay(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(0, NICE);
  } catch {
    // A sandbox may forbid it: then all threads are equal.
  }
}
