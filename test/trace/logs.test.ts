import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { createLogger, type Fields, type LoggerOptions, type LogStream } from "../../runtime/trace/logs.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

class Lines implements LogStream {
  readonly written: string[] = [];
  readonly isTTY: boolean;
  onError: (error: Error) => void = () => {};

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    assert.ok(text.endsWith("\n"));
    this.written.push(text.slice(0, -1));
  }

  on(_event: "error", listener: (error: Error) => void): void {
    this.onError = listener;
  }
}

function logged(fields: Fields, options: Partial<LoggerOptions> = {}, message = "started"): string {
  const stream = new Lines();
  createLogger({ stream, clock: new VirtualClock(), ...options }).info(message, fields);
  return stream.written.join("|");
}

const text = { format: "text" } as const;
const time = new Date(Date.UTC(2026, 0, 1)).toTimeString().slice(0, 8);

suite("a JSON line", () => {
  const rows: readonly { readonly name: string; readonly fields: Fields; readonly json: object }[] = [
    {
      name: "holds fields beside time, level and message",
      fields: { n: 1, ok: true, in: ["a"] },
      json: { n: 1, ok: true, in: ["a"] },
    },
    { name: "leaves out what is undefined", fields: { code: undefined }, json: {} },
    { name: "lets no field replace time, level or message", fields: { message: "x", level: "y" }, json: {} },
    {
      name: "prints an error of ours with its causes and without a stack",
      fields: { error: new EvenkeelError("API_TIMEOUT", "list v1/ConfigMap", { cause: new Error("socket closed") }) },
      json: { error: "list v1/ConfigMap; nothing: the request is retried: socket closed" },
    },
    {
      name: "says nothing twice that an error quotes of its causes",
      fields: {
        error: new EvenkeelError("FUNCTION_LOAD_FAILED", "functions/a.ts:1:1: SyntaxError: Expected '}'", {
          cause: new SyntaxError("Expected '}'\n\n", { cause: new Error("Unexpected end") }),
        }),
      },
      json: { error: "functions/a.ts:1:1: SyntaxError: Expected '}'; correct the file: Unexpected end" },
    },
  ];
  for (const { name, fields, json } of rows)
    test(name, () =>
      assert.deepEqual(JSON.parse(logged(fields)), {
        time: "2026-01-01T00:00:00.000Z",
        level: "info",
        message: "started",
        ...json,
      }),
    );

  test("has the stack of a bug", () => {
    const line = JSON.parse(logged({ error: new TypeError("x is undefined") })) as Record<string, string>;
    assert.equal(line["error"], "x is undefined");
    assert.match(line["errorStack"] ?? "", /TypeError: x is undefined\n\s+at /);
  });

  test("survives a circle of causes", () => {
    const error = new EvenkeelError("API_TIMEOUT", "a");
    error.cause = error;
    assert.match(logged({ error }), /"error":"a; /);
  });
});

suite("a text line", () => {
  const rows: readonly {
    readonly name: string;
    readonly message?: string;
    readonly fields: Fields;
    readonly line: string;
  }[] = [
    {
      name: "is time, message, fields",
      fields: { function: "mirror", n: 2 },
      line: `${time} started  function=mirror n=2`,
    },
    { name: "has no tail without fields", fields: {}, line: `${time} started` },
    { name: "quotes what has blanks", fields: { why: "a b" }, line: `${time} started  why="a b"` },
    { name: "joins lists", fields: { in: ["a", "b"] }, line: `${time} started  in=a,b` },
    {
      name: "stays one line and sends nothing to the terminal, whatever a name holds",
      message: "x\n\u001B[31mfake",
      fields: { name: "a\n\u001B[2J" },
      line: `${time} x [31mfake  name="a\\n\\u001b[2J"`,
    },
  ];
  for (const { name, message, fields, line } of rows)
    test(name, () => assert.equal(logged(fields, text, message), line));
});

suite("the format", () => {
  const rows: readonly {
    readonly name: string;
    readonly isTTY: boolean;
    readonly options: Partial<LoggerOptions>;
    readonly starts: string;
  }[] = [
    { name: "JSON in a pipe", isTTY: false, options: {}, starts: "{" },
    { name: "text in a pipe when asked for", isTTY: false, options: text, starts: `${time} ` },
    { name: "coloured text in a terminal", isTTY: true, options: {}, starts: `\u001B[2m${time}\u001B[22m ` },
    {
      name: "plain text in a terminal with NO_COLOR",
      isTTY: true,
      options: { env: { NO_COLOR: "1" } },
      starts: `${time} `,
    },
    { name: "JSON in a terminal when asked for", isTTY: true, options: { format: "json" }, starts: "{" },
  ];
  for (const { name, isTTY, options, starts } of rows)
    test(`is ${name}`, () => {
      const stream = new Lines(isTTY);
      createLogger({ stream, clock: new VirtualClock(), ...options }).info("started");
      assert.equal(stream.written[0]?.slice(0, starts.length), starts);
    });
});

suite("verbosity", () => {
  for (const [verbosity, levels] of [
    [0, ["info"]],
    [3, ["info"]],
    [4, ["info", "debug"]],
    [8, ["info", "debug", "requests"]],
  ] as const)
    test(`${verbosity} shows ${levels.join(", ")}`, () => {
      const stream = new Lines();
      const log = createLogger({ stream, clock: new VirtualClock(), verbosity });
      log.info("info");
      log.debug("debug");
      log.debug("requests", {}, 8);
      assert.deepEqual(
        stream.written.map((line) => (JSON.parse(line) as { message: string }).message),
        levels,
      );
      assert.equal(log.isOn(8), verbosity >= 8);
    });
});

suite("a reconcile", () => {
  const line = {
    function: "mirror",
    key: "default/x",
    created: ["a"],
    updated: [],
    applied: [],
    deleted: [],
    released: [],
    conflictCount: 0,
    code: undefined,
    requeueAfterMs: undefined,
    woke: "retry",
    wakeCount: 1,
    durationMs: 2,
    traceId: "t1",
  };
  test("is a sentence for people", () => {
    const stream = new Lines();
    createLogger({ stream, clock: new VirtualClock(), ...text }).reconcile(line);
    assert.deepEqual(stream.written, [`${time} mirror default/x: 1 created (a) · woke: retry · 2.0 ms`]);
  });
  test("is a constant message and fields, trace id included, for machines", () => {
    const stream = new Lines();
    createLogger({ stream, clock: new VirtualClock() }).reconcile(line);
    const { message, traceId, created } = JSON.parse(stream.written[0] ?? "") as Record<string, unknown>;
    assert.deepEqual([message, traceId, created], ["reconciled", "t1", 1]);
  });
});

const failed = (code: string): Error => Object.assign(new Error(`write ${code}`), { code });

suite("a line that cannot be written stops no host, and", () => {
  for (const [code, isOver, why] of [
    ["EPIPE", true, "whoever read it is gone"],
    ["ERR_STREAM_DESTROYED", true, "nothing can be written any more"],
    ["ENOSPC", false, "somebody makes room on the disk"],
    ["EIO", false, "it may pass"],
  ] as const) {
    test(`${isOver ? "is the last one" : "the next one is written"} after ${code}: ${why}`, () => {
      const stream = new Lines();
      const log = createLogger({ stream, clock: new VirtualClock(), format: "text" });
      stream.onError(failed(code));
      log.info("one");
      assert.equal(stream.written.length, isOver ? 0 : 1);
    });
    test(`${isOver ? "is the last one" : "the next one is tried"} where the write throws ${code}`, () => {
      let calls = 0;
      const write = (): never => {
        calls++;
        throw failed(code);
      };
      const log = createLogger({ stream: { write }, clock: new VirtualClock() });
      log.info("one");
      log.info("two");
      assert.equal(calls, isOver ? 1 : 2);
    });
  }
});
