/**
 * RESTMapper: where a kind is served, as the API server's discovery says. Kept for a while, asked again when a kind is
 * missing. Only a definite answer makes a kind "not served": a group that is down or stale is an error to retry.
 */
import type { Clock } from "../clock/clock.ts";
import type { CallOptions, Resource } from "./api.ts";
import { untilAborted } from "./deadline.ts";
import { codeOf, type EvenkeelError } from "./errors.ts";
import { aggregatedResources, isAggregated, versionResources } from "./discovery-documents.ts";
import type { Exchanges } from "./exchange.ts";
import { recordOf, type JsonRecord } from "./json.ts";
import { kindKey, type Kind } from "./kind.ts";
import { notServed } from "./not-served.ts";
import { versionPath } from "./resource-path.ts";
import { badResponse } from "./stored-object.ts";

/** How long what was discovered is used unasked. */
const LIFETIME_MS = 10 * 60_000;

/** How long nobody asks again after a kind was missing, or what is known could not be renewed: many keys may wait for it. */
const MISS_MS = 5_000;

/** v2 is GA since 1.30, v2beta1 came with 1.26; older servers answer with what the last one asks for. */
const AGGREGATED = [
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
  "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
  "application/json",
].join(",");

export class RestMapper {
  readonly #exchanges: Exchanges;
  readonly #clock: Clock;
  #known: ReadonlyMap<string, Resource> = new Map();
  /** Found one by one, after aggregated discovery did not have them; until a 404 says otherwise. */
  readonly #single = new Map<string, Resource>();
  readonly #missing = new Map<string, { readonly untilMs: number; readonly error: EvenkeelError }>();
  #loadedMs = -Infinity;
  #attemptedMs = -Infinity;
  #loading: Promise<void> | undefined;
  readonly #finding = new Map<string, Promise<Resource>>();

  constructor(exchanges: Exchanges, clock: Clock) {
    this.#exchanges = exchanges;
    this.#clock = clock;
  }

  /**
   * Never waits for a kind that is known: past its lifetime it is still used, while discovery is asked anew beside it.
   * @throws EvenkeelError KIND_NOT_SERVED, or why discovery failed
   */
  resource(kind: Kind, { signal }: Pick<CallOptions, "signal"> = {}): Resource | Promise<Resource> {
    const key = kindKey(kind);
    const known = this.#resource(key);
    if (known === undefined) return this.#find(kind, key, signal);
    // A failure is for the next one to see who needs something new: what is known stays known.
    if (this.#isOld()) this.#load().catch(() => undefined);
    return known;
  }

  /** Whether the kind is among those that were discovered; asks nobody. */
  knows(kind: Kind): boolean {
    return this.#resource(kindKey(kind)) !== undefined;
  }

  /** After a 404 for its path: the next call asks discovery again. */
  forget(kind: Kind): void {
    const key = kindKey(kind);
    if (this.#known.has(key)) this.#known = new Map([...this.#known].filter(([other]) => other !== key));
    this.#single.delete(key);
  }

  #resource(key: string): Resource | undefined {
    return this.#known.get(key) ?? this.#single.get(key);
  }

  #isOld(): boolean {
    const nowMs = this.#clock.now();
    return nowMs - this.#loadedMs > LIFETIME_MS && nowMs - this.#attemptedMs >= MISS_MS;
  }

  async #find(kind: Kind, key: string, signal: AbortSignal | undefined): Promise<Resource> {
    const miss = this.#missing.get(key);
    if (miss !== undefined && this.#clock.now() < miss.untilMs) throw miss.error;
    let finding = this.#finding.get(key);
    if (finding === undefined) {
      finding = this.#discover(kind, key).finally(() => this.#finding.delete(key));
      this.#finding.set(key, finding);
    }
    return untilAborted(finding, signal);
  }

  /** 1. all groups at once, unless that was just done; 2. the one group version, whose 404 is definite. */
  async #discover(kind: Kind, key: string): Promise<Resource> {
    if (this.#loading !== undefined || this.#clock.now() - this.#loadedMs >= MISS_MS) await this.#load();
    let found = this.#known.get(key);
    if (found === undefined) {
      for (const [other, resource] of byKind(await this.#version(kind))) this.#single.set(other, resource);
      found = this.#single.get(key);
    }
    if (found !== undefined) {
      this.#missing.delete(key);
      return found;
    }
    const error = notServed(kind, [...this.#known.values(), ...this.#single.values()]);
    this.#missing.set(key, { untilMs: this.#clock.now() + MISS_MS, error });
    throw error;
  }

  #load(): Promise<void> {
    this.#loading ??= this.#loadAll().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** Two requests. A server without aggregated discovery has its group versions asked for one by one, when they are needed. */
  async #loadAll(): Promise<void> {
    this.#attemptedMs = this.#clock.now();
    const documents = await Promise.all([this.#document("/api", AGGREGATED), this.#document("/apis", AGGREGATED)]);
    this.#known = byKind(documents.filter(isAggregated).flatMap(aggregatedResources));
    this.#loadedMs = this.#clock.now();
  }

  async #version({ apiVersion }: Kind): Promise<readonly Resource[]> {
    try {
      return versionResources(await this.#document(versionPath(apiVersion), undefined), apiVersion);
    } catch (error) {
      if (codeOf(error) === "API_NOT_FOUND") return [];
      throw error;
    }
  }

  async #document(path: string, accept: string | undefined): Promise<JsonRecord> {
    const what = `discover ${path}`;
    const { record } = await this.#exchanges.ask({
      verb: "discover",
      what,
      kind: undefined,
      about: "other",
      method: "GET",
      path,
      ...(accept === undefined ? {} : { accept }),
      options: {},
    });
    const document = recordOf(record);
    if (document === undefined) throw badResponse(what, "the answer is not a JSON object");
    return document;
  }
}

/** By kindKey; the first of a kind counts. */
function byKind(resources: readonly Resource[]): ReadonlyMap<string, Resource> {
  const found = new Map<string, Resource>();
  for (const resource of resources) {
    const key = kindKey(resource.kind);
    if (!found.has(key)) found.set(key, resource);
  }
  return found;
}
