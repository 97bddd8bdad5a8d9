/** What each answer of the API server means for a key. When the key then runs again, and what it tells, is decided elsewhere. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Api } from "../../runtime/kube/api.ts";
import { EvenkeelError, meanings, type Code } from "../../runtime/kube/errors.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { objectKey, parseKey, type StoredObject } from "../../runtime/kube/object.ts";
import { select } from "../../runtime/kube/query.ts";
import { KeyRecord } from "../../runtime/reconcile/key-record.ts";
import type { Write } from "../../runtime/reconcile/plan.ts";
import { idOf, targetId, wishOf, type Request } from "../../runtime/reconcile/request.ts";
import { contentOf } from "../../runtime/reconcile/rewrites.ts";
import { Settlement } from "../../runtime/reconcile/settle.ts";
import { WriteCauses } from "../../runtime/reconcile/write-causes.ts";
import { attributes as keys } from "../../runtime/trace/names.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { tracingWorld } from "../trace/spans.ts";
import { childOf, configMap, said } from "./builders.ts";
import { requestOf, source } from "./requests.ts";

const { apiVersion, kind } = ConfigMap;
const to = { kind: { apiVersion, kind }, name: parseKey("team-a/settings") };
const found = configMap("team-a/settings");
const identity = { uid: "u7", resourceVersion: "70" };
const comparison = { resourceVersion: "70", digest: "compared" };

const writes = {
  create: { ...to, verb: "create", body: found, strategy: "update" },
  update: { ...to, verb: "update", body: found, strategy: "update", comparison },
  replace: { ...to, verb: "replace", body: found, ...identity },
  delete: { ...to, verb: "delete", ...identity },
  release: { ...to, verb: "release", patch: {}, uid: "u7" },
  apply: { ...to, verb: "apply", body: { data: { a: "1" } }, comparison },
  status: { ...to, verb: "status", body: { status: { ready: true } }, digest: "sent", comparison },
  scale: { ...to, verb: "scale", patch: { spec: { replicas: 1 } } },
} as const satisfies Record<string, Write>;

type Verb = keyof typeof writes;
const verbs = Object.keys(writes) as readonly Verb[];

const context = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 };

interface Bench {
  readonly clock: VirtualClock;
  readonly settlement: Settlement;
  readonly record: KeyRecord;
  /** A run of the key. */
  readonly request: () => Request;
  /** `create conflict` */
  readonly told: readonly string[];
  /** What the API server was asked, and what its answer means: `get v1/ConfigMap team-a settings not_ours` */
  readonly looks: () => readonly string[];
  /** Which of our writes made that version, or deleted that uid, is known. */
  readonly isCauseKnown: (what: { readonly version?: string; readonly uid?: string }) => boolean;
  /** The API server has this, or answers with this error. */
  live: StoredObject | EvenkeelError | undefined;
}

