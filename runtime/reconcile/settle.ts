/** What the API server's answers mean for a key: go on, wait, look whose a name is, or leave an object alone for a while. */
import type { Clock } from "../clock/clock.ts";
import type { Api } from "../kube/api.ts";
import type { EvenkeelError } from "../kube/errors.ts";
import { describe } from "../kube/kind.ts";
import type { StoredObject } from "../kube/object.ts";
import type { RequestResult } from "../trace/request-span.ts";
import type { Write } from "./plan.ts";
import { isChildOf, provenanceOf } from "./provenance.ts";
import { idOf, targetId, wishOf, type Request } from "./request.ts";
import { contentOf } from "./rewrites.ts";
import { tracedGet } from "./traced-request.ts";
import type { WriteCauses } from "./write-causes.ts";
import type { Sent } from "./writer.ts";

interface SettlementOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly causes: WriteCauses;
  readonly signal: AbortSignal;
  readonly functionName: string;
  /** Told of every write that was sent, as it is answered. */
  readonly onWrite: (verb: Write["verb"], result: RequestResult) => void;
}

export class Settlement {
  readonly #options: SettlementOptions;

  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  /** A name that a stranger held is asked for by reading; only when it is free is the child created. */
  async probe(writes: readonly Write[], request: Request): Promise<readonly Write[]> {
    const { record } = request;
    if (record.blocked.size === 0) return writes;
    const isFree = async (write: Write): Promise<boolean> => {
      if (write.verb !== "create" || record.blocked.get(targetId(write))?.reason !== "not_ours") return true;
      const found = await this.#lookAt(write, "is the name free?", request);
      if (found !== undefined) this.#noteTaken(write, found, request);
      return found === undefined;
    };
    const answers = await Promise.all(writes.map(isFree));
    return writes.filter((_, i) => answers[i]);
  }

  noteSent(sent: Sent, request: Request): void {
    const { causes, clock, onWrite } = this.#options;
    const { record, source, tally } = request;
    const { write } = sent;
    const id = idOf(write);
    const target = targetId(write);
    if (sent.outcome !== "skipped") onWrite(write.verb, sent.outcome === "ok" ? "ok" : sent.result);
    switch (sent.outcome) {
      case "skipped":
        return;
      case "ok": {
        tally.answered();
        tally.written.push(write);
        record.blocked.clear(target);
        const version = sent.answer.object?.metadata.resourceVersion;
        const wish = wishOf(write, request);
        // What made no difference is in the cache, and caused nothing.
        const compared = "comparison" in write ? write.comparison : undefined;
        const isNoChange = compared !== undefined && compared.resourceVersion === version;
        if (isNoChange) tally.fulfilled.push(compared.digest);
        else if (wish !== undefined) record.rewrites.wrote(target, wish, clock.now());
        if (write.verb === "status") record.statusDigest = write.digest;
        if (write.verb === "delete" || write.verb === "release") {
          tally.own.removed(write.kind, write.name, write.uid);
          causes.note(id, write.uid, sent.context);
        } else if (version !== undefined && !isNoChange) {
          // A scale is told in the version of the object that it scales. One that changed nothing, which it does not tell, is
          // told in a version that somebody else made, and that is news.
          if (id === describe(source)) record.wrote(version);
          if (write.verb !== "scale") tally.own.wrote(write.kind, write.name, version);
          causes.note(id, version, sent.context);
        }
        return;
      }
      case "failed":
        this.#noteFailure(write, sent.error, request);
    }
  }

  /** What a refusal means for the key: wait for the cache, leave the object for a while, or try everything again. */
  #noteFailure(write: Write, error: EvenkeelError, request: Request): void {
    const { tally } = request;
    const { blocked } = request.record;
    const { namespace } = write.name;
    const target = targetId(write);
    switch (error.code) {
      case "API_ALREADY_EXISTS":
        tally.taken.push(write);
        break;
      case "API_CONFLICT":
        if (write.verb === "create") tally.taken.push(write);
        else tally.retry = true;
        break;
      case "API_NOT_FOUND":
      case "KIND_NOT_SERVED":
        if (write.verb === "status" || write.verb === "scale") {
          const message = `${error.what}: is it gone, or has its kind no subresource ${write.verb}? A CustomResourceDefinition must name it`;
          // The first time it is more likely that the object is gone.
          if (!blocked.block(target, "not_found", namespace, { refusal: { message } })) tally.fail(error);
        } else if (error.code === "KIND_NOT_SERVED") return tally.serverFailed(error, this.#options.clock);
        else if (write.verb === "create")
          blocked.block(target, "not_found", namespace, { refusal: { message: error.what } });
        // In a replacement, the object to be replaced may itself be what is gone.
        else if (write.verb !== "delete") tally.retry = true;
        break;
      case "API_NAMESPACE_TERMINATING":
        blocked.block(target, "terminating", namespace);
        break;
      case "API_FIELD_TAKEN":
      case "API_FORBIDDEN":
      case "API_FENCED":
      case "API_INVALID":
      case "API_REJECTED":
        blocked.block(target, "denied", namespace, {
          refusal: { message: error.message, content: contentOf(wishOf(write, request)) },
        });
        tally.fail(error);
        break;
      default:
        tally.serverFailed(error, this.#options.clock);
        return;
    }
    tally.answered();
  }

  /** A create met an object that the cache does not show: a child of ours that the cache has not seen yet, or a stranger's. */
  async whoseIs(write: Write, request: Request): Promise<void> {
    const found = await this.#lookAt(write, "whose is it?", request);
    if (found === undefined) request.tally.retry = true;
    else this.#noteTaken(write, found, request);
  }

  #noteTaken(write: Write, found: StoredObject, request: Request): void {
    const { record, tally } = request;
    if (this.#isOurs(found, request)) tally.retry = true;
    else record.blocked.block(targetId(write), "not_ours", write.name.namespace, { holder: provenanceOf(found) });
  }

  /** Asked of the API server: the caches hold nothing that is not ours. */
  async #lookAt(
    { kind, name }: Write,
    asks: "is the name free?" | "whose is it?",
    request: Request,
  ): Promise<StoredObject | undefined> {
    const { api, signal } = this.#options;
    const { answer } = await tracedGet(api, { kind, name, signal, asks }, request.trace, (found) => ({
      result: this.#isOurs(found, request) ? "ok" : "not_ours",
    }));
    return answer;
  }

  #isOurs(found: StoredObject, { source }: Request): boolean {
    return isChildOf(found, this.#options.functionName, source);
  }
}
