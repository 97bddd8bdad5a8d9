/** A run of a key, as those see it that decide about its writes. */
import type { KeyRecord } from "../../runtime/reconcile/key-record.ts";
import type { Effects } from "../../runtime/reconcile/effects.ts";
import type { Request } from "../../runtime/reconcile/request.ts";
import { Tally } from "../../runtime/reconcile/tally.ts";
import type { Clock } from "../../runtime/clock/clock.ts";
import type { ReconcileTracer } from "../../runtime/trace/reconcile-trace.ts";
import { start } from "../trace/spans.ts";
import { configMap } from "./builders.ts";

interface Keyed {
  readonly record: KeyRecord;
  readonly clock: Clock;
  readonly tracer: ReconcileTracer;
  readonly effects?: Effects;
}

export const source = configMap("default/source");

export function requestOf({ record, clock, tracer, effects = {} }: Keyed): Request {
  return {
    key: "default/source",
    source,
    record,
    trace: tracer.start(start),
    job: { object: source, now: clock.wall(), memo: undefined, config: undefined, isVerifying: false },
    run: { effects: {}, reads: [] },
    effects,
    startedMs: clock.now(),
    tally: new Tally(),
  };
}
