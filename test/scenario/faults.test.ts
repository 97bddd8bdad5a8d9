/** Crashes, lost answers, refusals and silent watches: the same end, without a needless write. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap, Namespace } from "../../runtime/kube/kind.ts";
import type { Fault } from "../support/in-process-transport.ts";
import { configMap, namespace, source } from "./objects.ts";
import { isWrite, type RecordedRequest } from "./recorder.ts";
import { world, type World } from "./world.ts";

const MINUTE = 60_000;
const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
const namespaces = range(4).map((i) => `team-${i}`);
const copiesOf = (name: string): readonly string[] => namespaces.map((namespace) => `${namespace}/${name}`);

/** Changes of a world whose copies of `default/settings` are in place, each with the writes it takes. */
const changes: readonly {
  readonly name: string;
  readonly change: (w: World) => Promise<void>;
  readonly copies: readonly string[];
  readonly content: unknown;
  readonly writeCount: number;
}[] = [
  {
    name: "a fan-out",
    change: (w) => w.create(source("default/more")),
    copies: [...copiesOf("more"), ...copiesOf("settings")].toSorted(),
    content: { a: "1" },
    writeCount: 4,
  },
  {
    name: "an edit",
    change: (w) => w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } })),
    copies: copiesOf("settings"),
    content: { a: "2" },
    writeCount: 4,
  },
  {
    name: "a deletion",
    change: (w) => w.delete(ConfigMap, "default/settings"),
    copies: [],
    content: undefined,
    writeCount: 4,
  },
  {
    name: "a replacement of an immutable source",
    async change(w) {
      await w.update(ConfigMap, "default/settings", (it) => ({ ...it, immutable: true }));
      await w.converged();
      await w.delete(ConfigMap, "default/settings");
      await w.create(source("default/settings", { data: { a: "2" } }));
    },
    copies: copiesOf("settings"),
    content: { a: "2" },
    writeCount: 12,
  },
];

suite("a host that is killed", () => {
  for (const { name, change, copies, content, writeCount } of changes) {
    for (const moment of ["before", "after"] as const) {
      test(`${moment} any one write of ${name}: the next one finishes, and repeats no more than that write`, async (context) => {
        for (const fatal of range(writeCount)) {
          const w = await world(context, { namespaces, objects: [source("default/settings")] });
          await w.converged();
          w.mark();
          let isDead = false;
          let count = 0;
          w.rule((request) => {
            if (isDead) return { do: "fail" };
            if (!isWrite(request) || count++ < fatal) return undefined;
            isDead = true;
            return { do: moment === "before" ? "fail" : "lose" };
          });
          await change(w);
          await w.advance(2_000);
          assert.ok(isDead, `there was no write ${fatal}`);
          await w.kill();
          w.rule(() => undefined);
          await w.boot();
          await w.converged();
          assert.deepEqual(await w.copies(), copies);
          assert.deepEqual((await w.get(ConfigMap, "team-3/settings"))?.data, content);
          const done = w.writeRequests().filter(({ status = 0 }) => status < 300 && status > 0).length;
          assert.ok(done <= writeCount, `${done} writes were carried out, ${writeCount} are needed`);
          assert.deepEqual(
            w.writeRequests().filter(({ status = 0 }) => status >= 400),
            [],
          );
          await w.close();
        }
      });
    }
  }

  test("after 10 of 100 deletions: the rest is gone after its start", async (context) => {
    const w = await world(context, {
      namespaces: range(10).map((i) => `team-${i}`),
      objects: range(10).map((i) => source(`default/s${i}`)),
    });
    await w.converged();
    let count = 0;
    w.rule((request) => (isWrite(request) && count++ >= 10 ? { do: "fail" } : undefined));
    for (const i of range(10)) await w.delete(ConfigMap, `default/s${i}`);
    await w.advance(1_000);
    await w.kill();
    w.rule(() => undefined);
    assert.equal((await w.copies()).length, 90);
    await w.boot();
    await w.converged();
    assert.deepEqual(await w.copies(), []);
  });
});

