/**
 * Tracked reads are the only thing that wakes a key, and they are enough: in random worlds, for random functions and random
 * changes, every key shows in the end what its function would say of the world as it is. How often a key ran for nothing is
 * printed.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { CacheReader } from "../../runtime/cache/reader.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { objectKey, type StoredObject } from "../../runtime/kube/object.ts";
import { matches, select, type Where } from "../../runtime/kube/query.ts";
import { defineFunction } from "../../runtime/reconcile/define.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { configMap } from "./objects.ts";
import { world, type World } from "./world.ts";

/** One read; `next` is made only where it found an odd number of objects. */
interface Step {
  readonly of: "thing" | "any";
  readonly where: Where;
  readonly isGet: boolean;
  readonly next: Step | undefined;
}

const namespaces = ["default", "kube-public"];
const names = ["ab", "abc", "b", "ba", "c"];
const tiers = ["x", "y", "z"];
const things = select(ConfigMap, { labels: { thing: "true" } });

class Chance {
  readonly #clock: VirtualClock;

  constructor(seed: number) {
    this.#clock = new VirtualClock({ seed });
  }

  below(count: number): number {
    return Math.floor(this.#clock.random() * count);
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    assert.ok(value !== undefined);
    return value;
  }
}

function randomStep(chance: Chance, depth = 0): Step {
  const name = chance.pick(names);
  const namespace = chance.pick(namespaces);
  const wheres: readonly Where[] = [
    {},
    { namespace },
    { namePrefix: name.slice(0, 1 + chance.below(2)) },
    { labels: { tier: chance.pick(tiers) } },
    { namespace, labels: { tier: chance.pick(tiers) } },
    { labels: { tier: { in: [chance.pick(tiers), chance.pick(tiers)] } } },
    { labels: { tier: { exists: false } } },
    { name },
    { namePrefix: "a", labels: { tier: { notIn: [chance.pick(tiers)] } } },
  ];
  const isGet = chance.below(3) === 0;
  return {
    of: chance.pick(["thing", "any"] as const),
    where: isGet ? { namespace, name } : chance.pick(wheres),
    isGet,
    next: depth < 2 && chance.below(2) === 0 ? randomStep(chance, depth + 1) : undefined,
  };
}

type Read = (step: Step) => readonly StoredObject[];

/** What the function of `step` says: everything that it saw, so that any difference it could see shows. */
function evaluate(step: Step | undefined, read: Read): string {
  if (step === undefined) return "";
  const found = read(step);
  const seen = found.map(({ metadata }) => `${objectKey(metadata)}@${metadata.resourceVersion}`).join(" ");
  return `(${seen})${evaluate(found.length % 2 === 1 ? step.next : undefined, read)}`;
}

function fromCache(cache: CacheReader): Read {
  return ({ of, where, isGet }) => {
    const what = of === "thing" ? things : select(ConfigMap);
    if (!isGet) return cache.list(what, where);
    const found = cache.get(what, { name: where.name ?? "", namespace: where.namespace });
    return found === undefined ? [] : [found];
  };
}

async function fromServer(w: World): Promise<Read> {
  const all = (await w.list(ConfigMap)).toSorted((a, b) => (objectKey(a.metadata) < objectKey(b.metadata) ? -1 : 1));
  return ({ of, where }) => {
    return all.filter((object) => matches(where, object) && (of === "any" || matches(things.where, object)));
  };
}

async function change(w: World, chance: Chance): Promise<void> {
  const key = `${chance.pick(namespaces)}/${chance.pick(names)}`;
  const tier = chance.pick(tiers);
  const labels = {
    ...(chance.below(4) > 0 && { thing: "true" }),
    ...(chance.below(4) > 0 && { tier }),
  };
  const isThere = (await w.get(ConfigMap, key)) !== undefined;
  if (!isThere) return w.create(configMap(key, { labels, data: { n: "0" } }));
  if (chance.below(3) === 0) return w.delete(ConfigMap, key);
  const data = { n: `${chance.below(1000)}` };
  await w.update(ConfigMap, key, (it) => ({ ...it, data, metadata: { ...it.metadata, labels } }));
}

suite("every key whose result would differ has run", () => {
  for (const seed of [1, 2, 3, 4]) {
    test(`after random changes and gaps in the watches, seed ${seed}`, async (context) => {
      const chance = new Chance(seed);
      const steps = new Map(Array.from({ length: 25 }, (_, i) => [`kube-system/probe-${i}`, randomStep(chance)]));
      const said = new Map<string, string>();
      let newsCount = 0;
      const probe = defineFunction({
        watches: select(ConfigMap, { labels: { probe: "true" } }),
        reads: [things, ConfigMap],
        reconcile({ metadata }, cache) {
          const key = objectKey(metadata);
          const says = evaluate(steps.get(key), fromCache(cache));
          if (said.get(key) !== says) newsCount++;
          said.set(key, says);
          if (says.length % 7 === 0) throw new Error("now and then");
          return {};
        },
      });
      const objects = [...steps.keys()].map((key) => configMap(key, { labels: { probe: "true" } }));
      const w = await world(context, { functions: { probe }, namespaces: [], objects, seed });
      await w.converged();
      const check = async (when: string): Promise<void> => {
        const read = await fromServer(w);
        for (const [key, step] of steps) {
          // What is seen of the probes themselves changes only with the probes.
          assert.equal(said.get(key), evaluate(step, read), `seed ${seed}, ${when}: ${key} ${JSON.stringify(step)}`);
        }
      };
      newsCount = 0;
      w.mark();
      const changeCount = 120;
      for (let i = 0; i < changeCount; i++) {
        await change(w, chance);
        if (chance.below(3) > 0) await w.advance(chance.below(20));
        if (chance.below(4) === 0) {
          await w.advance(200);
          await check(`change ${i}`);
        }
      }
      // A part that no watch tells of: the relist after it has to.
      w.rule(({ verb }) => (verb === "watch" ? { do: "fail" } : undefined));
      await w.advance(11 * 60_000);
      for (let i = 0; i < 8; i++) await change(w, chance);
      w.compact();
      w.rule(() => undefined);
      await w.advance(120_000);
      await check("relist");
      const runCount = w.runs.length;
      context.diagnostic(
        `${runCount} runs, ${runCount - newsCount} of them for nothing (retries and relists included)`,
      );
      assert.ok(newsCount > changeCount);
    });
  }
});
