/** One call of a function: whatever it does, a Run comes out, with the reads that it made. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { suite, test } from "node:test";
import type { CacheReader } from "../../runtime/cache/reader.ts";
import { codeOf, EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import { ConfigMap, kind, Namespace } from "../../runtime/kube/kind.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import { formatQuery, type Query } from "../../runtime/kube/query.ts";
import { defineFunction, status, type Context } from "../../runtime/reconcile/define.ts";
import { TerminalError } from "../../runtime/reconcile/effects.ts";
import { runFunction, runTwice, type Inputs, type Run, type Runnable } from "../../runtime/reconcile/run.ts";
import { answerOf, childOf, configMap, namespace, runnable, wish } from "./builders.ts";

type Reconcile = (source: ConfigMap, cache: CacheReader, context: Context) => unknown;

/** A function as JavaScript may write it: nothing is checked by a compiler. */
function functionOf(reconcile: Reconcile, config?: unknown): Runnable {
  const definition = defineFunction({
    watches: ConfigMap,
    reads: [Namespace],
    writes: [ConfigMap, status(ConfigMap)],
    reconcile: reconcile as never,
  });
  return runnable("mirror", definition, config);
}

const source = configMap("default/settings", { data: { a: "1" } });

/** Fresh each time and not frozen, as an informer hands objects in. */
function inputs(more: Partial<Inputs> = {}): Inputs {
  const object = structuredClone(source);
  return { object, now: 1_000, memo: undefined, answer: answerOf([namespace("team-a"), namespace("team-b")]), ...more };
}

const run = (reconcile: Reconcile, more?: Partial<Inputs>): Run => runFunction(functionOf(reconcile), inputs(more));
const reads = ({ reads }: Run): readonly string[] =>
  reads.map(({ query, count }) => `${formatQuery(query)} → ${count}`);

suite("run: a function is given", () => {
  test("the object, its configuration, the time of the run and the memo of the last one", () => {
    const seen: unknown[] = [];
    const look = functionOf(
      (object, _cache, { config, now, memo }) => {
        seen.push(object.metadata.name, config, now, memo);
        return {};
      },
      { a: 1 },
    );
    runFunction(look, inputs({ now: 7, memo: "m" }));
    assert.deepEqual(seen, ["settings", { a: 1 }, 7, "m"]);
  });

  test("reads that are told with their counts, each once, absent objects included", () => {
    const result = run((_source, cache) => {
      cache.list(Namespace, { namePrefix: "team-" });
      cache.list(Namespace, { namePrefix: "team-" });
      cache.get(Namespace, { name: "other" });
      return {};
    });
    assert.deepEqual(reads(result), ["v1/Namespace */team-* → 2", "v1/Namespace /other → 0"]);
  });
});

suite("run: what it was given cannot be changed:", () => {
  const rows: readonly { readonly name: string; readonly change: Reconcile }[] = [
    { name: "a field of the object", change: (object) => Object.assign(object.metadata, { name: "b" }) },
    { name: "a new field of the object", change: (object) => Object.assign(object, { mine: 1 }) },
    { name: "a removed field", change: (object) => Reflect.deleteProperty(object, "data") || remove(object, "data") },
    { name: "a defined property", change: (object) => Object.defineProperty(object, "x", { value: 1 }) },
    { name: "a redefined property", change: (object) => Object.defineProperty(object, "kind", { value: 1 }) },
    {
      name: "an object that was read",
      change: (_object, cache) => Object.assign(cache.list(Namespace)[0] ?? {}, { kind: "x" }),
    },
    {
      name: "a list that was read, overwritten",
      change: (_object, cache) => (cache.list(Namespace) as unknown[]).fill(1),
    },
    {
      name: "a list that was read, lengthened",
      change: (_object, cache) => (cache.list(Namespace) as unknown[]).push(1),
    },
    { name: "a list that was read, shortened", change: (_object, cache) => (cache.list(Namespace) as unknown[]).pop() },
    { name: "the configuration", change: (_object, _cache, { config }) => (config as { list: number[] }).list.push(1) },
    { name: "the memo", change: (_object, _cache, { memo }) => Object.assign(memo as object, { count: 2 }) },
    { name: "the context", change: (_object, _cache, context) => Object.assign(context, { now: 2 }) },
  ];
  for (const { name, change } of rows) {
    test(name, () => {
      const mutant = functionOf((object, cache, context) => (change(object, cache, context), {}), { list: [] });
      const { error } = runFunction(mutant, inputs({ memo: { count: 1 } }));
      assert.equal(codeOf(error), "FUNCTION_MUTATED_INPUT", String(error));
      assert.ok((error as Error).cause instanceof TypeError, "the cause says which");
    });
  }
});