interface Trouble {
  readonly name: string;
  readonly fault: (w: World) => Fault;
  /** The first so many requests meet it. */
  readonly times: number;
}

const status = (code: number, reason: string, more: object = {}): object => {
  return { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message: "trouble", ...more };
};

const troubles: readonly Trouble[] = [
  {
    name: "an internal error",
    fault: () => ({ do: "answer", status: 500, body: status(500, "InternalError") }),
    times: 3,
  },
  { name: "a connection that breaks before", fault: () => ({ do: "fail" }), times: 3 },
  { name: "a connection that breaks after the write is done", fault: () => ({ do: "lose" }), times: 3 },
  { name: "an answer that takes for ever", fault: () => ({ do: "hang" }), times: 2 },
  { name: "an answer that is cut off", fault: () => ({ do: "truncate", afterBytes: 40, ending: "end" }), times: 3 },
  { name: "a proxy that answers in HTML", fault: () => ({ do: "answer", status: 502, body: "<html>" }), times: 3 },
  { name: "a slow server", fault: ({ clock }) => ({ do: "delay", delayMs: 3_000, clock }), times: 4 },
];

suite("a write that meets", () => {
  for (const { name, fault, times } of troubles) {
    for (const { name: what, change, copies, content } of changes.slice(0, 3)) {
      test(`${name}, in ${what}: comes to the same end`, async (context) => {
        const w = await world(context, { namespaces, objects: [source("default/settings")] });
        await w.converged();
        w.mark();
        let count = 0;
        w.rule((request) => (isWrite(request) && count++ < times ? fault(w) : undefined));
        await change(w);
        await w.advance(MINUTE);
        assert.ok(count >= times);
        assert.deepEqual(await w.copies(), copies);
        assert.deepEqual((await w.get(ConfigMap, "team-3/settings"))?.data, content);
        assert.deepEqual(
          (await w.events()).filter((event) => !event.startsWith("WriteRefused")),
          [],
        );
        w.mark();
        await w.advance(10 * MINUTE);
        assert.deepEqual(w.writes(), []);
      });
    }
  }

  test("a refusal that asks for a pause waits as long as it was asked to, with a little spread", async (context) => {
    const w = await world(context, { namespaces: ["team-0"] });
    await w.converged();
    const busy = {
      do: "answer",
      status: 429,
      headers: { "retry-after": "7" },
      body: status(429, "TooManyRequests"),
    } as const;
    let count = 0;
    w.rule((request) => (isWrite(request) && count++ < 3 ? busy : undefined));
    await w.create(source("default/settings"));
    await w.advance(MINUTE);
    const times = w.writeRequests().map(({ atMs }) => atMs);
    assert.equal(times.length, 4);
    for (const [i, atMs] of times.entries()) {
      const pauseMs = atMs - (times[i - 1] ?? atMs - 7_000);
      assert.ok(pauseMs >= 7_000 && pauseMs <= 8_400 + 1, `${pauseMs} ms`);
    }
    assert.deepEqual(await w.copies(), ["team-0/settings"]);
  });

  test("one such refusal among other failures waits all the same", async (context) => {
    const w = await world(context, { namespaces });
    await w.converged();
    const busy = {
      do: "answer",
      status: 429,
      headers: { "retry-after": "20" },
      body: status(429, "TooManyRequests"),
    } as const;
    let isOver = false;
    w.rule((request) => {
      if (isOver || !isWrite(request)) return undefined;
      return request.key.startsWith("team-2/") ? busy : { do: "fail" };
    });
    await w.create(source("default/settings"));
    await w.advance(19_000);
    assert.equal(w.writes().length, 4);
    isOver = true;
    await w.advance(6_000);
    assert.equal((await w.copies()).length, 4);
  });

  test("a long outage is not taken for another actor", async (context) => {
    const w = await world(context, { namespaces: ["team-0"] });
    await w.converged();
    let isDown = true;
    w.rule((request) => (isDown && isWrite(request) ? { do: "fail" } : undefined));
    await w.create(source("default/settings"));
    await w.advance(5 * MINUTE);
    assert.ok(w.writes().length > 12, `${w.writes().length} tries`);
    isDown = false;
    await w.advance(6 * MINUTE);
    assert.deepEqual(await w.copies(), ["team-0/settings"]);
    assert.deepEqual(await w.events(), []);
  });
});

