/** All informers of the host: equal queries share one, and one that nobody uses any more is stopped. */
import { EvenkeelError } from "../kube/errors.ts";
import { formatQuery, type Query } from "../kube/query.ts";
import { SharedInformer, type InformerOptions } from "./informer.ts";

interface Use {
  readonly informer: SharedInformer;
  count: number;
}

export class Informers {
  readonly #options: Omit<InformerOptions, "query">;
  /** By canonical query; each has at least one user. */
  readonly #uses = new Map<string, Use>();
  /** Stops that are under way. */
  readonly #ending = new Set<Promise<void>>();
  #isStarted = false;

  constructor(options: Omit<InformerOptions, "query">) {
    this.#options = options;
  }

  /** The informer of `query`, running if these are; to be given back by {@link release} as often as it was taken. */
  informer(query: Query): SharedInformer {
    const text = formatQuery(query);
    const use = this.#uses.get(text) ?? { informer: new SharedInformer({ ...this.#options, query }), count: 0 };
    use.count++;
    this.#uses.set(text, use);
    if (this.#isStarted) use.informer.start();
    return use.informer;
  }

  /** Gives one use back. The last one stops it, and resolves when it has ended. @throws EvenkeelError BUG */
  async release(informer: SharedInformer): Promise<void> {
    const text = formatQuery(informer.query);
    const use = this.#uses.get(text);
    if (use?.informer !== informer) throw new EvenkeelError("BUG", `informer of ${text} was released once too often`);
    if (--use.count > 0) return;
    this.#uses.delete(text);
    await this.#end(informer);
  }

  /** For readiness and the status page. */
  all(): readonly SharedInformer[] {
    return [...this.#uses.values()].map(({ informer }) => informer);
  }

  start(): void {
    this.#isStarted = true;
    for (const informer of this.all()) informer.start();
  }

  /** Stops all, for good. Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    for (const informer of this.all()) void this.#end(informer);
    await Promise.all(this.#ending);
  }

  async #end(informer: SharedInformer): Promise<void> {
    const ended = informer.stop();
    this.#ending.add(ended);
    await ended;
    this.#ending.delete(ended);
  }
}
