/** What a function gets from the cache, what is recorded, and what is refused. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { answerFrom } from "../../runtime/cache/answer.ts";
import { withoutContent } from "../../runtime/cache/content.ts";
import { trackedReader, type CacheReader } from "../../runtime/cache/reader.ts";
import { Store } from "../../runtime/cache/store.ts";
import { codeOf } from "../../runtime/kube/errors.ts";
import { ConfigMap, kind, kindKey, Namespace } from "../../runtime/kube/kind.ts";
import type { KubeObject, StoredObject } from "../../runtime/kube/object.ts";
import { formatQuery, metadataOf, select, type Part, type Query, type Where } from "../../runtime/kube/query.ts";
import { defineFunction } from "../../runtime/reconcile/define.ts";
import { object, versions } from "./support/objects.ts";

const x1 = { labels: { x: "1" } };
const x2 = { labels: { x: "2" } };

function storeOf(where: Where, objects: readonly StoredObject[], version = 50, part?: Part): Store {
  const store = new Store({ ...select(ConfigMap, where), part });
  store.replace(objects, String(version));
  return store;
}

function readerOf(...stores: readonly Store[]): { readonly cache: CacheReader; readonly recorded: string[] } {
  const recorded: string[] = [];
  const record = (query: Query, result: readonly StoredObject[]): void =>
    void recorded.push(`${formatQuery(query)}: ${result.length}`);
  return { cache: trackedReader(answerFrom(stores), record), recorded };
}

const world = [object("n/a", 1, x1), object("n/b", 2, x2), object("m/a", 3, x1), object("c", 4)];

suite("reader: get", () => {
  const rows: readonly {
    readonly name: string;
    readonly get: (cache: CacheReader) => StoredObject | undefined;
    readonly gives: string | undefined;
    readonly records: string;
  }[] = [
    {
      name: "an object by name and namespace",
      get: (cache) => cache.get(ConfigMap, { namespace: "n", name: "a" }),
      gives: "1",
      records: "v1/ConfigMap n/a: 1",
    },
    {
      name: "an absent object, and records its absence",
      get: (cache) => cache.get(ConfigMap, { namespace: "n", name: "x" }),
      gives: undefined,
      records: "v1/ConfigMap n/x: 0",
    },
    {
      name: "without a namespace a cluster-scoped object",
      get: (cache) => cache.get(ConfigMap, { name: "c" }),
      gives: "4",
      records: "v1/ConfigMap /c: 1",
    },
    {
      name: "without a namespace no namespaced one",
      get: (cache) => cache.get(ConfigMap, { name: "b" }),
      gives: undefined,
      records: "v1/ConfigMap /b: 0",
    },
    {
      name: "in the namespace of the query",
      get: (cache) => cache.get(select(ConfigMap, { namespace: "n" }), { name: "b" }),
      gives: "2",
      records: "v1/ConfigMap n/b: 1",
    },
    {
      name: "nothing that the query does not mean",
      get: (cache) => cache.get(select(ConfigMap, x1), { namespace: "n", name: "b" }),
      gives: undefined,
      records: "v1/ConfigMap n/b [x=1]: 0",
    },
    {
      name: "no other object by a name with a slash",
      get: (cache) => cache.get(ConfigMap, { name: "n/a" }),
      gives: undefined,
      records: `v1/ConfigMap /"n/a": 0`,
    },
  ];
  for (const { name, get, gives, records } of rows)
    test(`finds ${name}`, () => {
      const { cache, recorded } = readerOf(storeOf({}, world));
      assert.equal(get(cache)?.metadata.resourceVersion, gives);
      assert.deepEqual(recorded, [records]);
    });
});

suite("reader: list", () => {
  const rows: readonly {
    readonly name: string;
    readonly of: typeof ConfigMap | Query<ConfigMap>;
    readonly where?: Where;
    readonly gives: Readonly<Record<string, string>>;
    readonly records: string;
  }[] = [
    {
      name: "a whole kind, sorted by key",
      of: ConfigMap,
      gives: { c: "4", "m/a": "3", "n/a": "1", "n/b": "2" },
      records: "v1/ConfigMap */*: 4",
    },
    {
      name: "both conditions together",
      of: select(ConfigMap, x1),
      where: { namespace: "n" },
      gives: { "n/a": "1" },
      records: "v1/ConfigMap n/* [x=1]: 1",
    },
    {
      name: "the empty prefix as any name",
      of: ConfigMap,
      where: { namespace: "m", namePrefix: "" },
      gives: { "m/a": "3" },
      records: "v1/ConfigMap m/*: 1",
    },
    {
      name: "a prefix literally",
      of: ConfigMap,
      where: { namePrefix: ".*" },
      gives: {},
      records: `v1/ConfigMap */".*"*: 0`,
    },
    {
      name: "conflicting conditions as nothing, and records the read",
      of: select(ConfigMap, { namespace: "n" }),
      where: { namespace: "m" },
      gives: {},
      records: "v1/ConfigMap */* [none in ()]: 0",
    },
    {
      name: "a condition with no form of its own exactly",
      of: select(ConfigMap, { labels: { x: { notIn: ["2"] } } }),
      where: { labels: { x: { exists: true } } },
      gives: { "m/a": "3", "n/a": "1" },
      records: "v1/ConfigMap */* [x notin (2)]: 2",
    },
  ];
  for (const { name, of, where, gives, records } of rows)
    test(`reads ${name}`, () => {
      const { cache, recorded } = readerOf(storeOf({}, world));
      assert.deepEqual(Object.entries(versions(cache.list(of, where))), Object.entries(gives));
      assert.deepEqual(recorded, [records]);
    });

  test("what is handed out cannot be changed, to its leaves", () => {
    const { cache } = readerOf(storeOf({}, world));
    const list = cache.list(ConfigMap);
    const [first] = list;
    for (const value of [
      list,
      first,
      first?.metadata,
      cache.get(ConfigMap, { namespace: "n", name: "a" })?.metadata.labels,
    ])
      assert.ok(Object.isFrozen(value));
  });

  test("objects come typed by their kind", () => {
    const { cache } = readerOf(storeOf({}, world));
    const data: Readonly<Record<string, string>> | undefined = cache.get(ConfigMap, { name: "c" })?.data;
    assert.equal(data, undefined);
  });
});

