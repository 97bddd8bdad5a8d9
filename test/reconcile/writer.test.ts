/** How a plan's writes are sent: in which order, how many at once, on which conditions, and what is told of each. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import { objectKey, parseKey } from "../../runtime/kube/object.ts";
import { refusal } from "../../runtime/kube/refusal.ts";
import type { Write } from "../../runtime/reconcile/plan.ts";
import { Slots } from "../../runtime/reconcile/slots.ts";
import { Writer, type Sending, type Sent } from "../../runtime/reconcile/writer.ts";
import { attributes as keys } from "../../runtime/trace/names.ts";
import { settle } from "../support/virtual-clock.ts";
import { start, tracingWorld } from "../trace/spans.ts";
import { configMap } from "./builders.ts";
import { FakeApi } from "./fake-api.ts";

const kind = { apiVersion: "v1", kind: "ConfigMap" };
const to = (key: string): { readonly kind: typeof kind; readonly name: ReturnType<typeof parseKey> } => ({
  kind,
  name: parseKey(key),
});
const body = (key: string): ReturnType<typeof configMap> => configMap(key);
const identity = { uid: "u7", resourceVersion: "70" };

const create = (key: string): Write => ({ ...to(key), verb: "create", body: body(key), strategy: "update" });
const remove = (key: string): Write => ({ ...to(key), verb: "delete", ...identity });
const replace = (key: string): Write => ({ ...to(key), verb: "replace", body: body(key), ...identity });

interface Rig {
  readonly fake: FakeApi;
  readonly sent: Sent[];
  /** `ok team-a/settings`, in the order of the answers. */
  readonly outcomes: () => readonly string[];
  readonly results: () => readonly unknown[];
  readonly send: (writes: readonly Write[], more?: Partial<Sending>) => Promise<void>;
  isLeading: boolean;
}

function rig({ slots = 100 }: { readonly slots?: number } = {}): Rig {
  const fake = new FakeApi();
  const sent: Sent[] = [];
  const { tracer, exporter } = tracingWorld();
  const trace = tracer.start(start);
  const rig: Rig = {
    fake,
    sent,
    isLeading: true,
    outcomes: () => sent.map(({ outcome, write }) => `${outcome} ${objectKey(write.name)}`),
    results: () =>
      exporter
        .getFinishedSpans()
        .flatMap(({ attributes }) => (attributes[keys.verb] === undefined ? [] : [attributes[keys.result]])),
    send: (writes, more) => {
      const job: Sending = {
        writes,
        fieldManager: "evenkeel-mirror",
        applyManager: "evenkeel-mirror-1",
        trace,
        isWanted: () => true,
        onSent: (one) => sent.push(one),
        ...more,
      };
      return writer.send(job);
    },
  };
  const { signal } = new AbortController();
  const writer = new Writer({ api: fake.api, slots: new Slots(slots), isLeading: () => rig.isLeading, signal });
  return rig;
}

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `n${i}/a`);

suite("writer: order", () => {
  test("deletions start when everything else was answered, wherever they stand in the plan", async () => {
    const { fake, send } = rig();
    const done = send([remove("old/a"), create("new/a"), create("new/b")]);
    await settle(1);
    assert.deepEqual(fake.said, ["create v1/ConfigMap new/a", "create v1/ConfigMap new/b"]);
    fake.calls[0]?.succeed("1");
    await settle(1);
    assert.equal(fake.calls.length, 2);
    fake.answer = (call) => call.succeed();
    fake.calls[1]?.fail(new EvenkeelError("API_FORBIDDEN", "no"));
    await done;
    assert.deepEqual(fake.said.slice(2), ["delete v1/ConfigMap old/a"]);
  });

  test("one key has 16 writes under way at most", async () => {
    const { fake, send, outcomes } = rig();
    const done = send(names(40).map(create));
    await settle(1);
    assert.equal(fake.calls.length, 16);
    fake.calls[3]?.succeed("1");
    await settle(1);
    assert.equal(fake.calls.length, 17);
    fake.answer = (call) => call.succeed("1");
    for (const call of fake.calls) call.succeed("1");
    await done;
    assert.equal(outcomes().length, 40);
  });

  test("all keys together have no more writes under way than there are slots", async () => {
    const { fake, send } = rig({ slots: 3 });
    const all = [send(names(5).map(create)), send(names(5).map(remove))];
    await settle(1);
    assert.equal(fake.calls.length, 3);
    fake.answer = (call) => call.succeed("1");
    for (const call of fake.calls) call.succeed("1");
    await Promise.all(all);
    assert.equal(fake.calls.length, 10);
  });

  test("each answer is told as it arrives", async () => {
    const { fake, send, outcomes } = rig();
    const done = send([create("n/a"), create("n/b")]);
    await settle(1);
    fake.calls[1]?.succeed("1");
    await settle(1);
    assert.deepEqual(outcomes(), ["ok n/b"]);
    fake.calls[0]?.succeed("1");
    await done;
    assert.deepEqual(outcomes(), ["ok n/b", "ok n/a"]);
  });
});