const SECRET = "hunter2";

suite("run: a failing function", () => {
  const rows: readonly {
    readonly name: string;
    readonly reconcile: Reconcile;
    readonly code: Code;
    readonly says: string;
  }[] = [
    {
      name: "that threw an Error is quoted: its words are the author's",
      reconcile: raise(new Error("no prefix")),
      code: "FUNCTION_THREW",
      says: "mirror threw Error: no prefix",
    },
    { name: "that threw text", reconcile: raise(SECRET), code: "FUNCTION_THREW", says: "mirror threw a string" },
    { name: "that threw nothing", reconcile: raise(undefined), code: "FUNCTION_THREW", says: "mirror threw undefined" },
    { name: "that threw null", reconcile: raise(null), code: "FUNCTION_THREW", says: "mirror threw null" },
    {
      name: "that threw an object",
      reconcile: raise({ message: SECRET }),
      code: "FUNCTION_THREW",
      says: "mirror threw an object",
    },
    {
      name: "that met an error of the engine is not quoted, for that may tell data",
      reconcile: () => JSON.parse(SECRET) as object,
      code: "FUNCTION_THREW",
      says: "mirror threw SyntaxError",
    },
    {
      name: "that took text for an object is not quoted either",
      reconcile: () => "a" in (SECRET as unknown as object),
      code: "FUNCTION_THREW",
      says: "mirror threw TypeError",
    },
    {
      name: "that never ends its recursion",
      reconcile: endless,
      code: "FUNCTION_THREW",
      says: "mirror threw RangeError",
    },
    {
      name: "that returned a promise",
      reconcile: () => Promise.resolve({}),
      code: "FUNCTION_RETURNED_PROMISE",
      says: "mirror returned a promise",
    },
    {
      name: "that looked at the clock",
      reconcile: () => ({ requeueAfterMs: Date.now() }),
      code: "FUNCTION_READ_CLOCK",
      says: "mirror used Date.now",
    },
    {
      name: "that returned something else",
      reconcile: () => 7,
      code: "EFFECT_INVALID",
      says: "mirror: returned a number",
    },
    {
      name: "that read what it did not declare",
      reconcile: (_source, cache) => cache.list(kind("v1", "Secret")) && {},
      code: "FUNCTION_READ_UNDECLARED",
      says: "Secret",
    },
    {
      name: "that throws something else instead",
      reconcile: (_source, cache) =>
        assert.ok(
          attempt(() => cache.list(kind("v1", "Secret"))),
          "no secrets",
        ),
      code: "FUNCTION_READ_UNDECLARED",
      says: "Secret",
    },
    {
      name: "that hides that it did",
      reconcile: (_source, cache) => attempt(() => cache.list(kind("v1", "Secret"))) ?? { children: [] },
      code: "FUNCTION_READ_UNDECLARED",
      says: "Secret",
    },
  ];
  for (const { name, reconcile, code, says } of rows) {
    test(name, () => {
      const { effects, error } = run(reconcile, { answer: withoutSecrets });
      assert.equal(effects, undefined);
      assert.ok(error instanceof EvenkeelError);
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(says) && !error.message.includes(SECRET), error.message);
    });
  }

  for (const { folder, shown } of [
    { folder: "/srv", shown: /^mirror threw TypeError at .*\/srv\/mirror\.ts:12:5;/ },
    { folder: "/srv (1)", shown: /^mirror threw TypeError at .*\/srv \(1\)\/mirror\.ts:12:5;/ },
  ])
    test(`is told with the place in its file, in a folder ${folder}`, () => {
      const error = new TypeError(SECRET);
      const { href } = pathToFileURL(folder);
      error.stack = `TypeError: ${SECRET}\n    at JSON.parse (<anonymous>)\n    at reconcile (${href}/mirror.ts?evenkeel=3:12:5)\n    at run (file:///srv/run.ts:1:1)`;
      assert.match((run(raise(error)).error as Error).message, shown);
    });

  test("for a child of its own wants children is refused for good, and one that wants none is not", () => {
    const object = childOf(source, "mirror", configMap("team-a/settings"));
    const wishing = (children: readonly object[]): Run => run(() => ({ children }), { object });
    const { error } = wishing([wish("team-a/more")]);
    assert.ok(error instanceof TerminalError);
    assert.match(error.message, /^v1\/ConfigMap team-a\/settings is itself a child of mirror and gets no children/);
    assert.deepEqual(wishing([]).effects, { children: [] });
    const other = childOf(source, "other", configMap("team-a/settings"));
    assert.equal(run(() => ({ children: [wish("team-a/more")] }), { object: other }).error, undefined);
  });

  test("keeps what it threw as the cause", () => {
    const cause = new Error("no");
    assert.equal((run(raise(cause)).error as Error).cause, cause);
  });

  test("that gave up for good says so itself", () => {
    const error = new TerminalError("the source has no port");
    assert.equal(run(raise(error)).error, error);
  });

  test("tells what it had read: a change to that may mend it", () => {
    const result = run((_source, cache) => {
      cache.list(Namespace, { namePrefix: "team-" });
      throw new Error("no");
    });
    assert.deepEqual(reads(result), ["v1/Namespace */team-* → 2"]);
  });

  test("tells its reads also when its effects are refused", () => {
    assert.deepEqual(reads(run((_source, cache) => [cache.get(Namespace, { name: "team-a" })])), [
      "v1/Namespace /team-a → 1",
    ]);
  });
});

