/** What is not provably ours, or not provably unwanted, is never written and never deleted. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap, Namespace } from "../../runtime/kube/kind.ts";
import { select } from "../../runtime/kube/query.ts";
import { defineFunction } from "../../runtime/reconcile/define.ts";
import { configMap, source } from "./objects.ts";
import { refusal } from "./refusal.ts";
import type { RecordedRequest, Rule } from "./recorder.ts";
import { shipped, world, type World } from "./world.ts";

const MINUTE = 60_000;

const strangers: readonly { readonly name: string; readonly object: ConfigMap }[] = [
  { name: "without any metadata", object: configMap("team-a/settings", { data: { mine: "yes" } }) },
  { name: "with empty data", object: configMap("team-a/settings") },
  {
    name: "with annotations and labels of its own",
    object: configMap("team-a/settings", { annotations: { note: "hands off" }, labels: { app: "x" } }),
  },
  {
    name: "with our label but no proof",
    object: configMap("team-a/settings", { labels: { "evenkeel.dev/function": "mirror" } }),
  },
  {
    name: "copied by hand from a copy of ours elsewhere",
    object: configMap("team-a/settings", {
      labels: { "evenkeel.dev/function": "mirror" },
      annotations: {
        "evenkeel.dev/owner": "ConfigMap/default/settings",
        "evenkeel.dev/owner-uid": "b1946ac9-2492-4d23-8f2b-000000000001",
        "evenkeel.dev/self": "ConfigMap/team-b/settings",
      },
    }),
  },
];

suite("an object that is not ours", () => {
  for (const { name, object } of strangers) {
    test(`${name} survives everything, told once`, async (context) => {
      const w = await world(context, { objects: [object, source("default/settings")] });
      const before = await w.get(ConfigMap, "team-a/settings");
      await w.converged();
      assert.equal(await w.metric('evenkeel_conflicts{controller="mirror"}'), 1);
      await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } }));
      await w.converged();
      await w.update(Namespace, "team-a", (it) => ({
        ...it,
        metadata: { ...it.metadata, labels: { ...it.metadata.labels, tier: "gold" } },
      }));
      await w.converged();
      await w.restart();
      await w.converged();
      await w.apply({ config: { mirror: { prefixes: ["squad-"] } } });
      await w.converged();
      await w.apply({ config: { mirror: { prefixes: ["team-"] } } });
      await w.converged();
      await w.advance(20 * MINUTE);
      assert.deepEqual(await w.events(), ["NotOurs on default/settings"]);
      await w.delete(ConfigMap, "default/settings");
      await w.converged();
      assert.deepEqual(await w.get(ConfigMap, "team-a/settings"), before);
      assert.deepEqual(await w.copies(), object.metadata.labels?.["evenkeel.dev/function"] ? ["team-a/settings"] : []);
      assert.equal(await w.metric('evenkeel_conflicts{controller="mirror"}'), 0);
    });
  }

  test("makes way when its owner deletes it: the copy appears within a minute or so", async (context) => {
    const w = await world(context, { objects: [configMap("team-a/settings"), source("default/settings")] });
    await w.advance(10 * MINUTE);
    await w.delete(ConfigMap, "team-a/settings");
    await w.advance(75_000);
    assert.deepEqual(await w.copies(), ["team-a/settings", "team-b/settings"]);
    assert.equal(await w.metric('evenkeel_conflicts{controller="mirror"}'), 0);
  });

  test("costs no write while it stands in the way", async (context) => {
    const w = await world(context, { objects: [configMap("team-a/settings"), source("default/settings")] });
    await w.converged();
    w.mark();
    await w.advance(60 * MINUTE);
    assert.deepEqual(w.writes(), []);
  });

  test("that takes a copy's place between decision and call survives the deletion", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    let isSwapped = false;
    w.rule(({ verb, key }) => {
      if (verb !== "delete" || key !== "team-a/settings" || isSwapped) return undefined;
      isSwapped = true;
      return { do: "delay", delayMs: 500, clock: w.clock };
    });
    w.delayWatches(2_000);
    await w.delete(ConfigMap, "default/settings");
    await w.advanceUntil(() => isSwapped);
    await w.delete(ConfigMap, "team-a/settings");
    await w.create(configMap("team-a/settings", { data: { mine: "yes" } }));
    await w.converged();
    const deletions = w.writeRequests().filter(({ verb }) => verb === "delete");
    for (const { body } of deletions)
      assert.match(body ?? "", /"preconditions":\{"uid":"[^"]+","resourceVersion":"\d+"\}/);
    assert.deepEqual((await w.get(ConfigMap, "team-a/settings"))?.data, { mine: "yes" });
    assert.deepEqual(await w.copies(), []);
  });
});

suite("a source", () => {
  test("is never written, also when its own namespace matches", async (context) => {
    const w = await world(context, { objects: [source("team-a/settings")] });
    const before = await w.get(ConfigMap, "team-a/settings");
    await w.converged();
    assert.deepEqual(w.writes(), ["create team-b/settings"]);
    assert.deepEqual(await w.get(ConfigMap, "team-a/settings"), before);
  });

  for (const name of ["kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"]) {
    test(`with the reserved name ${name} is refused with an Event`, async (context) => {
      const w = await world(context, { objects: [source(`default/${name}`)] });
      await w.converged();
      assert.deepEqual(w.writes(), []);
      assert.deepEqual(await w.events(), [`Refused on default/${name}`]);
    });
  }

  test("outside the allowed namespaces is refused; taking its namespace off the list removes its copies", async (context) => {
    const w = await world(context, {
      objects: [source("default/settings"), source("other/rogue")],
      config: { mirror: { prefixes: ["team-"], sourceNamespaces: ["default"] } },
    });
    await w.converged();
    assert.deepEqual(await w.copies(), ["team-a/settings", "team-b/settings"]);
    assert.deepEqual(await w.events(), ["Refused on other/rogue"]);
    await w.apply({ config: { mirror: { prefixes: ["team-"], sourceNamespaces: ["other"] } } });
    await w.converged();
    assert.deepEqual(await w.copies(), ["team-a/rogue", "team-b/rogue"]);
  });

  test("deleted takes its own copies with it and no other's", async (context) => {
    const w = await world(context, { objects: [source("default/one"), source("other/two")] });
    await w.converged();
    w.mark();
    await w.delete(ConfigMap, "default/one");
    await w.converged();
    assert.deepEqual(await w.copies(), ["team-a/two", "team-b/two"]);
    assert.deepEqual(w.writes().toSorted(), ["delete team-a/one", "delete team-b/one"]);
  });
});

suite("a cache that is not filled yet", () => {
  const caches: readonly { readonly name: string; readonly isList: (request: RecordedRequest) => boolean }[] = [
    { name: "the sources", isList: ({ path }) => path.includes("configmaps?") && path.includes("mirror%3Dtrue") },
    {
      name: "the copies",
      isList: ({ path }) => path.includes("configmaps?") && path.includes("evenkeel.dev%2Ffunction"),
    },
    { name: "the namespaces", isList: ({ path }) => path.includes("namespaces?") },
  ];
  for (const { name, isList } of caches) {
    for (const delayMs of [2_000, 20_000]) {
      test(`${name}, ${delayMs / 1000} s late at the start: nothing is deleted, nothing is repeated`, async (context) => {
        const w = await world(context, { objects: [source("default/settings"), source("other/more")] });
        await w.converged();
        await w.stop();
        w.mark();
        let lateCount = 0;
        w.rule((request) => {
          if (!isList(request) || request.method !== "GET") return undefined;
          lateCount++;
          return { do: "delay", delayMs, clock: w.clock };
        });
        await w.boot();
        await w.advance(delayMs + 5_000);
        await w.converged();
        assert.ok(lateCount > 0, "no list was late");
        assert.deepEqual(w.writes(), []);
        assert.equal((await w.copies()).length, 4);
      });
    }
  }
});

suite("a prefix", () => {
  test("means the namespaces whose names begin with it, letter by letter, and no others", async (context) => {
    const namespaces = ["team-a", "xteam-a", "team", "tea", "team-", "teams"].filter((name) => !name.endsWith("-"));
    const w = await world(context, { namespaces, objects: [source("default/settings")] });
    await w.converged();
    assert.deepEqual(await w.copies(), ["team-a/settings"]);
  });

  test("never reaches the control plane's own namespaces", async (context) => {
    const w = await world(context, {
      objects: [source("default/settings")],
      config: { mirror: { prefixes: ["kube", "k"] } },
    });
    await w.converged();
    assert.deepEqual(w.writes(), []);
  });
});

test("a name that looks like a pattern is one name, and not what begins alike", async (context) => {
  const f = defineFunction({
    watches: ConfigMap,
    where: { labels: { picks: "true" } },
    reads: [ConfigMap],
    writes: [ConfigMap],
    reconcile({ data = {} }, cache) {
      const pattern = data["of"] ?? "";
      const many = cache.list(ConfigMap, { namespace: "default", namePrefix: pattern.replace("*", "") });
      const one = cache.get(ConfigMap, { namespace: "default", name: pattern });
      const picked = one === undefined ? many : [one];
      return { children: picked.map(({ metadata }) => configMap(`team-a/${metadata.name}`)) };
    },
  });
  const picks = configMap("default/picks", { labels: { picks: "true" }, data: { of: "app-*" } });
  const objects = [configMap("default/app-1"), configMap("default/app-2"), picks];
  const w = await world(context, { functions: { f }, objects });
  await w.converged();
  assert.deepEqual(await w.copies(), ["team-a/app-1", "team-a/app-2"]);
  await w.update(ConfigMap, "default/picks", (it) => ({ ...it, data: { of: "app-1" } }));
  await w.advance(MINUTE);
  assert.deepEqual(await w.copies(), ["team-a/app-1"]);
  await w.update(ConfigMap, "default/picks", (it) => ({ ...it, data: { of: "app-*" } }));
  await w.advance(MINUTE);
  assert.deepEqual(await w.copies(), ["team-a/app-1", "team-a/app-2"]);
});

suite("a world that lies", () => {
  test("a restart against lists from the past deletes no copy of a source that lives again", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    await w.stop();
    await w.delete(ConfigMap, "default/settings");
    const frozen = await w.snapshot();
    await w.create(source("default/settings", { data: { a: "2" } }));
    w.mark();
    w.rule(fromThePast(frozen));
    await w.boot();
    await w.advance(30_000);
    assert.deepEqual(
      w.writes().filter((write) => write.startsWith("delete")),
      [],
    );
    assert.deepEqual(await w.copies(), ["team-a/settings", "team-b/settings"]);
    w.rule(() => undefined);
    await w.advance(2 * MINUTE);
    await w.converged();
    assert.deepEqual(await w.contents(), { "team-a/settings": { a: "2" }, "team-b/settings": { a: "2" } });
    assert.deepEqual(
      w.writes().filter((write) => write.startsWith("delete")),
      [],
    );
  });

  test("a restart against lists from the past deletes no copy in a namespace that is back", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    await w.stop();
    const frozen = await w.snapshot(({ name }) => name !== "team-b");
    w.mark();
    w.rule(fromThePast(frozen));
    await w.boot();
    await w.advance(30_000);
    assert.deepEqual(w.writes(), []);
    w.rule(() => undefined);
    await w.advance(2 * MINUTE);
    assert.deepEqual(w.writes(), []);
  });

  test("a relist that loses most sources holds their deletion, and lets it go when nothing is lost", async (context) => {
    const objects = Array.from({ length: 30 }, (_, i) => source(`default/s${i}`));
    const w = await world(context, { objects });
    await w.converged();
    assert.equal((await w.copies()).length, 60);
    w.mark();
    w.rule(({ path, verb }) => {
      if (verb === "watch" && path.includes("mirror%3Dtrue") && !path.includes("sendInitialEvents")) return expired;
      const isLists = path.includes("mirror%3Dtrue") && path.includes("configmaps?");
      if (!isLists || (verb !== "watch" && verb !== "list")) return undefined;
      return verb === "watch" ? refused : { do: "answer", status: 200, body: emptyList("100000") };
    });
    await w.advance(11 * MINUTE);
    assert.deepEqual(w.writes(), [], "the live reads say that every source is there");
    assert.ok(w.asked().length < 1_000, `${w.asked().length} questions for 60 copies in doubt`);
    assert.equal((await w.copies()).length, 60);
  });

  test("a relist that rightly lost most sources removes their copies once two lists have confirmed it", async (context) => {
    const objects = Array.from({ length: 30 }, (_, i) => source(`default/s${i}`));
    const w = await world(context, { objects });
    await w.converged();
    let isCut = true;
    w.rule(({ path, verb }) =>
      isCut && path.includes("mirror%3Dtrue") && (verb === "watch" || verb === "list") ? { do: "fail" } : undefined,
    );
    await w.advance(11 * MINUTE);
    for (let i = 0; i < 29; i++) await w.delete(ConfigMap, `default/s${i}`);
    w.compact();
    w.mark();
    isCut = false;
    await w.advanceUntil(() => w.asked().length > 0);
    await w.advance(20_000);
    assert.deepEqual(w.writes(), [], "held until it is confirmed");
    const held = async () =>
      [...(await w.samples())].filter(([id, is]) => id.startsWith("evenkeel_deletions_held") && is);
    assert.deepEqual(await held(), [['evenkeel_deletions_held{name="v1/ConfigMap */* [mirror=true]"}', 1]]);
    await w.advance(2 * MINUTE);
    assert.deepEqual(await held(), []);
    assert.deepEqual(await w.copies(), ["team-a/s29", "team-b/s29"]);
  });
});