suite("what is blocked", () => {
  test("by a stranger is no hot loop when the question for it fails", async (context) => {
    const w = await world(context, { objects: [configMap("team-a/settings"), source("default/settings")] });
    await w.converged();
    w.mark();
    w.rule(({ verb, key }) => (verb === "get" && key === "team-a/settings" ? { do: "fail" } : undefined));
    await w.advance(30 * MINUTE);
    const questions = w.asked().filter((request) => request === "get configmaps team-a/settings").length;
    assert.ok(questions >= 10 && questions <= 60, `${questions} questions`);
  });

  test("because a deletion is denied is no hot loop, and goes on when it is allowed", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    w.mark();
    const denied = { do: "answer", status: 403, body: status(403, "Forbidden") } as const;
    w.rule(({ verb, key }) => (verb === "delete" && key === "team-a/settings" ? denied : undefined));
    await w.delete(ConfigMap, "default/settings");
    await w.advance(30 * MINUTE);
    assert.deepEqual(await w.copies(), ["team-a/settings"]);
    assert.ok(w.writes().length <= 22, `${w.writes().length} tries`);
    w.rule(() => undefined);
    await w.advance(7 * MINUTE);
    assert.deepEqual(await w.copies(), []);
  });
});

suite("the second look before a deletion", () => {
  test("that cannot be taken deletes nothing, holds up no creation, and is taken again", async (context) => {
    const w = await world(context, { objects: [source("default/settings")], namespaces: ["team-a", "squad-a"] });
    await w.converged();
    w.mark();
    let isDown = true;
    w.rule(({ verb }) => (isDown && (verb === "get" || verb === "list") ? { do: "fail" } : undefined));
    await w.apply({ config: { mirror: { prefixes: ["squad-"] } } });
    await w.advance(MINUTE);
    assert.deepEqual(await w.copies(), ["squad-a/settings", "team-a/settings"]);
    await w.create(namespace("squad-b"));
    await w.advance(5_000);
    assert.deepEqual(await w.copies(), ["squad-a/settings", "squad-b/settings", "team-a/settings"]);
    isDown = false;
    await w.advance(2 * MINUTE);
    assert.deepEqual(await w.copies(), ["squad-a/settings", "squad-b/settings"]);
  });

  test("is shared: a source with fifty copies is asked for once or twice, not fifty times", async (context) => {
    const w = await world(context, {
      namespaces: range(50).map((i) => `team-${i}`),
      objects: [source("default/settings")],
    });
    await w.converged();
    w.mark();
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    assert.equal(w.writes().length, 50);
    assert.ok(w.asked().filter((request) => request === "get configmaps default/settings").length <= 2);
  });
});

const watches = (part: string): ((request: RecordedRequest) => boolean) => {
  return ({ verb, path }) => verb === "watch" && path.includes(part);
};

