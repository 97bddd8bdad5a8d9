/**
 * What OpenTelemetry has to say about itself, as log lines for a person: settings that cannot be used as they are met,
 * all trouble afterwards at most once a minute. Counts what was lost. The SDK has one such channel for the process.
 */
import { diag, DiagLogLevel, type DiagLogger } from "@opentelemetry/api";
import type { Clock } from "../clock/clock.ts";
import { exportAnswer, type ExportAnswer } from "./export-answer.ts";

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
  #isSettled = false;
  #isAnsweredByPage = false;

  constructor(clock: Clock, say: (message: string, fields: Readonly<Record<string, string | number>>) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Takes the process-wide channel; the last to call it has it. */
  listen(): void {
    const logger: DiagLogger = {
      error: (message) => this.#onError(message),
      warn: (message, ...more) => this.#onWarning(message, ...more),
      info: ignore,
      debug: ignore,
      verbose: ignore,
    };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  }

  /** All settings have been read: from here on warnings are about what happens. */
  settled(): void {
    this.#isSettled = true;
  }

  /** Whether the export whose outcome is being told was answered with 200 by something that is no collector. */
  get isAnsweredByPage(): boolean {
    return this.#isAnsweredByPage;
  }

  /** A setting that cannot be used. */
  complain(sentence: string): void {
    this.#say("tracing setting ignored", { setting: sentence });
  }

  #onWarning(message: string, ...more: readonly unknown[]): void {
    const dropped = DROPPED.exec(message);
    if (dropped !== null) {
      this.droppedSpanCount += Number(dropped[1]);
      this.#sayRarely("spans dropped: the collector is too slow", { droppedSpanCount: this.droppedSpanCount });
      return;
    }
    const answer = exportAnswer([message, ...more]);
    if (answer !== undefined) return this.#onAnswer(answer);
    const words = firstLine([message, ...more].flatMap(wordOf).join(" "));
    if (this.#isSettled) this.#sayRarely("OpenTelemetry warns", { warning: words });
    else this.complain(words);
  }

  #onAnswer(answer: ExportAnswer): void {
    switch (answer.type) {
      case "partial": {
        const says = firstLine(answer.says);
        this.droppedSpanCount += answer.rejectedCount;
        if (answer.rejectedCount > 0)
          this.#sayRarely("spans refused by the collector", { droppedSpanCount: this.droppedSpanCount, why: says });
        else if (says !== "") this.#sayRarely("the collector warns", { warning: says });
        return;
      }
      case "page":
        this.#isAnsweredByPage = true;
        // The exporter tells the outcome in the same turn.
        queueMicrotask(() => (this.#isAnsweredByPage = false));
        this.exportErrorCount++;
        this.#sayRarely("traces could not be exported", { error: NO_COLLECTOR });
        return;
      case "unreadable":
        this.#sayRarely("the answer to an export could not be read", { error: firstLine(answer.error) });
        return;
      default:
        return answer satisfies never;
    }
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

const NO_COLLECTOR = "what answers is a web page and no collector: check OTEL_EXPORTER_OTLP_ENDPOINT";

/** What a person can read of an argument of the SDK's logger. */
function wordOf(argument: unknown): readonly string[] {
  if (argument instanceof Error) return [argument.message];
  return typeof argument === "string" ? [argument] : [];
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
