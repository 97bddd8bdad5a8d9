/** Errors on their way between a host and a cell's thread, in a form that keeps their class, and no longer than a log can bear. */
import { inspect } from "node:util";
import { EvenkeelError, type Code } from "../../kube/errors.ts";
import { TerminalError } from "../effects.ts";
import { PlainWalk } from "../plain-data.ts";

export type SentError =
  /** The stack says where in a file it was thrown. */
  | {
      readonly ours: Code;
      readonly what: string;
      readonly stack?: string | undefined;
      readonly cause: SentError | undefined;
    }
  | { readonly terminal: string }
  /** A structured clone keeps the standard errors, with message and stack, and plain values. */
  | { readonly thrown: unknown };

/** Of each text in it. A stack has its place in the last lines, so a message must leave room for it. */
export const MAX_ERROR_CHARS = 8_192;
/** Causes of causes. */
export const MAX_CAUSES = 8;

/** Total: there are values that throw when they are looked at. */
export function sentError(error: unknown, depth = 0): SentError {
  try {
    return sent(error, depth);
  } catch {
    return { ours: "FUNCTION_THREW", what: "what was thrown cannot be looked at", cause: undefined };
  }
}

function sent(error: unknown, depth: number): SentError {
  if (error instanceof EvenkeelError) {
    const hasCause = error.cause !== undefined && depth < MAX_CAUSES;
    return {
      ours: error.code,
      what: clipped(error.what),
      stack: stackOf(error),
      cause: hasCause ? sentError(error.cause, depth + 1) : undefined,
    };
  }
  if (error instanceof TerminalError) return { terminal: clipped(error.message) };
  return { thrown: Error.isError(error) ? standard(error) : seen(error) };
}

/** The error as one of the standard ones that it is or comes from, with nothing but its message and its stack. */
function standard(error: Error): unknown {
  const { message } = error;
  const stack = stackOf(error);
  const Standard = STANDARD.find((each) => error instanceof each) ?? Error;
  const copy = new Standard(clipped(message));
  if (stack !== undefined) copy.stack = stack;
  return copy;
}

const STANDARD = [SyntaxError, TypeError, RangeError, ReferenceError, EvalError, URIError] as const;

function seen(thrown: unknown): unknown {
  if (typeof thrown === "string") return clipped(thrown);
  const walk = new PlainWalk();
  if (walk.fault(thrown) === undefined && walk.charCount <= MAX_ERROR_CHARS) return thrown;
  return clipped(inspect(thrown, { depth: 0, breakLength: Infinity, customInspect: false, getters: false }));
}

export function receivedError(sent: SentError): unknown {
  if ("thrown" in sent) return sent.thrown;
  if ("terminal" in sent) return new TerminalError(sent.terminal);
  const { ours, what, stack, cause } = sent;
  const error = new EvenkeelError(ours, what, cause === undefined ? {} : { cause: receivedError(cause) });
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** A function can have stacks made into whatever it likes. */
function stackOf({ stack }: Error): string | undefined {
  return typeof stack === "string" ? clipped(stack) : undefined;
}

/** @throws TypeError for what only seems to be a text. */
function clipped(text: string): string {
  if (typeof text !== "string") throw new TypeError("no text");
  return text.length <= MAX_ERROR_CHARS ? text : `${text.slice(0, MAX_ERROR_CHARS - 1)}…`;
}
