/** What the host tells in spans, Events, logs and metrics, and what it keeps to itself. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { defineFunction } from "../../runtime/reconcile/define.ts";
import { normal } from "../../runtime/reconcile/effects.ts";
import { configMap, source } from "./objects.ts";
import { world } from "./world.ts";

const MINUTE = 60_000;

suite("what the host tells", () => {
  test("holds no data value: not in spans, events, logs or metrics", async (context) => {
    const canary = "c4n4ry";
    const content = { data: { password: canary }, binaryData: { key: Buffer.from(canary).toString("base64") } };
    const base64 = content.binaryData.key;
    const objects = [
      source("default/settings", content),
      source("other/settings", content),
      source("default/kube-root-ca.crt", content),
      source("default/fixed", { ...content, immutable: true }),
    ];
    const w = await world(context, { objects });
    await w.create({ ...source("team-a/taken"), metadata: { name: "taken", namespace: "team-a" } });
    await w.create(source("default/taken", content));
    w.rule(({ verb, key }) => {
      if (verb === "create" && key === "team-b/settings") return { do: "answer", status: 500, body: "boom" };
      return verb === "delete" ? { do: "fail" } : undefined;
    });
    await w.advance(MINUTE);
    w.rule(() => undefined);
    await w.delete(ConfigMap, "default/fixed");
    await w.create(source("default/fixed", { data: { password: `${canary}2` }, immutable: true }));
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    const spans = w.spans.getFinishedSpans();
    assert.ok(spans.length > 20 && w.logs.length > 10 && (await w.events()).length >= 4);
    const told = {
      spans: spans.map(({ name, attributes, events, status, links }) =>
        JSON.stringify({ name, attributes, events, status, links: links.map((link) => link.attributes) }),
      ),
      logs: w.logs,
      events: await w.eventTexts(),
      metrics: [await w.machine.metrics.text()],
    };
    for (const [where, texts] of Object.entries(told)) {
      const leak = texts.find((text) => text.includes(canary) || text.includes(base64));
      assert.equal(leak, undefined, where);
    }
  });

  test("says why each run happened, and links it to the write that woke it", async (context) => {
    const w = await world(context);
    await w.converged();
    // As over a network: the answer to a write is there before the watch tells of it.
    w.delayWatches(5);
    w.spans.reset();
    await w.create(source("default/settings"));
    await w.converged();
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    const reasons = w.spans
      .getFinishedSpans()
      .filter(({ name }) => name.startsWith("reconcile"))
      .map(
        ({ name, attributes }) =>
          `${name} ${String(attributes["evenkeel.key"])}: ${String(attributes["evenkeel.wakes"])}`,
      );
    assert.ok(reasons.includes("reconcile mirror default/settings: source added"), reasons.join("\n"));
    const deletion =
      "read deleted v1/ConfigMap default/settings (v1/ConfigMap default/settings [mirror=true] (metadata))";
    assert.ok(reasons.includes(`reconcile cleanup-on-delete team-a/settings: ${deletion}`), reasons.join("\n"));
    const creation = w.spans.getFinishedSpans().find(({ name }) => name === "create v1/ConfigMap");
    const linked = w.spans
      .getFinishedSpans()
      .filter(({ name }) => name === "reconcile cleanup-on-delete")
      .flatMap(({ links }) => links.map((link) => link.context.spanId));
    assert.ok(linked.includes(creation?.spanContext().spanId ?? "none"));
  });

  test("carries the span of each write to the API server", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    const written = w.spans.getFinishedSpans().filter(({ name }) => name === "create v1/ConfigMap");
    assert.equal(written.length, 2);
    for (const { attributes } of written) {
      assert.equal(attributes["evenkeel.result"], "ok");
      assert.ok(["team-a", "team-b"].includes(String(attributes["k8s.namespace.name"])));
    }
  });
});

test("an event of more than the server takes is cut, and holds up no child", async (context) => {
  const loud = defineFunction({
    watches: ConfigMap,
    where: { labels: { loud: "true" } },
    writes: [ConfigMap],
    reconcile: ({ metadata: { name, namespace } }) => ({
      children: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: `${name}-shadow`, namespace } }],
      events: [normal("Loud", "a".repeat(1025))],
    }),
  });
  const w = await world(context, { functions: { loud } });
  await w.create(configMap("default/s", { labels: { loud: "true" } }));
  await w.advance(1_000);
  assert.deepEqual(await w.copies(), ["default/s-shadow"]);
  assert.match((await w.eventTexts())[0] ?? "", /"note":"a{1021}…"/);
});

test("Events that were too many at once are told later", async (context) => {
  const names = Array.from({ length: 80 }, (_, i) => `s${i}`);
  const w = await world(context, {
    namespaces: ["team-a"],
    objects: [...names.map((name) => source(`default/${name}`)), ...names.map((name) => configMap(`team-a/${name}`))],
  });
  await w.advance(20 * MINUTE);
  assert.equal(new Set(await w.events()).size, 80);
});
