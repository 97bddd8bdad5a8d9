/** What is near is waited for in real time, for threads and files live in it; what is further off waits for the test. */
import { systemClock, type Timer } from "../../runtime/clock/clock.ts";
import { VirtualClock } from "./virtual-clock.ts";

const NEAR_MS = 1_000;

export class NearClock extends VirtualClock {
  override after(delayMs: number, run: () => void): Timer {
    return delayMs < NEAR_MS ? systemClock.after(delayMs, run) : super.after(delayMs, run);
  }
}
