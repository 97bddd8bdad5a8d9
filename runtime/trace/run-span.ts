/** One call of a function as a span: what it read, and how much it wants. Counts and printed queries; never what an object holds. */
import type { HrTime, Span } from "@opentelemetry/api";
import { attributes as keys, MAX_LISTED } from "./names.ts";
import { fail } from "./request-span.ts";

/** One tracked read: the query as printed by formatQuery, and how many objects answered it. */
export interface Read {
  readonly query: string;
  readonly count: number;
}

/** How many effects of each sort the function returned. Absent: it said nothing about them. */
interface Wants {
  readonly children?: number | undefined;
  readonly deletions?: number | undefined;
  readonly releases?: number | undefined;
  readonly applies?: number | undefined;
  readonly status?: number | undefined;
  readonly events?: number | undefined;
  readonly scales?: number | undefined;
}

interface RunEnd {
  readonly reads: readonly Read[];
  readonly wants?: Wants | undefined;
  /** How often the function was run again because a read had no answer yet. */
  readonly restarts?: number | undefined;
  /** The run of the request before, whose deletions waited: nothing has changed since. */
  readonly isReused?: boolean | undefined;
  /** Of the error, when the run failed. */
  readonly code?: string | undefined;
}

export interface RunSpan {
  /** A second call does nothing. */
  end(end: RunEnd): void;
}

export function endRun(span: Span, { reads, wants, restarts, isReused, code }: RunEnd, at: HrTime): void {
  setReads(span, reads);
  if (restarts !== undefined) span.setAttribute(keys.restarts, restarts);
  if (isReused === true) span.setAttribute(keys.isReused, true);
  if (wants !== undefined) setWants(span, wants);
  if (code !== undefined) fail(span, code);
  span.end(at);
}

export function setReads(span: Span, reads: readonly Read[]): void {
  span.setAttribute(keys.readCount, reads.length);
  const listed = reads.slice(0, MAX_LISTED).map(({ query, count }) => `${query} → ${count}`);
  span.setAttribute(keys.reads, listed);
}

const wantKeys = [
  ["children", keys.wantsChildren],
  ["deletions", keys.wantsDeletions],
  ["releases", keys.wantsReleases],
  ["applies", keys.wantsApplies],
  ["status", keys.wantsStatus],
  ["events", keys.wantsEvents],
  ["scales", keys.wantsScales],
] as const;

function setWants(span: Span, wants: Wants): void {
  for (const [field, key] of wantKeys) {
    const count = wants[field];
    if (count !== undefined) span.setAttribute(key, count);
  }
}
