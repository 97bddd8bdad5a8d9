/**
 * A cluster in this process (the embedded API server), a host that works on it, and a user who changes things: all in virtual
 * time. Scenarios assert what is in the cluster in the end, and which write requests it took.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import cleanupOnDelete from "../../functions/cleanup-on-delete.ts";
import mirror from "../../functions/mirror.ts";
import { createApiServer } from "../../runtime/apiserver/server.ts";
import { parseConfig, type Config } from "../../runtime/host/config-file.ts";
import type { ProgramState } from "../../runtime/host/program.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import { codeOf } from "../../runtime/kube/errors.ts";
import { ConfigMap, kind, Namespace, type Kind } from "../../runtime/kube/kind.ts";
import { objectKey, parseKey, type KubeObject, type StoredObject } from "../../runtime/kube/object.ts";
import { InlineCell } from "../support/inline-cell.ts";
import type { DefinedFunction } from "../../runtime/reconcile/define.ts";
import type { Report } from "../../runtime/reconcile/controller.ts";
import type { LoadedFunction } from "../../runtime/reconcile/loader.ts";
import { createReconcileTracer } from "../../runtime/trace/reconcile-tracer.ts";
import { inProcessTransport } from "../support/in-process-transport.ts";
import { settle, VirtualClock } from "../support/virtual-clock.ts";
import { samplesOf } from "../trace/metrics-page.ts";
import { Machine } from "./machine.ts";
import { namespace } from "./objects.ts";
import { isWrite, Recorder, type RecordedRequest, type Rule } from "./recorder.ts";

export interface WorldOptions {
  /** @default mirror and cleanup-on-delete, as they are in functions/ */
  readonly functions?: Readonly<Record<string, DefinedFunction>>;
  /** Sections of the configuration, by function. @default `mirror: { prefixes: [team-] }` where mirror is there */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly dryRun?: boolean;
  /** Created before the host starts, beside `default`. @default team-a, team-b and other */
  readonly namespaces?: readonly string[];
  /** Created before the host starts. */
  readonly objects?: readonly KubeObject[];
  readonly rule?: Rule;
  readonly concurrency?: number;
  readonly seed?: number;
  /** The host is booted by the scenario. */
  readonly isDown?: boolean;
}

export interface Run extends Report {
  readonly function: string;
}

export const shipped = { mirror, "cleanup-on-delete": cleanupOnDelete };
const Event = kind("events.k8s.io/v1", "Event");

/** A world that ends with its test. */
export async function world(context: TestContext, options: WorldOptions = {}): Promise<World> {
  const made = new World(options);
  context.after(() => made.close());
  for (const name of options.namespaces ?? ["team-a", "team-b", "other"]) await made.create(namespace(name));
  for (const object of options.objects ?? []) await made.create(object);
  if (options.isDown !== true) await made.boot();
  return made;
}

/** How long nothing must have been asked for before the world counts as quiet: longer than any first pause of a retry. */
const QUIET_MS = 3_000;
const STEP_MS = 250;

export class World {
  readonly clock: VirtualClock;
  readonly runs: Run[] = [];
  readonly logs: string[] = [];
  readonly spans = new InMemorySpanExporter();
  readonly #server;
  readonly #user: ApiClient;
  readonly #provider: TracerProvider;
  #functions: Readonly<Record<string, DefinedFunction>>;
  #config: Readonly<Record<string, unknown>>;
  #dryRun: boolean;
  readonly #concurrency: number;
  readonly #generations = new Map<DefinedFunction, number>();
  #state: ProgramState | undefined;
  #rule: Rule;
  #recorders: Recorder[] = [];
  #machine: Machine | undefined;
  /** Requests before this one are not counted. */
  #countFrom = 0;

  constructor({ functions = shipped, config, dryRun = false, rule, concurrency = 4, seed = 1 }: WorldOptions) {
    this.clock = new VirtualClock({ seed });
    this.#server = createApiServer({ clock: this.clock });
    this.#user = new ApiClient({ clock: this.clock, transport: this.#wire() });
    this.#provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: this.spans })] });
    this.#functions = functions;
    this.#config = config ?? ("mirror" in functions ? { mirror: { prefixes: ["team-"] } } : {});
    this.#dryRun = dryRun;
    this.#rule = rule ?? (() => undefined);
    this.#concurrency = concurrency;
  }

  // The user.

  async create(...objects: readonly KubeObject[]): Promise<void> {
    for (const object of objects) await this.#user.create(object, object);
  }

