/**
 * A watch: the bytes of one long answer become checked WatchEvents. Ends normally when the server closes it, at whatever
 * byte; ends with an error at the first thing that cannot be believed, because an event that is skipped is lost for good.
 */
import type { Clock } from "../clock/clock.ts";
import { QuietTimer } from "../clock/quiet-timer.ts";
import type { WatchEvent, WatchOptions } from "./api.ts";
import { Deadline } from "./deadline.ts";
import { EvenkeelError } from "./errors.ts";
import type { Stream } from "./exchange.ts";
import { recordOf, textOf, type JsonRecord } from "./json.ts";
import { refusalIn } from "./refusal.ts";
import { badResponse, kindsOf, storedObject, type Expected } from "./stored-object.ts";

/** How much longer than the server's own limit a watch may last. */
const GRACE_MS = 30_000;

interface Watch {
  readonly clock: Clock;
  /** For messages: `watch v1/ConfigMap`. */
  readonly what: string;
  readonly expected: Expected;
  readonly options: Pick<WatchOptions, "timeoutSeconds" | "idleMs" | "onOpen" | "signal">;
  /** Sends the request, under the deadline that also bounds the reading. */
  readonly open: (deadline: Deadline) => Promise<Stream>;
}

export async function* watchEvents({
  clock,
  what,
  expected,
  options,
  open,
}: Watch): AsyncGenerator<WatchEvent, void, undefined> {
  const { timeoutSeconds, idleMs, onOpen, signal } = options;
  const deadline = new Deadline(clock, what, timeoutSeconds * 1000 + GRACE_MS, signal);
  const silence = new QuietTimer(clock, idleMs, () => deadline.expire(idle(what, idleMs)));
  try {
    const { chunks, read } = await open(deadline);
    onOpen?.();
    for await (const chunk of chunks) {
      // The time that the consumer takes over its events is not silence of the server.
      silence.pause();
      for (const record of read(chunk)) yield watchEvent(record, expected, what);
      silence.heard();
    }
    // What is left over is half an event: the server sends it again to the watch that resumes.
  } catch (error) {
    throw deadline.reasonFor(error);
  } finally {
    silence.cancel();
    deadline.clear();
  }
}

function idle(what: string, idleMs: number): EvenkeelError {
  return new EvenkeelError("API_TIMEOUT", `${what}: no byte for ${idleMs} ms, the connection is taken for dead`);
}

/** @throws EvenkeelError what the ERROR event says, or API_BAD_RESPONSE */
function watchEvent(record: unknown, expected: Expected, what: string): WatchEvent {
  const event = recordOf(record);
  if (event === undefined) throw badResponse(what, "what was sent is no event");
  switch (event["type"]) {
    case "ADDED":
      return { type: "added", object: storedObject(event["object"], expected, what) };
    case "MODIFIED":
      return { type: "modified", object: storedObject(event["object"], expected, what) };
    case "DELETED":
      return { type: "deleted", object: storedObject(event["object"], expected, what) };
    case "BOOKMARK":
      return bookmark(recordOf(event["object"]), expected, what);
    case "ERROR":
      throw errorEvent(recordOf(event["object"]), what);
    default:
      throw badResponse(what, "an event has an unknown type");
  }
}

/** Its object has a kind and a resourceVersion, and nothing else that means anything. */
function bookmark(object: JsonRecord | undefined, expected: Expected, what: string): WatchEvent {
  const metadata = recordOf(object?.["metadata"]);
  const resourceVersion = textOf(metadata?.["resourceVersion"]);
  if (resourceVersion === undefined || !kindsOf(expected).some(({ kind }) => kind === object?.["kind"])) {
    throw badResponse(what, "a bookmark has no resourceVersion, or is of another kind");
  }
  const annotations = recordOf(metadata?.["annotations"]);
  const isInitialEventsEnd = annotations?.["k8s.io/initial-events-end"] === "true";
  return { type: "bookmark", resourceVersion, isInitialEventsEnd };
}

function errorEvent(status: JsonRecord | undefined, what: string): EvenkeelError {
  if (status?.["kind"] !== "Status") return badResponse(what, "an ERROR event has no Status");
  return refusalIn(status, what, "collection");
}
