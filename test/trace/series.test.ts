import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Counter, Gauge, Registry } from "prom-client";
import { family } from "../../runtime/trace/series.ts";
import { parseMetrics } from "./metrics-page.ts";

suite("series", () => {
  for (const [type, word] of [
    [Counter, "counter"],
    [Gauge, "gauge"],
  ] as const) {
    test(`a ${word} is on the page at zero, then with what it is at each scrape`, async () => {
      const { of, page } = world(type);
      const one = of("a");
      of("b").value = 2;
      assert.deepEqual(await page(), { type: word, 'm{name="a"}': 0, 'm{name="b"}': 2 });
      one.value = 3;
      await page();
      one.value++;
      assert.deepEqual(await page(), { type: word, 'm{name="a"}': 4, 'm{name="b"}': 2 }, "not a sum over scrapes");
    });

    test(`a ${word} that is closed is gone, counts no more and leaves the others`, async () => {
      const { of, page } = world(type);
      const [one, other] = [of("a"), of("b")];
      other.value = 5;
      await page();
      one.close();
      one.value++;
      assert.deepEqual(await page(), { type: word, 'm{name="b"}': 5 });
      of("a");
      one.close();
      assert.deepEqual(await page(), { type: word, 'm{name="b"}': 5, 'm{name="a"}': 0 }, "its successor stays");
    });
  }

  test("a gauge goes below what it was at the last scrape, and below zero", async () => {
    const { of, page } = world(Gauge);
    const one = of("a");
    one.value = 3;
    await page();
    one.value = -1;
    assert.deepEqual(await page(), { type: "gauge", 'm{name="a"}': -1 });
  });
});

function world(type: typeof Counter | typeof Gauge) {
  const registry = new Registry();
  const series = family(registry, type, { name: "m", help: "Of a test.", labelNames: ["name"] });
  return {
    of: (name: string) => series({ name }),
    page: async (): Promise<Record<string, string | number>> => {
      const found = parseMetrics(await registry.metrics()).get("m");
      return { type: found?.type ?? "", ...Object.fromEntries(found?.samples ?? []) };
    },
  };
}