  async get<T extends KubeObject>(of: Kind<T>, key: string): Promise<(T & StoredObject) | undefined> {
    try {
      return (await this.#user.get(of, parseKey(key))) as T & StoredObject;
    } catch (error) {
      if (codeOf(error) === "API_NOT_FOUND") return undefined;
      throw error;
    }
  }

  async list<T extends KubeObject>(of: Kind<T>, labelSelector?: string): Promise<readonly (T & StoredObject)[]> {
    const { items } = await this.#user.list(of, { labelSelector });
    return items as readonly (T & StoredObject)[];
  }

  async update<T extends KubeObject>(of: Kind<T>, key: string, change: (object: T & StoredObject) => T): Promise<void> {
    await this.#user.update(of, change(await this.#present(of, key)));
  }

  async delete(of: Kind, key: string): Promise<void> {
    const { metadata } = await this.#present(of, key);
    await this.#user.delete(of, parseKey(key), { uid: metadata.uid });
  }

  /** What lists of this moment would say, for a server that lives in the past. @returns the list of a kind and a selector */
  async snapshot(
    isThere: (object: StoredObject["metadata"]) => boolean = () => true,
  ): Promise<(kindName: "ConfigMap" | "Namespace", labelSelector: string) => object> {
    const selectors = ["", "mirror=true", "evenkeel.dev/function=mirror", "evenkeel.dev/function=cleanup-on-delete"];
    const lists = new Map<string, object>();
    for (const listed of [ConfigMap, Namespace] as const) {
      for (const labelSelector of selectors) {
        const { items, resourceVersion } = await this.#user.list(listed, { labelSelector });
        const list = { apiVersion: "v1", kind: `${listed.kind}List`, metadata: { resourceVersion } };
        lists.set(`${listed.kind} ${labelSelector}`, {
          ...list,
          items: items.filter(({ metadata }) => isThere(metadata)),
        });
      }
    }
    return (kindName, labelSelector) => {
      const list = lists.get(`${kindName} ${labelSelector}`);
      assert.ok(list !== undefined, `${kindName} ${labelSelector} was not frozen`);
      return list;
    };
  }

  /** Forgets the past, as an etcd compaction does. */
  compact(): void {
    this.#server.compact();
  }

  // The host.

  get machine(): Machine {
    assert.ok(this.#machine !== undefined, "the host is down");
    return this.#machine;
  }

  async boot(): Promise<void> {
    const recorder = new Recorder(this.#wire(), this.clock);
    recorder.rule = (request) => this.#rule(request);
    this.#recorders.push(recorder);
    this.#machine = new Machine({
      clock: this.clock,
      transport: recorder.transport,
      tracer: createReconcileTracer(this.#provider.getTracer("evenkeel"), this.clock, () => {}),
      concurrency: this.#concurrency,
      log: (line) => this.logs.push(line),
      settled: (name, report) => this.runs.push({ ...report, function: name }),
    });
    const { functions, config } = await this.#program();
    await this.#machine.start(functions, config);
  }

  /** Other functions, or another configuration: at work at once where the host is up. */
  async apply(change: Pick<WorldOptions, "functions" | "config" | "dryRun">): Promise<void> {
    this.#functions = change.functions ?? this.#functions;
    this.#config = change.config ?? this.#config;
    this.#dryRun = change.dryRun ?? this.#dryRun;
    // Not awaited: it ends when what the former functions have in hand is done, which takes virtual time.
    const { functions, config } = await this.#program();
    const applied = this.#machine?.functions.apply(functions, config);
    await Promise.race([applied, settle()]);
  }

  /** As `boot` and `apply`, with what the program says instead of the world's own functions and configuration. */
  async bootWith(state: ProgramState): Promise<void> {
    this.#state = state;
    await this.boot();
  }

  async applyState(state: ProgramState): Promise<void> {
    this.#state = state;
    await this.apply({});
  }

  async stop(): Promise<void> {
    const machine = this.#machine;
    this.#machine = undefined;
    const stopped = machine?.stop();
    await this.advance(1);
    await stopped;
  }

  /** The process is gone from one moment to the next: nothing of it gets through any more. */
  async kill(): Promise<void> {
    for (const recorder of this.#recorders) recorder.isDead = true;
    const machine = this.#machine;
    this.#machine = undefined;
    const killed = machine?.kill();
    await this.advance(1);
    await killed;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.boot();
  }

  /** What happens to the host's requests from now on. */
  rule(rule: Rule): void {
    this.#rule = rule;
  }

  /** How late the present host's watches are from now on. */
  delayWatches(delayMs: number): void {
    for (const recorder of this.#recorders) recorder.watchDelayMs = delayMs;
  }

  // Time.

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Lets time pass, in small steps, until `isSo`. */
  async advanceUntil(isSo: () => boolean, limitMs = 60_000): Promise<void> {
    const untilMs = this.clock.now() + limitMs;
    while (!isSo()) {
      assert.ok(this.clock.now() < untilMs, `it did not come to that within ${limitMs} ms`);
      await this.advance(50);
    }
  }

  /** Lets time pass until the host has asked for nothing for a while. */
  async converged(limitMs = 300_000): Promise<void> {
    const untilMs = this.clock.now() + limitMs;
    let quietMs = 0;
    while (quietMs < QUIET_MS) {
      assert.ok(this.clock.now() < untilMs, `the host is still busy after ${limitMs} ms: ${this.#busyWith()}`);
      const before = this.requests.length + this.runs.length;
      await this.advance(STEP_MS);
      quietMs = this.requests.length + this.runs.length === before ? quietMs + STEP_MS : 0;
    }
  }

  // What is seen.

  /** All that hosts have asked for, in order. */
  get requests(): readonly RecordedRequest[] {
    return this.#recorders.flatMap(({ requests }) => requests);
  }

  /** Starts counting anew: `writes`, `reads` and `runs` show what comes from here on. */
  mark(): void {
    this.#countFrom = this.requests.length;
    this.runs.length = 0;
  }

  /** The write requests, as `create team-a/settings`; Events are not among them. */
  writes(): readonly string[] {
    return this.writeRequests().map(({ verb, key }) => `${verb} ${key}`);
  }

  writeRequests(): readonly RecordedRequest[] {
    return this.requests.slice(this.#countFrom).filter(isWrite);
  }

  /** Everything that was asked for but watches. */
  asked(): readonly string[] {
    const counted = this.requests.slice(this.#countFrom);
    return counted
      .filter(({ verb }) => verb !== "watch")
      .map(({ verb, resource, key }) => `${verb} ${resource} ${key}`);
  }

  /** `REASON on NAMESPACE/NAME`, sorted; one per Event object. */
  async events(): Promise<readonly string[]> {
    const found = await this.list(Event);
    return found.map((event) => `${String(event["reason"])} on ${objectKey(regarding(event))}`).toSorted();
  }

  /** Everything the Events say. */
  async eventTexts(): Promise<readonly string[]> {
    return (await this.list(Event)).map((event) => JSON.stringify(event));
  }

  /** The keys of all that carries our label. */
  async copies(): Promise<readonly string[]> {
    const found = await this.list(ConfigMap, "evenkeel.dev/function");
    return found.map(({ metadata }) => objectKey(metadata)).toSorted();
  }

  /** `key: data` of all that carries our label. */
  async contents(): Promise<Readonly<Record<string, unknown>>> {
    const found = await this.list(ConfigMap, "evenkeel.dev/function");
    return Object.fromEntries(found.map(({ metadata, data }) => [objectKey(metadata), data]));
  }

  /** The value of one sample of the metrics page. */
  async metric(series: string): Promise<number | undefined> {
    return (await this.samples()).get(series);
  }

  /** The whole metrics page. */
  async samples(): Promise<ReadonlyMap<string, number>> {
    return samplesOf(await this.machine.metrics.text());
  }

  async close(): Promise<void> {
    if (this.#machine !== undefined) await this.kill();
    await this.#server.close();
    await this.#provider.shutdown();
  }

  async #present<T extends KubeObject>(of: Kind<T>, key: string): Promise<T & StoredObject> {
    const object = await this.get(of, key);
    assert.ok(object !== undefined, `${key} is not there`);
    return object;
  }

  #wire() {
    return inProcessTransport((request) => this.#server.fetch(request));
  }

  async #program(): Promise<Pick<ProgramState, "functions" | "config">> {
    if (this.#state !== undefined) return this.#state;
    const functions = this.#loaded();
    return { functions, config: await this.#parsed(functions) };
  }

  #loaded(): ReadonlyMap<string, LoadedFunction> {
    const entries = Object.entries(this.#functions);
    return new Map(
      entries.map(([name, definition]) => {
        const generation = this.#generations.getOrInsertComputed(definition, () => this.#generations.size + 1);
        return [name, { name, file: `/functions/${name}.ts`, generation, cell: new InlineCell(name, definition) }];
      }),
    );
  }

  #parsed(loaded: ReadonlyMap<string, LoadedFunction>): Promise<Config> {
    const functions = new Map([...loaded].map(([name, { cell }]) => [name, cell]));
    const text = JSON.stringify({ functions: this.#config, dryRun: this.#dryRun });
    return parseConfig(text, { file: "config", functions });
  }

  #busyWith(): string {
    return [...this.asked().slice(-5), ...this.runs.slice(-5).map((run) => `${run.function} ${run.key}`)].join(", ");
  }
}

function regarding(event: Readonly<Record<string, unknown>>): { readonly namespace?: string; readonly name: string } {
  return event["regarding"] as { readonly namespace?: string; readonly name: string };
}
