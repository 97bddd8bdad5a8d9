/** How long to leave a server alone that asked for it with Retry-After. */
import type { Clock } from "../clock/clock.ts";
import { EvenkeelError } from "./errors.ts";

/** A server may ask for patience, but a mistaken proxy must not silence anything for a day. */
const MAX_RETRY_AFTER_MS = 300_000;

/** Never earlier than asked, and spread so that those who were refused together do not come back together. */
const JITTER = 0.2;

/** What the server asked for, bounded and spread. @returns milliseconds > 0; undefined when nothing was asked for */
export function requestedDelayMs(error: unknown, clock: Clock): number | undefined {
  const askedMs = error instanceof EvenkeelError ? (error.status?.retryAfterMs ?? 0) : 0;
  return askedMs > 0 ? Math.min(askedMs, MAX_RETRY_AFTER_MS) * (1 + JITTER * clock.random()) : undefined;
}