suite("reader: refusals", () => {
  const { cache, recorded } = readerOf(storeOf({}, world));
  // As JavaScript calls it, which knows no types.
  const get = (...given: unknown[]): unknown => Reflect.apply(cache.get.bind(cache), undefined, given);
  const list = (...given: unknown[]): unknown => Reflect.apply(cache.list.bind(cache), undefined, given);
  const rows: readonly (readonly [name: string, call: () => unknown, says: RegExp])[] = [
    ["no kind", () => list(undefined), /cache\.list wants a kind .* not undefined/],
    ["a kind's name alone", () => list("ConfigMap"), /wants a kind .* not string/],
    ["a query without a kind", () => list({ where: {} }), /wants a kind/],
    ["a name that is no object", () => get(ConfigMap, "a"), /cache\.get wants a name .* not string/],
    ["a name that is no string", () => get(ConfigMap, { name: 7 }), /wants a name/],
    ["an empty name", () => get(ConfigMap, { name: "" }), /wants a name/],
    [
      "a namespace that is no string",
      () => get(ConfigMap, { name: "a", namespace: 7 }),
      /wants a namespace .* not number/,
    ],
    ["a misspelt condition", () => list(ConfigMap, { label: { x: "1" } }), /knows no condition label; there are/],
    ["a closure as condition", () => list(ConfigMap, () => true), /wants conditions .* not function/],
    ["a prefix that is no string", () => list(ConfigMap, { namePrefix: /a/ }), /wants a namePrefix .* not object/],
    ["a label value that is no string", () => list(ConfigMap, { labels: { x: true } }), /wants label x .* not boolean/],
    ["a label rule of two kinds", () => list(ConfigMap, { labels: { x: { in: [], exists: true } } }), /wants label x/],
    ["a misspelt condition in a query", () => list({ kind: ConfigMap, where: { prefix: "a" } }), /no condition prefix/],
  ];
  for (const [name, call, says] of rows)
    test(`refuses ${name}, and records nothing`, () => {
      assert.throws(call, (error) => codeOf(error) === "FUNCTION_THREW" && says.test(String(error)));
      assert.deepEqual(recorded, []);
    });

  test("refuses a kind that was not declared, and names it", () => {
    for (const undeclared of [select<KubeObject>(Namespace), select<KubeObject>(kind("v2", "ConfigMap"))])
      assert.throws(
        () => cache.list(undeclared),
        (error) => codeOf(error) === "FUNCTION_READ_UNDECLARED" && String(error).includes(kindKey(undeclared.kind)),
      );
    assert.deepEqual(recorded, []);
  });
});