suite("writer: conditions", () => {
  test("nothing is sent by one that does not lead", async () => {
    const world = rig();
    world.isLeading = false;
    world.fake.answer = (call) => call.succeed("1");
    await world.send([create("n/a"), remove("n/b")]);
    assert.deepEqual([world.fake.said, world.outcomes()], [[], ["skipped n/a", "skipped n/b"]]);
  });

  test("leadership is asked for before every single write", async () => {
    const world = rig({ slots: 1 });
    world.fake.answer = (call) => {
      if (world.fake.calls.length === 2) world.isLeading = false;
      call.succeed("1");
    };
    await world.send([...names(4).map(create), remove("n/z")]);
    assert.equal(world.fake.calls.length, 2);
    assert.deepEqual(world.outcomes(), ["ok n0/a", "ok n1/a", "skipped n2/a", "skipped n3/a", "skipped n/z"]);
  });

  test("leadership lost while waiting for a slot counts", async () => {
    const world = rig({ slots: 1 });
    const done = world.send([create("n/a"), create("n/b")]);
    await settle(1);
    world.isLeading = false;
    world.fake.answer = (call) => call.succeed("1");
    world.fake.calls[0]?.succeed("1");
    await done;
    assert.deepEqual(world.outcomes(), ["ok n/a", "skipped n/b"]);
  });

  test("a wish that no longer stands stops the rest", async () => {
    const world = rig({ slots: 1 });
    world.fake.answer = (call) => call.succeed("1");
    await world.send([...names(3).map(create), remove("n/z")], { isWanted: () => world.fake.calls.length < 2 });
    assert.deepEqual(world.outcomes(), ["ok n0/a", "ok n1/a", "skipped n2/a", "skipped n/z"]);
  });

  test("a replacement whose leader lost the lease after the deletion is not made by it", async () => {
    const world = rig();
    world.fake.answer = (call) => {
      world.isLeading = world.fake.calls.length < 2;
      call.succeed();
    };
    await world.send([replace("n/a")]);
    assert.deepEqual(world.fake.said, ["create v1/ConfigMap n/a", "delete v1/ConfigMap n/a"]);
    assert.deepEqual([world.outcomes(), world.results()], [["failed n/a"], ["ok", "ok"]]);
  });

  test("a replacement that is wanted no more when it has been rehearsed deletes nothing", async () => {
    const { fake, send, outcomes } = rig();
    fake.answer = (call) => call.succeed();
    await send([replace("n/a")], { isWanted: () => fake.calls.length === 0 });
    assert.deepEqual([fake.said, outcomes()], [["create v1/ConfigMap n/a"], ["skipped n/a"]]);
  });

  test("a replacement whose leader lost the lease before the deletion deletes nothing", async () => {
    const world = rig();
    world.fake.answer = (call) => {
      world.isLeading = false;
      call.succeed();
    };
    await world.send([replace("n/a")]);
    assert.deepEqual([world.fake.said, world.outcomes()], [["create v1/ConfigMap n/a"], ["skipped n/a"]]);
  });
});

const comparison = { resourceVersion: "70", digest: "c" };
const patch = { spec: { replicas: 1 } };

/** As the API server's answer reads when it comes out of the client. */
const forbidden = (message: string): EvenkeelError =>
  refusal(
    "create v1/ConfigMap n/a",
    { httpCode: 403, headers: {}, body: { kind: "Status", status: "Failure", reason: "Forbidden", message } },
    "object",
  );
