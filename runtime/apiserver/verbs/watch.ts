/**
 * watch: the present state or the past first, then every change as it happens.
 *
 *   resourceVersion   starts with                                                              then
 *   sendInitialEvents ADDED for what there is, then the initial-events-end bookmark if allowed changes
 *   unset or 0        the same, but nothing with sendInitialEvents=false                       changes
 *   n                 the changes after n, from the history                                    changes
 */
import type { Clock, Timer } from "../../clock/clock.ts";
import type { Call, ResponseBody } from "../call.ts";
import { type ListOptions } from "../options.ts";
import type { Representation } from "../representation.ts";
import { type ApiError, expired } from "../status.ts";
import type { Change, StoredVersion } from "../storage/version.ts";
import { WatchStream } from "../watch-stream.ts";
import { type Selection, parseRevision, selection } from "./selection.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Source: cacher bookmarkFrequency. */
const BOOKMARK_MS = 60_000;
/** A last bookmark comes this long before the end. Source: cache_watcher nextBookmarkTime. */
const LAST_BOOKMARK_MS = 2_000;
/** A watch without timeoutSeconds lasts this long, up to twice. Source: --min-request-timeout. */
const MIN_TIMEOUT_MS = 1_800_000;

/** @throws ApiError 504 when a WatchList asks for a state that is not reached. An expired version is told in the stream. */
export async function watch(call: Call, options: ListOptions): Promise<Response> {
  const { clock, storage, watches, maxWatchBacklog } = call.services;
  const selected = selection(call, options);
  const representation = call.representation("watch");
  const since = parseRevision(options.resourceVersion) ?? 0;
  if (options.sendInitialEvents === true) await storage.waitFor(since);

  // From here on nothing waits: no change can slip between the initial events and the subscription.
  const { store } = call;
  if (options.sendInitialEvents !== true && since > 0 && since < store.compactedRevision)
    return streamed(call, errorBody(expired(`too old resource version: ${since} (${store.compactedRevision})`)));
  const start = storage.revision;
  const timers = new Set<Timer>();
  const stream = new WatchStream(initialEvents(call, options, selected, representation, since), maxWatchBacklog, () => {
    unsubscribe();
    for (const timer of timers) timer.cancel();
    watches.remove(stream);
  });
  const unsubscribe = store.subscribe((change) => {
    // A watch may start in the future; it hears nothing before.
    if (change.revision <= since) return;
    const event = eventOf(change, selected, representation);
    if (event !== undefined) stream.push(event);
  });
  watches.add(stream);
  const timeoutMs = timeoutOf(clock, options);
  timers.add(clock.after(timeoutMs, () => stream.close()));
  if (options.allowWatchBookmarks)
    scheduleBookmarks(clock, timers, timeoutMs, () => {
      stream.push(representation.bookmark(Math.max(storage.revision, start, since), false));
    });
  const { signal } = call.request;
  if (signal.aborted) stream.close();
  else signal.addEventListener("abort", () => stream.close(), { once: true });
  return streamed(call, stream.body);
}

function streamed(call: Call, body: ResponseBody): Response {
  return call.respond(body, 200);
}

function errorBody({ status }: ApiError): string {
  return `${JSON.stringify({ type: "ERROR", object: status })}\n`;
}

/** Lazy on purpose: a large state is turned into events as the client reads. The versions are fixed at the start. */
function initialEvents(
  call: Call,
  options: ListOptions,
  selected: Selection,
  representation: Representation,
  since: number,
): Iterable<readonly Bytes[]> {
  const { store } = call;
  if (options.sendInitialEvents === false && since === 0) return [];
  if (options.sendInitialEvents === true) {
    const { items } = store.list({
      prefix: selected.prefix,
      limit: 0,
      matches: ({ object }) => selected.matches(object),
    });
    const revision = call.services.storage.revision;
    return presentState(items, representation, options.allowWatchBookmarks ? revision : undefined);
  }
  return pastEvents(store.changesSince(since), selected, representation);
}

function* presentState(
  items: readonly StoredVersion[],
  representation: Representation,
  endRevision: number | undefined,
): Generator<readonly Bytes[]> {
  for (const version of items) yield representation.event("ADDED", version);
  if (endRevision !== undefined) yield representation.bookmark(endRevision, true);
}

function* pastEvents(
  changes: readonly Change[],
  selected: Selection,
  representation: Representation,
): Generator<readonly Bytes[]> {
  for (const change of changes) {
    const event = eventOf(change, selected, representation);
    if (event !== undefined) yield event;
  }
}

/** What a change is to this watcher: an object that leaves its selector is DELETED, one that enters is ADDED. */
function eventOf(change: Change, selected: Selection, representation: Representation): readonly Bytes[] | undefined {
  if (!change.key.startsWith(selected.prefix)) return undefined;
  const before = change.before !== undefined && selected.matches(change.before.object);
  const { after } = change;
  if (after !== undefined && selected.matches(after.object))
    return representation.event(before ? "MODIFIED" : "ADDED", after);
  return before && change.departed !== undefined ? representation.event("DELETED", change.departed) : undefined;
}

function timeoutOf(clock: Clock, { timeoutSeconds = 0 }: ListOptions): number {
  return timeoutSeconds > 0 ? timeoutSeconds * 1000 : MIN_TIMEOUT_MS * (1 + clock.random());
}

/** About every minute, and once shortly before the end so that the client resumes from a fresh version. */
function scheduleBookmarks(clock: Clock, timers: Set<Timer>, timeoutMs: number, send: () => void): void {
  const endMs = clock.now() + timeoutMs;
  const next = (): void => {
    const leftMs = endMs - LAST_BOOKMARK_MS - clock.now();
    if (leftMs <= 0) return;
    const timer = clock.after(Math.min(leftMs, BOOKMARK_MS * (1 + clock.random() / 4)), () => {
      timers.delete(timer);
      send();
      next();
    });
    timers.add(timer);
  };
  next();
}
