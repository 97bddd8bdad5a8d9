/**
 * Kubernetes Events (events.k8s.io/v1) on the object that was reconciled. The event's name is a hash of what it says, so the
 * same news is told once, also across restarts and replicas: the API server refuses the second. Events are the first thing to
 * be dropped under pressure, and never fail a reconcile.
 */
import { hash } from "node:crypto";
import type { Clock } from "../clock/clock.ts";
import type { Api } from "../kube/api.ts";
import { codeOf } from "../kube/errors.ts";
import { kind, kindKey } from "../kube/kind.ts";
import { microTime, objectKey, type StoredObject } from "../kube/object.ts";
import type { ReconcileTrace } from "../trace/reconcile-trace.ts";
import type { EventEffect } from "./effects.ts";
import { tracedRequest } from "./traced-request.ts";

const Event = kind("events.k8s.io/v1", "Event");

/** Source: client-go tools/events limits spam per source object; a host needs one bound for all. */
const BURST = 50;
const PER_SECOND = 5;

interface EventsOptions {
  readonly api: Api;
  readonly clock: Clock;
  /** `evenkeel` instance that reports: the elector's identity. */
  readonly identity: string;
  readonly isLeading: () => boolean;
  readonly signal: AbortSignal;
  readonly onDropped: (why: "pressure" | "refused", error?: unknown) => void;
}

export class Events {
  readonly #options: EventsOptions;
  #tokens = BURST;
  #refilledMs: number;

  constructor(options: EventsOptions) {
    this.#options = options;
    this.#refilledMs = options.clock.now();
  }

  /**
   * Tells once; returns at once. The request is a span of the trace, which does not wait for it.
   * @returns whether it was begun: under pressure it is not, and may be tried again
   */
  tell(
    functionName: string,
    regarding: StoredObject,
    { type, reason, message }: EventEffect,
    trace: Pick<ReconcileTrace, "unawaited">,
  ): boolean {
    const { api, identity, isLeading, signal, onDropped } = this.#options;
    if (!isLeading()) return false;
    if (!this.#takeToken()) {
      onDropped("pressure");
      return false;
    }
    const { apiVersion, kind: kindName, metadata } = regarding;
    const { name, namespace, uid, resourceVersion } = metadata;
    const digest = hash("sha256", JSON.stringify([uid, functionName, type, reason, message])).slice(0, 16);
    const body = {
      apiVersion: Event.apiVersion,
      kind: Event.kind,
      // Events on cluster-scoped objects live in `default`, as those of the control plane do.
      metadata: { name: `${beginning(name)}.${digest}`, namespace: namespace ?? "default" },
      eventTime: microTime(this.#options.clock.wall()),
      reportingController: `evenkeel.dev/${functionName}`,
      reportingInstance: identity.slice(0, 128),
      action: "Reconcile",
      type,
      reason,
      regarding: { apiVersion, kind: kindName, name, namespace, uid, resourceVersion },
      note: note(message),
    };
    const start = { verb: "create", kind: kindKey(Event), key: objectKey(body.metadata), eventReason: reason } as const;
    tracedRequest(trace.unawaited, start, (headers) =>
      api.create(Event, body, { signal, headers, part: "metadata" }),
    ).catch((error: unknown) => {
      if (!isToldAlready(error)) onDropped("refused", error);
    });
    return true;
  }

  #takeToken(): boolean {
    const nowMs = this.#options.clock.now();
    this.#tokens = Math.min(BURST, this.#tokens + ((nowMs - this.#refilledMs) / 1000) * PER_SECOND);
    this.#refilledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** So much of a name as leaves room for the digest, and ends as a part of a DNS name must. */
function beginning(name: string): string {
  return name.slice(0, 230).replace(/[-.]+$/, "");
}

/** Source: kubernetes pkg/apis/core/validation/events.go (NoteLengthLimit), which counts bytes. */
const MAX_NOTE_BYTES = 1024;

function note(message: string): string {
  if (Buffer.byteLength(message) <= MAX_NOTE_BYTES) return message;
  const cut = Buffer.from(message).subarray(0, MAX_NOTE_BYTES - Buffer.byteLength("…"));
  // A character that was cut in two decodes to the replacement character.
  return `${cut.toString().replace(/\uFFFD+$/, "")}…`;
}

function isToldAlready(error: unknown): boolean {
  return codeOf(error) === "API_ALREADY_EXISTS";
}