suite("a deletion that the cache asks for", () => {
  const flagged = select(ConfigMap, { labels: { policy: "true" } });
  /** Deletes or lets go what mirror made, as a ConfigMap labelled policy=true says. */
  const sweeper = defineFunction({
    watches: select(ConfigMap, { labels: { "evenkeel.dev/function": "mirror" } }),
    reads: [flagged],
    writes: [ConfigMap],
    reconcile(copy, cache) {
      const mode = cache.list(flagged)[0]?.data?.["mode"];
      return { deletions: mode === "delete" ? [copy] : [], releases: mode === "release" ? [copy] : [] };
    },
  });

  test("is not carried out where the live cluster says to let go", async (context) => {
    const policy = configMap("default/policy", { labels: { policy: "true" }, data: { mode: "keep" } });
    const w = await world(context, {
      functions: { mirror: shipped.mirror, sweeper },
      config: { mirror: { prefixes: ["team-"] } },
      objects: [source("default/settings"), policy],
    });
    await w.converged();
    await w.apply({ functions: { sweeper }, config: {} });
    w.mark();
    w.delayWatches(2_000);
    await w.update(ConfigMap, "default/policy", (it) => ({ ...it, data: { mode: "delete" } }));
    await w.advance(1_000);
    await w.update(ConfigMap, "default/policy", (it) => ({ ...it, data: { mode: "release" } }));
    await w.advance(MINUTE);
    w.delayWatches(0);
    await w.converged();
    assert.deepEqual([...new Set(w.writes().map((write) => write.split(" ")[0]))], ["patch"]);
  });
});

const refused = refusal(422, "Invalid", "no WatchList");
const expired = refusal(410, "Expired", "too old");

function emptyList(resourceVersion: string): object {
  return { kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion }, items: [] };
}

/** The first list of each informer is from `frozen`, and its watch says nothing; single objects and later lists are live. */
function fromThePast(frozen: Awaited<ReturnType<World["snapshot"]>>): Rule {
  const listed = new Set<string>();
  return ({ path, verb }) => {
    if (verb === "watch" && path.includes("sendInitialEvents")) return refused;
    if (verb === "watch") return { do: "hang" };
    const [where = "", query = ""] = path.split("?");
    const selector = new URLSearchParams(query).get("labelSelector") ?? "";
    const id = `${where} ${selector}`;
    if (verb !== "list" || listed.has(id) || query.includes("fieldSelector")) return undefined;
    listed.add(id);
    return {
      do: "answer",
      status: 200,
      body: frozen(where.endsWith("namespaces") ? "Namespace" : "ConfigMap", selector),
    };
  };
}
