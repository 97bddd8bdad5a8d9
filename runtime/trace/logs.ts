/**
 * Logs: a constant message and fields, one line per event. JSON for machines, plain lines for people. Two levels: `info` is
 * for whoever runs the host, `debug` (from `-v 4`, requests from `-v 8`) for whoever looks for a fault. Fields hold names,
 * counts and codes; their type has no room for an object.
 */
import type { Clock } from "../clock/clock.ts";
import { reconcileFields, reconcileLine, type ReconcileLine } from "./reconcile-line.ts";

type Field = string | number | boolean | readonly string[] | Error | undefined;
export type Fields = Readonly<Record<string, Field>>;

export interface Logger {
  info(message: string, fields?: Fields): void;
  /** @param verbosity the `-v` from which on it is shown: 4, or 8 for what happens on every request. */
  debug(message: string, fields?: Fields, verbosity?: 4 | 8): void;
  /** To be asked before costly fields are put together. */
  isOn(verbosity: 4 | 8): boolean;
  /** What a reconcile did: a sentence for people, the same as fields for machines. */
  reconcile(line: ReconcileLine): void;
}

/** As process.stdout. */
export interface LogStream {
  write(text: string): unknown;
  on?(event: "error", listener: (error: Error) => void): unknown;
  readonly isTTY?: boolean | undefined;
}

export interface LoggerOptions {
  readonly stream: LogStream;
  readonly clock: Clock;
  /** `auto`: text in a terminal, JSON elsewhere. @default "auto" */
  readonly format?: "auto" | "json" | "text";
  /** The number of `-v`. @default 0 */
  readonly verbosity?: number;
  /** For NO_COLOR (https://no-color.org). */
  readonly env?: NodeJS.ProcessEnv;
}

/** Never throws: once its stream has failed, what is logged is dropped. */
export function createLogger({ stream, clock, format = "auto", verbosity = 0, env = {} }: LoggerOptions): Logger {
  const isTerminal = stream.isTTY === true;
  const isText = format === "text" || (format === "auto" && isTerminal);
  const hasColour = isTerminal && (env["NO_COLOR"] ?? "") === "";
  let isBroken = false;
  const onError = (error: unknown): void => {
    isBroken ||= isEndOfStream(error);
  };
  stream.on?.("error", onError);
  const write = (line: string): void => {
    if (isBroken) return;
    try {
      stream.write(`${line}\n`);
    } catch (error) {
      onError(error);
    }
  };
  const log = (level: "info" | "debug", message: string, fields: Fields): void => {
    const at = new Date(clock.wall());
    write(isText ? textLine(at, message, fields, hasColour) : jsonLine(at, level, message, fields));
  };
  return {
    info: (message, fields = {}) => log("info", message, fields),
    debug(message, fields = {}, from = 4) {
      if (verbosity >= from) log("debug", message, fields);
    },
    isOn: (from) => verbosity >= from,
    reconcile(line) {
      if (isText) log("info", reconcileLine(line), {});
      else log("info", "reconciled", reconcileFields(line));
    },
  };
}

/** Whoever read our output is gone (`npm start | head`): the host goes on without logs. A full disk may have room again. */
function isEndOfStream(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["EPIPE", "ERR_STREAM_DESTROYED"].includes(String(error.code));
}

/** The three names of ours come first and win. */
function jsonLine(at: Date, level: string, message: string, fields: Fields): string {
  const line: Record<string, unknown> = { time: at.toISOString(), level, message };
  for (const [name, value] of Object.entries(fields)) {
    if (Object.hasOwn(line, name)) continue;
    line[name] = value instanceof Error ? explain(value) : value;
    if (value instanceof Error && isBug(value)) line[`${name}Stack`] = value.stack;
  }
  return JSON.stringify(line);
}

function textLine(at: Date, message: string, fields: Fields, hasColour: boolean): string {
  const dim = (text: string): string => (hasColour ? `\u001B[2m${text}\u001B[22m` : text);
  const parts: string[] = [];
  const stacks: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    parts.push(`${name}=${printed(value)}`);
    if (value instanceof Error && isBug(value)) stacks.push(`\n${value.stack ?? ""}`);
  }
  const time = dim(clockTime(at));
  const tail = parts.length === 0 ? "" : `  ${dim(parts.join(" "))}`;
  return `${time} ${oneLine(message)}${tail}${stacks.join("")}`;
}

/** Local time of day: people compare it with the clock on the wall. */
function clockTime(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => `${part}`.padStart(2, "0")).join(":");
}

function printed(value: Exclude<Field, undefined>): string {
  if (value instanceof Error) return quoted(explain(value));
  return typeof value === "object" ? quoted(value.join(",")) : quoted(String(value));
}

function quoted(text: string): string {
  return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text);
}

/** A name from the cluster must not begin a line of its own or steer the terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}

/** The message and its causes, outermost first. Many messages quote their cause: it is not said again. */
function explain(error: Error): string {
  const messages: string[] = [];
  let at: unknown = error;
  // A chain may be a circle; five links say enough.
  for (let depth = 0; depth < 5 && at instanceof Error; depth++) {
    const message = at.message.trim();
    if (!messages.some((said) => said.includes(message))) messages.push(message);
    at = at.cause;
  }
  return messages.join(": ");
}

/** Ours, as EvenkeelError says; an error of nobody's is one too. A stack is of use only then. */
function isBug(error: Error): boolean {
  return !("code" in error) || error.code === "BUG";
}

/** What was thrown, as a field of a log line. */
export function asLogged(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