function bench(): Bench {
  const clock = new VirtualClock();
  const record = new KeyRecord(clock);
  const causes = new WriteCauses();
  const told: string[] = [];
  const { tracer, exporter } = tracingWorld();
  const get = (): Promise<StoredObject> => {
    const answer = bench.live ?? new EvenkeelError("API_NOT_FOUND", "it is not there");
    return answer instanceof EvenkeelError ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const settlement = new Settlement({
    api: { get } as unknown as Api,
    clock,
    causes,
    signal: new AbortController().signal,
    functionName: "mirror",
    onWrite: (verb, result) => void told.push(`${verb} ${result}`),
  });
  const bench: Bench = {
    clock,
    settlement,
    record,
    told,
    live: undefined,
    looks: () =>
      exporter
        .getFinishedSpans()
        .filter(({ attributes }) => attributes[keys.verb] !== undefined)
        .map(({ attributes }) =>
          [keys.verb, keys.kind, keys.namespace, keys.name, keys.result].map((key) => attributes[key]).join(" "),
        ),
    isCauseKnown: ({ version: resourceVersion = "", uid = "" }) => {
      const object = configMap("team-a/settings", { resourceVersion, uid });
      const change = { query: select(ConfigMap), key: objectKey(to.name), origin: "watch" } as const;
      const seen = resourceVersion === "" ? { ...change, before: object } : { ...change, after: object };
      return causes.find(seen) === context;
    },
    request: () => requestOf({ record, clock, tracer }),
  };
  return bench;
}

function refuse({ settlement }: Bench, write: Write, error: EvenkeelError, request: Request): void {
  settlement.noteSent({ write, outcome: "failed", error, result: "error" }, request);
}

/** All that can be decided by an answer, in words. */
function decided({ record }: Bench, write: Write, { tally }: Request): readonly string[] {
  const block = record.blocked.get(targetId(write));
  const { isRetry, pauseMs } = tally.nextTry;
  return [
    ...(block === undefined ? [] : [`blocked: ${block.reason}`]),
    ...tally.taken.map((taken) => `taken: ${said(taken)}`),
    ...(tally.error === undefined ? [] : [`failed: ${tally.error.code}`]),
    ...(isRetry ? ["retried"] : []),
    ...(pauseMs === undefined ? [] : ["not before a pause"]),
    ...tally.written.map((written) => `written: ${said(written)}`),
  ];
}

interface Row {
  readonly name: string;
  readonly verbs: readonly Verb[];
  readonly codes: readonly Code[];
  /** How often in a row it is refused. @default 1 */
  readonly times?: number;
  /** The server asks to be left alone for so long. */
  readonly retryAfterMs?: number;
  readonly decides: (write: Write, code: Code) => readonly string[];
  /** What is told of a block. */
  readonly says?: RegExp;
  /** It says nothing about the object: so many of these in a row, and nothing more is sent. */
  readonly isTrouble?: true;
}

const subresources: readonly Verb[] = ["status", "scale"];
const objects = verbs.filter((verb) => !subresources.includes(verb));
const missing: readonly Code[] = ["API_NOT_FOUND", "KIND_NOT_SERVED"];

const rows: readonly Row[] = [
  {
    name: "a name that is taken: whose it is will be asked",
    verbs: ["create", "replace"],
    codes: ["API_ALREADY_EXISTS"],
    decides: (write) => [`taken: ${said(write)}`],
  },
  {
    name: "a conflict over what is not there yet: its name is taken",
    verbs: ["create"],
    codes: ["API_CONFLICT"],
    decides: (write) => [`taken: ${said(write)}`],
  },
  {
    name: "a conflict over what was looked at: it is looked at again",
    verbs: verbs.filter((verb) => verb !== "create"),
    codes: ["API_CONFLICT"],
    decides: () => ["retried"],
  },
  {
    name: "an object that was to be changed is gone: it is looked at again",
    verbs: ["update", "replace", "release", "apply"],
    codes: ["API_NOT_FOUND"],
    decides: () => ["retried"],
  },
  {
    name: "an object that was to be deleted is gone: nothing is left to do",
    verbs: ["delete"],
    codes: ["API_NOT_FOUND"],
    decides: () => [],
  },
  {
    name: "nowhere to create it: it waits for its namespace",
    verbs: ["create"],
    codes: ["API_NOT_FOUND"],
    decides: () => ["blocked: not_found"],
    says: /^no$/,
  },
  {
    name: "a subresource is not found: its object may just be gone",
    verbs: subresources,
    codes: missing,
    decides: () => ["blocked: not_found"],
    says: /^no: is it gone, or has its kind no subresource (?:status|scale)\?/,
  },
  {
    name: "a subresource is not found again: its kind has none",
    verbs: subresources,
    codes: missing,
    times: 2,
    decides: (_write, code) => ["blocked: not_found", `failed: ${code}`],
    says: /^no: is it gone, or has its kind no subresource (?:status|scale)\?/,
  },
  {
    name: "a kind is not served: it may come",
    verbs: objects,
    codes: ["KIND_NOT_SERVED"],
    decides: () => ["failed: KIND_NOT_SERVED", "retried"],
    isTrouble: true,
  },
  {
    name: "a namespace on its way out: it waits, and that is no failure",
    verbs,
    codes: ["API_NAMESPACE_TERMINATING"],
    decides: () => ["blocked: terminating"],
  },
  {
    name: "a verdict on the object: it is left for a while, and told with what to do",
    verbs,
    codes: ["API_FIELD_TAKEN", "API_FORBIDDEN", "API_FENCED", "API_INVALID", "API_REJECTED"],
    decides: (_write, code) => ["blocked: denied", `failed: ${code}`],
    says: /^no; \S/,
  },
  {
    name: "no answer, or none about the object: everything is tried again",
    verbs,
    codes: [
      "API_UNREACHABLE",
      "API_UNTRUSTED",
      "API_TIMEOUT",
      "API_UNAVAILABLE",
      "API_TOO_MANY_REQUESTS",
      "API_EXPIRED",
      "API_WENT_BACK",
      "API_BAD_RESPONSE",
      "API_UNAUTHORIZED",
      "LEASE_LOST",
      "BUG",
    ],
    decides: (_write, code) => [`failed: ${code}`, "retried"],
    isTrouble: true,
  },
  {
    name: "the server asks for patience: nothing is sent before",
    verbs,
    codes: ["API_TOO_MANY_REQUESTS", "API_UNAVAILABLE"],
    retryAfterMs: 7_000,
    decides: (_write, code) => [`failed: ${code}`, "retried", "not before a pause"],
    isTrouble: true,
  },
];

const trouble = new EvenkeelError("API_UNAVAILABLE", "no");

/** Whether nothing more is sent after fifteen troubles, this answer, and one more trouble if it was none itself. */
function isLastStraw(write: Write, error: EvenkeelError): readonly boolean[] {
  const world = bench();
  const request = world.request();
  const isHopeless = (refused: Write, said: EvenkeelError): boolean => {
    refuse(world, refused, said, request);
    return request.tally.isServerUnwell;
  };
  const before = Array.from({ length: 15 }, () => isHopeless(writes.create, trouble));
  assert.ok(!before.includes(true), "sixteen in a row are needed");
  return [isHopeless(write, error), isHopeless(writes.create, trouble)];
}

suite("settlement: a refusal", () => {
  for (const { name, verbs, codes, times = 1, retryAfterMs, decides, says = /^$/, isTrouble = false } of rows)
    for (const code of codes)
      test(`${code}, of ${verbs.join(", ")}: ${name}`, () => {
        const status = { httpCode: 400, causes: [], retryAfterMs };
        const error = new EvenkeelError(code, "no", retryAfterMs === undefined ? {} : { status });
        const answer = (verb: Verb): unknown => {
          const write = writes[verb];
          const world = bench();
          let request = world.request();
          for (let i = 0; i < times; i++) refuse(world, write, error, (request = world.request()));
          assert.match(world.record.blocked.get(targetId(write))?.refusal?.message ?? "", says);
          return { verb, decided: decided(world, write, request), isLastStraw: isLastStraw(write, error) };
        };
        const wanted = (verb: Verb): unknown => {
          return { verb, decided: decides(writes[verb], code), isLastStraw: [isTrouble, isTrouble] };
        };
        assert.deepEqual(verbs.map(answer), verbs.map(wanted));
      });

  test("of every code that an API server's answer can have is decided for every verb", () => {
    const known = new Set(
      rows.flatMap(({ verbs, codes }) => verbs.flatMap((v) => codes.map((code) => `${v} ${code}`))),
    );
    // An update of what is there, or a patch, is never told that it exists.
    const all = (Object.keys(meanings) as readonly Code[])
      .filter((code) => code.startsWith("API_") && code !== "API_ALREADY_EXISTS")
      .flatMap((code) => verbs.map((verb) => `${verb} ${code}`));
    assert.deepEqual(
      all.filter((one) => !known.has(one)),
      [],
    );
  });

  test("is told as the result that its span has", () => {
    const world = bench();
    const error = new EvenkeelError("API_CONFLICT", "no");
    world.settlement.noteSent({ write: writes.update, outcome: "failed", error, result: "conflict" }, world.request());
    assert.deepEqual(world.told, ["update conflict"]);
  });

  for (const verb of verbs) {
    const wish = wishOf(writes[verb], { record: bench().record });
    test(`of ${verb}, a verdict is remembered ${wish === undefined ? "without a wish" : "with its wish"}`, () => {
      const world = bench();
      refuse(world, writes[verb], new EvenkeelError("API_INVALID", "no"), world.request());
      const { content } = world.record.blocked.get(targetId(writes[verb]))?.refusal ?? {};
      assert.equal(content, contentOf(wish));
    });
  }

  test("of a status or a scale stands in the way of nothing else", () => {
    const world = bench();
    for (const verb of subresources)
      refuse(world, writes[verb], new EvenkeelError("API_FORBIDDEN", "no"), world.request());
    assert.deepEqual(
      verbs.filter((verb) => world.record.blocked.isHeld(targetId(writes[verb]))),
      subresources,
    );
  });

  test("that a namespace explains is over when the namespace changes", () => {
    for (const code of ["API_NAMESPACE_TERMINATING", "API_NOT_FOUND"] as const) {
      const world = bench();
      refuse(world, writes.create, new EvenkeelError(code, "no"), world.request());
      assert.equal(world.record.blocked.isHeld(targetId(writes.create)), true, code);
      world.record.blocked.clearNamespace("team-a");
      assert.equal(world.record.blocked.isHeld(targetId(writes.create)), false, code);
    }
  });

  test("of several, the first error stands for the key, and the longest pause", () => {
    const world = bench();
    const request = world.request();
    for (const [code, seconds] of [
      ["API_TOO_MANY_REQUESTS", 7],
      ["API_UNAVAILABLE", 30],
      ["API_TIMEOUT", 2],
    ] as const) {
      const status = { httpCode: 429, causes: [], retryAfterMs: seconds * 1_000 };
      refuse(world, writes.create, new EvenkeelError(code, "no", { status }), request);
    }
    assert.equal(request.tally.error?.code, "API_TOO_MANY_REQUESTS");
    const { pauseMs = 0 } = request.tally.nextTry;
    assert.ok(pauseMs >= 30_000 && pauseMs <= 36_000, String(pauseMs));
  });
});

suite("settlement: a success", () => {
  /** What is noted of a write that was answered with this version, or with none. */
  const answers: readonly {
    readonly name: string;
    readonly verb: Verb;
    readonly version?: string;
    readonly notes: readonly string[];
  }[] = [
    { name: "is awaited in the cache", verb: "create", version: "71", notes: ["own", "cause 71", "wish"] },
    { name: "is awaited in the cache", verb: "update", version: "71", notes: ["own", "cause 71", "wish"] },
    { name: "is awaited in the cache", verb: "replace", version: "71", notes: ["own", "cause 71", "wish"] },
    { name: "is awaited in the cache", verb: "apply", version: "71", notes: ["own", "cause 71", "wish"] },
    { name: "is remembered as sent", verb: "status", version: "71", notes: ["own", "cause 71", "wish", "status sent"] },
    {
      name: "may have a version that somebody else made, which is awaited and ignored by nobody",
      verb: "scale",
      version: "71",
      notes: ["cause 71", "wish"],
    },
    { name: "is known by the uid", verb: "delete", notes: ["own", "cause u7"] },
    { name: "is known by the uid", verb: "delete", version: "71", notes: ["own", "cause u7"] },
    { name: "is known by the uid", verb: "release", version: "71", notes: ["own", "cause u7"] },
    { name: "was so before", verb: "update", version: "70", notes: ["fulfilled compared"] },
    { name: "was so before", verb: "apply", version: "70", notes: ["fulfilled compared"] },
    {
      name: "was so before",
      verb: "status",
      version: "70",
      notes: ["fulfilled compared", "status sent"],
    },
    { name: "without a version is awaited by nobody", verb: "create", notes: ["wish"] },
  ];
  for (const { name, verb, version, notes } of answers)
    test(`of ${verb}, answered with ${version ?? "no version"}: ${name}`, () => {
      const world = bench();
      const request = world.request();
      const write = writes[verb];
      world.record.blocked.block(targetId(write), "denied", "team-a");
      world.record.blocked.block("another", "denied", "team-a");
      const object = version === undefined ? undefined : configMap("team-a/settings", { resourceVersion: version });
      const answer = { object, status: 200, auditId: undefined };
      world.settlement.noteSent({ write, outcome: "ok", answer, context }, request);
      assert.deepEqual(decided(world, write, request), [`written: ${said(write)}`]);
      assert.equal(world.record.blocked.isHeld("another"), true);
      const { tally, record } = request;
      const noted = [
        ...(tally.own.unseen.has(idOf(write)) ? ["own"] : []),
        ...["70", "71"].flatMap((known) => (world.isCauseKnown({ version: known }) ? [`cause ${known}`] : [])),
        ...(world.isCauseKnown({ uid: "u7" }) ? ["cause u7"] : []),
        ...tally.fulfilled.map((digest) => `fulfilled ${digest}`),
        ...(record.rewrites.size === 0 ? [] : ["wish"]),
        ...(record.statusDigest === undefined ? [] : [`status ${record.statusDigest}`]),
      ];
      assert.deepEqual([noted, world.told], [notes, [`${verb} ok`]]);
    });

  test("shows that the server answers: what was counted of its trouble is forgotten", () => {
    const world = bench();
    const request = world.request();
    const troubles = (count: number): void => {
      for (let i = 0; i < count; i++) refuse(world, writes.create, trouble, request);
    };
    troubles(15);
    const answer = { object: found, status: 200, auditId: undefined };
    world.settlement.noteSent({ write: writes.create, outcome: "ok", answer, context }, request);
    troubles(15);
    assert.equal(request.tally.isServerUnwell, false);
    troubles(1);
    assert.equal(request.tally.isServerUnwell, true);
  });
});

test("settlement: of what was not sent nothing is told or decided", () => {
  for (const verb of verbs) {
    const world = bench();
    const request = world.request();
    world.settlement.noteSent({ write: writes[verb], outcome: "skipped" }, request);
    assert.deepEqual([decided(world, writes[verb], request), world.told], [[], []]);
  }
});

const ours = childOf(source, "mirror", found);
const others = childOf(source, "quota", found);
const look = "get v1/ConfigMap team-a settings";

suite("settlement: whose a name is that is taken", () => {
  const found = [
    { name: "it is free again: tried again", live: undefined, decides: ["retried"], result: "not_found" },
    { name: "ours, unseen so far: tried again", live: ours, decides: ["retried"], result: "ok" },
    {
      name: "a stranger's: left alone",
      live: configMap("team-a/settings"),
      decides: ["blocked: not_ours"],
      result: "not_ours",
    },
    {
      name: "another function's: left alone, and known whose it is",
      live: others,
      decides: ["blocked: not_ours"],
      result: "not_ours",
      holder: "quota",
    },
    {
      name: "another source's: left alone, and known whose it is",
      live: childOf(configMap("default/another"), "mirror", configMap("team-a/settings")),
      decides: ["blocked: not_ours"],
      result: "not_ours",
      holder: "mirror",
    },
  ];
  for (const { name, live, decides, result, holder } of found)
    test(name, async () => {
      const world = bench();
      world.live = live;
      const request = world.request();
      await world.settlement.whoseIs(writes.create, request);
      assert.deepEqual(decided(world, writes.create, request), decides);
      assert.equal(world.record.blocked.get(targetId(writes.create))?.holder?.function, holder);
      assert.deepEqual(world.looks(), [`${look} ${result}`]);
    });

  test("no answer: the error is passed on, and nothing is decided", async () => {
    const world = bench();
    world.live = trouble;
    const request = world.request();
    await assert.rejects(world.settlement.whoseIs(writes.create, request), trouble);
    assert.deepEqual(decided(world, writes.create, request), []);
  });
});

suite("settlement: before it is sent", () => {
  const probes: readonly {
    readonly name: string;
    readonly verb: Verb;
    readonly blocked?: "not_ours" | "denied";
    readonly live?: StoredObject;
    readonly isSent: boolean;
    readonly looks: readonly string[];
    readonly decides: readonly string[];
    /** How often in a row the name was found taken. */
    readonly tries?: number;
  }[] = [
    { name: "nothing is blocked: nothing is asked", verb: "create", isSent: true, looks: [], decides: [] },
    {
      name: "a name that a stranger held is free: created",
      verb: "create",
      blocked: "not_ours",
      isSent: true,
      looks: [`${look} not_found`],
      decides: ["blocked: not_ours"],
      tries: 0,
    },
    {
      name: "a stranger still holds it: left for longer",
      verb: "create",
      blocked: "not_ours",
      live: others,
      isSent: false,
      looks: [`${look} not_ours`],
      decides: ["blocked: not_ours"],
      tries: 1,
    },
    {
      name: "what holds it is ours by now: tried again",
      verb: "create",
      blocked: "not_ours",
      live: ours,
      isSent: false,
      looks: [`${look} ok`],
      decides: ["blocked: not_ours", "retried"],
      tries: 0,
    },
    {
      name: "what was refused for another reason is sent unasked",
      verb: "create",
      blocked: "denied",
      live: others,
      isSent: true,
      looks: [],
      decides: ["blocked: denied"],
      tries: 0,
    },
    {
      name: "what is there is written unasked: the cache shows that it is ours",
      verb: "update",
      blocked: "not_ours",
      live: others,
      isSent: true,
      looks: [],
      decides: ["blocked: not_ours"],
      tries: 0,
    },
  ];
  for (const { name, verb, blocked, live, isSent, looks, decides, tries } of probes)
    test(name, async () => {
      const world = bench();
      world.live = live;
      const request = world.request();
      const write = writes[verb];
      if (blocked !== undefined) world.record.blocked.block(targetId(write), blocked, "team-a");
      const other: Write = { ...writes.create, name: parseKey("team-a/other") };
      const sent = await world.settlement.probe([write, other], request);
      assert.deepEqual(sent, isSent ? [write, other] : [other]);
      assert.deepEqual(world.looks(), looks);
      assert.deepEqual(decided(world, write, request), decides);
      assert.equal(world.record.blocked.get(targetId(write))?.tries, tries);
    });
});
