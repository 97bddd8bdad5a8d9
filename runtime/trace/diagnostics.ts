/**
 * What OpenTelemetry has to say about itself, as log lines for a person: a failing export at most once a minute, everything
 * else as it comes. Counts what was lost. The SDK has one such channel for the whole process.
 */
import { diag, DiagLogLevel, type DiagLogger } from "@opentelemetry/api";
import type { Clock } from "../clock/clock.ts";

/** A collector that is down fails every five seconds for as long as it is down. */
const QUIET_MS = 60_000;

/** The SDK counts dropped spans in a message only (BatchSpanProcessorBase in @opentelemetry/sdk-trace 3.1.0). */
const DROPPED = /^Dropped (\d+) spans/;

export class Diagnostics {
  droppedSpanCount = 0;
  exportErrorCount = 0;
  readonly #clock: Clock;
  readonly #say: (message: string, fields: Readonly<Record<string, string | number>>) => void;
  #quietUntilMs = -Infinity;
  #heldBackCount = 0;

  constructor(clock: Clock, say: (message: string, fields: Readonly<Record<string, string | number>>) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Takes the process-wide channel; the last to call it has it. */
  listen(): void {
    const logger: DiagLogger = {
      error: (message) => this.#onError(message),
      warn: (message) => this.#onWarning(message),
      info: ignore,
      debug: ignore,
      verbose: ignore,
    };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  }

  /** A setting that cannot be used. */
  complain(sentence: string): void {
    this.#say("tracing setting ignored", { setting: sentence });
  }

  #onWarning(message: string): void {
    const dropped = DROPPED.exec(message);
    if (dropped === null) return this.complain(firstLine(message));
    this.droppedSpanCount += Number(dropped[1]);
    this.#sayRarely("spans dropped: the collector is too slow", { droppedSpanCount: this.droppedSpanCount });
  }

  #onError(message: string): void {
    this.exportErrorCount++;
    this.#sayRarely("traces could not be exported", { error: explain(message) });
  }

  #sayRarely(message: string, fields: Readonly<Record<string, string | number>>): void {
    if (this.#clock.now() < this.#quietUntilMs) {
      this.#heldBackCount++;
      return;
    }
    this.#say(message, this.#heldBackCount === 0 ? fields : { ...fields, sinceLastLine: this.#heldBackCount });
    this.#quietUntilMs = this.#clock.now() + QUIET_MS;
    this.#heldBackCount = 0;
  }
}

/** The SDK hands an error over as the JSON of its fields, stack included. */
function explain(message: string): string {
  try {
    const fields: unknown = JSON.parse(message);
    if (typeof fields !== "object" || fields === null) return firstLine(message);
    const { message: text, code, name } = fields as { message?: unknown; code?: unknown; name?: unknown };
    const best = [text, code, name].find((part) => typeof part === "string" && part !== "");
    return firstLine(typeof best === "string" ? best : message);
  } catch {
    return firstLine(message);
  }
}

function ignore(): void {}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]?.slice(0, 300) ?? "";
}