suite("answers from several stores of one kind", () => {
  test("a store that holds all that is asked for answers alone", () => {
    const { cache } = readerOf(storeOf(x1, [object("n/a", 1, x1)]), storeOf({}, [object("n/a", 2, x1)]));
    assert.deepEqual(versions(cache.list(select(ConfigMap, x1))), { "n/a": "1" });
  });

  test("otherwise they answer together, sorted, each object once and in its newest version", () => {
    const ones = storeOf(x1, [object("n/c", 5, x1), object("n/b", 4, x1)]);
    const inN = storeOf({ namespace: "n" }, [object("n/c", 10, x1), object("n/a", 6)]);
    const answer = answerFrom([ones, inN])(select(ConfigMap));
    assert.deepEqual(Object.entries(versions(answer)), [
      ["n/a", "6"],
      ["n/b", "4"],
      ["n/c", "10"],
    ]);
  });

  test("an object that a newer store knows to have left is not in the answer", () => {
    const ones = storeOf(x1, [object("n/b", 5, x1)]);
    const inN = storeOf({ namespace: "n" }, [object("n/b", 10, x2)]);
    assert.deepEqual(answerFrom([ones, inN])(select(ConfigMap, { labels: { x: { notIn: ["2"] } } })), []);
  });
});

suite("answers of what is gone", () => {
  const mirrored = { labels: { x: "1", mirror: "true" } };
  /** Held `n/a`, at version 5 last. */
  const left = (where: Where, version = 5): Store => {
    const store = storeOf(where, [{ ...object("n/a", version, mirrored), data: { a: "1" } } as StoredObject]);
    store.replace([], "60");
    return store;
  };
  const rows: readonly {
    readonly name: string;
    readonly stores: readonly Store[];
    readonly of?: Query;
    readonly gives: string | undefined;
  }[] = [
    { name: "from the store that held it", stores: [left(x1)], of: select(ConfigMap, x1), gives: "5" },
    { name: "nothing that is there", stores: [storeOf({}, world)], gives: undefined },
    { name: "nothing that was never there", stores: [storeOf({}, [])], gives: undefined },
    { name: "nothing that the query does not mean", stores: [left({})], of: select(ConfigMap, x2), gives: undefined },
    {
      name: "from a store that holds all that is asked for, whatever others hold",
      stores: [left(x1), storeOf({ namespace: "n" }, world)],
      of: select(ConfigMap, x1),
      gives: "5",
    },
    {
      name: "from several stores what went last",
      stores: [left(x1), left({ labels: { mirror: "true" } }, 7)],
      gives: "7",
    },
    {
      name: "nothing that one of several stores still has",
      stores: [left(x1), storeOf({ labels: { y: "1" } }, [object("n/a", 6, { labels: { y: "1" } })])],
      gives: undefined,
    },
  ];
  for (const { name, stores, of = ConfigMap, gives } of rows)
    test(name, () => {
      const { cache, recorded } = readerOf(...stores);
      const gone = cache.departed(of, { namespace: "n", name: "a" });
      assert.equal(gone?.metadata.resourceVersion, gives);
      if (gone !== undefined) assert.ok(Object.isFrozen(gone.metadata) && !("data" in gone));
      const where =
        "kind" in of && typeof of.kind === "string" ? "" : formatQuery(of as Query).slice("v1/ConfigMap */*".length);
      assert.deepEqual(recorded, [`v1/ConfigMap n/a${where} (departed): ${gives === undefined ? 0 : 1}`]);
    });

  test("refuses what was not declared, and cannot be declared or listed itself", () => {
    const { cache } = readerOf(left({}));
    assert.throws(() => cache.departed(Namespace, { name: "a" }), { code: "FUNCTION_READ_UNDECLARED" });
    const gone: Query = { ...select(ConfigMap), part: "departed" };
    assert.throws(() => cache.list(gone), /cache\.list wants a part/);
    assert.throws(
      () => defineFunction({ watches: ConfigMap, reads: [gone], reconcile: () => ({}) }),
      /reads wants a part/,
    );
  });

  test("is nothing where a thread asks for no name", () =>
    assert.deepEqual(answerFrom([left({})])({ ...select(ConfigMap), part: "departed" }), []));
});

