/**
 * Sends a plan's writes: concurrently up to a limit, each on condition that we still lead and that the wish still
 * stands. Decides nothing: what to write is the plan's, what a refusal means for the key is the reconciler's.
 */
import type { SpanContext } from "@opentelemetry/api";
import type { Api, WriteOptions, WriteResult } from "../kube/api.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { objectKey } from "../kube/object.ts";
import { isFullQuota } from "../kube/refusal-words.ts";
import type { RequestResult, Requests, RequestStart, Verb } from "../trace/request-span.ts";
import { kindKey } from "../kube/kind.ts";
import type { Write } from "./plan.ts";
import { idOf } from "./request.ts";
import type { Slots } from "./slots.ts";
import { resultOf, tracedRequest, type Traced } from "./traced-request.ts";

export type Sent = { readonly write: Write } & (
  | { readonly outcome: "ok"; readonly answer: WriteResult; readonly context: SpanContext }
  | { readonly outcome: "failed"; readonly error: EvenkeelError; readonly result: RequestResult }
  /** Not sent: dry run, leadership lost, or the wish no longer stands. */
  | { readonly outcome: "skipped" }
);

interface WriterOptions {
  readonly api: Api;
  readonly slots: Slots;
  /** Asked immediately before every write. */
  readonly isLeading: () => boolean;
  /** Aborts what is under way when leadership is lost. */
  readonly signal: AbortSignal;
}

export interface Sending {
  readonly writes: readonly Write[];
  readonly fieldManager: string;
  /** Of what is applied to objects of others. Of its own for each key: what one key no longer names is not to fall for another. */
  readonly applyManager: string;
  readonly trace: Requests;
  /** Whether the writes are still wanted: asked before each. */
  readonly isWanted: () => boolean;
  /** Called as each answer arrives, in the turn it arrives. */
  readonly onSent: (sent: Sent) => void;
}

type Options = WriteOptions & { readonly fieldManager: string };
/** One request with its span. */
type Send = (
  verb: Verb,
  call: (options: Options) => Promise<WriteResult>,
  asks?: RequestStart["asks"],
) => Promise<Traced<WriteResult>>;

/** Writes of one key at the same time; one key cannot take all slots. */
const PER_KEY = 16;

export class Writer {
  readonly #options: WriterOptions;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Sends everything but the deletions, then the deletions: a copy moves by appearing before it disappears. */
  async send(sending: Sending): Promise<void> {
    const { deletions = [], others = [] } = Object.groupBy(sending.writes, ({ verb }) =>
      verb === "delete" ? "deletions" : "others",
    );
    await this.#sendAll(others, sending);
    await this.#sendAll(deletions, sending);
  }

  async #sendAll(writes: readonly Write[], sending: Sending): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let write = writes[next++]; write !== undefined; write = writes[next++]) {
        const current = write;
        sending.onSent(await this.#options.slots.use(() => this.#sendOne(current, sending)));
      }
    };
    await Promise.all(Array.from({ length: Math.min(PER_KEY, writes.length) }, worker));
  }

  async #sendOne(write: Write, sending: Sending): Promise<Sent> {
    const { trace, isWanted } = sending;
    const fieldManager = write.verb === "apply" ? sending.applyManager : sending.fieldManager;
    const { signal, isLeading } = this.#options;
    const mayGo = (): boolean => isLeading() && isWanted();
    if (!mayGo()) return { write, outcome: "skipped" };
    const object = { kind: kindKey(write.kind), key: objectKey(write.name) };
    const send: Send = (verb, call, asks) =>
      tracedRequest(
        trace,
        { verb, ...object, asks },
        // The version is all that is news in the answer; to send and to parse the rest would be a good part of the cost.
        (headers) => call({ signal, headers, fieldManager, part: "metadata" }),
        ({ status, auditId }) => ({ result: "ok", status, auditId }),
      );
    try {
      if (write.verb === "replace") {
        await send("create", (options) => this.#rehearse(write, options), "may it be made?");
        if (!mayGo()) return { write, outcome: "skipped" };
        await send("delete", (options) => this.#delete(write, options));
        this.#checkLeading(object.key);
      }
      const sent = await send(write.verb === "replace" ? "create" : write.verb, (options) =>
        this.#call(write, options),
      );
      return { write, outcome: "ok", ...sent };
    } catch (error) {
      const failure =
        error instanceof EvenkeelError ? error : new EvenkeelError("BUG", `writing ${idOf(write)}`, { cause: error });
      return { write, outcome: "failed", error: failure, result: resultOf(failure) };
    }
  }

  /** Whether all that may refuse a new object lets this one pass: what it replaces would be gone, and nothing in its place. */
  async #rehearse({ kind, body }: Write & { readonly verb: "replace" }, options: Options): Promise<WriteResult> {
    try {
      return await this.#options.api.create(kind, body, { ...options, isDryRun: true });
    } catch (error) {
      if (!isPassed(error)) throw error;
      return { status: error.status?.httpCode ?? 409, object: undefined, auditId: undefined };
    }
  }

  #checkLeading(key: string): void {
    if (!this.#options.isLeading()) throw new EvenkeelError("LEASE_LOST", `${key} was deleted and not made anew`);
  }

  async #call(write: Write, options: Options): Promise<WriteResult> {
    const { api } = this.#options;
    switch (write.verb) {
      case "create":
      case "update":
        if (write.strategy === "apply")
          return api.patch(write.kind, write.name, write.body, { ...options, type: "apply", force: true });
        return write.verb === "create"
          ? api.create(write.kind, write.body, options)
          : api.update(write.kind, write.body, options);
      case "replace":
        return api.create(write.kind, write.body, options);
      case "delete":
        return this.#delete(write, options);
      case "release":
        return api.patch(write.kind, write.name, write.patch, { ...options, type: "merge" });
      case "apply":
        // Without force: what another manager holds is that manager's.
        return api.patch(write.kind, write.name, write.body, { ...options, type: "apply" });
      case "status":
        return api.patch(write.kind, write.name, write.body, {
          ...options,
          type: "apply",
          force: true,
          subresource: "status",
        });
      case "scale":
        return api.patch(write.kind, write.name, write.patch, { ...options, type: "merge", subresource: "scale" });
    }
  }

  #delete(
    { kind, name, uid, resourceVersion }: Write & { readonly verb: "delete" | "replace" },
    options: Options,
  ): Promise<WriteResult> {
    return this.#options.api.delete(kind, name, { uid, resourceVersion }, options);
  }
}

/**
 * That the name is taken is said last of all, and it is the object to be replaced that has it. A full quota counts that object too.
 * Source: seen on kube-apiserver 1.36, where a policy's and a quota's refusal come first.
 */
function isPassed(error: unknown): error is EvenkeelError {
  return error instanceof EvenkeelError && (error.code === "API_ALREADY_EXISTS" || isFullQuota(error.what));
}