const quota = (used: number): EvenkeelError =>
  forbidden(
    `configmaps "a" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=${used}, limited: count/configmaps=5`,
  );

suite("writer: each write is the right request", () => {
  const rows: readonly {
    readonly name: string;
    readonly write: Write;
    readonly calls: readonly string[];
    readonly body?: unknown;
    readonly options?: object;
  }[] = [
    { name: "create", write: create("n/a"), calls: ["create v1/ConfigMap n/a"], body: body("n/a") },
    {
      name: "update",
      write: { ...to("n/a"), verb: "update", body: body("n/a"), strategy: "update", comparison },
      calls: ["update v1/ConfigMap n/a"],
      body: body("n/a"),
    },
    {
      name: "create by fields",
      write: { ...to("n/a"), verb: "create", body: body("n/a"), strategy: "apply" },
      calls: ["patch v1/ConfigMap n/a"],
      options: { type: "apply", force: true },
    },
    {
      name: "update by fields",
      write: { ...to("n/a"), verb: "update", body: body("n/a"), strategy: "apply", comparison },
      calls: ["patch v1/ConfigMap n/a"],
      options: { type: "apply", force: true },
    },
    {
      name: "delete, with both preconditions",
      write: remove("n/a"),
      calls: ["delete v1/ConfigMap n/a"],
      body: identity,
    },
    {
      name: "replace: a creation as a dry run, a guarded deletion, the creation",
      write: replace("n/a"),
      calls: ["create v1/ConfigMap n/a", "delete v1/ConfigMap n/a", "create v1/ConfigMap n/a"],
      body: body("n/a"),
      options: { isDryRun: true },
    },
    {
      name: "release",
      write: { ...to("n/a"), verb: "release", patch, uid: "u7" },
      calls: ["patch v1/ConfigMap n/a"],
      body: patch,
      options: { type: "merge" },
    },
    {
      name: "apply to an object of others, without force",
      write: { ...to("n/a"), verb: "apply", body: patch, comparison },
      calls: ["patch v1/ConfigMap n/a"],
      body: patch,
      options: { type: "apply" },
    },
    {
      name: "status",
      write: { ...to("n/a"), verb: "status", body: patch, digest: "d", comparison },
      calls: ["patch v1/ConfigMap n/a"],
      body: patch,
      options: { type: "apply", force: true, subresource: "status" },
    },
    {
      name: "scale",
      write: { ...to("n/a"), verb: "scale", patch },
      calls: ["patch v1/ConfigMap n/a"],
      body: patch,
      options: { type: "merge", subresource: "scale" },
    },
  ];
  for (const { name, write, calls, body: expected, options: wanted = {} } of rows) {
    test(name, async () => {
      const { fake, send } = rig();
      fake.answer = (call) => call.succeed("1");
      await send([write]);
      assert.deepEqual(fake.said, calls);
      if (expected !== undefined) assert.deepEqual(fake.calls[0]?.body, expected);
      const { headers, signal, fieldManager, part, ...options } = fake.calls[0]?.options ?? {};
      const manager = write.verb === "apply" ? "evenkeel-mirror-1" : "evenkeel-mirror";
      assert.deepEqual([options, fieldManager, part], [wanted, manager, "metadata"]);
      assert.ok(signal instanceof AbortSignal);
      assert.match((headers as { readonly traceparent: string }).traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    });
  }

  test("a replacement deletes the very object that was looked at, and creates what was let pass", async () => {
    const { fake, send, outcomes, results } = rig();
    fake.answer = (call) => call.succeed("71");
    await send([replace("n/a")]);
    assert.deepEqual(fake.calls[1]?.body, identity);
    assert.deepEqual([fake.calls[2]?.body, fake.calls[2]?.options["isDryRun"]], [body("n/a"), undefined]);
    assert.deepEqual([outcomes(), results()], [["ok n/a"], ["ok", "ok", "ok"]]);
  });

  const said = ["create v1/ConfigMap n/a", "delete v1/ConfigMap n/a", "create v1/ConfigMap n/a"];
  const rehearsals: readonly { readonly name: string; readonly error: EvenkeelError; readonly isPassed: boolean }[] = [
    {
      name: "the name is taken: by what is to be replaced",
      error: new EvenkeelError("API_ALREADY_EXISTS", "n/a exists"),
      isPassed: true,
    },
    {
      name: "the quota is full: what is to be replaced is counted",
      error: quota(5),
      isPassed: true,
    },
    {
      name: "the quota is beyond its limit",
      error: quota(6),
      isPassed: false,
    },
    {
      name: "a webhook says what it calls an exceeded quota",
      error: forbidden('admission webhook "w" denied the request: exceeded quota: q, used: 5, limited: 5'),
      isPassed: false,
    },
    { name: "a policy says no", error: new EvenkeelError("API_FORBIDDEN", "n/a is forbidden: no"), isPassed: false },
    { name: "it is invalid", error: new EvenkeelError("API_INVALID", "n/a is invalid"), isPassed: false },
    { name: "no answer", error: new EvenkeelError("API_UNREACHABLE", "n/a"), isPassed: false },
  ];
  for (const { name, error, isPassed } of rehearsals)
    test(`a replacement is rehearsed: ${name}: ${isPassed ? "it is made" : "nothing is deleted"}`, async () => {
      const { fake, send, outcomes } = rig();
      fake.answer = (call) => (fake.calls.length === 1 ? call.fail(error) : call.succeed("71"));
      await send([replace("n/a")]);
      assert.deepEqual([fake.said, outcomes()], isPassed ? [said, ["ok n/a"]] : [said.slice(0, 1), ["failed n/a"]]);
    });

  test("a replacement whose deletion fails creates nothing", async () => {
    const { fake, send, outcomes } = rig();
    fake.answer = (call) =>
      fake.calls.length === 1 ? call.succeed() : call.fail(new EvenkeelError("API_CONFLICT", "no"));
    await send([replace("n/a")]);
    assert.deepEqual([fake.said, outcomes()], [said.slice(0, 2), ["failed n/a"]]);
  });
});

suite("writer: what is told", () => {
  test("of a success: the answer and the span that others link to", async () => {
    const { fake, send, sent, results } = rig();
    fake.answer = (call) => call.succeed("71");
    await send([create("n/a")]);
    const [one] = sent;
    assert.equal(one?.outcome, "ok");
    assert.equal(one?.answer.object?.metadata.resourceVersion, "71");
    assert.match(one?.context.spanId ?? "", /^[0-9a-f]{16}$/);
    assert.deepEqual(results(), ["ok"]);
  });

  const rows: readonly { readonly code: Code; readonly result: string }[] = [
    { code: "API_CONFLICT", result: "conflict" },
    { code: "API_ALREADY_EXISTS", result: "conflict" },
    { code: "API_NAMESPACE_TERMINATING", result: "terminating" },
    { code: "API_NOT_FOUND", result: "not_found" },
    { code: "API_FORBIDDEN", result: "denied" },
    { code: "API_FENCED", result: "denied" },
    { code: "LEASE_LOST", result: "aborted" },
    { code: "API_INVALID", result: "error" },
    { code: "API_UNREACHABLE", result: "error" },
    { code: "API_TIMEOUT", result: "error" },
  ];
  for (const { code, result } of rows) {
    test(`of ${code}: the error, and a span with result ${result}`, async () => {
      const { fake, send, sent, results } = rig();
      const error = new EvenkeelError(code, "no");
      fake.answer = (call) => call.fail(error);
      await send([create("n/a")]);
      assert.ok(sent[0]?.outcome === "failed");
      assert.equal(sent[0].error, error);
      assert.deepEqual(results(), [result]);
    });
  }

  test("of a foreign error: a bug, with the object and the cause, and the others go on", async () => {
    const { fake, send, sent, outcomes } = rig();
    const cause = new TypeError("oops");
    fake.answer = (call) => (fake.calls.length === 1 ? call.fail(cause) : call.succeed("1"));
    await send([create("n/a"), create("n/b")]);
    assert.deepEqual(outcomes().toSorted(), ["failed n/a", "ok n/b"]);
    const failed = sent.find(({ outcome }) => outcome === "failed");
    assert.ok(failed?.outcome === "failed");
    assert.deepEqual([failed.error.code, failed.error.cause], ["BUG", cause]);
    assert.match(failed.error.message, /v1\/ConfigMap n\/a/);
  });
});