suite("answers in part", () => {
  const ones = [{ ...object("n/a", 1, x1), data: { a: "1" } }];
  const whole = storeOf(x1, ones);
  const partial = storeOf(x2, [withoutContent(object("n/b", 2, x2), object("n/b", 2, x2).metadata)], 50, "metadata");
  const copies = storeOf({ labels: { y: "1" } }, [], 50, "metadata+digest");

  test("metadata is read from a store of whole objects too, and is all that is shown", () => {
    const { cache, recorded } = readerOf(whole, partial);
    const found = cache.list(metadataOf(select(ConfigMap, x1)));
    assert.deepEqual(found.map(Object.keys), [["apiVersion", "kind", "metadata"]]);
    assert.ok(Object.isFrozen(found[0]) && Object.isFrozen(found[0]?.metadata));
    assert.deepEqual(recorded, ["v1/ConfigMap */* [x=1] (metadata): 1"]);
  });

  test("the metadata of all that is held answers together", () => {
    const { cache } = readerOf(whole, partial);
    assert.deepEqual(versions(cache.list(metadataOf(ConfigMap))), { "n/a": "1", "n/b": "2" });
  });

  const refused: readonly { readonly name: string; readonly stores: readonly Store[]; readonly of: Query }[] = [
    { name: "where only their metadata is held", stores: [partial], of: select(ConfigMap, x2) },
    { name: "where a digest is held of them", stores: [whole, copies], of: select(ConfigMap, { labels: { y: "1" } }) },
    {
      name: "where some of them may be held in part: half an answer would pass for the whole one",
      stores: [whole, partial],
      of: select(ConfigMap),
    },
  ];
  for (const { name, stores, of } of refused)
    test(`whole objects are refused ${name}, with what to declare`, () => {
      const { cache, recorded } = readerOf(...stores);
      assert.throws(
        () => cache.list(of),
        (error) =>
          codeOf(error) === "FUNCTION_READ_UNDECLARED" &&
          String(error).includes(`read ${formatQuery(metadataOf(of))}, or declare ${formatQuery(of)} in \`reads\``),
      );
      assert.deepEqual(recorded, []);
    });

  test("whole objects are not refused for parts of others", () => {
    const { cache } = readerOf(whole, partial, copies);
    assert.deepEqual(versions(cache.list(select(ConfigMap, x1))), { "n/a": "1" });
    assert.deepEqual(versions(readerOf(whole, partial).cache.list(ConfigMap, { labels: { x: { in: ["1", "3"] } } })), {
      "n/a": "1",
    });
  });

  test("refuses a part that a function cannot ask for", () => {
    const { cache } = readerOf(whole);
    assert.throws(() => cache.list({ ...select(ConfigMap), part: "metadata+digest" }), /cache\.list wants a part/);
  });
});
