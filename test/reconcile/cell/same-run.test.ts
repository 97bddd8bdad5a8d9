/** One function, one world, one run: in a thread of its own it is what it is in the caller's. */
import assert from "node:assert/strict";
import { dirname, join, resolve } from "node:path";
import { suite, test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { systemClock } from "../../../runtime/clock/clock.ts";
import { EvenkeelError } from "../../../runtime/kube/errors.ts";
import type { KubeObject, StoredObject } from "../../../runtime/kube/object.ts";
import { formatQuery, matches, type Query } from "../../../runtime/kube/query.ts";
import type { Answer, Cell, Job } from "../../../runtime/reconcile/cell/cell.ts";
import { openInline } from "../../support/inline-cell.ts";
import { runInRounds } from "../../../runtime/reconcile/cell/rounds.ts";
import { openWorker } from "../../../runtime/reconcile/cell/worker-cell.ts";
import type { Run } from "../../../runtime/reconcile/run.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { answerOf, childOf, configMap, namespace, other } from "../builders.ts";

const functions = resolve(import.meta.dirname, "../../../functions");
/** No other test loads functions by generations of this size. */
let generation = 1_000_000;

async function both(context: TestContext, file: string): Promise<readonly [Cell, Cell]> {
  generation += 1;
  const name = /([^/]*)\.[jt]s$/.exec(file)?.[1] ?? "";
  const birth = { name, dir: dirname(file), file, generation, onRead: () => {}, signal: new AbortController().signal };
  const cells = [await openInline(birth), await openWorker(systemClock)(birth)] as const;
  context.after(() => cells[1].rest());
  assert.deepEqual(cells[1].declaration, structuredClone(cells[0].declaration));
  return cells;
}

interface World {
  readonly there: readonly StoredObject[];
  readonly gone?: readonly StoredObject[];
}

/** All that is told of a run. */
async function told(
  cell: Cell,
  job: Job,
  { there, gone = [] }: World,
  foreseen: readonly Query[] = [],
): Promise<unknown> {
  const answer = (queries: readonly Query[]): readonly Answer[] =>
    queries.map((query) => ({ objects: answerOf(there, gone)(query) }));
  const { run } = await runInRounds({ cell, job, foreseen, answer, isNamespaced: () => undefined });
  return { ...plain(run), reads: run.reads.map(({ query, count }) => [formatQuery(query), count]) };
}

function plain({ effects, error }: Run): object {
  if (effects !== undefined) return { effects: structuredClone(effects) };
  return error instanceof EvenkeelError ? { code: error.code, message: error.message } : { error: String(error) };
}

const jobOf = (object: KubeObject, more: Partial<Job> = {}): Job => ({
  object: object as StoredObject,
  now: 1_767_225_600_000,
  memo: undefined,
  config: undefined,
  isVerifying: false,
  ...more,
});

const teams = fc.subarray(["team-a", "team-b", "team-c", "default", "kube-system"], { minLength: 1 });
const names = fc.constantFrom("settings", "certificates", "kube-root-ca.crt");
const data = fc.dictionary(fc.constantFrom("a", "b", "__proto__", "constructor"), fc.string(), { maxKeys: 3 });
const annotations = fc.constantFrom({}, { "evenkeel.dev/retain": "true" });
const source = fc
  .record({ space: fc.constantFrom("default", "team-a"), name: names, data, annotations, isMirrored: fc.boolean() })
  .map(({ space, name, data, annotations, isMirrored }) =>
    configMap(`${space}/${name}`, { data, annotations, ...(isMirrored && { labels: { mirror: "true" } }) }),
  );

/** Namespaces, some on their way out, sources, there or gone, and copies of some of them. */
const worlds = fc
  .record({
    teams,
    going: fc.boolean(),
    isGone: fc.boolean(),
    sources: fc.uniqueArray(source, { selector: (each) => each.metadata.uid, maxLength: 4 }),
  })
  .map(({ teams, going, isGone, sources }) => {
    const since = going ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {};
    const spaces = teams.map((name, i) => namespace(name, i === 0 ? since : {}));
    const copies = sources.flatMap((each) => teams.map((team) => copyOf(each, team)));
    const goneFrom = isGone ? 1 : sources.length;
    const there = [spaces, sources.slice(0, goneFrom), copies].flat();
    return { there, gone: sources.slice(goneFrom) };
  });

function copyOf(source: StoredObject, team: string): StoredObject {
  return childOf(source, "mirror", configMap(`${team}/${source.metadata.name}-copy`, { data: { a: "1" } }));
}

function fileOf(body: string): string {
  return `import { ConfigMap, Namespace, defineFunction, fields, kind, metadataOf, normal, scale, status, TerminalError, warning } from "#evenkeel";
const Deployment = kind("apps/v1", "Deployment");
let count = 0;
export default defineFunction({ watches: ConfigMap, reads: [Namespace, Deployment, metadataOf(ConfigMap)],
  writes: [ConfigMap, status(ConfigMap), scale(Deployment), fields(Deployment)],
  reconcile(object, cache, { now, memo, config }) { ${body} } });
`;
}

const READ_DEEP = "cache.list(Namespace).length";

/** A field that has so many levels. */
function nesting(levels: number): object {
  return levels === 0 ? {} : { spec: JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`) as unknown };
}

suite("in both cells, the same run", () => {
  for (const name of ["mirror", "cleanup-on-delete"]) {
    test(`of ${name}, over generated worlds`, async (context) => {
      const [inline, worker] = await both(context, join(functions, `${name}.ts`));
      const reading = await worker.readConfig(name === "mirror" ? { prefixes: ["team-", "default"] } : undefined);
      assert.deepEqual(
        reading,
        await inline.readConfig(name === "mirror" ? { prefixes: ["team-", "default"] } : undefined),
      );
      assert.ok("config" in reading);
      const { config } = reading;
      let effectCount = 0;
      await fc.assert(
        fc.asyncProperty(worlds, fc.boolean(), async (world, isVerifying) => {
          const { where, kind } = inline.declaration.watches;
          const keys = world.there.filter((object) => object.kind === kind.kind && matches(where, object));
          for (const object of keys) {
            const job = jobOf(object, { config, isVerifying });
            const expected = await told(inline, job, world);
            assert.deepEqual(await told(worker, job, world), expected);
            assert.deepEqual(await told(worker, job, world, [inline.declaration.watches]), expected, "with foresight");
            effectCount += 1;
          }
        }),
        { numRuns: 90 },
      );
      assert.ok(effectCount > 20, `${effectCount} runs`);
    });
  }

  const rows: readonly {
    readonly name: string;
    readonly body: string;
    readonly job?: Partial<Job>;
    /** Levels below the object, or below the namespace that it reads. */
    readonly deep?: number;
    readonly deepRead?: number;
  }[] = [
    {
      name: "with every effect",
      body: `const [web] = cache.list(Deployment);
        return {
          children: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "b" }, data: object.data }],
          deletions: [object],
          apply: [{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "team-a" }, spec: { paused: true } }],
          status: { at: new Date(now).toISOString() }, events: [warning("Odd", "it is"), normal("Even", "it is")],
          scale: [{ of: web, replicas: 2 }], requeueAfterMs: 1.5, memo: [memo, { deep: [undefined, null, -0] }] };`,
      job: { memo: { before: [1] } },
    },
    { name: "with nothing", body: "return {};" },
    { name: "with effects that are there and undefined", body: "return { children: undefined, memo: undefined };" },
    { name: "with releases", body: "return { releases: [object] };" },
    {
      name: "with metadata alone",
      body: "return { memo: cache.list(metadataOf(ConfigMap)).map((it) => Object.keys(it)) };",
    },
    {
      name: "with what is gone",
      body: `return { memo: ["a", "b"].map((name) => cache.departed(ConfigMap, { name, namespace: "default" })) };`,
    },
    { name: "that throws", body: `throw new Error("said");` },
    { name: "that gives up", body: `cache.list(Namespace); throw new TerminalError("it is hopeless");` },
    { name: "that throws what V8 threw", body: "return JSON.parse(object.data.a);" },
    { name: "that changes its input", body: "object.metadata.name = 'b';" },
    { name: "that returns a Map", body: "return { memo: new Map() };" },
    {
      name: "that returns an undeclared kind",
      body: `return { children: [{ apiVersion: "v1", kind: "Secret", metadata: { name: "a" } }] };`,
    },
    { name: "that reads the clock", body: "return { memo: Date.now() };" },
    { name: "that swallows the refusal of the clock", body: "try { Date.now(); } catch {} return {};" },
    { name: "that reads nonsense", body: "cache.list(Namespace, { label: 1 });" },
    {
      name: "that is not deterministic",
      body: "count += 1; return { memo: count };",
      job: { isVerifying: true },
    },
    { name: "that is async and throws", body: `return (async () => { throw new Error("said"); })();` },
    {
      name: "that is async and reads the clock and what it did not declare",
      body: "return (async () => { try { Date.now(); } finally { cache.list(kind('v1', 'Secret')); } })();",
    },
    { name: "whose effects throw when asked for a then", body: `return { get then() { throw new Error("said"); } };` },
    { name: "of an object that nests as deep as one may", body: "return { memo: 1 };", deep: 511 },
    { name: "of an object that nests deeper than one may", body: "return { memo: 1 };", deep: 512 },
    { name: "that reads what nests as deep as one may", body: `return { memo: ${READ_DEEP} };`, deepRead: 511 },
    { name: "that reads what nests deeper than one may", body: `return { memo: ${READ_DEEP} };`, deepRead: 512 },
    {
      name: "that swallows what nests deeper than one may",
      body: `try { ${READ_DEEP}; } catch {} return {};`,
      deepRead: 512,
    },
    { name: "that says very much", body: `throw new Error("x".repeat(5_000));` },
  ];
  const world = [other("apps/v1", "Deployment", "team-a/web", { spec: { replicas: 1 } })];
  for (const { name, body, job, deep = 0, deepRead = 0 } of rows) {
    test(name, async (context) => {
      const folder = await tempFolder(context, { "subject.js": fileOf(body) });
      const [inline, worker] = await both(context, join(folder.path, "subject.js"));
      const object = { ...configMap("default/a", { data: { a: "{ hunter2" } }), ...nesting(deep) };
      const there = [{ ...namespace("team-a"), ...nesting(deepRead) }, ...world, object];
      const gone = [configMap("default/b", { annotations: { at: "last" } })];
      const expected = await told(inline, jobOf(object, job), { there, gone });
      assert.deepEqual(await told(worker, jobOf(object, job), { there, gone }), expected);
      const tooDeep = { code: "OBJECT_TOO_DEEP" };
      if (Math.max(deep, deepRead) === 512) assert.partialDeepStrictEqual(expected, tooDeep);
    });
  }
});