suite("run twice: a function that depends on more than its inputs is found, by effect:", () => {
  let count = 0;
  const rows: readonly { readonly name: string; readonly reconcile: Reconcile; readonly says: string }[] = [
    { name: "a counter in the module", reconcile: () => ({ memo: count++ }), says: "memo" },
    { name: "a new name each time", reconcile: () => ({ children: [child(`a${count++}`)] }), says: "children" },
    {
      name: "all children or none said",
      reconcile: () => (count++ % 2 === 0 ? { children: [] } : {}),
      says: "children",
    },
    {
      name: "a status that comes and goes",
      reconcile: () => ({ status: count++ % 2 === 0 ? { ready: false } : {} }),
      says: "status",
    },
    {
      name: "a failure every other time",
      reconcile: () => (count++ % 2 === 0 ? {} : assert.fail()),
      says: "threw the second time",
    },
  ];
  for (const { name, reconcile, says } of rows) {
    test(name, () => {
      count = 0;
      const { error } = runTwice(functionOf(reconcile), inputs());
      assert.equal(codeOf(error), "FUNCTION_NOT_DETERMINISTIC");
      assert.ok(
        (error as Error).message.startsWith(`mirror: the same inputs gave other effects: ${says}`),
        String(error),
      );
    });
  }

  test("one that does not passes, with its effects and reads", () => {
    const result = runTwice(
      functionOf((_source, cache) => ({ children: cache.list(Namespace).map(({ metadata }) => child(metadata.name)) })),
      inputs(),
    );
    assert.deepEqual(
      result.effects?.children?.map(({ metadata }) => metadata.name),
      ["team-a", "team-b"],
    );
    assert.deepEqual(reads(result), ["v1/Namespace */* → 2"]);
  });

  test("one that always fails is called once, and keeps its error", () => {
    count = 0;
    const { error } = runTwice(
      functionOf(() => assert.fail(String(count++))),
      inputs(),
    );
    assert.deepEqual([codeOf(error), count], ["FUNCTION_THREW", 1]);
  });
});

function child(name: string): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "team-a" } };
}

function raise(value: unknown): Reconcile {
  return () => {
    throw value;
  };
}

function attempt(action: () => unknown): unknown {
  try {
    return action();
  } catch {
    return undefined;
  }
}

function remove(object: object, field: string): never {
  delete (object as Record<string, unknown>)[field];
  throw new Error("nothing refused it");
}

function withoutSecrets({ kind }: Query): readonly StoredObject[] {
  if (kind.kind === "Secret") throw new EvenkeelError("FUNCTION_READ_UNDECLARED", "the function reads v1/Secret");
  return [];
}

function endless(...all: Parameters<Reconcile>): unknown {
  return [endless(...all)];
}