suite("a watch", () => {
  test("that falls silent is found dead, and what it missed is done", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    const isSources = watches("mirror%3Dtrue");
    await w.stop();
    let count = 0;
    w.rule((request) => {
      if (!isSources(request) || count++ > 0) return undefined;
      return { do: "truncate", afterBytes: 1_000, ending: "hang" };
    });
    await w.boot();
    await w.advance(1_000);
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } }));
    await w.advance(3 * MINUTE);
    assert.deepEqual(await w.contents(), { "team-a/settings": { a: "2" }, "team-b/settings": { a: "2" } });
    assert.ok(count >= 2);
  });

  test("of one kind that is cut off holds up nothing else", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    const isNamespaces = watches("/namespaces?");
    w.rule((request) => (isNamespaces(request) ? { do: "fail" } : undefined));
    await w.advance(12 * MINUTE);
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } }));
    await w.create(namespace("team-late"));
    await w.advance(5_000);
    assert.deepEqual(await w.contents(), { "team-a/settings": { a: "2" }, "team-b/settings": { a: "2" } });
    w.rule(() => undefined);
    await w.advance(MINUTE);
    assert.equal((await w.copies()).length, 3);
  });

  for (const part of ["mirror%3Dtrue", "evenkeel.dev%2Ffunction", "/namespaces?"]) {
    test(`of ${decodeURIComponent(part)} that has expired leads to a relist that finds what went meanwhile`, async (context) => {
      const w = await world(context, { objects: [source("default/gone"), source("default/settings")], namespaces });
      await w.converged();
      const isCut = watches(part);
      w.rule((request) => (isCut(request) ? { do: "fail" } : undefined));
      await w.advance(11 * MINUTE);
      await w.delete(ConfigMap, "default/gone");
      await w.delete(ConfigMap, "team-1/settings");
      await w.delete(Namespace, "team-0");
      await w.create(namespace("team-new"));
      await w.advance(MINUTE);
      w.compact();
      w.rule(() => undefined);
      await w.advance(3 * MINUTE);
      const expected = [...namespaces.slice(1), "team-new"].map((name) => `${name}/settings`);
      assert.deepEqual(await w.copies(), expected);
    });
  }
});

suite("a source that is deleted while it is copied", () => {
  test("costs at most the writes that were under way, and leaves no copy", async (context) => {
    const w = await world(context, { namespaces: range(200).map((i) => `team-${i}`) });
    await w.converged();
    w.mark();
    w.rule((request) => (isWrite(request) ? { do: "delay", delayMs: 500, clock: w.clock } : undefined));
    await w.create(source("default/settings"));
    await w.advance(1_200);
    await w.delete(ConfigMap, "default/settings");
    const sentCount = w.writes().length;
    await w.advance(MINUTE);
    const creates = w.writes().filter((write) => write.startsWith("create"));
    assert.ok(sentCount >= 32 && sentCount < 100, `${sentCount} sent`);
    assert.ok(creates.length <= sentCount + 16, `${creates.length - sentCount} after the deletion`);
    assert.deepEqual(await w.copies(), []);
  });
});

suite("a copy of ours that nobody saw", () => {
  test("created and deleted by somebody else while the watch was down: is there again after the relist", async (context) => {
    const w = await world(context, { namespaces: ["team-0"] });
    await w.converged();
    const isCopies = watches("evenkeel.dev%2Ffunction");
    w.rule((request) => (isCopies(request) ? { do: "fail" } : undefined));
    await w.advance(11 * MINUTE);
    await w.create(source("default/settings"));
    await w.advance(15_000);
    assert.deepEqual(await w.copies(), ["team-0/settings"]);
    await w.delete(ConfigMap, "team-0/settings");
    w.compact();
    w.rule(() => undefined);
    await w.advance(2 * MINUTE);
    assert.deepEqual(await w.copies(), ["team-0/settings"]);
  });

  test("deleted by somebody else while the watch was down, after a lost answer: is there again", async (context) => {
    const w = await world(context, { namespaces: ["team-0"] });
    await w.converged();
    w.delayWatches(60_000);
    let isLost = false;
    w.rule((request) => {
      if (!isWrite(request) || isLost) return undefined;
      isLost = true;
      return { do: "lose" };
    });
    await w.create(source("default/settings"));
    await w.advance(90_000);
    await w.delete(ConfigMap, "team-0/settings");
    w.delayWatches(0);
    await w.advance(3 * MINUTE);
    assert.deepEqual(await w.copies(), ["team-0/settings"]);
  });
});
